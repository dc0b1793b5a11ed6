// Nanoseconds a packet in relay_burst and relay_count, plain RTP both ways, packets of all sessions in turn.
//
//	bench_burst [SESSIONS [PACKETS [BURST]]]
//
// Prints a line each: name, median of the rounds, quickest round; and "packets", how many went through. Exit status 1 if one
// isn't forwarded. The first packet of each component, which costs more, went through before.
#include "tests/unit/relay_fixture.h"
#include "dpdk_app/clock.h"

#include <time.h>

enum { PAYLOAD = 172, ROUND = 512 }; // frames: what a receive ring holds

// Both realms with room for so many sessions: as many addresses as that takes.
static void make_room(struct fixture *f, uint32_t sessions) {
	f->params.n_media = 0;
	for (uint32_t i = 0; i <= sessions / 24000; i++) {
		char addr[ENDPOINT_TEXT];

		snprintf(addr, sizeof(addr), "203.0.113.%u", i + 1);
		fix_add_media(&f->params, 0, addr, 16384, 65535);
		snprintf(addr, sizeof(addr), "198.51.100.%u", i + 1);
		fix_add_media(&f->params, 1, addr, 16384, 65535);
	}
}

static void put_all(struct fixture *f, uint32_t n, struct proto_put_result *results) {
	for (uint32_t i = 0; i < n; i++) {
		struct proto_session s = fix_session(i + 1);

		if (fix_put(f, &s, &results[i]) != 0)
			abort();
	}
}

static void fill(const struct proto_put_result *put, unsigned side, uint8_t *frame, struct relay_packet *p) {
	static const uint8_t rtp[PAYLOAD] = {0x80};
	struct endpoint from =
		side == 0 ? fix_endpoint("192.0.2.10", 4000) : fix_endpoint("198.51.100.20", 5000);

	*p = (struct relay_packet){.data = frame, .port = (uint16_t)side};
	p->length = fix_frame(frame, &from, &put->local[side], rtp, sizeof(rtp));
}

// One round over prepared frames, timed without their preparation. Returns how many were forwarded.
static unsigned run(
	struct fixture *f, struct relay_packet *p, unsigned burst, uint64_t *burst_ns, uint64_t *count_ns) {
	uint64_t start = clock_now_ns(), middle;
	unsigned forwarded = 0;

	for (unsigned i = 0; i < ROUND; i += burst)
		relay_burst(f->w, p + i, burst, f->now);
	middle = clock_now_ns();
	for (unsigned i = 0; i < ROUND; i += burst)
		relay_count(f->w, p + i, burst);
	*count_ns = clock_now_ns() - middle;
	*burst_ns = middle - start;
	for (unsigned i = 0; i < ROUND; i++)
		forwarded += p[i].verdict == VERDICT_FORWARDED;
	return forwarded;
}

static int compare(const void *a, const void *b) {
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

// The median and the quickest round: a mean would measure who else uses the machine.
static void show(const char *name, uint64_t *rounds_ns, uint64_t rounds) {
	qsort(rounds_ns, rounds, sizeof(*rounds_ns), compare);
	printf("%s %.2f %.2f\n", name, (double)rounds_ns[rounds / 2] / ROUND, (double)rounds_ns[0] / ROUND);
}

// The two directions of a session are far apart, as they are on a wire: neither finds its lines because the other was here.
static uint32_t session_at(uint64_t packet, uint32_t n) {
	return (uint32_t)((packet / 2 * 7919 + packet % 2 * (n / 2)) % n);
}

static int measure(struct fixture *f, uint32_t n, uint64_t rounds, unsigned burst) {
	static struct relay_packet p[ROUND];
	static uint8_t frames[ROUND][256];
	const uint64_t first = 2ull * n / ROUND + 1; // rounds until each component has had its first packet
	struct proto_put_result *results = calloc(n, sizeof(*results));
	uint64_t *burst_ns = calloc(first + rounds, sizeof(*burst_ns));
	uint64_t *count_ns = calloc(first + rounds, sizeof(*count_ns)), next = 0;

	if (results == NULL || burst_ns == NULL || count_ns == NULL)
		abort();
	put_all(f, n, results);
	for (uint64_t round = 0; round < first + rounds; round++) {
		for (unsigned i = 0; i < ROUND; i++, next++)
			fill(&results[session_at(next, n)], next % 2, frames[i], &p[i]);
		if (run(f, p, burst, &burst_ns[round], &count_ns[round]) != ROUND)
			return 1; // not what is to be measured
	}
	show("relay_burst", burst_ns + first, rounds);
	show("relay_count", count_ns + first, rounds);
	printf("packets %llu\n", (unsigned long long)(rounds * ROUND));
	free(count_ns);
	free(burst_ns);
	free(results);
	return 0;
}

int main(int argc, char **argv) {
	uint32_t n = argc > 1 ? (uint32_t)atoi(argv[1]) : 1000;
	uint64_t packets = argc > 2 ? (uint64_t)atoll(argv[2]) : 4000000;
	unsigned burst = argc > 3 ? (unsigned)atoi(argv[3]) : RELAY_BURST;
	struct fixture *f = calloc(1, sizeof(*f));
	int status;

	if (f == NULL || n == 0 || burst == 0 || burst > RELAY_BURST || ROUND % burst != 0)
		return 2;
	fix_params(f, n);
	make_room(f, n);
	fix_start(f);
	if (fix_hello(f, PROTO_CONTROLLER, FIX_OWNER) != 0)
		return 1;
	status = measure(f, n, packets / ROUND + 1, burst);
	fix_destroy(f);
	return status;
}
