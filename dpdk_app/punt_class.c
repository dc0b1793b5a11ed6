#include "dpdk_app/punt_class.h"

#include <linux/if_ether.h>
#include <netinet/in.h>
#include <string.h>

enum {
	TYPE = 12, // the first Ethernet type's place
	TAG = 4,
	TAGS_MAX = 2,
	IP4_PROTOCOL = 9,
	IP6_NEXT = 6,
};
static const uint64_t SECOND = 1000000000u;

static uint16_t load16(const uint8_t *p) {
	return (uint16_t)(p[0] << 8 | p[1]);
}

static enum punt_class of_protocol(uint8_t protocol) {
	switch (protocol) {
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return PUNT_ICMP;
	case IPPROTO_UDP:
		return PUNT_UDP;
	case IPPROTO_TCP:
		return PUNT_TCP;
	default:
		return PUNT_OTHER;
	}
}

enum punt_class punt_classify(const uint8_t *data, uint32_t length) {
	uint32_t at = TYPE;

	for (unsigned tags = 0; tags < TAGS_MAX && at + TAG + 2 <= length; tags++, at += TAG) {
		if (load16(data + at) != ETH_P_8021Q && load16(data + at) != ETH_P_8021AD)
			break;
	}
	if (at + 2 + IP4_PROTOCOL + 1 > length)
		return PUNT_OTHER;
	switch (load16(data + at)) {
	case ETH_P_ARP:
		return PUNT_ARP;
	case ETH_P_IP:
		return of_protocol(data[at + 2 + IP4_PROTOCOL]);
	case ETH_P_IPV6:
		return of_protocol(data[at + 2 + IP6_NEXT]);
	default:
		return PUNT_OTHER;
	}
}

void punt_bucket_init(struct punt_bucket *b, uint32_t pps) {
	*b = (struct punt_bucket){.interval_ns = pps > 0 ? SECOND / pps : 0};
	b->depth_ns = pps > 10 ? SECOND / 10 - b->interval_ns : 0;
}

bool punt_bucket_take(struct punt_bucket *b, uint64_t now_ns) {
	uint64_t from = b->full_at_ns > now_ns ? b->full_at_ns : now_ns;

	if (b->interval_ns == 0 || from - now_ns > b->depth_ns)
		return false;
	b->full_at_ns = from + b->interval_ns;
	return true;
}
