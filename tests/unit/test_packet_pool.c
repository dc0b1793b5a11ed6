#include "dpdk_app/packet_pool.h"
#include "tests/unit/run_suite.h"

#include <check.h>
#include <errno.h>

// By hand: a queue keeps 2048 buffers with the kernel (fill), at most 2048 in its transmit ring and 2048 sent ones in
// its completion ring; a worker one and a half caches of 256 and two bursts of 32; so does main; a ring slot one, and
// 512 to spare. The least: what each queue keeps with the kernel and a burst of it, and what workers have.
static const struct {
	const char *what;
	struct packet_pool_params params;
	unsigned buffers, least;
} sizes[] = {
	{"two veths", {.n_queues = 2, .n_workers = 1, .cache = 256}, 2 * 6144 + 2 * (384 + 64) + 512,
		2 * 2080 + 448},
	{"two NICs of 8 queues", {.n_queues = 16, .n_workers = 1, .cache = 256}, 16 * 6144 + 2 * 448 + 512,
		16 * 2080 + 448},
	{"four workers", {.n_queues = 8, .n_workers = 4, .cache = 256}, 8 * 6144 + 5 * 448 + 512,
		8 * 2080 + 4 * 448},
	{"rings between four workers, 2 × 12 of 1024",
		{.n_queues = 8, .n_workers = 4, .cache = 256, .n_ring_slots = 24 * 1024},
		8 * 6144 + 5 * 448 + 24576 + 512, 8 * 2080 + 4 * 448},
	{"no cache", {.n_queues = 2, .n_workers = 1}, 2 * 6144 + 2 * 64 + 512, 2 * 2080 + 64},
	{"the largest cache", {.n_queues = 2, .n_workers = 1, .cache = 512}, 2 * 6144 + 2 * (768 + 64) + 512,
		2 * 2080 + 832},
};

START_TEST(buffers) {
	struct packet_pool_params p = sizes[_i].params;

	ck_assert_msg(packet_pool_formula(&p) == sizes[_i].buffers, "%s: %u", sizes[_i].what,
		packet_pool_formula(&p));
	ck_assert_msg(packet_pool_least(&p) == sizes[_i].least, "%s: least %u", sizes[_i].what,
		packet_pool_least(&p));
	ck_assert_uint_eq(packet_pool_buffers(&p), sizes[_i].buffers);
	p.wanted = 5000;
	ck_assert_uint_eq(packet_pool_buffers(&p), 5000);
	ck_assert_uint_eq(packet_pool_formula(&p), sizes[_i].buffers);
}
END_TEST

// Whole processes are needed to have a pool; that fewer than the least are refused doesn't need one.
START_TEST(too_few) {
	struct packet_pool_params p = {.n_queues = 2, .n_workers = 1, .cache = 256, .mtu = 1500};
	struct rte_mempool *pool;

	p.wanted = packet_pool_least(&p) - 1;
	ck_assert_int_eq(packet_pool_create(&p, &pool), -EINVAL);
}
END_TEST

// DPDK's headroom 128, the kernel's 256, Ethernet 14, FCS 4, two VLAN tags 8.
START_TEST(data_room) {
	ck_assert_uint_eq(packet_pool_data_room(1500), 2176); // DPDK's usual 2048 + 128 suffices
	ck_assert_uint_eq(packet_pool_data_room(576), 2176);
	ck_assert_uint_ge(packet_pool_data_room(3000), 128 + 256 + 3000 + 26);
	ck_assert_uint_eq(packet_pool_data_room(3000) % 64, 0);
}
END_TEST

// A frame of AF_XDP is a page at the most: 4096 − 64 (mempool header) − 128 (mbuf) − 128 − 256 − 26, in steps of 64.
START_TEST(mtu_max) {
	const unsigned max = packet_pool_mtu_max();

	ck_assert_uint_ge(max, 3400);
	ck_assert_uint_le(max, 4096 - 64 - 128 - 128 - 256 - 26);
}
END_TEST

START_TEST(bytes) {
	const struct packet_pool_params p = {.n_queues = 2, .n_workers = 1, .mtu = 1500};
	const size_t n = packet_pool_buffers(&p);

	ck_assert_uint_ge(packet_pool_bytes(&p), n * (2176 + 128));
	ck_assert_uint_le(packet_pool_bytes(&p), n * (2176 + 128 + 256));
}
END_TEST

int main(void) {
	Suite *s = suite_create("packet_pool");
	TCase *t = tcase_create("packet_pool");

	tcase_add_loop_test(t, buffers, 0, (int)(sizeof(sizes) / sizeof(sizes[0])));
	tcase_add_test(t, too_few);
	tcase_add_test(t, data_room);
	tcase_add_test(t, mtu_max);
	tcase_add_test(t, bytes);
	suite_add_tcase(s, t);
	return run_suite(s);
}
