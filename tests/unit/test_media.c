// Offers and answers, over the real relay: what is written for the other party, and what the relay then holds.
#include "tests/unit/media_calls.h"
#include "tests/unit/run_suite.h"

START_TEST(carries_a_call) {
	const struct mf_result *r;
	struct proto_session s;
	struct sdp sdp;

	begin();
	ck_assert(media_is_connected(f.m));
	r = offer(0, plain_parties, CALLER_SDP);
	sdp = parsed(r);
	ck_assert_ptr_nonnull(
		strstr(r->sdp, " IN IP4 198.51.100.1\r\ns=-\r\nc=IN IP4 198.51.100.1\r\nt=0 0\r\n"));
	ck_assert_ptr_null(strstr(r->sdp, "192.0.2.10"));
	s = wanted(0);
	ck_assert_uint_eq(s.session_id >> 48, FIX_OWNER);
	ck_assert_uint_eq(s.call_id, CALL_ID);
	ck_assert_uint_eq(s.media_timeout_ms, 0);
	check_endpoint(&s.side[0].remote[0], "192.0.2.10:4000");
	check_endpoint(&s.side[0].remote[1], "192.0.2.10:4001");
	ck_assert(!endpoint_is_set(&s.side[1].remote[0]));
	ck_assert_str_eq(s.side[0].realm, "access");
	ck_assert_str_eq(s.side[1].realm, "core");
	ck_assert(endpoint_equal(&sdp.streams[0].rtp, &s.side[1].local));

	r = answer(
		1, plain_parties, SDP_HEAD("198.51.100.20") "m=audio 5000 RTP/AVP 0 96\r\na=rtcp:5007\r\n");
	sdp = parsed(r);
	ck_assert_ptr_null(strstr(r->sdp, "198.51.100"));
	ck_assert_ptr_null(strstr(r->sdp, "a=rtcp"));
	s = wanted(0);
	ck_assert(endpoint_equal(&sdp.streams[0].rtp, &s.side[0].local));
	check_endpoint(&s.side[1].remote[0], "198.51.100.20:5000");
	check_endpoint(&s.side[1].remote[1], "198.51.100.20:5007");
	for (int i = 0; i < 2; i++) {
		ck_assert_uint_eq(s.side[i].payload_types[0], 1);
		ck_assert_uint_eq(s.side[i].payload_types[1], 1ull << (101 - 64) | 1ull << (96 - 64));
		ck_assert_uint_eq(s.side[i].latch, LATCH_OFF);
	}
	ck_assert_uint_eq(s.media_timeout_ms, 0);
	media_set_answered(f.m, call);
	ck_assert_uint_eq(wanted(0).media_timeout_ms, MF_TIMEOUT_S * 1000);
	ck_assert_uint_eq(media_count(f.m), 1);
	delete_call();
	ck_assert_uint_eq(media_count(f.m), 0);
	ck_assert_uint_eq(relay_sessions(f.relay->r), 0);
	ck_assert(f.finals[0].has_state && f.finals[0].state.wanted.session_id == s.session_id);
	end();
}
END_TEST

START_TEST(shows_a_call) {
	struct media_stream_view v;

	begin();
	set_up();
	v = view(0);
	ck_assert(span_equal(v.media, span_of("audio")));
	check_endpoint(&v.signalled[0][0], "192.0.2.10:4000");
	check_endpoint(&v.signalled[1][1], "198.51.100.20:5001");
	ck_assert(!v.held);
	ck_assert(!media_view(f.m, call, 1, &v));
	ck_assert(!media_view(f.m, call + 1, 0, &v));
	ck_assert(!media_view(f.m, 0, 0, &v));
	delete_call();
	end();
}
END_TEST

// 183 and 200 with the same description: the relay isn't asked again, the text is the same byte for byte.
START_TEST(repeats_an_answer_from_its_state) {
	char first[MF_TEXT];
	uint64_t n;

	begin();
	offer(0, plain_parties, CALLER_SDP);
	strcpy(first, answer(1, plain_parties, CALLEE_SDP)->sdp);
	n = sessions_put();
	ck_assert_str_eq(answer(1, plain_parties, CALLEE_SDP)->sdp, first);
	ck_assert_uint_eq(sessions_put(), n);
	mf_relay_kill(&f); // even then
	mf_run(&f);
	ck_assert_str_eq(answer(1, plain_parties, CALLEE_SDP)->sdp, first);
	end();
}
END_TEST

START_TEST(a_fork_changes_its_own_side_only) {
	struct media_party party[2] = {plain_parties[0], nated_party("198.51.100.20", "a")};
	struct proto_session before, after;

	begin();
	party[1].realm = MF_CORE;
	offer(0, party, CALLER_SDP);
	answer(1, party, SDP_HEAD("10.0.0.1") AUDIO("5000"));
	before = wanted(0);
	ck_assert_uint_eq(before.side[1].latch, LATCH_ADDRESS);
	check_endpoint(&before.side[1].vouched, "198.51.100.20:0");

	party[1].tag = span_of("b"); // the same private address, but another device
	answer(1, party, SDP_HEAD("10.0.0.1") AUDIO("5000"));
	after = wanted(0);
	ck_assert_uint_gt(after.side[1].latch_epoch, before.side[1].latch_epoch);
	ck_assert_mem_eq(&after.side[0], &before.side[0], sizeof(after.side[0]));
	ck_assert(endpoint_equal(&after.side[1].local, &before.side[1].local));

	party[1].vouched = fix_endpoint("198.51.100.21", 5060);
	before = after;
	answer(1, party, SDP_HEAD("10.0.0.2") AUDIO("6000"));
	after = wanted(0);
	ck_assert_uint_gt(after.side[1].latch_epoch, before.side[1].latch_epoch);
	check_endpoint(&after.side[1].remote[0], "10.0.0.2:6000");
	ck_assert_mem_eq(&after.side[0], &before.side[0], sizeof(after.side[0]));

	before = after; // the same device from another port of its signalling
	party[1].vouched.port = 5070;
	answer(1, party, SDP_HEAD("10.0.0.2") AUDIO("6000"));
	after = wanted(0);
	ck_assert_mem_eq(&after, &before, sizeof(after));
	delete_call();
	end();
}
END_TEST

START_TEST(a_rejected_stream_has_no_session) {
	const struct mf_result *r;
	uint64_t video;

	begin();
	r = offer(0, plain_parties, SDP_HEAD("192.0.2.10") AUDIO("4000") VIDEO("4002"));
	ck_assert_uint_eq(parsed(r).n_streams, 2);
	ck_assert_uint_eq(relay_sessions(f.relay->r), 2);
	video = view(1).session_id;
	r = answer(1, plain_parties, SDP_HEAD("198.51.100.20") AUDIO("5000") VIDEO("0"));
	ck_assert_uint_eq(parsed(r).streams[1].port, 0);
	ck_assert_ptr_nonnull(strstr(r->sdp, "m=video 0 RTP/AVP 31\r\n"));
	ck_assert_uint_eq(relay_sessions(f.relay->r), 1);
	ck_assert_uint_eq(view(1).session_id, 0);
	ck_assert_uint_eq(mf_get(&f, video).slot, UINT32_MAX);

	// Another fork takes it after all.
	r = answer(1, plain_parties, SDP_HEAD("198.51.100.21") AUDIO("5000") VIDEO("5002"));
	ck_assert_uint_ne(parsed(r).streams[1].port, 0);
	check_endpoint(&wanted(1).side[0].remote[0], "192.0.2.10:4002");
	check_endpoint(&wanted(1).side[1].remote[0], "198.51.100.21:5002");

	// And another nothing at all: that is an answer too.
	r = answer(1, plain_parties, SDP_HEAD("198.51.100.21") AUDIO("0") VIDEO("0"));
	ck_assert_uint_eq(parsed(r).streams[0].port, 0);
	ck_assert_uint_eq(relay_sessions(f.relay->r), 0);
	delete_call();
	ck_assert(!f.finals[0].has_state);
	end();
}
END_TEST

START_TEST(passes_on_what_it_cannot_relay_as_refused) {
	const struct mf_result *r;

	begin();
	r = offer(0, plain_parties, SDP_HEAD("192.0.2.10") "m=image 4004 udptl t38\r\n" AUDIO("4000"));
	ck_assert_ptr_nonnull(strstr(r->sdp, "m=image 0 udptl t38\r\n"));
	ck_assert_uint_eq(relay_sessions(f.relay->r), 1);
	// An answer can't take what it wasn't offered.
	r = answer(1, plain_parties, SDP_HEAD("198.51.100.20") "m=audio 5004 RTP/AVP 0\r\n" AUDIO("5000"));
	ck_assert_uint_eq(parsed(r).streams[0].port, 0);
	ck_assert_uint_eq(relay_sessions(f.relay->r), 1);
	delete_call();
	end();
}
END_TEST

static const struct {
	const char *what, *offer, *answer; // answer NULL: the offer fails
	int status;
} failures[] = {
	{"rubbish offered", "hello", NULL, EBADMSG},
	{"nothing offered", "", NULL, EBADMSG},
	{"no stream", SDP_HEAD("192.0.2.10"), NULL, ENOTSUP},
	{"only SAVP", SDP_HEAD("192.0.2.10") "m=audio 4000 RTP/SAVP 0\r\n", NULL, ENOTSUP},
	{"only refused streams", SDP_HEAD("192.0.2.10") AUDIO("0"), NULL, ENOTSUP},
	{"a name for an address", SDP_HEAD("example.com") AUDIO("4000"), NULL, ENOTSUP},
	{"nine streams",
		SDP_HEAD("192.0.2.10") AUDIO("1") AUDIO("1") AUDIO("1") AUDIO("1") AUDIO("1") AUDIO("1")
			AUDIO("1") AUDIO("1") AUDIO("1"),
		NULL, EBADMSG},
	{"rubbish answered", CALLER_SDP, "hello", EBADMSG},
	{"more streams answered", CALLER_SDP, CALLEE_SDP VIDEO("5002"), EBADMSG},
	{"fewer streams answered", CALLER_SDP VIDEO("4002"), CALLEE_SDP, EBADMSG},
	{"only what we can't relay answered", CALLER_SDP, SDP_HEAD("example.com") AUDIO("5000"), ENOTSUP},
};

START_TEST(says_what_is_wrong) {
	const struct mf_result *r;

	begin();
	r = offer(0, plain_parties, failures[_i].offer);
	if (failures[_i].answer != NULL) {
		ck_assert_int_eq(r->status, 0);
		r = answer(1, plain_parties, failures[_i].answer);
	}
	ck_assert_msg(r->status == failures[_i].status, "%s: %d", failures[_i].what, r->status);
	// The pairing is as it was: it goes on from there.
	ck_assert_int_eq(offer(0, plain_parties, CALLER_SDP VIDEO("4002"))->status, 0);
	ck_assert_int_eq(answer(1, plain_parties, CALLEE_SDP VIDEO("5002"))->status, 0);
	delete_call();
	ck_assert_uint_eq(relay_sessions(f.relay->r), 0);
	end();
}
END_TEST

START_TEST(refuses_what_makes_no_sense) {
	static const struct media_party nowhere[2] = {{.realm = MF_ACCESS}, {.realm = MF_REALMS}};
	static const struct media_party moved[2] = {{.realm = MF_ACCESS}, {.realm = MF_EDGE}};
	uint64_t none = 0;

	begin();
	ck_assert_int_eq(media_offer(f.m, &none, 1, 1, 1, 0, nowhere, span_of(CALLER_SDP)), -EINVAL);
	ck_assert_uint_eq(none, 0);
	ck_assert_int_eq(media_answer(f.m, 0, 1, 1, plain_parties, span_of(CALLEE_SDP)), -EINVAL);
	offer(0, plain_parties, "rubbish");
	ck_assert_int_eq(answer(1, plain_parties, CALLEE_SDP)->status, EINVAL); // no offer yet
	offer(0, plain_parties, CALLER_SDP);
	ck_assert_int_eq(answer(0, plain_parties, CALLER_SDP)->status, EINVAL); // to its own offer
	ck_assert_int_eq(answer(1, moved, CALLEE_SDP)->status, EINVAL); // the ports are elsewhere
	none = call;
	delete_call();
	ck_assert_int_eq(media_answer(f.m, none, 1, 1, plain_parties, span_of(CALLEE_SDP)), -EINVAL);
	ck_assert_int_eq(media_offer(f.m, &none, 1, 1, 1, 0, plain_parties, span_of(CALLER_SDP)), -EINVAL);
	media_set_answered(f.m, none);
	media_delete(f.m, none);
	media_delete(f.m, 0);
	mf_run(&f);
	ck_assert_uint_eq(f.n_last, 1);
	end();
}
END_TEST

static const struct {
	const char *what, *caller, *callee;
	uint32_t timeout_ms;
	bool held;
} holds[] = {
	{"both ways", CALLER_SDP, CALLEE_SDP, MF_TIMEOUT_S * 1000, false},
	{"inactive", CALLER_SDP "a=inactive\r\n", CALLEE_SDP "a=inactive\r\n", 0, true},
	{"held by the answerer", CALLER_SDP, CALLEE_SDP "a=inactive\r\n", 0, true},
	{"a hold of RFC 3264: nothing need come from either", CALLER_SDP "a=sendonly\r\n",
		CALLEE_SDP "a=recvonly\r\n", 0, false},
	{"a hold of RFC 2543", SDP_HEAD("0.0.0.0") AUDIO("4000"), CALLEE_SDP, 0, true},
};

START_TEST(silence_counts_when_both_may_send) {
	begin();
	offer(0, plain_parties, holds[_i].caller);
	answer(1, plain_parties, holds[_i].callee);
	ck_assert_uint_eq(wanted(0).media_timeout_ms, 0);
	media_set_answered(f.m, call);
	mf_run(&f);
	ck_assert_msg(wanted(0).media_timeout_ms == holds[_i].timeout_ms, "%s", holds[_i].what);
	ck_assert_msg(view(0).held == holds[_i].held, "%s", holds[_i].what);
	// Taken up again by a new offer.
	offer(0, plain_parties, CALLER_SDP);
	answer(1, plain_parties, CALLEE_SDP);
	ck_assert_uint_eq(wanted(0).media_timeout_ms, MF_TIMEOUT_S * 1000);
	delete_call();
	end();
}
END_TEST

START_TEST(a_hold_of_rfc_2543_crosses) {
	const struct mf_result *r;

	begin();
	set_up();
	r = offer(1, plain_parties, SDP_HEAD("0.0.0.0") AUDIO("5000"));
	ck_assert_ptr_nonnull(strstr(r->sdp, " RTP/AVP 0 101\r\nc=IN IP4 0.0.0.0\r\n"));
	ck_assert(!endpoint_is_set(&wanted(0).side[1].remote[0]));
	ck_assert(!endpoint_is_set(&wanted(0).side[1].remote[1]));
	r = answer(0, plain_parties, CALLER_SDP);
	ck_assert_ptr_null(strstr(r->sdp, "0.0.0.0"));
	offer(1, plain_parties, CALLEE_SDP);
	check_endpoint(&wanted(0).side[1].remote[0], "198.51.100.20:5000");
	delete_call();
	end();
}
END_TEST

START_TEST(a_new_offer_keeps_ports_and_counts_versions) {
	struct endpoint local[2];
	unsigned long to_callee, to_caller;
	struct proto_session s;

	begin();
	to_callee = version_of(offer(0, plain_parties, CALLER_SDP));
	to_caller = version_of(answer(1, plain_parties, CALLEE_SDP));
	s = wanted(0);
	local[0] = s.side[0].local;
	local[1] = s.side[1].local;
	// The caller moved; the callee sees the same addresses and the same text.
	ck_assert_uint_eq(
		version_of(offer(0, plain_parties, SDP_HEAD("192.0.2.11") AUDIO("4100"))), to_callee);
	ck_assert_uint_eq(version_of(answer(1, plain_parties, CALLEE_SDP)), to_caller);
	s = wanted(0);
	check_endpoint(&s.side[0].remote[0], "192.0.2.11:4100");
	ck_assert(endpoint_equal(&s.side[0].local, &local[0]) && endpoint_equal(&s.side[1].local, &local[1]));
	ck_assert_uint_eq(s.side[0].latch_epoch, 2);
	ck_assert_uint_eq(s.side[1].latch_epoch, 1);
	// Another text, another version; from the other side too.
	ck_assert_uint_eq(version_of(offer(1, plain_parties, CALLEE_SDP "a=sendonly\r\n")), to_caller + 1);
	ck_assert_uint_eq(version_of(answer(0, plain_parties, CALLER_SDP "a=recvonly\r\n")), to_callee + 1);
	ck_assert_uint_eq(version_of(offer(1, plain_parties, CALLEE_SDP)), to_caller + 2);
	ck_assert_uint_eq(relay_sessions(f.relay->r), 1);
	delete_call();
	end();
}
END_TEST

START_TEST(streams_come_and_go) {
	uint64_t video;

	begin();
	set_up();
	ck_assert_int_eq(offer(0, plain_parties, CALLER_SDP VIDEO("4002"))->status, 0);
	answer(1, plain_parties, CALLEE_SDP VIDEO("5002"));
	ck_assert_uint_eq(relay_sessions(f.relay->r), 2);
	ck_assert_int_eq(offer(0, plain_parties, CALLER_SDP)->status, EBADMSG); // RFC 3264 §8: never fewer
	video = view(1).session_id;
	ck_assert_uint_eq(parsed(offer(0, plain_parties, CALLER_SDP VIDEO("0"))).streams[1].port, 0);
	ck_assert_uint_eq(view(1).session_id, video); // the offer may still be refused
	ck_assert_uint_eq(parsed(answer(1, plain_parties, CALLEE_SDP VIDEO("0"))).streams[1].port, 0);
	ck_assert_uint_eq(relay_sessions(f.relay->r), 1);
	ck_assert_int_eq(offer(1, plain_parties, CALLEE_SDP VIDEO("5006"))->status, 0);
	answer(0, plain_parties, CALLER_SDP VIDEO("4006"));
	ck_assert_uint_eq(relay_sessions(f.relay->r), 2);
	ck_assert_uint_ne(view(1).session_id, video);
	delete_call();
	ck_assert_uint_eq(relay_sessions(f.relay->r), 0);
	ck_assert_uint_eq(f.n_finals, 2);
	ck_assert(!f.finals[0].last && f.finals[0].has_state && f.finals[1].last && f.finals[1].has_state);
	end();
}
END_TEST

// Failover to a trunk in another realm: the caller's side stays as it is.
START_TEST(the_callee_may_be_in_another_realm) {
	static const struct media_party edge[2] = {{.realm = MF_ACCESS}, {.realm = MF_EDGE}};
	struct proto_session before, after;

	begin();
	set_up();
	before = wanted(0);
	ck_assert_ptr_nonnull(strstr(offer(0, edge, CALLER_SDP)->sdp, "c=IN IP4 203.0.113.2\r\n"));
	after = wanted(0);
	ck_assert_uint_eq(after.session_id, before.session_id);
	ck_assert_mem_eq(&after.side[0], &before.side[0], sizeof(after.side[0]));
	ck_assert_str_eq(after.side[1].realm, "edge");
	ck_assert(!endpoint_is_set(&after.side[1].remote[0]));
	ck_assert_int_eq(answer(1, edge, SDP_HEAD("203.0.113.77") AUDIO("5000"))->status, 0);
	check_endpoint(&wanted(0).side[1].remote[0], "203.0.113.77:5000");
	delete_call();
	end();
}
END_TEST

START_TEST(shows_what_is_advertised) {
	const struct mf_result *r;

	begin();
	f.media[MF_CORE][0].advertise = fix_endpoint("192.88.99.1", 0);
	r = offer(0, plain_parties, CALLER_SDP);
	ck_assert_ptr_nonnull(strstr(r->sdp, "IN IP4 192.88.99.1\r\ns=-\r\nc=IN IP4 192.88.99.1\r\n"));
	ck_assert_ptr_null(strstr(r->sdp, "198.51.100.1"));
	ck_assert_uint_eq(parsed(r).streams[0].port, view(0).local[1].port);
	ck_assert_ptr_nonnull(strstr(answer(1, plain_parties, CALLEE_SDP)->sdp, "c=IN IP4 203.0.113."));
	delete_call();
	end();
}
END_TEST

static const struct {
	enum config_latch config;
	bool nated;
	enum latch_mode mode;
	const char *vouched;
} latches[] = {
	{CONFIG_LATCH_AUTO, false, LATCH_OFF, "-"},
	{CONFIG_LATCH_AUTO, true, LATCH_ADDRESS, "203.0.113.50:0"},
	{CONFIG_LATCH_OFF, true, LATCH_OFF, "-"},
	{CONFIG_LATCH_STRICT, true, LATCH_STRICT, "-"},
	{CONFIG_LATCH_ADDRESS, false, LATCH_ADDRESS, "203.0.113.50:0"},
	{CONFIG_LATCH_ANY, false, LATCH_ANY, "-"},
};

START_TEST(latches_as_configured) {
	struct media_party party[2] = {nated_party("203.0.113.50", "x"), plain_parties[1]};
	struct proto_session s;
	uint32_t epoch;

	begin();
	party[0].nated = latches[_i].nated;
	f.realms[MF_ACCESS].latch = latches[_i].config;
	offer(0, party, SDP_HEAD("10.0.0.1") AUDIO("4000"));
	s = wanted(0);
	ck_assert_uint_eq(s.side[0].latch, latches[_i].mode);
	check_endpoint(&s.side[0].vouched, latches[_i].vouched);
	ck_assert_uint_eq(s.side[1].latch, LATCH_OFF);
	// The window of LATCH_ANY opens for the offerer with the first answer, and with it only.
	epoch = s.side[0].latch_epoch + (latches[_i].mode == LATCH_ANY);
	answer(1, party, CALLEE_SDP);
	ck_assert_uint_eq(wanted(0).side[0].latch_epoch, epoch);
	answer(1, party, CALLEE_SDP);
	ck_assert_uint_eq(wanted(0).side[0].latch_epoch, epoch);
	delete_call();
	end();
}
END_TEST

static const struct {
	const char *caller, *callee;
	uint64_t low, high;
} formats[] = {
	{"0 8", "8 101", 0x101, 1ull << 37},
	{"0 8", "8 128", 0, 0},
	{"0 x", "8", 0, 0},
	{"127 63", "64", 1ull << 63, 1ull << 63 | 1},
};

START_TEST(admits_what_either_named) {
	char text[512];

	begin();
	snprintf(
		text, sizeof(text), SDP_HEAD("192.0.2.10") "m=audio 4000 RTP/AVP %s\r\n", formats[_i].caller);
	offer(0, plain_parties, text);
	snprintf(text, sizeof(text), SDP_HEAD("198.51.100.20") "m=audio 5000 RTP/AVP %s\r\n",
		formats[_i].callee);
	answer(1, plain_parties, text);
	for (int i = 0; i < 2; i++) {
		ck_assert_uint_eq(wanted(0).side[i].payload_types[0], formats[_i].low);
		ck_assert_uint_eq(wanted(0).side[i].payload_types[1], formats[_i].high);
	}
	delete_call();
	end();
}
END_TEST

// The realm edge has two pairs of ports: of three streams none may stay.
START_TEST(ports_run_out_for_all_or_none) {
	static const struct media_party edge[2] = {{.realm = MF_ACCESS}, {.realm = MF_EDGE}};

	begin();
	ck_assert_int_eq(offer(0, edge, CALLER_SDP VIDEO("4002") VIDEO("4004"))->status, ENOSPC);
	ck_assert_uint_eq(relay_sessions(f.relay->r), 0);
	ck_assert_uint_eq(media_counters(f.m)[MEDIA_COUNTER_EXHAUSTED], 1);
	ck_assert_uint_eq(media_counters(f.m)[MEDIA_COUNTER_REFUSED], 1);
	ck_assert_int_eq(offer(0, edge, CALLER_SDP VIDEO("4002"))->status, 0);
	delete_call();
	ck_assert_uint_eq(relay_sessions(f.relay->r), 0);
	end();
}
END_TEST

START_TEST(sessions_run_out) {
	uint64_t calls[17] = {0};

	begin();
	for (unsigned i = 0; i < 17; i++) {
		call = 0;
		ck_assert_int_eq(offer(0, plain_parties, CALLER_SDP)->status, i < 16 ? 0 : ENOSPC);
		calls[i] = call;
	}
	media_delete(f.m, calls[3]);
	mf_run(&f);
	call = calls[16];
	ck_assert_int_eq(offer(0, plain_parties, CALLER_SDP)->status, 0);
	for (unsigned i = 0; i < 17; i++)
		media_delete(f.m, calls[i]);
	mf_run(&f);
	ck_assert_uint_eq(relay_sessions(f.relay->r), 0);
	ck_assert_uint_eq(f.n_last, 17);
	end();
}
END_TEST

START_TEST(pairings_and_exchanges_are_bounded) {
	uint64_t none = 0, full;

	begin();
	f.config.control.max_calls = 1;
	ck_assert_int_eq(media_offer(f.m, &call, 1, 1, 0, 0, plain_parties, span_of(CALLER_SDP)), 0);
	full = call;
	ck_assert_int_eq(media_offer(f.m, &none, 2, 2, 0, 0, plain_parties, span_of(CALLER_SDP)), -ENOSPC);
	ck_assert_uint_eq(none, 0);
	for (int i = 1; i < 8; i++)
		ck_assert_int_eq(media_answer(f.m, call, 0, 1, plain_parties, span_of(CALLEE_SDP)), 0);
	ck_assert_int_eq(media_answer(f.m, call, 0, 1, plain_parties, span_of(CALLEE_SDP)), -ENOSPC);
	ck_assert_int_eq(media_offer(f.m, &full, 1, 1, 0, 0, plain_parties, span_of(CALLER_SDP)), -ENOSPC);
	ck_assert_uint_eq(full, call);
	mf_run(&f);
	ck_assert_uint_eq(f.n_results, 8);
	for (unsigned i = 0; i < 8; i++)
		ck_assert_int_eq(f.results[i].status, 0);
	delete_call();
	end();
}
END_TEST

static void answer_from_within(struct mf *fixture, const struct media_result *r) {
	if (r->request == 1)
		ck_assert_int_eq(media_answer(fixture->m, call, 2, 1, plain_parties, span_of(CALLEE_SDP)), 0);
	else
		media_set_answered(fixture->m, call);
}

static void delete_from_within(struct mf *fixture, const struct media_result *r) {
	(void)r;
	media_delete(fixture->m, call);
}

START_TEST(may_be_called_from_within_a_result) {
	begin();
	f.then = answer_from_within;
	ck_assert_int_eq(
		media_offer(f.m, &call, OWNER, CALL_ID, 1, 0, plain_parties, span_of(CALLER_SDP)), 0);
	mf_run(&f);
	ck_assert_uint_eq(f.n_results, 2);
	ck_assert_uint_eq(wanted(0).media_timeout_ms, MF_TIMEOUT_S * 1000);
	f.then = delete_from_within;
	ck_assert_int_eq(media_answer(f.m, call, 3, 1, plain_parties, span_of(CALLEE_SDP)), 0);
	ck_assert_int_eq(media_answer(f.m, call, 4, 1, plain_parties, span_of(CALLEE_SDP)), 0);
	mf_run(&f);
	ck_assert_uint_eq(f.n_results, 3);
	ck_assert_uint_eq(f.n_last, 1);
	ck_assert_uint_eq(relay_sessions(f.relay->r), 0);
	end();
}
END_TEST

// Answered while an answer is under way: its whole state must not put the old timeout back.
START_TEST(is_answered_while_an_answer_is_under_way) {
	begin();
	offer(0, plain_parties, CALLER_SDP);
	ck_assert_int_eq(media_answer(f.m, call, 2, 1, plain_parties, span_of(CALLEE_SDP)), 0);
	f.deaf = true;
	mf_run(&f);
	media_set_answered(f.m, call);
	mf_run(&f);
	f.deaf = false;
	mf_run(&f);
	ck_assert_uint_eq(wanted(0).media_timeout_ms, MF_TIMEOUT_S * 1000);
	delete_call();
	end();
}
END_TEST

START_TEST(counters_have_names) {
	for (int i = 0; i < MEDIA_COUNTERS; i++)
		ck_assert_str_ne(media_counter_name((enum media_counter)i), "?");
	ck_assert_str_eq(media_counter_name(MEDIA_COUNTERS), "?");
}
END_TEST

#define LOOP(test, table) tcase_add_loop_test(tcase, test, 0, sizeof(table) / sizeof(table[0]))

int main(void) {
	Suite *suite = suite_create("media");
	TCase *tcase = tcase_create("all");

	suite_add_tcase(suite, tcase);
	tcase_add_test(tcase, carries_a_call);
	tcase_add_test(tcase, shows_a_call);
	tcase_add_test(tcase, repeats_an_answer_from_its_state);
	tcase_add_test(tcase, a_fork_changes_its_own_side_only);
	tcase_add_test(tcase, a_rejected_stream_has_no_session);
	tcase_add_test(tcase, passes_on_what_it_cannot_relay_as_refused);
	LOOP(says_what_is_wrong, failures);
	tcase_add_test(tcase, refuses_what_makes_no_sense);
	LOOP(silence_counts_when_both_may_send, holds);
	tcase_add_test(tcase, a_hold_of_rfc_2543_crosses);
	tcase_add_test(tcase, a_new_offer_keeps_ports_and_counts_versions);
	tcase_add_test(tcase, streams_come_and_go);
	tcase_add_test(tcase, the_callee_may_be_in_another_realm);
	tcase_add_test(tcase, shows_what_is_advertised);
	LOOP(latches_as_configured, latches);
	LOOP(admits_what_either_named, formats);
	tcase_add_test(tcase, ports_run_out_for_all_or_none);
	tcase_add_test(tcase, sessions_run_out);
	tcase_add_test(tcase, pairings_and_exchanges_are_bounded);
	tcase_add_test(tcase, may_be_called_from_within_a_result);
	tcase_add_test(tcase, is_answered_while_an_answer_is_under_way);
	tcase_add_test(tcase, counters_have_names);
	return run_suite(suite);
}
