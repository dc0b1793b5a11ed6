#include "dpdk_app/netlink.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	RECEIVE_BUFFER = 8 << 20, // a flood of changes (thousands of neighbours) fits
	DATAGRAM_MAX = 32768,
	DATAGRAMS_A_TURN = 64,
	QUESTION_MAX = 128, // bytes
	ATTRIBUTES = 64,
};

int netlink_open(bool follow) {
	static const unsigned groups[] = {RTNLGRP_LINK, RTNLGRP_NEIGH, RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV4_RULE,
		RTNLGRP_IPV4_IFADDR, RTNLGRP_NEXTHOP};
	const int buffer = RECEIVE_BUFFER;
	struct sockaddr_nl address = {.nl_family = AF_NETLINK};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_ROUTE), ret;

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof(buffer)) < 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof(buffer));
	ret = bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ? -errno : 0;
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]) && follow && ret == 0; i++) {
		if (setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &groups[i], sizeof(groups[i])) < 0)
			ret = -errno;
	}
	if (ret < 0) {
		close(fd);
		return ret;
	}
	return fd;
}

// ---- parsing ----

struct attributes {
	const struct nlattr *at[ATTRIBUTES];
};

static int take_attribute(const struct nlattr *a, void *ctx) {
	struct attributes *found = ctx;

	if (mnl_attr_get_type(a) < ATTRIBUTES)
		found->at[mnl_attr_get_type(a)] = a;
	return MNL_CB_OK;
}

// The header's fixed part, with the attributes behind it; NULL if the message is too short for it.
static const void *read_attributes(const struct nlmsghdr *h, size_t fixed, struct attributes *out) {
	*out = (struct attributes){0};
	if (mnl_nlmsg_get_payload_len(h) < fixed)
		return NULL;
	if (mnl_attr_parse(h, (unsigned)fixed, take_attribute, out) < 0)
		return NULL;
	return mnl_nlmsg_get_payload(h);
}

static const void *get_payload(const struct nlattr *a, size_t size) {
	return a != NULL && mnl_attr_get_payload_len(a) >= size ? mnl_attr_get_payload(a) : NULL;
}

static uint32_t get_u32(const struct nlattr *a) {
	const void *p = get_payload(a, sizeof(uint32_t));
	uint32_t value = 0;

	if (p != NULL)
		memcpy(&value, p, sizeof(value));
	return value;
}

static bool get_mac(const struct nlattr *a, struct netlink_event *e) {
	const void *p = get_payload(a, sizeof(e->mac));

	if (p == NULL || mnl_attr_get_payload_len(a) != sizeof(e->mac))
		return false;
	memcpy(e->mac, p, sizeof(e->mac));
	return true;
}

static bool parse_nested(const struct nlattr *a, struct attributes *out) {
	*out = (struct attributes){0};
	return a != NULL && mnl_attr_parse_nested(a, take_attribute, out) >= 0;
}

// An 802.1Q interface on another one of this network namespace.
static void parse_vlan(const struct attributes *link, struct netlink_event *e) {
	static const char kind[] = "vlan";
	struct attributes info, data;
	uint16_t protocol;
	const void *p;

	if (!parse_nested(link->at[IFLA_LINKINFO], &info) || link->at[IFLA_LINK_NETNSID] != NULL)
		return;
	p = get_payload(info.at[IFLA_INFO_KIND], sizeof(kind) - 1);
	if (p == NULL || memcmp(p, kind, sizeof(kind) - 1) != 0 ||
		!parse_nested(info.at[IFLA_INFO_DATA], &data))
		return;
	p = get_payload(data.at[IFLA_VLAN_PROTOCOL], sizeof(protocol));
	if (p == NULL || memcmp(p, &(uint16_t){htons(ETH_P_8021Q)}, sizeof(protocol)) != 0)
		return;
	p = get_payload(data.at[IFLA_VLAN_ID], sizeof(e->vlan));
	if (p == NULL)
		return;
	memcpy(&e->vlan, p, sizeof(e->vlan));
	e->parent = (int)get_u32(link->at[IFLA_LINK]);
}

static void get_name(const struct nlattr *a, struct netlink_event *e) {
	const char *p = get_payload(a, 1);
	const size_t length = p == NULL ? 0 : strnlen(p, mnl_attr_get_payload_len(a));

	if (length < sizeof(e->name))
		memcpy(e->name, p == NULL ? "" : p, length);
}

static bool parse_link(const struct nlmsghdr *h, struct netlink_event *e) {
	struct attributes a;
	const struct ifinfomsg *m = read_attributes(h, sizeof(*m), &a);
	struct rtnl_link_stats64 stats;
	const void *p;

	// Bridges tell of their ports in the same group, in a family of their own.
	if (m == NULL || m->ifi_family != AF_UNSPEC)
		return false;
	e->kind = h->nlmsg_type == RTM_DELLINK ? NETLINK_EVENT_LINK_GONE : NETLINK_EVENT_LINK;
	e->ifindex = m->ifi_index;
	e->up = (m->ifi_flags & IFF_UP) != 0;
	e->running = (m->ifi_flags & IFF_RUNNING) != 0;
	e->has_mac = get_mac(a.at[IFLA_ADDRESS], e);
	get_name(a.at[IFLA_IFNAME], e);
	parse_vlan(&a, e);
	p = get_payload(a.at[IFLA_STATS64], offsetof(struct rtnl_link_stats64, multicast));
	if (p != NULL) {
		memcpy(&stats, p, offsetof(struct rtnl_link_stats64, multicast));
		e->has_stats = true;
		e->rx = stats.rx_packets;
		e->tx = stats.tx_packets;
		e->rx_dropped = stats.rx_dropped;
	}
	return true;
}

static bool parse_route(const struct nlmsghdr *h, struct netlink_event *e) {
	struct attributes a;
	const struct rtmsg *m = read_attributes(h, sizeof(*m), &a);
	uint32_t table;

	if (m == NULL || m->rtm_family != AF_INET)
		return false;
	e->kind = NETLINK_EVENT_ROUTE;
	e->ifindex = (int)get_u32(a.at[RTA_OIF]);
	e->network = endpoint_v4(get_u32(a.at[RTA_DST]), 0);
	e->prefix_length = m->rtm_dst_len <= 32 ? m->rtm_dst_len : 0;
	if (get_payload(a.at[RTA_GATEWAY], 4) != NULL)
		e->address = endpoint_v4(get_u32(a.at[RTA_GATEWAY]), 0);
	table = a.at[RTA_TABLE] != NULL ? get_u32(a.at[RTA_TABLE]) : m->rtm_table;
	// RTA_VIA: a gateway of another family, which we don't speak yet.
	e->usable = m->rtm_type == RTN_UNICAST && table != RT_TABLE_UNSPEC && a.at[RTA_VIA] == NULL;
	return true;
}

static bool parse_neighbour(const struct nlmsghdr *h, struct netlink_event *e) {
	struct attributes a;
	const struct ndmsg *m = read_attributes(h, sizeof(*m), &a);

	if (m == NULL || m->ndm_family != AF_INET || get_payload(a.at[NDA_DST], 4) == NULL)
		return false;
	e->kind = h->nlmsg_type == RTM_DELNEIGH ? NETLINK_EVENT_NEIGHBOUR_GONE : NETLINK_EVENT_NEIGHBOUR;
	e->ifindex = m->ndm_ifindex;
	e->address = endpoint_v4(get_u32(a.at[NDA_DST]), 0);
	e->nud = m->ndm_state;
	e->has_mac = get_mac(a.at[NDA_LLADDR], e);
	return true;
}

static bool parse_error(const struct nlmsghdr *h, struct netlink_event *e) {
	const struct nlmsgerr *error = mnl_nlmsg_get_payload(h);

	if (mnl_nlmsg_get_payload_len(h) < sizeof(error->error))
		return false;
	e->kind = NETLINK_EVENT_ANSWERED;
	e->error = error->error;
	return true;
}

static bool parse_message(const struct nlmsghdr *h, struct netlink_event *e) {
	switch (h->nlmsg_type) {
	case NLMSG_ERROR:
	case NLMSG_DONE: // both begin with an errno
		return parse_error(h, e);
	case RTM_NEWLINK:
	case RTM_DELLINK:
		return parse_link(h, e);
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		return parse_route(h, e);
	case RTM_NEWRULE:
	case RTM_DELRULE:
	case RTM_NEWADDR:
	case RTM_DELADDR:
	case RTM_NEWNEXTHOP:
	case RTM_DELNEXTHOP:
		e->kind = NETLINK_EVENT_ALL_ROUTES;
		return true;
	case RTM_NEWNEIGH:
	case RTM_DELNEIGH:
		return parse_neighbour(h, e);
	default:
		return false;
	}
}

void netlink_parse(const void *buf, size_t length, netlink_fn *fn, void *ctx) {
	const struct nlmsghdr *h = buf;
	int left = (int)length;

	for (; mnl_nlmsg_ok(h, left); h = mnl_nlmsg_next(h, &left)) {
		struct netlink_event e = {.seq = h->nlmsg_seq};

		// libmnl looks for attributes up to the rounded length.
		if (NLMSG_ALIGN(h->nlmsg_len) > (uint32_t)left)
			break;
		if (parse_message(h, &e))
			fn(ctx, &e);
	}
}

int netlink_receive(int fd, netlink_fn *fn, void *ctx) {
	_Alignas(8) uint8_t buf[DATAGRAM_MAX];

	for (int i = 0; i < DATAGRAMS_A_TURN; i++) {
		struct sockaddr_nl from = {0};
		socklen_t from_length = sizeof(from);
		ssize_t n =
			recvfrom(fd, buf, sizeof(buf), MSG_DONTWAIT, (struct sockaddr *)&from, &from_length);

		if (n < 0)
			return errno == EAGAIN || errno == EINTR ? 0 : -errno;
		if (from_length == sizeof(from) && from.nl_pid == 0) // the kernel, nobody else
			netlink_parse(buf, (size_t)n, fn, ctx);
	}
	return 1;
}

// ---- questions ----

bool netlink_has_room(const struct netlink_batch *b) {
	return b->used + QUESTION_MAX <= sizeof(b->buf);
}

static struct nlmsghdr *begin(struct netlink_batch *b, uint32_t seq, uint16_t type, uint16_t flags) {
	struct nlmsghdr *h;

	assert(netlink_has_room(b));
	memset(b->buf + b->used, 0, QUESTION_MAX);
	h = mnl_nlmsg_put_header(b->buf + b->used);
	h->nlmsg_type = type;
	h->nlmsg_flags = NLM_F_REQUEST | flags;
	h->nlmsg_seq = seq;
	return h;
}

static void end(struct netlink_batch *b, const struct nlmsghdr *h) {
	b->used += NLMSG_ALIGN(h->nlmsg_len);
}

static void put_address(struct nlmsghdr *h, uint16_t type, const struct endpoint *e) {
	mnl_attr_put_u32(h, type, endpoint_v4_addr_be(e));
}

void netlink_put_route(struct netlink_batch *b, uint32_t seq, const struct endpoint *destination,
	const struct endpoint *source, int ifindex) {
	struct nlmsghdr *h = begin(b, seq, RTM_GETROUTE, 0);
	struct rtmsg *m = mnl_nlmsg_put_extra_header(h, sizeof(*m));

	m->rtm_family = AF_INET;
	m->rtm_dst_len = 32;
	m->rtm_src_len = 32;
	m->rtm_flags = RTM_F_LOOKUP_TABLE; // name the table: none if the kernel only assumes
	put_address(h, RTA_DST, destination);
	put_address(h, RTA_SRC, source);
	mnl_attr_put_u32(h, RTA_OIF, (uint32_t)ifindex);
	end(b, h);
}

static void put_neighbour(struct netlink_batch *b, struct nlmsghdr *h, int ifindex, uint8_t flags,
	const struct endpoint *address) {
	struct ndmsg *m = mnl_nlmsg_put_extra_header(h, sizeof(*m));

	m->ndm_family = AF_INET;
	m->ndm_ifindex = ifindex;
	m->ndm_flags = flags;
	m->ndm_state = flags == NTF_USE ? NUD_NONE : 0;
	put_address(h, NDA_DST, address);
	end(b, h);
}

void netlink_put_neighbour(
	struct netlink_batch *b, uint32_t seq, int ifindex, const struct endpoint *address) {
	put_neighbour(b, begin(b, seq, RTM_GETNEIGH, 0), ifindex, 0, address);
}

void netlink_put_use(struct netlink_batch *b, uint32_t seq, int ifindex, const struct endpoint *address) {
	put_neighbour(b, begin(b, seq, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_ACK), ifindex, NTF_USE, address);
}

void netlink_put_link(struct netlink_batch *b, uint32_t seq, int ifindex) {
	struct nlmsghdr *h = begin(b, seq, RTM_GETLINK, 0);
	struct ifinfomsg *m = mnl_nlmsg_put_extra_header(h, sizeof(*m));

	m->ifi_index = ifindex;
	end(b, h);
}

void netlink_put_all_links(struct netlink_batch *b, uint32_t seq) {
	struct nlmsghdr *h = begin(b, seq, RTM_GETLINK, NLM_F_DUMP);

	mnl_nlmsg_put_extra_header(h, sizeof(struct ifinfomsg));
	end(b, h);
}

int netlink_send(int fd, struct netlink_batch *b) {
	const struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	ssize_t n =
		sendto(fd, b->buf, b->used, MSG_DONTWAIT, (const struct sockaddr *)&kernel, sizeof(kernel));

	b->used = 0;
	return n < 0 ? -errno : 0;
}
