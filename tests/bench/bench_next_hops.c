// bench_next_hops DESTINATIONS [GATEWAYS]: what the table of next hops costs the main thread, behind that many gateways (1; 0:
// each destination is its own next hop). Prints a figure a line: name, value, unit.
#include "dpdk_app/next_hops.h"
#include "dpdk_app/clock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/neighbour.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { IFINDEX = 3 };

struct bench {
	struct next_hops *table;
	uint32_t n, n_gateways;
	uint32_t *ids;
	uint64_t begin_ns, now_ns;
};

static void begin(struct bench *b) {
	b->begin_ns = clock_now_ns();
}

static void show_each(const struct bench *b, const char *name) {
	printf("%s %.0f ns\n", name, (double)(clock_now_ns() - b->begin_ns) / b->n);
}

static void show_whole(const struct bench *b, const char *name) {
	printf("%s %.2f ms\n", name, (double)(clock_now_ns() - b->begin_ns) / 1e6);
}

static struct endpoint destination(uint32_t i) {
	return endpoint_v4(htonl(0x14000000 + 7 * i), 0);
}

static struct endpoint hop(const struct bench *b, uint32_t i) {
	return b->n_gateways == 0 ? destination(i) : endpoint_v4(htonl(0x0a020100 + i % b->n_gateways), 0);
}

static void answer_all(struct bench *b) {
	struct next_hops_ask ask;

	while ((ask = next_hops_ask(b->table)).question != ASK_NOTHING) {
		const struct endpoint gateway = b->n_gateways == 0 ? (struct endpoint){0} : hop(b, ask.id);

		if (ask.question == ASK_ROUTE)
			next_hops_on_route(b->table, &ask, true, &gateway, b->now_ns);
	}
}

static void tell(struct bench *b, uint32_t i, uint8_t last) {
	const uint8_t mac[6] = {2, 0, 0, 0, 0, last};
	const struct endpoint e = hop(b, i);

	next_hops_on_neighbour(b->table, IFINDEX, &e, NUD_REACHABLE, mac, b->now_ns);
}

static void get_all(struct bench *b) {
	for (uint32_t i = 0; i < b->n; i++) {
		const struct endpoint e = destination(i);

		b->ids[i] = next_hops_get(b->table, 0, &e);
	}
}

static void put_all(struct bench *b) {
	for (uint32_t i = 0; i < b->n; i++)
		next_hops_put(b->table, b->ids[i]);
}

static void measure(struct bench *b) {
	const struct endpoint elsewhere = endpoint_v4(htonl(0x0b000000), 0);

	begin(b);
	get_all(b);
	show_each(b, "get_first"); // memory is touched for the first time
	put_all(b);
	begin(b);
	get_all(b);
	show_each(b, "get");
	begin(b);
	answer_all(b);
	show_each(b, "route_answered");
	for (uint32_t i = 0; i < (b->n_gateways == 0 ? b->n : b->n_gateways); i++)
		tell(b, i, 1);
	begin(b);
	tell(b, 0, 2);
	show_whole(b, "mac_changed");
	begin(b);
	next_hops_on_change(b->table);
	next_hops_tick(b->table, b->now_ns);
	show_whole(b, "all_routes_changed");
	begin(b);
	answer_all(b);
	show_each(b, "route_the_same");
	begin(b);
	next_hops_on_route_change(b->table, &elsewhere, 24);
	next_hops_tick(b->table, b->now_ns);
	show_whole(b, "route_elsewhere_changed");
	begin(b);
	put_all(b);
	show_each(b, "put");
}

int main(int argc, char **argv) {
	struct bench b = {.n = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 0,
		.n_gateways = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 1,
		.now_ns = 1000000000};
	const struct next_hops_params p = {.capacity = b.n + 1, .n_realms = 1, .n_media = 1};

	if (b.n == 0) {
		fprintf(stderr, "usage: bench_next_hops DESTINATIONS [GATEWAYS]\n");
		return 2;
	}
	b.ids = calloc(b.n, sizeof(*b.ids));
	if (b.ids == NULL || next_hops_create(&p, &b.table) < 0)
		return 1;
	next_hops_set_interface(b.table, 0, IFINDEX);
	measure(&b);
	next_hops_destroy(b.table);
	free(b.ids);
	return 0;
}
