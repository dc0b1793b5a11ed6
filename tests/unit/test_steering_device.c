// A device that takes a key and a redirection table (net_null), and one that takes neither (net_ring).
#include "dpdk_app/steering.h"
#include "tests/unit/run_suite.h"

#include <check.h>
#include <rte_bus_vdev.h>
#include <rte_eal.h>
#include <rte_mbuf.h>

enum { QUEUES = 2, WORKERS = 2 };

static void start_eal(void) {
	static const char *const args[] = {"test_steering_device", "--no-huge", "--no-shconf", "--no-pci",
		"--no-telemetry", "--iova-mode=va", "--log-level=*:error", "-m64"};
	char *argv[sizeof(args) / sizeof(args[0]) + 1] = {NULL};

	for (size_t i = 0; i < sizeof(args) / sizeof(args[0]); i++)
		argv[i] = (char *)args[i];
	ck_assert_int_ge(rte_eal_init(sizeof(args) / sizeof(args[0]), argv), 0);
}

// Make and start a device, asked for steering where it offers it.
static enum steering_kind start_device(const char *name, const char *arguments, uint16_t *id) {
	struct rte_mempool *pool =
		rte_pktmbuf_pool_create("test", 511, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	struct rte_eth_conf conf = {0};
	struct rte_eth_dev_info info;
	bool prepared;

	ck_assert_ptr_nonnull(pool);
	ck_assert_int_eq(rte_vdev_init(name, arguments), 0);
	ck_assert_int_eq(rte_eth_dev_get_port_by_name(name, id), 0);
	ck_assert_int_eq(rte_eth_dev_info_get(*id, &info), 0);
	prepared = steering_prepare(&info, QUEUES, &conf);
	ck_assert_int_eq(rte_eth_dev_configure(*id, QUEUES, QUEUES, &conf), 0);
	for (uint16_t q = 0; q < QUEUES; q++) {
		ck_assert_int_eq(rte_eth_rx_queue_setup(*id, q, 64, 0, NULL, pool), 0);
		ck_assert_int_eq(rte_eth_tx_queue_setup(*id, q, 64, 0, NULL), 0);
	}
	ck_assert_int_eq(rte_eth_dev_start(*id), 0);
	return steering_start(*id, QUEUES, WORKERS, prepared);
}

START_TEST(a_device_with_rss_is_told) {
	struct rte_eth_rss_reta_entry64 table[STEERING_RETA_MAX / RTE_ETH_RETA_GROUP_SIZE] = {0};
	uint8_t key[STEERING_KEY_BYTES] = {0};
	struct rte_eth_rss_conf rss = {.rss_key = key, .rss_key_len = sizeof(key)};
	struct rte_eth_dev_info info;
	uint16_t id;

	start_eal();
	ck_assert_int_eq(start_device("net_null0", "", &id), STEERING_RSS);
	ck_assert_int_eq(rte_eth_dev_rss_hash_conf_get(id, &rss), 0);
	ck_assert_mem_eq(key, steering_key, 40);
	ck_assert_int_eq(rte_eth_dev_info_get(id, &info), 0);
	for (unsigned i = 0; i < info.reta_size; i++)
		table[i / RTE_ETH_RETA_GROUP_SIZE].mask = UINT64_MAX;
	ck_assert_int_eq(rte_eth_dev_rss_reta_query(id, table, info.reta_size), 0);
	for (unsigned i = 0; i < info.reta_size; i++)
		ck_assert_uint_eq(table[i / RTE_ETH_RETA_GROUP_SIZE].reta[i % RTE_ETH_RETA_GROUP_SIZE],
			steering_reta_queue(i, QUEUES, WORKERS));
}
END_TEST

START_TEST(a_device_without_is_left_to_the_rings) {
	uint16_t id;

	start_eal();
	ck_assert_int_eq(start_device("net_ring0", "", &id), STEERING_NONE);
}
END_TEST

int main(void) {
	Suite *suite = suite_create("steering_device");
	TCase *tc = tcase_create("steering_device");

	tcase_add_test(tc, a_device_with_rss_is_told);
	tcase_add_test(tc, a_device_without_is_left_to_the_rings);
	tcase_set_timeout(tc, 30);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
