// What the relay asks of the host it runs on: interfaces and permissions. Main thread, at start.
#pragma once

#include "config/config.h"

#include <net/if.h>

// Channels, as the driver tells; all zero: it doesn't. A combined one receives and sends.
struct host_channels {
	unsigned rx, rx_max;
	unsigned combined, combined_max;
};

// What one interface is, asked once at start.
struct host_interface {
	char name[IFNAMSIZ];
	int index;
	uint8_t mac[6];
	unsigned mtu;
	struct host_channels channels;
	unsigned queues; // that are of use: the port's to say
	bool up, veth;
};

// Look at an interface. Logs one line on failure. Returns 0, -ENODEV, -EINVAL (not Ethernet), or another errno.
[[nodiscard]] int host_interface_get(const char *name, struct host_interface *out);
// Give an interface a MAC address and an MTU, and set it up. Returns 0 or a negative errno.
[[nodiscard]] int host_interface_set(const char *name, const uint8_t mac[static 6], unsigned mtu);
// Switch the NIC's stripping of VLAN tags on or off: a stripped frame would look untagged to XDP.
// Returns 1 if it was on, 0 if off (or not known to the device), or a negative errno.
[[nodiscard]] int host_set_rx_vlan(const char *name, bool on);
// Warn of media addresses that this host does not have (yet): nobody would find them.
void host_check_addresses(const struct config_realm *realm);
// Log what this process lacks to run a data plane; false if something does.
bool host_may_run(void);
