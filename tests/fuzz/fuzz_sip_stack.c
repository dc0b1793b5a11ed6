// Whatever arrives, in whatever order: each datagram is counted once, what the stack sends for a good message is a good
// message, only transactions that are alive are named, and after the longest life nothing is left.
//
// The input is a script: datagrams end with 0x1e; 0x02 in one stands for the branch of an INVITE of ours, 0x03 before one
// lets half a second pass.
#include <arpa/inet.h>
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "control/sip/transaction.h"

enum { END = 0x1e, BRANCH = 0x02, WAIT = 0x03, OWNER = 5, LONGEST_MS = 3700 * 1000 };

static struct loop *loop;
static struct tokens *tokens;
static struct sip_stack *stack;
static struct config config;
static struct config_realm realm;
static struct config_sip sip;
static char branch[64];
static unsigned n_sent, n_failures, n_finals;
static bool is_checked; // what is sent now answers a good message
static struct sip_msg again;
static char copy[SIP_MESSAGE_MAX];

// An answer goes back over every Via of its request, so only whoever sent that finds one Via in it. Takes the lower ones
// out of the parsed copy, whose Vias stand behind each other; returns its length.
static size_t cut_lower_vias(size_t len) {
	char *top_end = (char *)again.via.whole.data + again.via.whole.len;
	const char *end = top_end;
	const struct sip_header *h;

	for (unsigned i = 0; (h = sip_msg_header(&again, HEADER_VIA, i)) != NULL; i++)
		end = h->value.data + h->value.len;
	memmove(top_end, end, (size_t)(copy + len - end));
	return len - (size_t)(end - top_end);
}

static void check_sent(struct span data) {
	size_t len = data.len;
	enum sip_fault fault;

	if (sip_msg_parse(copy, len, &again, &fault) == SIP_FRAME_OK)
		return;
	if (fault == SIP_FAULT_BAD_VIA && !again.is_request && again.via.whole.len > 0 && again.n_vias > 1) {
		len = cut_lower_vias(len);
		if (sip_msg_parse(copy, len, &again, &fault) == SIP_FRAME_OK)
			return;
	}
	fprintf(stderr, "%s:\n" SPAN_FMT "\n", sip_fault_name(fault), SPAN_ARG(data));
	abort();
}

static void capture(void *ctx, const struct flow *to, struct span data, uint64_t ref) {
	(void)ctx;
	assert(to->remote.family == IP_V4);
	assert(ref == 0 || pool_find(stack->transactions, ref) != NULL);
	n_sent++;
	memcpy(copy, data.data, data.len);
	if (is_checked)
		check_sent(data);
}

static void on_request(
	void *ctx, uint64_t server, const struct sip_msg *m, const struct flow *from, bool merged) {
	static const unsigned answers[] = {0, 100, 180, 200, 404, 487};
	struct sip_answer a = {
		.status = answers[m->call_id.len % 6], .headers = span_of("Allow: INVITE\r\n")};

	(void)ctx, (void)from;
	sip_server_set_owner(stack, server, OWNER);
	if (m->call_id.len % 7 == 0)
		sip_server_set_nated(stack, server);
	if (a.status != 0 && !merged)
		(void)!sip_server_respond(stack, server, &a);
	a.status = 200;
	if (m->cseq % 2 == 0)
		(void)!sip_server_respond(stack, server, &a);
}

static void on_ack(void *ctx, uint64_t owner, const struct sip_msg *m, const struct flow *from) {
	(void)ctx, (void)from;
	assert(m->method == METHOD_ACK && (owner == 0 || owner == OWNER));
}

static void on_cancel(void *ctx, uint64_t owner, const struct sip_msg *m) {
	(void)ctx;
	assert(m->method == METHOD_CANCEL && owner == OWNER);
}

static void on_response(
	void *ctx, uint64_t owner, uint64_t client, const struct sip_msg *m, const struct flow *from) {
	(void)ctx, (void)from;
	assert(owner == OWNER && !m->is_request);
	if (m->status >= 300)
		n_finals++;
	if (m->cseq % 3 == 0)
		sip_client_cancel(stack, client, span_of("SIP;cause=200"));
}

static void on_failure(void *ctx, uint64_t owner, uint64_t client, enum sip_failure why) {
	(void)ctx, (void)client, (void)why;
	assert(owner == OWNER);
	n_failures++;
}

static void on_unacknowledged(void *ctx, uint64_t owner) {
	(void)ctx;
	assert(owner == OWNER);
}

static void start(void) {
	struct sip_user user = {
		NULL, on_request, on_ack, on_cancel, on_response, on_failure, on_unacknowledged};
	struct transport transport = {NULL, capture, NULL};

	realm = (struct config_realm){.sip = &sip, .n_sip = 1, .timers = {500, 4000, 5000}};
	sip.address = sip.advertise = endpoint_v4(htonl(0xc0000201), 5060);
	config = (struct config){.realms = &realm,
		.n_realms = 1,
		.control = {.max_calls = 1, .max_transactions = 1004, .max_call_s = 3540}};
	log_init("fuzz", LOG_LEVEL_ERROR);
	if (loop_create_manual(&loop) < 0 || tokens_create(1, NULL, &tokens) < 0 ||
		stack_create(loop, &config, tokens, &user, &transport, &stack) < 0)
		abort();
}

static void invite(void) {
	struct sip_request r = {.method = METHOD_INVITE,
		.uri = span_of("sip:b@192.0.2.7"),
		.headers =
			span_of("Max-Forwards: 70\r\nFrom: <sip:a@a>;tag=x\r\nTo: <sip:b@b>\r\nCall-ID: 1\r\n"
				"CSeq: 3 INVITE\r\n")};
	struct flow to = {.remote = endpoint_v4(htonl(0xc0000207), 5060)};
	uint64_t client;
	const char *at;

	if (sip_client_start(stack, &r, &to, &realm.timers, OWNER, &client) < 0)
		abort();
	at = strstr(copy, "branch=") + strlen("branch=");
	snprintf(branch, sizeof(branch), "%.*s", (int)strcspn(at, "\r;"), at);
}

static void deliver(const uint8_t *data, size_t len) {
	struct flow from = {.remote = endpoint_v4(htonl(0xc0000207), 5060)};
	struct sink s;
	uint64_t refused = sip_stack_counters(stack)[SIP_COUNTER_REFUSED];
	char *text = malloc(len * sizeof(branch) + 1);

	s = sink_over(text, len * sizeof(branch) + 1);
	for (size_t i = 0; i < len; i++) {
		if (data[i] == BRANCH)
			sink_text(&s, branch);
		else
			sink_put(&s, (const char *)&data[i], 1);
	}
	if (s.len <= SIP_MESSAGE_MAX) {
		enum sip_fault fault;
		char *twin = malloc(s.len + 1);

		memcpy(twin, text, s.len);
		is_checked = sip_msg_parse(twin, s.len, &again, &fault) == SIP_FRAME_OK;
		free(twin);
		stack_transport_user(stack).on_datagram(stack, text, s.len, &from);
		assert(!is_checked || refused == sip_stack_counters(stack)[SIP_COUNTER_REFUSED]);
		is_checked = false;
	}
	free(text);
	loop_advance(loop, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	uint64_t received = 0;

	start();
	invite();
	n_failures = n_finals = 0;
	while (size > 0 && received < 64) {
		const uint8_t *end = memchr(data, END, size);
		size_t len = end == NULL ? size : (size_t)(end - data);

		if (len > 0 && data[0] == WAIT)
			loop_advance(loop, 500);
		deliver(data, len < 60000 ? len : 60000);
		received += sip_stack_counters(stack)[SIP_COUNTER_RECEIVED] - received;
		data += len + (end != NULL);
		size -= len + (end != NULL);
	}
	loop_advance(loop, LONGEST_MS);
	assert(sip_stack_transactions(stack) == 0);
	assert(n_failures + n_finals <= 1); // of one INVITE
	sip_stack_destroy(stack);
	tokens_destroy(tokens);
	loop_destroy(loop);
	return 0;
}
