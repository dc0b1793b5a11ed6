// Which queue a NIC gives a packet to, worked out with DPDK's own Toeplitz hash, against which worker owns its port.
#include "dpdk_app/steering.h"
#include "relay/steering.h"
#include "tests/unit/run_suite.h"

#include <check.h>
#include <rte_thash.h>
#include <string.h>

struct shape {
	unsigned n_workers;
	uint16_t n_queues;
	uint16_t reta_size;
	bool exact; // the table is fine enough for the owners
};

static const struct shape shapes[] = {
	{1, 1, 128, true},
	{2, 2, 128, true},
	{3, 3, 128, true},
	{4, 4, 512, true},
	{7, 7, 128, true},
	{16, 16, 256, true},
	{16, 4, 128, true},
	{2, 8, 128, true},
	{2, 2, 64, false},
};

static unsigned wanted_queue(uint16_t port, const struct shape *s) {
	return steering_queue(steering_owner(port, s->n_workers), s->n_queues);
}

static uint32_t hash_of(uint32_t source, uint32_t target, uint16_t source_port, uint16_t target_port) {
	uint32_t tuple[] = {source, target, (uint32_t)source_port << 16 | target_port}; // host order

	return rte_softrss(tuple, 3, steering_key);
}

START_TEST(the_hash_is_bits_of_the_target_port) {
	for (uint32_t port = 0; port < 65536; port++) {
		uint32_t other = port * 2654435761u,
			 hash = hash_of(other, ~other, (uint16_t)other, (uint16_t)port);

		ck_assert_uint_eq(hash, hash_of(1, 2, 3, (uint16_t)port));
		for (unsigned bit = 0; bit < 8; bit++)
			ck_assert_uint_eq(hash >> bit & 1, port >> (7 - bit) & 1);
		ck_assert_uint_eq(hash >> 8, 0);
	}
}
END_TEST

START_TEST(packets_arrive_at_their_owners) {
	const struct shape *s = &shapes[_i];
	unsigned wrong = 0;

	for (uint32_t port = 0; port < 65536; port++) {
		uint32_t hash = hash_of(0xc0000201, 0xcb007101, (uint16_t)(port * 7), (uint16_t)port);
		unsigned queue = steering_reta_queue(hash & (s->reta_size - 1u), s->n_queues, s->n_workers);

		ck_assert_uint_lt(queue, s->n_queues);
		wrong += queue != wanted_queue((uint16_t)port, s);
	}
	if (s->exact)
		ck_assert_uint_eq(wrong, 0);
	else
		ck_assert_uint_eq(wrong, 65536 / 2); // a coarser table is right for every other pair
}
END_TEST

START_TEST(rules_cover_each_port_once) {
	const struct shape *s = &shapes[_i];
	struct steering_rule rule;

	for (uint32_t port = 0; port < 65536; port++) {
		unsigned matches = 0;

		for (unsigned i = 0; steering_rule(i, s->n_queues, s->n_workers, &rule); i++) {
			if ((port & rule.mask) != rule.value)
				continue;
			matches++;
			ck_assert_uint_eq(rule.queue, wanted_queue((uint16_t)port, s));
		}
		ck_assert_uint_eq(matches, 1);
	}
}
END_TEST

struct offer {
	const char *what;
	struct rte_eth_dev_info info;
	uint16_t n_queues;
	bool taken;
};

#define UDP4 RTE_ETH_RSS_NONFRAG_IPV4_UDP

static const struct offer offers[] = {
	{"what it takes", {.flow_type_rss_offloads = UDP4, .reta_size = 128, .hash_key_size = 40}, 2, true},
	{"a long key", {.flow_type_rss_offloads = UDP4, .reta_size = 512, .hash_key_size = 52}, 4, true},
	{"one queue", {.flow_type_rss_offloads = UDP4, .reta_size = 128, .hash_key_size = 40}, 1, false},
	{"no hash over UDP ports",
		{.flow_type_rss_offloads = RTE_ETH_RSS_IPV4, .reta_size = 128, .hash_key_size = 40}, 2,
		false},
	{"no table", {.flow_type_rss_offloads = UDP4, .reta_size = 0, .hash_key_size = 40}, 2, false},
	{"a table too large", {.flow_type_rss_offloads = UDP4, .reta_size = 2048, .hash_key_size = 40}, 2,
		false},
	{"a key too short", {.flow_type_rss_offloads = UDP4, .reta_size = 128, .hash_key_size = 14}, 2,
		false},
	{"a driver that does not say", {.flow_type_rss_offloads = UDP4, .reta_size = 128, .hash_key_size = 0},
		2, true},
	{"a key too long", {.flow_type_rss_offloads = UDP4, .reta_size = 128, .hash_key_size = 64}, 2, false},
};

START_TEST(takes_what_a_device_offers) {
	const struct offer *o = &offers[_i];
	struct rte_eth_conf conf = {0};

	ck_assert_msg(steering_prepare(&o->info, o->n_queues, &conf) == o->taken, "%s", o->what);
	if (!o->taken) {
		ck_assert_int_eq(conf.rxmode.mq_mode, RTE_ETH_MQ_RX_NONE);
		return;
	}
	ck_assert_int_eq(conf.rxmode.mq_mode, RTE_ETH_MQ_RX_RSS);
	ck_assert_uint_eq(conf.rx_adv_conf.rss_conf.rss_key_len,
		o->info.hash_key_size != 0 ? o->info.hash_key_size : 40);
	ck_assert_mem_eq(
		conf.rx_adv_conf.rss_conf.rss_key, steering_key, conf.rx_adv_conf.rss_conf.rss_key_len);
}
END_TEST

int main(void) {
	Suite *suite = suite_create("steering");
	TCase *tc = tcase_create("steering");

	tcase_add_test(tc, the_hash_is_bits_of_the_target_port);
	tcase_add_loop_test(tc, packets_arrive_at_their_owners, 0, sizeof(shapes) / sizeof(shapes[0]));
	tcase_add_loop_test(tc, rules_cover_each_port_once, 0, sizeof(shapes) / sizeof(shapes[0]));
	tcase_add_loop_test(tc, takes_what_a_device_offers, 0, sizeof(offers) / sizeof(offers[0]));
	tcase_set_timeout(tc, 30);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
