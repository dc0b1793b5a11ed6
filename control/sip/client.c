#include "control/sip/transaction.h"

#include "control/sip/match.h"
#include "control/sip/request_text.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

enum { TIMER_D_MS = 32000, BRANCH = 'b', ACK_BRANCH = 'a' };

void client_clear(struct sip_stack *s, struct transaction *t) {
	struct transaction *cancel = transaction_find(s, t->client.cancel, false);

	map_del(s->unanswered, &t->client.unanswered);
	free(t->client.reason);
	if (cancel != NULL) // its responses would find nothing: they carry the INVITE's branch
		transaction_destroy(s, cancel);
}

static const char *sent_by(struct sip_stack *s, const struct flow *flow, char text[static ENDPOINT_TEXT]) {
	return endpoint_format(sip_stack_advertised(s, flow), text);
}

// Our own request, that was composed by the user and us, read again. False: the user composed no good one.
static bool read_own(struct sip_stack *s, struct transaction *t) {
	enum sip_fault fault;

	return sip_msg_parse(t->text, t->len, &s->own, &fault) == SIP_FRAME_OK;
}

static void send_ack(struct sip_stack *s, struct transaction *t, const struct sip_msg *response) {
	struct sink out = sink_over(s->out, sizeof(s->out));

	if (!read_own(s, t))
		return;
	request_text_ack(&s->own, sip_msg_header(response, HEADER_TO, 0)->value, &out);
	if (!out.overflow)
		stack_send(s, &t->flow, sink_result(&out), t->handle);
}

// A transaction of its own that shares the INVITE's branch (RFC 3261 §9.1). Without memory for it the INVITE still
// times out.
static void send_cancel(struct sip_stack *s, struct transaction *t) {
	struct sink out = sink_over(s->out, sizeof(s->out));
	struct transaction *c;

	if (!read_own(s, t))
		return;
	request_text_cancel(&s->own, span_of(t->client.reason), &out);
	c = transaction_create(s, false, &t->flow, &t->timers, 0);
	if (c == NULL)
		return;
	c->state = CLIENT_TRYING;
	c->client.method = METHOD_CANCEL;
	if (transaction_keep(c, &out) < 0) {
		transaction_destroy(s, c);
		return;
	}
	t->client.cancel = c->handle;
	transaction_send(s, c, &c->flow);
	transaction_again(s, c, c->timers.t1_ms);
	transaction_end_in(s, c, 64 * c->timers.t1_ms);
}

static int at_most(int ms, int most_ms) {
	return ms < most_ms ? ms : most_ms;
}

static void set_timers(struct sip_stack *s, struct transaction *t, unsigned actions) {
	const struct config_timers *timers = &t->timers;

	if (actions & CLIENT_NO_MORE)
		loop_timer_stop(s->loop, &t->again);
	if (actions & CLIENT_AGAIN_DOUBLED)
		transaction_again(s, t, 2 * t->again_ms);
	if (actions & CLIENT_AGAIN_UP_TO_T2)
		transaction_again(s, t, at_most(2 * t->again_ms, timers->t2_ms));
	if (actions & CLIENT_AGAIN_T2)
		transaction_again(s, t, timers->t2_ms);
	if (actions & CLIENT_END_64T1)
		transaction_end_in(s, t, 64 * timers->t1_ms);
	if (actions & CLIENT_END_D)
		transaction_end_in(s, t, 64 * timers->t1_ms > TIMER_D_MS ? 64 * timers->t1_ms : TIMER_D_MS);
	if (actions & CLIENT_END_T4)
		transaction_end_in(s, t, timers->t4_ms);
	if (actions & CLIENT_END_LONGEST)
		transaction_end_in(s, t, s->longest_proceeding_ms);
}

static void send_what(struct sip_stack *s, struct transaction *t, unsigned actions, const struct sip_msg *m) {
	if (actions & CLIENT_SEND)
		transaction_send(s, t, &t->flow);
	if (actions & CLIENT_SEND_ACK)
		send_ack(s, t, m);
	if (actions & CLIENT_SEND_CANCEL)
		send_cancel(s, t);
}

// Last of all: the user may do anything to the transaction.
static void report(struct sip_stack *s, unsigned actions, uint64_t owner, uint64_t client,
	const struct sip_msg *m, const struct flow *from) {
	if (owner == 0)
		return;
	if (actions & CLIENT_REPORT)
		s->user.on_response(s->user.ctx, owner, client, m, from);
	if (actions & CLIENT_REPORT_TIMEOUT)
		s->user.on_failure(s->user.ctx, owner, client, SIP_TIMED_OUT);
	if (actions & CLIENT_REPORT_TRANSPORT_ERROR)
		s->user.on_failure(s->user.ctx, owner, client, SIP_TRANSPORT_ERROR);
}

bool client_event(struct sip_stack *s, struct transaction *t, enum client_event event,
	const struct sip_msg *m, const struct flow *from) {
	uint64_t owner = t->owner, handle = t->handle;
	bool refused;
	struct client_step step = client_transaction_step(t->is_invite, t->state, event, &refused);

	if (refused)
		return false;
	t->state = step.next;
	if (step.next != CLIENT_CALLING && step.next != CLIENT_CALLING_CANCELLED &&
		step.next != CLIENT_TRYING)
		map_del(s->unanswered, &t->client.unanswered);
	send_what(s, t, step.actions, m);
	set_timers(s, t, step.actions);
	if (step.next == CLIENT_TERMINATED)
		transaction_destroy(s, t);
	report(s, step.actions, owner, handle, m, from);
	return true;
}

static bool is_ours(struct sip_stack *s, const struct transaction *t, const struct sip_via *via) {
	const struct endpoint *shown = sip_stack_advertised(s, &t->flow);
	struct endpoint host;

	return via->port == shown->port && endpoint_parse(via->host.data, via->host.len, 0, &host) == 0 &&
		endpoint_same_addr(&host, shown);
}

// RFC 3261 §17.1.3: branch, sent-by and the method in CSeq. The branch is a token of ours: no look-up for forged ones.
static struct transaction *match(struct sip_stack *s, const struct sip_msg *m) {
	struct transaction *t;
	uint64_t handle;
	uint16_t part;

	if (token_open(s->tokens, BRANCH, match_behind_cookie(m->via.branch), &handle, &part) < 0)
		return NULL;
	t = transaction_find(s, handle, false);
	if (t != NULL && m->cseq_method == METHOD_CANCEL)
		t = transaction_find(s, t->client.cancel, false);
	return t != NULL && t->client.method == m->cseq_method && is_ours(s, t, &m->via) ? t : NULL;
}

void client_on_response(struct sip_stack *s, const struct sip_msg *m, const struct flow *from) {
	struct transaction *t = match(s, m);
	enum client_event event = m->status < 200 ? CLIENT_1XX
		: m->status < 300		  ? CLIENT_2XX
						  : CLIENT_FAILURE;

	if (t == NULL) {
		stack_count(s, SIP_COUNTER_STRAY_RESPONSES);
		return;
	}
	if (t->state == CLIENT_COMPLETED || (t->state == CLIENT_ACCEPTED && event != CLIENT_2XX))
		stack_count(s, SIP_COUNTER_RETRANSMISSIONS_IN);
	client_event(s, t, event, m, from);
}

static void fail(void *ctx, uint64_t ref) {
	struct sip_stack *s = ctx;
	struct transaction *t = transaction_find(s, ref, false);

	if (t != NULL)
		client_event(s, t, CLIENT_TRANSPORT_ERROR, NULL, NULL);
}

// The transaction whose request is quoted: the branch, a token, proves that the sender of the error saw it.
static struct transaction *find_quoted(struct sip_stack *s, struct span quoted) {
	static const char cookie[] = "branch=z9hG4bK";
	const char *at = quoted.len == 0 ? NULL : memmem(quoted.data, quoted.len, cookie, strlen(cookie));
	struct span token;
	uint64_t handle;
	uint16_t part;
	size_t n = 0;

	if (at == NULL)
		return NULL;
	token.data = at + strlen(cookie);
	token.len = (size_t)(quoted.data + quoted.len - token.data);
	while (n < token.len && token.data[n] != ';' && token.data[n] != '\r' && token.data[n] != ',')
		n++;
	token.len = n;
	return token_open(s->tokens, BRANCH, token, &handle, &part) < 0 ? NULL
									: transaction_find(s, handle, false);
}

// All that wait for an answer from there: hosts send few ICMP errors a second. Deferred, since the user may try the same
// place again.
void client_on_icmp(struct sip_stack *s, const struct flow *to, struct span quoted) {
	struct transaction *t = find_quoted(s, quoted);

	if (t == NULL || !endpoint_equal(&t->flow.remote, &to->remote))
		return;
	if (t->client.unanswered.link == NULL) {
		client_event(s, t, CLIENT_TRANSPORT_ERROR, NULL, NULL); // a non-INVITE in PROCEEDING
		return;
	}
	for (struct map_node *n = map_find(s->unanswered, t->client.unanswered.key); n != NULL;
		n = map_find_next(n)) {
		if (loop_defer(s->loop, fail, s, n->value) < 0)
			return; // the others time out
	}
}

static void wait_for_answer(struct sip_stack *s, struct transaction *t) {
	struct client *c = &t->client;
	struct sink key = sink_over(c->destination, sizeof(c->destination));

	sink_put(&key, (const char *)t->flow.remote.addr, sizeof(t->flow.remote.addr));
	sink_put(&key, (const char *)&t->flow.remote.port, sizeof(t->flow.remote.port));
	sink_put(&key, (const char *)&t->flow.realm, sizeof(t->flow.realm));
	map_add(s->unanswered, &c->unanswered, sink_result(&key), t->handle);
}

static int compose(struct sip_stack *s, struct transaction *t, const struct sip_request *r) {
	struct sink out = sink_over(s->out, sizeof(s->out));
	char branch[TOKEN_TEXT], text[ENDPOINT_TEXT];

	token_mint(s->tokens, BRANCH, t->handle, 0, branch);
	request_text(r, sent_by(s, &t->flow, text), branch, &out);
	return transaction_keep(t, &out);
}

int sip_client_start(struct sip_stack *s, const struct sip_request *r, const struct flow *target,
	const struct config_timers *timers, uint64_t owner, uint64_t *client) {
	struct transaction *t = transaction_create(s, false, target, timers, owner);
	int ret;

	if (t == NULL)
		return pool_count(s->transactions) == s->max_transactions ? -ENOSPC : -ENOMEM;
	t->is_invite = r->method == METHOD_INVITE;
	t->state = t->is_invite ? CLIENT_CALLING : CLIENT_TRYING;
	t->client.method = r->method;
	ret = compose(s, t, r);
	if (ret < 0) {
		transaction_destroy(s, t);
		return ret;
	}
	transaction_send(s, t, &t->flow);
	transaction_again(s, t, timers->t1_ms);
	transaction_end_in(s, t, 64 * timers->t1_ms);
	wait_for_answer(s, t);
	*client = t->handle;
	return 0;
}

void sip_client_cancel(struct sip_stack *s, uint64_t client, struct span reason) {
	struct transaction *t = transaction_find(s, client, false);

	if (t == NULL)
		return;
	if (t->client.reason == NULL && reason.len > 0)
		t->client.reason = span_dup(reason); // NULL: it goes without
	client_event(s, t, CLIENT_CANCEL, NULL, NULL);
}

void sip_client_forget(struct sip_stack *s, uint64_t client) {
	struct transaction *t = transaction_find(s, client, false);

	if (t != NULL)
		t->owner = 0;
}

int sip_send_ack(struct sip_stack *s, const struct sip_request *r, const struct flow *target) {
	struct sink out = sink_over(s->out, sizeof(s->out));
	char branch[TOKEN_TEXT], text[ENDPOINT_TEXT];

	token_mint(s->tokens, ACK_BRANCH, ++s->n_acks, 0, branch);
	request_text(r, sent_by(s, target, text), branch, &out);
	if (out.overflow || out.len > DATAGRAM_MAX)
		return -EMSGSIZE;
	stack_send(s, target, sink_result(&out), 0);
	return 0;
}
