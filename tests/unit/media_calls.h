// Calls for the tests of media: descriptions, parties, offers and answers with their results awaited.
#pragma once

#include "tests/unit/media_fixture.h"

#include <check.h>
#include <stdlib.h>

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"

#define SDP_HEAD(address) "v=0\r\no=- 1 1 IN IP4 " address "\r\ns=-\r\nc=IN IP4 " address "\r\nt=0 0\r\n"
#define AUDIO(port) "m=audio " port " RTP/AVP 0 101\r\n"
#define VIDEO(port) "m=video " port " RTP/AVP 31\r\n"

#define CALLER_SDP SDP_HEAD("192.0.2.10") AUDIO("4000")
#define CALLEE_SDP SDP_HEAD("198.51.100.20") AUDIO("5000")

enum { OWNER = 42, CALL_ID = 0xca11 };

static struct mf f;
static uint64_t call; // the pairing's handle
static uint32_t requests;

static const struct media_party plain_parties[2] = {{.realm = MF_ACCESS}, {.realm = MF_CORE}};

static struct media_party nated_party(const char *source, const char *tag) {
	return (struct media_party){
		.nated = true, .vouched = fix_endpoint(source, 5060), .tag = span_of(tag)};
}

static void begin(void) {
	call = 0;
	requests = 0;
	mf_start(&f, 16);
}

static void end(void) {
	mf_stop(&f);
}

static const struct mf_result *last_result(void) {
	ck_assert_uint_gt(f.n_results, 0);
	return &f.results[(f.n_results - 1) % MF_RESULTS];
}

static const struct mf_result *offer(unsigned from, const struct media_party party[2], const char *sdp) {
	unsigned n = f.n_results;

	ck_assert_int_eq(media_offer(f.m, &call, OWNER, CALL_ID, ++requests, from, party, span_of(sdp)), 0);
	ck_assert_uint_eq(f.n_results, n); // never from within
	mf_run(&f);
	ck_assert_uint_eq(f.n_results, n + 1);
	ck_assert_uint_eq(last_result()->request, requests);
	ck_assert_uint_eq(last_result()->owner, OWNER);
	return last_result();
}

static const struct mf_result *answer(unsigned from, const struct media_party party[2], const char *sdp) {
	unsigned n = f.n_results;

	ck_assert_int_eq(media_answer(f.m, call, ++requests, from, party, span_of(sdp)), 0);
	ck_assert_uint_eq(f.n_results, n);
	mf_run(&f);
	ck_assert_uint_eq(f.n_results, n + 1);
	ck_assert_uint_eq(last_result()->request, requests);
	return last_result();
}

// A call of CALLER_SDP and CALLEE_SDP, answered.
static void set_up(void) {
	ck_assert_int_eq(offer(0, plain_parties, CALLER_SDP)->status, 0);
	ck_assert_int_eq(answer(1, plain_parties, CALLEE_SDP)->status, 0);
	media_set_answered(f.m, call);
	mf_run(&f);
}

static struct media_stream_view view(unsigned stream) {
	struct media_stream_view v;

	ck_assert(media_view(f.m, call, stream, &v));
	return v;
}

static struct proto_session wanted(unsigned stream) {
	struct proto_session_state state = mf_get(&f, view(stream).session_id);

	ck_assert_uint_ne(state.slot, UINT32_MAX);
	return state.wanted;
}

static void check_endpoint(const struct endpoint *e, const char *text) {
	char buf[ENDPOINT_TEXT];

	ck_assert_str_eq(endpoint_format(e, buf), text);
}

static struct sdp parsed(const struct mf_result *r) {
	struct sdp sdp;

	ck_assert_int_eq(r->status, 0);
	ck_assert_int_eq(sdp_parse(span_of(r->sdp), &sdp), 0);
	return sdp;
}

// o= "kedge" id version …: the version.
static unsigned long version_of(const struct mf_result *r) {
	unsigned long long id;
	unsigned long version;
	const char *o = strstr(r->sdp, "o=kedge ");

	ck_assert_ptr_nonnull(o);
	ck_assert_int_eq(sscanf(o, "o=kedge %llu %lu IN IP4 ", &id, &version), 2);
	return version;
}

static uint64_t sessions_put(void) {
	return f.n_sent[PROTO_SESSION_PUT];
}

static void delete_call(void) {
	unsigned n = f.n_last;

	media_delete(f.m, call);
	ck_assert_uint_eq(f.n_last, n);
	mf_run(&f);
	ck_assert_uint_eq(f.n_last, n + 1);
	ck_assert(f.finals[(f.n_finals - 1) % MF_RESULTS].last);
	call = 0;
}

#pragma GCC diagnostic pop
