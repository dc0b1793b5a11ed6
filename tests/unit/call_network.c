#include "tests/unit/call_network.h"

enum { PACKETS = 256 };

static struct {
	struct network rules;
	uint64_t state;
	struct packet packets[PACKETS];
	unsigned n;
} net;

// SplitMix64: any seed will do.
unsigned network_random(unsigned below) {
	uint64_t z = net.state += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return (unsigned)((z ^ z >> 31) % below);
}

void network_open(const struct network *n) {
	net.rules = *n;
	net.state = n->seed;
	net.n = 0;
}

static void put(bool to_kedge, const struct flow *flow, const char *text) {
	struct packet *p = &net.packets[net.n++];

	if (net.n >= PACKETS || strlen(text) >= sizeof(p->text))
		ck_abort_msg("too much on its way: %u packets, %zu bytes", net.n, strlen(text));
	p->due_ms = bench_now_ms() + (net.rules.delay_ms > 0 ? network_random(net.rules.delay_ms) : 0);
	p->to_kedge = to_kedge;
	p->flow = *flow;
	strcpy(p->text, text);
}

void network_send(bool to_kedge, const struct flow *flow, const char *text) {
	if (network_random(100) < net.rules.loss)
		return;
	put(to_kedge, flow, text);
	if (network_random(100) < net.rules.twice)
		put(to_kedge, flow, text);
}

// Those that are due at once come as they were sent.
static unsigned first(void) {
	unsigned best = 0;

	for (unsigned i = 1; i < net.n; i++)
		if (net.packets[i].due_ms < net.packets[best].due_ms)
			best = i;
	return best;
}

uint64_t network_due_ms(void) {
	return net.n == 0 ? UINT64_MAX : net.packets[first()].due_ms;
}

void network_take(struct packet *out) {
	unsigned i = first();

	*out = net.packets[i];
	memmove(&net.packets[i], &net.packets[i + 1], (net.n - i - 1) * sizeof(*out));
	net.n--;
}
