// rtnetlink: questions to the kernel's tables and what it tells, as plain values. Main thread; nothing here blocks.
#pragma once

#include "relay/endpoint.h"

#include <stdbool.h>
#include <net/if.h>
#include <stddef.h>

enum netlink_kind {
	// An acknowledgement (error 0), a refusal (error < 0) of request seq, or the end of the list that it asked for.
	NETLINK_EVENT_ANSWERED,
	NETLINK_EVENT_LINK, // an interface: name, up, mac, parent, vlan, rx, tx
	NETLINK_EVENT_LINK_GONE,
	NETLINK_EVENT_ROUTE, // on a following socket: this route changed; else the answer to netlink_put_route
	// A policy rule, a next-hop object or an address of this host changed: any route may lead elsewhere now. (With an
	// address go the routes that are from it, which nobody tells.)
	NETLINK_EVENT_ALL_ROUTES,
	NETLINK_EVENT_NEIGHBOUR, // address, nud, mac
	NETLINK_EVENT_NEIGHBOUR_GONE,
};

struct netlink_event {
	enum netlink_kind kind;
	uint32_t
		seq; // of the question that it answers; on a following socket: of whoever caused it, to be ignored
	int error; // ANSWERED: 0 or a negative errno
	int ifindex; // 0: none
	struct endpoint address; // ROUTE: the gateway, not set: on link; NEIGHBOUR: whose
	struct endpoint network; // ROUTE: where to
	uint8_t prefix_length; // likewise
	uint8_t mac[6];
	bool has_mac;
	uint16_t nud; // NEIGHBOUR: NUD_…
	bool usable; // ROUTE: unicast, and found in a table (with an interface given, the kernel else assumes on link)
	char name[IFNAMSIZ];
	int parent; // LINK: of a VLAN interface: the interface that it is on
	uint16_t vlan; // LINK: an 802.1Q VLAN interface's id, else 0
	bool up, running;
	bool has_stats;
	uint64_t rx, tx, rx_dropped; // LINK: packets
};

typedef void netlink_fn(void *ctx, const struct netlink_event *e);

// ---- sockets ----

// Open a socket that hears of links, of IPv4 addresses, routes and neighbours, and of rules (follow), or one for questions.
// Returns a descriptor or a negative errno.
[[nodiscard]] int netlink_open(bool follow);
// Read what has come, up to a bound, and tell it to fn. Returns 0 (that is all), 1 (there may be more), or -ENOBUFS: something
// was lost behind what is still to be read; ask anew once that is read.
[[nodiscard]] int netlink_receive(int fd, netlink_fn *fn, void *ctx);

// Questions are gathered in a batch and leave in one system call.
enum { NETLINK_BATCH_BYTES = 8192 };
struct netlink_batch {
	size_t used;
	_Alignas(8) uint8_t buf[NETLINK_BATCH_BYTES];
};
// True while one more question surely fits.
bool netlink_has_room(const struct netlink_batch *b);
// Which way would packets from source to destination go, out of that interface?
void netlink_put_route(struct netlink_batch *b, uint32_t seq, const struct endpoint *destination,
	const struct endpoint *source, int ifindex);
void netlink_put_neighbour(
	struct netlink_batch *b, uint32_t seq, int ifindex, const struct endpoint *address);
// Have the kernel resolve or confirm a neighbour, as if a packet went there.
void netlink_put_use(struct netlink_batch *b, uint32_t seq, int ifindex, const struct endpoint *address);
void netlink_put_link(struct netlink_batch *b, uint32_t seq, int ifindex);
void netlink_put_all_links(struct netlink_batch *b, uint32_t seq);
// Send and empty the batch. Returns 0 or a negative errno.
[[nodiscard]] int netlink_send(int fd, struct netlink_batch *b);

// ---- pure, for tests ----

// Tell fn every message of one datagram from the kernel.
void netlink_parse(const void *buf, size_t length, netlink_fn *fn, void *ctx);
