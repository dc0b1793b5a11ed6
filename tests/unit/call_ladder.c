#include "tests/unit/call_ladder.h"

#include <stdarg.h>

static unsigned branches; // of all parties: each differs

// ---- parties ----

static void init(struct party *p, unsigned realm, const char *address) {
	memset(p, 0, sizeof(*p));
	p->flow = (struct flow){.remote = bench_endpoint(address, 5060), .realm = (uint16_t)realm};
	snprintf(p->via, sizeof(p->via), "%s:5060", address);
	snprintf(p->contact, sizeof(p->contact), "sip:%s@%s:5060", realm == REALM_ACCESS ? "1000" : "2000",
		address);
	p->max_forwards = 70;
}

void caller_init_at(struct party *p, unsigned realm, const char *address) {
	static const char *const ours[] = {"203.0.113.1", "198.51.100.1", "203.0.113.2"};

	init(p, realm, address);
	snprintf(p->call_id, sizeof(p->call_id), "caller-%u@%s", ++branches, address);
	snprintf(p->tag, sizeof(p->tag), "tag-of-caller-%u", branches);
	snprintf(p->local, sizeof(p->local), "\"Alice A.\" <sip:1000@%s>", address);
	snprintf(p->remote, sizeof(p->remote), "<sip:2000@%s>", ours[realm]);
	snprintf(p->target, sizeof(p->target), "sip:2000@%s:5060", ours[realm]);
	strcpy(p->invite_uri, p->target);
	p->sdp = CALLER_SDP;
}

void caller_init(struct party *p) {
	caller_init_at(p, REALM_ACCESS, "192.0.2.10");
}

void callee_init_at(struct party *p, unsigned realm, const char *address) {
	init(p, realm, address);
	snprintf(p->tag, sizeof(p->tag), "tag-of-callee-%u", ++branches);
}

void callee_init(struct party *p) {
	callee_init_at(p, REALM_CORE, "198.51.100.2");
}

void set_tag(struct party *p, const char *tag) {
	snprintf(p->tag, sizeof(p->tag), "%s", tag);
}

void add_header(struct party *p, const char *line) {
	size_t len = strlen(p->more);

	ck_assert_uint_lt(len + strlen(line) + 3, sizeof(p->more));
	sprintf(p->more + len, "%s\r\n", line);
}

// ---- saying ----

struct text {
	char data[MESSAGE_TEXT];
	size_t len;
};

static void put(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void put(struct text *t, const char *format, ...) {
	va_list args;

	va_start(args, format);
	t->len += (size_t)vsnprintf(t->data + t->len, sizeof(t->data) - t->len, format, args);
	va_end(args);
	ck_assert_uint_lt(t->len, sizeof(t->data));
}

static void (*on_say)(void *ctx, struct party *p, const char *text);
static void *on_say_ctx;

void ladder_on_say(void (*fn)(void *ctx, struct party *p, const char *text), void *ctx) {
	on_say = fn;
	on_say_ctx = ctx;
}

void say(struct party *p, const char *text) {
	if (on_say != NULL)
		on_say(on_say_ctx, p, text);
	else
		bench_deliver(text, &p->flow);
}

static void put_end(struct text *t, struct party *p, const char *sdp) {
	put(t, "%s", p->more);
	p->more[0] = '\0';
	if (sdp != NULL && strstr(t->data, "\r\nContent-Type: ") == NULL)
		put(t, "Content-Type: application/sdp\r\n");
	put(t, "Content-Length: %zu\r\n\r\n%s", sdp == NULL ? 0 : strlen(sdp), sdp == NULL ? "" : sdp);
}

static void put_start(struct text *t, const struct party *p, const char *method, const char *uri,
	const char *branch, unsigned cseq) {
	put(t, "%s %s SIP/2.0\r\nVia: SIP/2.0/UDP %s;rport;branch=%s\r\n", method, uri, p->via, branch);
	if (p->max_forwards >= 0)
		put(t, "Max-Forwards: %d\r\n", p->max_forwards);
	put(t, "From: %s;tag=%s\r\nTo: %s", p->local, p->tag, p->remote);
	if (p->peer_tag[0] != '\0')
		put(t, ";tag=%s", p->peer_tag);
	put(t, "\r\nCall-ID: %s\r\nCSeq: %u %s\r\n", p->call_id, cseq, method);
}

static void new_branch(char out[64]) {
	snprintf(out, 64, "z9hG4bK-branch-%u-x", ++branches);
}

void invite(struct party *p) {
	struct text t = {.len = 0};

	p->invite_cseq = ++p->cseq;
	p->peer_tag[0] = '\0';
	new_branch(p->invite_branch);
	put_start(&t, p, "INVITE", p->invite_uri, p->invite_branch, p->cseq);
	if (p->contact[0] != '\0')
		put(&t, "Contact: <%s>\r\n", p->contact);
	if (p->record_route[0] != '\0')
		put(&t, "Record-Route: %s\r\n", p->record_route);
	put_end(&t, p, p->sdp);
	strcpy(p->invite, t.data);
	say(p, t.data);
}

void invite_again(struct party *p) {
	say(p, p->invite);
}

void ack(struct party *p) {
	struct text t = {.len = 0};
	char branch[64];

	new_branch(branch);
	put_start(&t, p, "ACK", p->target, branch, p->invite_cseq);
	put_end(&t, p, NULL);
	say(p, t.data);
}

// ACK of a failure and CANCEL have the INVITE's Request-URI, Via and From; the ACK its response's To.
void ack_failure(struct party *p) {
	struct text t = {.len = 0};
	struct party as = *p;

	put_start(&t, &as, "ACK", p->invite_uri, p->invite_branch, p->invite_cseq);
	put_end(&t, p, NULL);
	say(p, t.data);
}

void cancel(struct party *p) {
	struct text t = {.len = 0};
	struct party as = *p;

	as.peer_tag[0] = '\0';
	put_start(&t, &as, "CANCEL", p->invite_uri, p->invite_branch, p->invite_cseq);
	put_end(&t, p, NULL);
	say(p, t.data);
}

static void say_request(struct party *p, const char *method, unsigned cseq, const char *sdp) {
	struct text t = {.len = 0};
	char branch[64];

	new_branch(branch);
	put_start(&t, p, method, p->target, branch, cseq);
	if (strcmp(method, "INVITE") == 0) {
		strcpy(p->invite_branch, branch);
		strcpy(p->invite_uri, p->target);
		p->invite_cseq = cseq;
		put(&t, "Contact: <%s>\r\n", p->contact);
	}
	put_end(&t, p, sdp);
	say(p, t.data);
}

void request(struct party *p, const char *method, const char *sdp) {
	say_request(p, method, ++p->cseq, sdp);
}

void request_with_cseq(struct party *p, const char *method, unsigned cseq) {
	say_request(p, method, cseq, NULL);
}

void reply_to(struct party *p, const char *to, int status, const char *sdp) {
	static const char *const copied[] = {"Via", "From", "Call-ID", "CSeq"};
	struct text t = {.len = 0};
	const char *to_value = bench_header(to, "To", 0);

	ck_assert_msg(to[0] != '\0', "nothing to reply to");
	put(&t, "SIP/2.0 %d Reason of %d\r\n", status, status);
	for (size_t i = 0; i < sizeof(copied) / sizeof(*copied); i++)
		put(&t, "%s: %s\r\n", copied[i], bench_header(to, copied[i], 0));
	put(&t, "To: %s", to_value);
	if (status > 100 && p->tag[0] != '\0' && strstr(to_value, ";tag=") == NULL)
		put(&t, ";tag=%s", p->tag);
	put(&t, "\r\n");
	if (strncmp(to, "INVITE ", 7) == 0 && status > 100 && status < 300) {
		if (p->contact[0] != '\0')
			put(&t, "Contact: <%s>\r\n", p->contact);
		if (p->record_route[0] != '\0')
			put(&t, "Record-Route: %s\r\n", p->record_route);
	}
	put_end(&t, p, sdp);
	strcpy(p->response, t.data);
	say(p, t.data);
}

void reply(struct party *p, int status, const char *sdp) {
	reply_to(p, p->request, status, sdp);
}

void reply_invite(struct party *p, int status, const char *sdp) {
	reply_to(p, p->invite, status, sdp);
}

void repeat_reply(struct party *p) {
	say(p, p->response);
}
