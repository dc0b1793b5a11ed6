// The hearing half of call_ladder.h.
#include "tests/unit/call_ladder.h"

#include <stdlib.h>

static const char *hear(struct party *p) {
	p->last = bench_take(&p->flow.remote);
	return p->last == NULL ? NULL : p->last->text;
}

static void tag_of(const char *value, char out[static 64]) {
	const char *at = strstr(value, ";tag=");

	out[0] = '\0';
	if (at != NULL)
		snprintf(out, 64, "%.*s", (int)strcspn(at + 5, ";> "), at + 5);
}

// "Name <uri>;params" → the URI.
static void uri_of(const char *value, char out[static PARTY_TEXT]) {
	const char *at = strchr(value, '<');

	ck_assert_msg(at != NULL, "no <URI>: %s", value);
	snprintf(out, PARTY_TEXT, "%.*s", (int)strcspn(at + 1, ">"), at + 1);
}

static void without_tag(const char *value, char out[static PARTY_TEXT]) {
	const char *at = strstr(value, ";tag=");

	snprintf(out, PARTY_TEXT, "%.*s", (int)(at == NULL ? strlen(value) : (size_t)(at - value)), value);
}

static void check_echo(const struct party *p, const char *text) {
	char tag[64];

	ck_assert_str_eq(bench_header(text, "Call-ID", 0), p->call_id);
	tag_of(bench_header(text, "From", 0), tag);
	ck_assert_str_eq(tag, p->tag);
	ck_assert_msg(strstr(bench_header(text, "Via", 0), p->via) != NULL, "%s", text);
}

const char *expect(struct party *p, int status) {
	const char *text = hear(p), *cseq;
	int got;

	ck_assert_msg(text != NULL, "%d awaited, nothing came", status);
	ck_assert_msg(
		sscanf(text, "SIP/2.0 %d ", &got) == 1 && got == status, "%d awaited:\n%s", status, text);
	check_echo(p, text);
	cseq = bench_header(text, "CSeq", 0);
	if (strstr(cseq, " INVITE") != NULL) {
		ck_assert_int_eq(atoi(cseq), (int)p->invite_cseq);
		if (status > 100)
			tag_of(bench_header(text, "To", 0), p->peer_tag);
		if (status > 100 && status < 300)
			uri_of(bench_header(text, "Contact", 0), p->target);
	}
	return text;
}

// What begins a dialog is taken as it comes.
static void begin_dialog(struct party *p, const char *text) {
	const char *to = bench_header(text, "To", 0);

	ck_assert_msg(strstr(to, ";tag=") == NULL, "a tag already:\n%s", text);
	strcpy(p->invite, text);
	snprintf(p->call_id, sizeof(p->call_id), "%s", bench_header(text, "Call-ID", 0));
	without_tag(to, p->local);
	without_tag(bench_header(text, "From", 0), p->remote);
	tag_of(bench_header(text, "From", 0), p->peer_tag);
	uri_of(bench_header(text, "Contact", 0), p->target);
	p->peer_cseq = (unsigned)atoi(bench_header(text, "CSeq", 0));
}

// RFC 3261 §12.2.1.1; whoever has a route set checks Request-URI and Route in its test.
static void check_in_dialog(struct party *p, const char *method, const char *text) {
	unsigned cseq = (unsigned)atoi(bench_header(text, "CSeq", 0));
	char from[64], to[64], start[PARTY_TEXT + 32];

	tag_of(bench_header(text, "From", 0), from);
	tag_of(bench_header(text, "To", 0), to);
	ck_assert_str_eq(bench_header(text, "Call-ID", 0), p->call_id);
	ck_assert_str_eq(from, p->peer_tag);
	ck_assert_str_eq(to, p->tag);
	if (strcmp(method, "ACK") == 0)
		return;
	ck_assert_msg(cseq > p->peer_cseq, "CSeq %u after %u:\n%s", cseq, p->peer_cseq, text);
	p->peer_cseq = cseq;
	snprintf(start, sizeof(start), "%s %s SIP/2.0\r\n", method, p->contact);
	if (p->record_route[0] == '\0')
		ck_assert_msg(strncmp(text, start, strlen(start)) == 0, "not to %s:\n%s", p->contact, text);
}

// RFC 3261 §9.1: all but the method is the INVITE's.
static void check_cancel(const struct party *p, const char *text) {
	static const char *const same[] = {"Via", "From", "To", "Call-ID"};
	size_t n = strcspn(p->invite, "\r") - strlen("INVITE"), m = strcspn(text, "\r") - strlen("CANCEL");

	ck_assert_uint_eq(n, m);
	ck_assert_mem_eq(p->invite + strlen("INVITE"), text + strlen("CANCEL"), n);
	for (size_t i = 0; i < sizeof(same) / sizeof(*same); i++)
		ck_assert_str_eq(bench_header(text, same[i], 0), bench_header(p->invite, same[i], 0));
	ck_assert_int_eq(atoi(bench_header(text, "CSeq", 0)), atoi(bench_header(p->invite, "CSeq", 0)));
}

const char *expect_request(struct party *p, const char *method) {
	const char *text = hear(p);
	size_t n = strlen(method);

	ck_assert_msg(text != NULL, "%s awaited, nothing came", method);
	ck_assert_msg(strncmp(text, method, n) == 0 && text[n] == ' ', "%s awaited:\n%s", method, text);
	if (strcmp(method, "INVITE") == 0)
		begin_dialog(p, text);
	else if (strcmp(method, "CANCEL") == 0)
		check_cancel(p, text);
	else
		check_in_dialog(p, method, text);
	ck_assert_uint_lt(p->last->len, sizeof(p->request));
	strcpy(p->request, text);
	return text;
}

void expect_keepalive(struct party *p) {
	const char *text = hear(p);

	ck_assert_ptr_nonnull(text);
	ck_assert_str_eq(text, "\r\n\r\n");
}

void expect_nothing(struct party *p) {
	const struct datagram *d = bench_take(&p->flow.remote);

	ck_assert_msg(d == NULL, "nothing awaited:\n%s", d->text);
}

// Takes what is equal to the last message, up to the first that is not.
unsigned skip_repeats(struct party *p) {
	const struct datagram *was = p->last, *d;
	unsigned n = 0;

	while ((d = bench_take(&p->flow.remote)) != NULL) {
		ck_assert_msg(strcmp(d->text, was->text) == 0, "not a repeat:\n%s", d->text);
		n++;
	}
	return n;
}

// ---- whole stretches ----

void dial(struct party *a, struct party *b) {
	invite(a);
	expect(a, 100);
	expect_request(b, "INVITE");
}

void pass_answer(struct party *b, struct party *a) {
	expect_request(b, "ACK");
	expect(a, 200);
	ack(a);
}

void pass_failure(struct party *b, struct party *a, int status) {
	expect_request(b, "ACK");
	take_failure(a, status);
}

void ring(struct party *a, struct party *b) {
	dial(a, b);
	reply(b, 180, NULL);
	expect(a, 180);
}

void talk(struct party *a, struct party *b) {
	ring(a, b);
	reply(b, 200, CALLEE_SDP);
	pass_answer(b, a);
	expect_nothing(a);
	expect_nothing(b);
}

void take_bye(struct party *y) {
	expect_request(y, "BYE");
	reply(y, 200, NULL);
}

void hang_up(struct party *x, struct party *y) {
	request(x, "BYE", NULL);
	expect(x, 200);
	take_bye(y);
}

void take_failure(struct party *a, int status) {
	expect(a, status);
	ack_failure(a);
}

void take_cancel(struct party *b) {
	expect_request(b, "CANCEL");
	reply(b, 200, NULL);
	reply_invite(b, 487, NULL);
	expect_request(b, "ACK");
}
