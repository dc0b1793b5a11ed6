#include "dpdk_app/realm_link.h"

#include "config/log.h"

#include <stdio.h>
#include <string.h>

// The port's own interface, which stays as long as the relay runs; or none for good, where the kernel has nothing of the port.
static bool is_ports(const struct realm_link *l) {
	return l->realm->interface[0] == '\0' && (l->realm->vlan == 0 || l->port->index == 0);
}

struct realm_link realm_link_begin(const struct config_realm *realm, const struct host_interface *port) {
	struct realm_link l = {.realm = realm, .port = port};

	if (is_ports(&l))
		l.ifindex = port->index;
	return l;
}

static bool is_it(const struct realm_link *l, const struct netlink_event *e) {
	if (l->realm->interface[0] != '\0')
		return strcmp(e->name, l->realm->interface) == 0;
	return e->vlan == l->realm->vlan && e->parent == l->port->index;
}

// Frames leave with the port's MAC, and only frames to it are taken for media.
static void check_mac(struct realm_link *l, const struct netlink_event *e) {
	const bool differs = e->has_mac && memcmp(e->mac, l->port->mac, sizeof(e->mac)) != 0;

	if (differs && !l->told_mac)
		log_warning(
			"realm name=%s interface=%s has a MAC address of its own: no media until it is that of %s",
			l->realm->name, l->name, l->port->name);
	l->told_mac = differs;
}

static bool on_there(struct realm_link *l, const struct netlink_event *e) {
	const bool is_new = l->ifindex != e->ifindex;

	l->listed = true;
	l->told_missing = false;
	l->ifindex = e->ifindex;
	snprintf(l->name, sizeof(l->name), "%s", e->name);
	if (is_new)
		log_info("realm name=%s vlan=%d interface=%s is there", l->realm->name, l->realm->vlan,
			l->name);
	check_mac(l, e);
	return is_new;
}

static bool on_gone(struct realm_link *l) {
	log_warning("realm name=%s vlan=%d interface=%s is gone: no media until there is one again",
		l->realm->name, l->realm->vlan, l->name);
	l->ifindex = 0;
	l->told_mac = false;
	l->told_missing = true;
	return true;
}

bool realm_link_on(struct realm_link *l, const struct netlink_event *e) {
	if (is_ports(l))
		return false;
	if (e->kind == NETLINK_EVENT_LINK && is_it(l, e))
		return on_there(l, e);
	// Gone, or renamed.
	return e->ifindex == l->ifindex && on_gone(l);
}

void realm_link_list_begin(struct realm_link *l) {
	l->listed = false;
}

static void tell_missing(const struct realm_link *l) {
	const struct config_realm *r = l->realm;

	if (r->interface[0] != '\0')
		log_warning("realm name=%s interface=%s is not there: no media until it is", r->name,
			r->interface);
	else
		log_warning("realm name=%s vlan=%d: no media until the kernel has an interface for it: "
			    "ip link add link %s name %.10s.%d type vlan id %d",
			r->name, r->vlan, l->port->name, l->port->name, r->vlan, r->vlan);
}

bool realm_link_list_end(struct realm_link *l) {
	if (is_ports(l) || l->listed)
		return false;
	if (l->ifindex != 0)
		return on_gone(l);
	if (!l->told_missing)
		tell_missing(l);
	l->told_missing = true;
	return false;
}
