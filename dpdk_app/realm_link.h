// The kernel's interface of a realm, where its routes and neighbours are: the port's own; or that of the realm's VLAN on it,
// or one that is named, which may come and go while the relay runs. Main thread; logs when one is missing, found or gone.
#pragma once

#include "config/config.h"
#include "dpdk_app/host.h"
#include "dpdk_app/netlink.h"

struct realm_link {
	const struct config_realm *realm; // borrowed
	const struct host_interface *port; // borrowed
	int ifindex; // 0: there is none now
	char name[IFNAMSIZ];
	bool listed, told_missing, told_mac;
};

// Begin with what is known without the kernel: the port's own interface, or none yet.
struct realm_link realm_link_begin(const struct config_realm *realm, const struct host_interface *port);
// What the kernel told of some interface. Returns true if ifindex is another one now.
bool realm_link_on(struct realm_link *l, const struct netlink_event *e);
// Around a list of all interfaces: what is not in it is not there. end returns true if ifindex is another one now.
void realm_link_list_begin(struct realm_link *l);
bool realm_link_list_end(struct realm_link *l);
