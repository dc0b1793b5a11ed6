// The XDP program of an AF_XDP port: media to the relay, everything else to the kernel, untouched.
//
//	frame ─► to our MAC, one 802.1Q tag or none, plain IPv4, UDP, to a media address and port?
//	            no  ─► XDP_PASS, counted by class
//	            yes ─► the relay's socket of this queue; none there: XDP_DROP
//
// Whose media address it is, this port's or another's, and what VLAN the tag says is not looked at: the kernel takes packets
// to any address of the host on any interface, so it would answer those too. The relay drops them as wrong_realm.
//
// Dropped, not passed: without a relay the kernel has no socket on a media port and would answer ICMP port
// unreachable, upon which many phones end the call. So a relay that was killed leaves its program behind, which
// keeps media away from the kernel until the next one takes over.
#include "dpdk_app/steer.h"
#include "relay/counters.h"

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

enum { QUEUES_MAX = 256 };

// What follows the type 0x8100 (IEEE 802.1Q).
struct tag {
	__be16 control; // priority, VLAN id
	__be16 type; // of what follows
};

// The name is the PMD's: it puts its sockets in here, by queue.
struct {
	__uint(type, BPF_MAP_TYPE_XSKMAP);
	__uint(max_entries, QUEUES_MAX);
	__type(key, __u32);
	__type(value, __u32);
} xsks_map SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, XDP_CLASS_COUNT);
	__type(key, __u32);
	__type(value, __u64);
} steer_counts SEC(".maps");

// Volatile: what is compiled in is not what runs.
volatile struct steer_table steer_table SEC(".data") = {.magic = STEER_MAGIC};

static int is_ours(const struct ethhdr *eth) {
	int differs = 0;

	for (int i = 0; i < ETH_ALEN; i++)
		differs |= eth->h_dest[i] ^ steer_table.mac[i];
	return differs == 0;
}

static enum xdp_class find(__be32 address, __u16 port) {
	for (unsigned i = 0; i < STEER_MEDIA_MAX && i < steer_table.n_media; i++) {
		if (steer_table.media[i].address != address)
			continue;
		// One address may have more ranges than one, so no early end here.
		if (port >= steer_table.media[i].port_first && port <= steer_table.media[i].port_last)
			return XDP_CLASS_MEDIA;
	}
	return XDP_CLASS_UDP;
}

// type: of what begins at ip.
static enum xdp_class classify_packet(
	const struct ethhdr *eth, __be16 type, const struct iphdr *ip, const void *end) {
	const struct udphdr *udp = (const void *)(ip + 1);

	if ((const void *)(ip + 1) > end || type != bpf_htons(ETH_P_IP) || ip->version != 4)
		return XDP_CLASS_NOT_IP;
	if (ip->protocol != IPPROTO_UDP)
		return XDP_CLASS_OTHER;
	if ((ip->frag_off & bpf_htons(0x3fff)) != 0) // more fragments, or an offset
		return XDP_CLASS_FRAGMENT;
	if (ip->ihl != 5)
		return XDP_CLASS_OPTIONS;
	if ((const void *)(udp + 1) > end || !is_ours(eth))
		return XDP_CLASS_UDP;
	return find(ip->daddr, bpf_ntohs(udp->dest));
}

static enum xdp_class classify(const void *data, const void *end) {
	const struct ethhdr *eth = data;
	const struct tag *tag = (const void *)(eth + 1);

	if ((const void *)(tag + 1) > end)
		return XDP_CLASS_NOT_IP;
	if (eth->h_proto == bpf_htons(ETH_P_8021Q))
		return classify_packet(eth, tag->type, (const void *)(tag + 1), end);
	return classify_packet(eth, eth->h_proto, (const void *)(eth + 1), end);
}

static void count(__u32 class) {
	__u64 *n = bpf_map_lookup_elem(&steer_counts, &class);

	if (n != 0)
		(*n)++; // this CPU's own
}

SEC("xdp")
int kedge_steer(struct xdp_md *ctx) {
	enum xdp_class class = classify((const void *)(long)ctx->data, (const void *)(long)ctx->data_end);
	int action = XDP_PASS;

	if (class == XDP_CLASS_MEDIA) {
		action = (int)bpf_redirect_map(&xsks_map, ctx->rx_queue_index, XDP_DROP);
		if (action != XDP_REDIRECT)
			class = XDP_CLASS_DROPPED;
	}
	count(class);
	return action;
}

char steer_license[] SEC("license") = "BSD";
