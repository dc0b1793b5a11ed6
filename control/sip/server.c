#include "control/sip/transaction.h"

#include "control/sip/match.h"

#include <errno.h>
#include <stdlib.h>

enum { TAG = 's' };

void server_clear(struct sip_stack *s, struct transaction *t) {
	map_del(s->servers, &t->server.match);
	map_del(s->merges, &t->server.merge);
	map_del(s->accepted, &t->server.accepted);
	head_drop(&t->server.head);
}

static struct flow reply_flow(const struct transaction *t) {
	struct flow to = t->flow; // the socket that the request came in on

	if (!t->is_nated)
		to.remote = t->server.reply_to;
	return to;
}

static void act(struct sip_stack *s, struct transaction *t, unsigned actions) {
	const struct config_timers *timers = &t->timers;
	struct flow to = reply_flow(t);

	if (actions & SERVER_SEND)
		transaction_send(s, t, &to);
	if (actions & SERVER_NO_MORE)
		loop_timer_stop(s->loop, &t->again);
	if (actions & SERVER_AGAIN_T1)
		transaction_again(s, t, timers->t1_ms);
	if (actions & SERVER_AGAIN_UP_TO_T2)
		transaction_again(s, t, 2 * t->again_ms < timers->t2_ms ? 2 * t->again_ms : timers->t2_ms);
	if (actions & SERVER_END_64T1)
		transaction_end_in(s, t, 64 * timers->t1_ms);
	if (actions & SERVER_END_T4)
		transaction_end_in(s, t, timers->t4_ms);
}

bool server_event(struct sip_stack *s, struct transaction *t, enum server_event event,
	const struct sip_msg *ack, const struct flow *from) {
	uint64_t owner = t->owner;
	bool refused;
	struct server_step step = server_transaction_step(t->is_invite, t->state, event, &refused);

	if (refused)
		return false;
	t->state = step.next;
	act(s, t, step.actions);
	if (step.next == SERVER_TERMINATED)
		transaction_destroy(s, t);
	// Last of all: the user may do anything to the transaction.
	if (step.actions & SERVER_REPORT_ACK)
		s->user.on_ack(s->user.ctx, owner, ack, from);
	if ((step.actions & SERVER_REPORT_UNACKNOWLEDGED) && owner != 0)
		s->user.on_unacknowledged(s->user.ctx, owner);
	return true;
}

// Our tag in the responses to this request; empty when the request had one.
static struct span tag_of(struct sip_stack *s, struct transaction *t) {
	static_assert((int)TOKEN_TEXT <= (int)TAG_MAX);

	if (t->server.head.part[HEAD_TO_TAG].len > 0)
		return (struct span){0};
	if (t->server.tag[0] == '\0')
		token_mint(s->tokens, TAG, t->handle, 0, t->server.tag);
	return span_of(t->server.tag);
}

static struct transaction *find(struct sip_stack *s, const struct sip_msg *m, struct span method) {
	struct sink key = sink_over(s->scratch, sizeof(s->scratch));
	struct map_node *n;

	match_server_key(m, method, &key);
	if (key.overflow)
		return NULL;
	for (n = map_find(s->servers, sink_result(&key)); n != NULL; n = map_find_next(n)) {
		struct transaction *t = transaction_find(s, n->value, true);
		struct span to_tag = t->server.head.part[HEAD_TO_TAG];

		if (m->method == METHOD_ACK && to_tag.len == 0)
			to_tag = span_of(t->server.tag); // of our response
		if (!match_needs_to_tag(m) || span_equal(to_tag, m->to_tag))
			return t;
	}
	return NULL;
}

static struct transaction *find_accepted(struct sip_stack *s, const struct sip_msg *ack) {
	struct sink key = sink_over(s->scratch, sizeof(s->scratch));
	struct map_node *n;

	match_ack_key(ack->call_id, ack->from_tag, ack->to_tag, ack->cseq, &key);
	n = key.overflow ? NULL : map_find(s->accepted, sink_result(&key));
	return n == NULL ? NULL : transaction_find(s, n->value, true);
}

static void on_ack(struct sip_stack *s, const struct sip_msg *m, const struct flow *from) {
	struct transaction *t = find_accepted(s, m);

	if (t == NULL) {
		t = find(s, m, span_of("INVITE"));
		if (t != NULL && t->state == SERVER_ACCEPTED) // the INVITE's branch, but another dialog
			t = NULL;
	}
	if (t != NULL && (t->state == SERVER_ACKNOWLEDGED || t->state == SERVER_CONFIRMED))
		stack_count(s, SIP_COUNTER_RETRANSMISSIONS_IN);
	if (t != NULL && server_event(s, t, SERVER_ACK, m, from))
		return;
	stack_count(s, SIP_COUNTER_STRAY_ACKS);
	if (t == NULL)
		s->user.on_ack(s->user.ctx, 0, m, from);
}

// CANCEL is answered without state: as long as the INVITE's transaction is there, each one is answered alike. The To tag
// is that of the INVITE's responses (RFC 3261 §9.2).
static void on_cancel(struct sip_stack *s, const struct sip_msg *m, const struct flow *from) {
	struct transaction *t = find(s, m, span_of("INVITE"));
	struct sink scratch = sink_over(s->scratch, sizeof(s->scratch)),
		    out = sink_over(s->out, sizeof(s->out));
	struct sip_answer ok = {.status = 200};
	struct flow to = *from;
	struct head head;

	if (t == NULL) {
		stateless_answer(s, m, from, 481, (struct span){0});
		return;
	}
	if (head_describe(m, from, false, &scratch, &head) < 0)
		return;
	head_answer(&head, &ok, tag_of(s, t), &out);
	to.remote = head_reply_to(m, from, t->is_nated);
	if (!out.overflow)
		stack_send(s, &to, sink_result(&out), 0);
	if (t->server.is_cancelled) {
		stack_count(s, SIP_COUNTER_RETRANSMISSIONS_IN);
		return;
	}
	t->server.is_cancelled = true;
	if (t->state == SERVER_PROCEEDING && t->owner != 0)
		s->user.on_cancel(s->user.ctx, t->owner, m);
}

static struct transaction *create(
	struct sip_stack *s, const struct sip_msg *m, const struct flow *from, bool *merged) {
	const struct config_timers *timers = &s->config->realms[from->realm].timers;
	struct sink scratch = sink_over(s->scratch, sizeof(s->scratch));
	struct head head;
	struct transaction *t;

	if (pool_count(s->transactions) >= s->max_to_accept)
		return NULL;
	if (head_describe(m, from, true, &scratch, &head) < 0 || head_keep(&head) < 0)
		return NULL;
	t = transaction_create(s, true, from, timers, 0);
	if (t == NULL) {
		head_drop(&head);
		return NULL;
	}
	*merged = map_find(s->merges, head.part[HEAD_MERGE_KEY]) != NULL; // RFC 3261 §8.2.2.2
	t->is_invite = head.is_invite;
	t->is_nated = stack_answers_at_source(s, from);
	t->state = t->is_invite ? SERVER_PROCEEDING : SERVER_TRYING;
	t->server.head = head;
	t->server.reply_to = head_reply_to(m, from, false);
	map_add(s->servers, &t->server.match, head.part[HEAD_KEY], t->handle);
	if (head.part[HEAD_MERGE_KEY].len > 0 && !*merged)
		map_add(s->merges, &t->server.merge, head.part[HEAD_MERGE_KEY], t->handle);
	transaction_end_in(s, t, t->is_invite ? s->longest_proceeding_ms : 64 * timers->t1_ms);
	return t;
}

static void on_new(struct sip_stack *s, const struct sip_msg *m, const struct flow *from) {
	bool merged = false;
	struct transaction *t = create(s, m, from, &merged);

	if (t == NULL) {
		stack_count(s, SIP_COUNTER_TRANSACTIONS_FULL);
		stateless_answer(s, m, from, 503, span_of("Retry-After: 10\r\n"));
		return;
	}
	s->user.on_request(s->user.ctx, t->handle, m, from, merged);
}

void server_on_request(struct sip_stack *s, const struct sip_msg *m, const struct flow *from) {
	struct transaction *t;

	if (m->method == METHOD_ACK) {
		on_ack(s, m, from);
	} else if (m->method == METHOD_CANCEL) {
		on_cancel(s, m, from);
	} else if ((t = find(s, m, m->method_text)) != NULL) {
		stack_count(s, SIP_COUNTER_RETRANSMISSIONS_IN);
		server_event(s, t, SERVER_REQUEST, NULL, NULL);
	} else {
		on_new(s, m, from);
	}
}

void sip_server_set_owner(struct sip_stack *s, uint64_t server, uint64_t owner) {
	struct transaction *t = transaction_find(s, server, true);

	if (t != NULL)
		t->owner = owner;
}

void sip_server_drop(struct sip_stack *s, uint64_t server) {
	struct transaction *t = transaction_find(s, server, true);

	if (t != NULL)
		transaction_destroy(s, t);
}

void sip_server_answer_once(struct sip_stack *s, uint64_t server, const struct sip_msg *m,
	const struct flow *flow, unsigned status) {
	sip_server_drop(s, server);
	stateless_answer(s, m, flow, status, (struct span){0});
}

void sip_server_set_nated(struct sip_stack *s, uint64_t server) {
	struct transaction *t = transaction_find(s, server, true);

	if (t != NULL)
		t->is_nated = true;
}

void sip_server_set_timers(struct sip_stack *s, uint64_t server, const struct config_timers *timers) {
	struct transaction *t = transaction_find(s, server, true);

	if (t == NULL)
		return;
	t->timers = *timers;
	if (!t->is_invite)
		transaction_end_in(s, t, 64 * timers->t1_ms);
}

void sip_server_acknowledged(struct sip_stack *s, uint64_t server) {
	struct transaction *t = transaction_find(s, server, true);

	if (t != NULL)
		server_event(s, t, SERVER_ACKNOWLEDGE, NULL, NULL);
}

static enum server_event event_of(unsigned status) {
	return status < 200 ? SERVER_1XX : status < 300 ? SERVER_2XX : SERVER_FAILURE;
}

// The tag that this response shows: the user's from now on, else the one that earlier responses had, else a new one.
static int choose_tag(
	struct sip_stack *s, struct transaction *t, const struct sip_answer *a, struct span *out) {
	if (a->to_tag.len > TAG_MAX)
		return -EMSGSIZE;
	if (a->to_tag.len > 0) {
		memcpy(t->server.tag, a->to_tag.data, a->to_tag.len);
		t->server.tag[a->to_tag.len] = '\0';
	}
	*out = a->status == 100 ? (struct span){0} : tag_of(s, t);
	return 0;
}

// The response, and for a 2xx of INVITE the key by which its ACK is found, in one piece of memory.
static int keep(struct sip_stack *s, struct transaction *t, const struct sip_answer *a, struct span tag) {
	const struct head *h = &t->server.head;
	bool is_accepting = t->is_invite && event_of(a->status) == SERVER_2XX;
	struct sink out = sink_over(s->out, sizeof(s->out));
	size_t len;
	int ret;

	head_answer(h, a, tag, &out);
	len = out.len;
	if (is_accepting)
		match_ack_key(h->part[HEAD_CALL_ID], h->part[HEAD_FROM_TAG],
			tag.len > 0 ? tag : h->part[HEAD_TO_TAG], h->cseq, &out);
	ret = transaction_keep(t, &out);
	if (ret < 0)
		return ret;
	t->len = len;
	if (is_accepting)
		map_add(s->accepted, &t->server.accepted, (struct span){t->text + len, out.len - len},
			t->handle);
	return 0;
}

// What can't be kept leaves once, as far as it can be written at all; whoever repeats the request hears nothing.
static void respond_once(
	struct sip_stack *s, struct transaction *t, const struct sip_answer *a, struct span tag) {
	struct sink out = sink_over(s->out, sizeof(s->out));
	struct flow to = reply_flow(t);

	head_answer(&t->server.head, a, tag, &out);
	if (!out.overflow && out.len <= DATAGRAM_MAX)
		stack_send(s, &to, sink_result(&out), 0);
	t->len = 0;
}

int sip_server_respond(struct sip_stack *s, uint64_t server, const struct sip_answer *a) {
	struct transaction *t = transaction_find(s, server, true);
	enum server_event event = event_of(a->status);
	struct span tag = {0};
	bool refused;
	int ret;

	if (t == NULL)
		return -ENOENT;
	server_transaction_step(t->is_invite, t->state, event, &refused);
	if (refused)
		return -ENOENT; // it has had its final response
	ret = choose_tag(s, t, a, &tag);
	if (ret == 0)
		ret = keep(s, t, a, tag);
	if (ret < 0)
		log_debug("sip answer=failed status=%u call_id=\"" SPAN_FMT "\" error=\"%s\"", a->status,
			SPAN_ARG(t->server.head.part[HEAD_CALL_ID]), strerror(-ret));
	if (ret < 0 && (event == SERVER_1XX || (event == SERVER_2XX && t->is_invite)))
		return ret;
	if (ret < 0)
		respond_once(s, t, a, tag);
	server_event(s, t, event, NULL, NULL);
	return ret;
}
