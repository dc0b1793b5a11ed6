#include "dpdk_app/steering.h"

#include "relay/steering.h"

#include <errno.h>
#include <string.h>

enum { IPV4_KEY_BYTES = 15, RETA_GROUP = RTE_ETH_RETA_GROUP_SIZE };

// Input bit i of the hash (addresses, then ports) moves key bits i to i + 31 into it. For IPv4 the target port is input bits
// 80 to 95, so key bit 119 alone gives the hash's bit k the port's bit 7 - k.
_Alignas(uint32_t) const uint8_t steering_key[STEERING_KEY_BYTES] = {[14] = 0x01};

const char *steering_name(enum steering_kind k) {
	static const char *const names[] = {"none", "rss", "rules"};

	return names[k];
}

unsigned steering_queue(unsigned owner, uint16_t n_queues) {
	return owner % n_queues;
}

unsigned steering_reta_queue(unsigned index, uint16_t n_queues, unsigned n_workers) {
	unsigned entry = 0;

	for (unsigned bit = 0; bit < 7; bit++)
		entry |= (index >> bit & 1) << (6 - bit);
	return steering_queue(steering_owner((uint16_t)(entry << 1), n_workers), n_queues);
}

bool steering_rule(unsigned i, uint16_t n_queues, unsigned n_workers, struct steering_rule *out) {
	const bool even = (n_workers & (n_workers - 1)) == 0; // then the owner is the entry's lowest bits
	const unsigned n = even ? n_workers : STEERING_ENTRIES;

	if (i >= n)
		return false;
	*out = (struct steering_rule){
		.value = (uint16_t)(i << 1),
		.mask = (uint16_t)((n - 1) << 1),
		.queue = (uint16_t)steering_queue(steering_owner((uint16_t)(i << 1), n_workers), n_queues),
	};
	return true;
}

// ---- rss ----

// A driver that doesn't say wants 40 bytes, as all of them did before they could.
static uint8_t key_bytes(const struct rte_eth_dev_info *info) {
	return info->hash_key_size != 0 ? info->hash_key_size : 40;
}

bool steering_prepare(const struct rte_eth_dev_info *info, uint16_t n_queues, struct rte_eth_conf *conf) {
	if (n_queues < 2 || (info->flow_type_rss_offloads & RTE_ETH_RSS_NONFRAG_IPV4_UDP) == 0)
		return false;
	if (info->reta_size < 2 || info->reta_size > STEERING_RETA_MAX)
		return false;
	if (key_bytes(info) < IPV4_KEY_BYTES || key_bytes(info) > STEERING_KEY_BYTES)
		return false;
	conf->rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
	conf->rx_adv_conf.rss_conf = (struct rte_eth_rss_conf){
		.rss_key = (uint8_t *)steering_key, // drivers copy it
		.rss_key_len = key_bytes(info),
		.rss_hf = RTE_ETH_RSS_NONFRAG_IPV4_UDP,
	};
	return true;
}

static int set_key(uint16_t port_id, uint8_t key_size) {
	uint8_t got[STEERING_KEY_BYTES] = {0};
	struct rte_eth_rss_conf conf = {.rss_key = (uint8_t *)steering_key,
		.rss_key_len = key_size,
		.rss_hf = RTE_ETH_RSS_NONFRAG_IPV4_UDP};
	int ret = rte_eth_dev_rss_hash_update(port_id, &conf);

	if (ret < 0)
		return ret;
	conf.rss_key = got;
	ret = rte_eth_dev_rss_hash_conf_get(port_id, &conf);
	if (ret < 0)
		return ret;
	return memcmp(got, steering_key, key_size) == 0 ? 0 : -EIO;
}

static bool tables_equal(
	const struct rte_eth_rss_reta_entry64 *a, const struct rte_eth_rss_reta_entry64 *b, unsigned size) {
	for (unsigned i = 0; i < size; i++)
		if (a[i / RETA_GROUP].reta[i % RETA_GROUP] != b[i / RETA_GROUP].reta[i % RETA_GROUP])
			return false;
	return true;
}

static int set_table(uint16_t port_id, uint16_t size, uint16_t n_queues, unsigned n_workers) {
	struct rte_eth_rss_reta_entry64 table[STEERING_RETA_MAX / RETA_GROUP] = {0};
	struct rte_eth_rss_reta_entry64 got[STEERING_RETA_MAX / RETA_GROUP] = {0};
	int ret;

	for (unsigned i = 0; i < size; i++) {
		table[i / RETA_GROUP].mask |= 1ull << i % RETA_GROUP;
		got[i / RETA_GROUP].mask |= 1ull << i % RETA_GROUP;
		table[i / RETA_GROUP].reta[i % RETA_GROUP] =
			(uint16_t)steering_reta_queue(i, n_queues, n_workers);
	}
	ret = rte_eth_dev_rss_reta_update(port_id, table, size);
	if (ret == 0)
		ret = rte_eth_dev_rss_reta_query(port_id, got, size);
	if (ret < 0)
		return ret;
	return tables_equal(table, got, size) ? 0 : -EIO;
}

static bool start_rss(uint16_t port_id, uint16_t n_queues, unsigned n_workers) {
	struct rte_eth_dev_info info;

	return rte_eth_dev_info_get(port_id, &info) == 0 && set_key(port_id, key_bytes(&info)) == 0 &&
		set_table(port_id, info.reta_size, n_queues, n_workers) == 0;
}

// ---- rules ----

static struct rte_flow *add_rule(uint16_t port_id, const struct steering_rule *rule) {
	const struct rte_flow_attr attr = {.ingress = 1};
	const struct rte_flow_item_udp spec = {.hdr.dst_port = rte_cpu_to_be_16(rule->value)};
	const struct rte_flow_item_udp mask = {.hdr.dst_port = rte_cpu_to_be_16(rule->mask)};
	const struct rte_flow_item pattern[] = {
		{.type = RTE_FLOW_ITEM_TYPE_ETH},
		{.type = RTE_FLOW_ITEM_TYPE_IPV4},
		{.type = RTE_FLOW_ITEM_TYPE_UDP, .spec = &spec, .mask = &mask},
		{.type = RTE_FLOW_ITEM_TYPE_END},
	};
	const struct rte_flow_action_queue queue = {.index = rule->queue};
	const struct rte_flow_action actions[] = {
		{.type = RTE_FLOW_ACTION_TYPE_QUEUE, .conf = &queue},
		{.type = RTE_FLOW_ACTION_TYPE_END},
	};
	struct rte_flow_error error;

	if (rte_flow_validate(port_id, &attr, pattern, actions, &error) != 0)
		return NULL;
	return rte_flow_create(port_id, &attr, pattern, actions, &error);
}

// All of them or none: half a set would be neither here nor there. They go with the port.
static bool start_rules(uint16_t port_id, uint16_t n_queues, unsigned n_workers) {
	struct rte_flow_error error;
	struct steering_rule rule;

	for (unsigned i = 0; steering_rule(i, n_queues, n_workers, &rule); i++) {
		if (add_rule(port_id, &rule) != NULL)
			continue;
		if (i > 0)
			(void)rte_flow_flush(port_id, &error);
		return false;
	}
	return true;
}

enum steering_kind steering_start(uint16_t port_id, uint16_t n_queues, unsigned n_workers, bool prepared) {
	if (n_queues < 2 || n_workers < 2)
		return STEERING_NONE;
	if (prepared && start_rss(port_id, n_queues, n_workers))
		return STEERING_RSS;
	return start_rules(port_id, n_queues, n_workers) ? STEERING_RULES : STEERING_NONE;
}
