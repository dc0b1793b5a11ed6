#include "control/sip/stack.h"

#include "control/sip/resolve.h"
#include "control/sip/transaction.h"
#include "control/sip/udp.h"

#include <errno.h>
#include <stdlib.h>

enum { WARNINGS_A_SECOND = 5, DEFAULT_PORT = 5060, LONGER_THAN_CALLS_S = 60 };

static const char *const counter_names[] = {
#define SIP_COUNTER(name, text, help) text,
#include "control/sip/counter.def"
#undef SIP_COUNTER
};

const char *sip_counter_name(enum sip_counter c) {
	return counter_names[c];
}

const uint64_t *sip_stack_counters(const struct sip_stack *s) {
	return s->counters;
}

const uint64_t *sip_stack_faults(const struct sip_stack *s) {
	return s->faults;
}

uint32_t sip_stack_transactions(const struct sip_stack *s) {
	return pool_count(s->transactions);
}

void stack_count(struct sip_stack *s, enum sip_counter c) {
	s->counters[c]++;
}

// One line a message, at level debug only.
static void trace(const char *direction, const struct flow *flow, struct span text) {
	char remote[ENDPOINT_TEXT];
	struct span rest = text, line, id;

	if (!log_enabled(LOG_LEVEL_DEBUG))
		return;
	line = span_cut(&rest, '\r');
	id = sip_msg_find_call_id(text);
	log_debug("sip dir=%s remote=%s bytes=%zu call_id=\"" SPAN_FMT "\" line=\"" SPAN_FMT "\"", direction,
		endpoint_format(&flow->remote, remote), text.len, SPAN_ARG(id), SPAN_ARG(line));
}

bool stack_answers_at_source(const struct sip_stack *s, const struct flow *from) {
	return s->config->realms[from->realm].nat == CONFIG_ALWAYS;
}

void stack_send(struct sip_stack *s, const struct flow *to, struct span text, uint64_t ref) {
	trace("out", to, text);
	s->transport.send(s->transport.ctx, to, text, ref);
}

void sip_send_keepalive(struct sip_stack *s, const struct flow *flow) {
	stack_send(s, flow, span_of("\r\n\r\n"), 0);
}

static void on_malformed(struct sip_stack *s, const struct flow *from, enum sip_fault fault) {
	uint64_t now_ns = loop_now_ms(s->loop) * 1000000;
	char remote[ENDPOINT_TEXT];

	s->faults[fault]++;
	if (log_gate_open(&s->malformed_gate, "sip malformed", now_ns, WARNINGS_A_SECOND))
		log_warning("sip malformed remote=%s fault=%s", endpoint_format(&from->remote, remote),
			sip_fault_name(fault));
}

static void on_datagram(void *ctx, char *data, size_t len, const struct flow *from) {
	struct sip_stack *s = ctx;
	enum sip_fault fault;

	stack_count(s, SIP_COUNTER_RECEIVED);
	switch (sip_msg_parse(data, len, &s->received, &fault)) {
	case SIP_FRAME_OK:
		trace("in", from, s->received.raw);
		if (s->received.is_request)
			server_on_request(s, &s->received, from);
		else
			client_on_response(s, &s->received, from);
		break;
	case SIP_FRAME_KEEPALIVE:
		stack_count(s, SIP_COUNTER_KEEPALIVES);
		break;
	case SIP_FRAME_STUN:
		stack_count(s, SIP_COUNTER_STUN);
		break;
	case SIP_FRAME_REFUSE:
		stack_count(s, SIP_COUNTER_REFUSED);
		on_malformed(s, from, fault);
		stateless_answer(s, &s->received, from, sip_fault_status(fault), (struct span){0});
		break;
	case SIP_FRAME_BAD:
	case SIP_FRAME_KINDS:
		stack_count(s, SIP_COUNTER_MALFORMED);
		on_malformed(s, from, fault);
		break;
	}
}

static void on_refused(void *ctx, uint64_t ref) {
	struct sip_stack *s = ctx;
	struct transaction *t = pool_find(s->transactions, ref);

	if (t == NULL)
		return;
	if (t->is_server)
		server_event(s, t, SERVER_TRANSPORT_ERROR, NULL, NULL);
	else
		client_event(s, t, CLIENT_TRANSPORT_ERROR, NULL, NULL);
}

static void on_icmp(void *ctx, const struct flow *to, struct span quoted) {
	struct sip_stack *s = ctx;

	stack_count(s, SIP_COUNTER_ICMP_ERRORS);
	client_on_icmp(s, to, quoted);
}

struct transport_user stack_transport_user(struct sip_stack *s) {
	return (struct transport_user){s, on_datagram, on_refused, on_icmp};
}

// Everything but the transport and what needs a real loop.
static int init(struct sip_stack *s) {
	struct map **maps[] = {&s->servers, &s->merges, &s->accepted, &s->unanswered};
	int ret = pool_create(sizeof(struct transaction), s->max_transactions, &s->transactions);

	for (size_t i = 0; ret == 0 && i < sizeof(maps) / sizeof(*maps); i++)
		ret = map_create(maps[i]);
	if (ret == 0)
		ret = keyed_hash_create(NULL, &s->tags);
	if (ret == 0)
		ret = resolver_create(s->loop, s->config, NULL, &s->resolver);
	return ret;
}

int stack_create(struct loop *loop, const struct config *config, struct tokens *tokens,
	const struct sip_user *user, const struct transport *transport, struct sip_stack **out) {
	struct sip_stack *s = calloc(1, sizeof(*s));
	int ret;

	if (s == NULL)
		return -ENOMEM;
	s->loop = loop;
	s->config = config;
	s->tokens = tokens;
	s->user = *user;
	s->max_transactions = (uint32_t)config->control.max_transactions;
	s->max_to_accept = s->max_transactions / 4 * 3;
	s->longest_proceeding_ms = (config->control.max_call_s + LONGER_THAN_CALLS_S) * 1000;
	ret = init(s);
	if (ret < 0) {
		sip_stack_destroy(s);
		return ret;
	}
	s->transport = *transport;
	*out = s;
	return 0;
}

int sip_stack_create(struct loop *loop, const struct config *config, struct tokens *tokens,
	const struct sip_user *user, struct sip_stack **out) {
	struct sip_stack *s;
	int ret = stack_create(loop, config, tokens, user, &(struct transport){0}, &s);

	if (ret < 0) {
		log_error("sip cannot start error=\"%s\"", strerror(-ret));
		return ret;
	}
	ret = udp_open(loop, config, stack_transport_user(s), s->counters, &s->transport);
	if (ret < 0) {
		sip_stack_destroy(s);
		return ret;
	}
	*out = s;
	return 0;
}

static void destroy_transactions(struct sip_stack *s) {
	struct transaction *t;
	uint64_t handle = 0;

	while (s->transactions != NULL && (t = pool_next(s->transactions, handle, &handle)) != NULL)
		transaction_destroy(s, t);
}

void sip_stack_destroy(struct sip_stack *s) {
	if (s == NULL)
		return;
	if (s->transport.close != NULL)
		s->transport.close(s->transport.ctx);
	resolver_destroy(s->resolver);
	destroy_transactions(s);
	keyed_hash_destroy(s->tags);
	map_destroy(s->servers);
	map_destroy(s->merges);
	map_destroy(s->accepted);
	map_destroy(s->unanswered);
	pool_destroy(s->transactions);
	free(s);
}

int sip_resolve(struct sip_stack *s, uint16_t realm, struct span host, uint32_t port,
	enum sip_transport transport, sip_resolved_fn fn, void *ctx, uint64_t owner) {
	return resolver_start(s->resolver, realm, host, port, transport, fn, ctx, owner);
}

const struct endpoint *sip_stack_advertised(const struct sip_stack *s, const struct flow *flow) {
	return &s->config->realms[flow->realm].sip[flow->listener].advertise;
}

bool sip_stack_is_us(const struct sip_stack *s, struct span host, uint32_t port) {
	struct endpoint e;

	if (port > UINT16_MAX ||
		endpoint_parse(host.data, host.len, (uint16_t)(port == 0 ? DEFAULT_PORT : port), &e) < 0)
		return false;
	for (int i = 0; i < s->config->n_realms; i++) {
		const struct config_realm *realm = &s->config->realms[i];

		for (int j = 0; j < realm->n_sip; j++) {
			if (endpoint_equal(&e, &realm->sip[j].address) ||
				endpoint_equal(&e, &realm->sip[j].advertise))
				return true;
		}
	}
	return false;
}
