// Have a NIC give each packet to the queue of the worker that owns its UDP target port (relay/steering.h), best first:
//
//	rss     a Toeplitz key with a single bit set: the hash then is nothing but bits of the target port, and its lowest seven
//	        are the port's bits 7 to 1, the lowest bit of the hash being the port's bit 7
//	rules   flow rules that match those bits of the target port
//	none    packets come as they come; rings between workers bring them to their owners
//
// Main thread, at start. What a NIC promises is read back; what it does shows in the workers' counter `handed`.
#pragma once

#include <rte_ethdev.h>
#include <rte_flow.h>

enum steering_kind { STEERING_NONE, STEERING_RSS, STEERING_RULES };
const char *steering_name(enum steering_kind k);

// Before the port is configured: ask for the key in conf, if the device takes it. True: steering_start goes on with it.
bool steering_prepare(const struct rte_eth_dev_info *info, uint16_t n_queues, struct rte_eth_conf *conf);
// Once the port is started. Returns what it does now.
enum steering_kind steering_start(uint16_t port_id, uint16_t n_queues, unsigned n_workers, bool prepared);

// ---- pure, for tests ----

enum { STEERING_KEY_BYTES = 52, STEERING_RETA_MAX = 512 }; // the longest key that a driver of DPDK wants

// The key; only its first bytes count for a device that wants fewer, of which IPv4 needs 15.
extern _Alignas(uint32_t) const uint8_t steering_key[STEERING_KEY_BYTES];
// Which queue a worker's packets are to arrive at.
unsigned steering_queue(unsigned owner, uint16_t n_queues);
// The queue for an index of a redirection table (whose size is a power of two).
unsigned steering_reta_queue(unsigned index, uint16_t n_queues, unsigned n_workers);
// The i-th rule: packets whose target port & mask is value (host order) go to a queue. Returns false behind the last one.
struct steering_rule {
	uint16_t value, mask, queue;
};
bool steering_rule(unsigned i, uint16_t n_queues, unsigned n_workers, struct steering_rule *out);
