#include "control/sip/transaction.h"

#include <errno.h>
#include <stdlib.h>

struct transaction *transaction_create(struct sip_stack *s, bool is_server, const struct flow *flow,
	const struct config_timers *timers, uint64_t owner) {
	uint64_t handle;
	struct transaction *t = pool_add(s->transactions, &handle);

	if (t == NULL)
		return NULL;
	t->handle = handle;
	t->owner = owner;
	t->is_server = is_server;
	t->flow = *flow;
	t->timers = *timers;
	return t;
}

void transaction_destroy(struct sip_stack *s, struct transaction *t) {
	if (t->is_server)
		server_clear(s, t);
	else
		client_clear(s, t);
	loop_timer_stop(s->loop, &t->again);
	loop_timer_stop(s->loop, &t->end);
	free(t->text);
	pool_del(s->transactions, t->handle);
}

struct transaction *transaction_find(struct sip_stack *s, uint64_t handle, bool is_server) {
	struct transaction *t = pool_find(s->transactions, handle);

	return t != NULL && t->is_server == is_server ? t : NULL;
}

int transaction_keep(struct transaction *t, const struct sink *text) {
	char *copy;

	if (text->overflow || text->len > DATAGRAM_MAX)
		return -EMSGSIZE;
	copy = malloc(text->len);
	if (copy == NULL)
		return -ENOMEM;
	memcpy(copy, text->data, text->len);
	free(t->text);
	t->text = copy;
	t->len = text->len;
	return 0;
}

void transaction_send(struct sip_stack *s, struct transaction *t, const struct flow *to) {
	if (t->len > 0)
		stack_send(s, to, (struct span){t->text, t->len}, t->handle);
}

static void on_again(void *ctx, uint64_t ref) {
	struct sip_stack *s = ctx;
	struct transaction *t = pool_find(s->transactions, ref);

	stack_count(s, SIP_COUNTER_RETRANSMISSIONS_OUT);
	if (t->is_server)
		server_event(s, t, SERVER_RETRANSMIT, NULL, NULL);
	else
		client_event(s, t, CLIENT_RETRANSMIT, NULL, NULL);
}

static void on_end(void *ctx, uint64_t ref) {
	struct sip_stack *s = ctx;
	struct transaction *t = pool_find(s->transactions, ref);

	if (t->is_server)
		server_event(s, t, SERVER_END, NULL, NULL);
	else
		client_event(s, t, CLIENT_END, NULL, NULL);
}

void transaction_again(struct sip_stack *s, struct transaction *t, int ms) {
	t->again_ms = ms;
	loop_timer_start(s->loop, &t->again, (uint64_t)ms, on_again, s, t->handle);
}

void transaction_end_in(struct sip_stack *s, struct transaction *t, int ms) {
	loop_timer_start(s->loop, &t->end, (uint64_t)ms, on_end, s, t->handle);
}
