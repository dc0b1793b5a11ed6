// pci:, vdev: DPDK's driver has the NIC, and the kernel a TAP in its place.
#include "dpdk_app/port.h"

#include "config/log.h"
#include "dpdk_app/kernel_if.h"
#include "relay/counter.h"

#include <errno.h>
#include <rte_dev.h>
#include <rte_ethdev.h>
#include <rte_ether.h>
#include <string.h>

// ---- before EAL runs ----

// A virtual device upon an interface of the kernel (iface=) goes with it, and is claimed as that.
static int claim_interface(struct port *p) {
	struct host_interface nic;
	char what[16];
	int ret = host_interface_get(p->config->device.interface, &nic);

	if (ret < 0)
		return ret;
	p->nic_index = nic.index;
	snprintf(what, sizeof(what), "%d", nic.index);
	return port_hold(p, what);
}

static int claim(struct port *p) {
	p->interface.mtu = RTE_ETHER_MTU; // and of nothing more: larger frames would not come in one buffer
	return p->config->device.interface[0] != '\0' ? claim_interface(p)
						      : port_hold(p, p->config->device.text);
}

// ---- finding ----

static int find_device(struct port *p) {
	const struct config_device *d = &p->config->device;
	int ret = 0;

	if (d->kind == DEVICE_VDEV)
		ret = rte_eal_hotplug_add("vdev", d->name, d->args);
	if (ret == 0)
		ret = rte_eth_dev_get_port_by_name(d->name, &p->id);
	p->found = ret == 0;
	if (ret == -ENODEV && d->kind == DEVICE_PCI)
		log_error(
			"port name=%s device=%s: DPDK doesn't have it: is it there, bound to vfio-pci, with an IOMMU?",
			p->name, d->text);
	else if (ret < 0)
		log_error(
			"port name=%s device=%s: DPDK can't make it: %s: is the driver in this build, and are its arguments right?",
			p->name, d->text, strerror(-ret));
	return ret;
}

// As many queues as there are workers to poll them: packets on any other would be lost.
static int ask_device(struct port *p) {
	struct rte_ether_addr mac;
	struct rte_eth_dev_info info;
	int ret = rte_eth_dev_info_get(p->id, &info);

	if (ret == 0)
		ret = rte_eth_macaddr_get(p->id, &mac);
	if (ret < 0)
		return ret;
	memcpy(p->interface.mac, mac.addr_bytes, sizeof(p->interface.mac));
	p->n_queues = (uint16_t)p->interface.queues;
	if (info.max_rx_queues < p->n_queues)
		p->n_queues = info.max_rx_queues;
	if (info.max_tx_queues < p->n_queues)
		p->n_queues = info.max_tx_queues;
	if (p->n_queues > 0)
		return 0;
	log_error("port name=%s device=%s: it has no queues", p->name, p->config->device.text);
	return -ENODEV;
}

// With the NIC's MAC address; a virtual device that has none gets the TAP's.
static int attach_tap(struct port *p) {
	const char *name = p->config->kernel_if;
	struct host_interface tap;
	int ret = p->tap_fd = kernel_if_open(name);

	if (ret >= 0)
		ret = host_interface_get(name, &tap);
	if (ret < 0)
		return ret;
	if (rte_is_valid_assigned_ether_addr((const struct rte_ether_addr *)p->interface.mac))
		memcpy(tap.mac, p->interface.mac, sizeof(tap.mac));
	tap.mtu = p->interface.mtu;
	tap.queues = p->interface.queues;
	p->interface = tap;
	return kernel_if_configure(name, tap.mac, tap.mtu);
}

static int find(struct port *p) {
	int ret = find_device(p);

	if (ret == 0)
		ret = ask_device(p);
	if (ret == 0 && p->config->kernel_if[0] != '\0')
		ret = attach_tap(p);
	return ret;
}

// ---- opening ----

// DPDK's interrupt thread.
static int on_removed(uint16_t id, enum rte_eth_event_type type, void *arg, void *more) {
	struct port *p = arg;

	(void)id;
	(void)type;
	(void)more;
	atomic_store_explicit(&p->removed, true, memory_order_relaxed); // all there is to tell
	return 0;
}

static int open_device(
	struct port *p, unsigned index, const struct steer_table *table, struct rte_mempool *pool) {
	int ret = port_start(p, pool);

	(void)index;
	(void)table;
	if (ret < 0)
		return ret;
	// The kernel's multicast is behind the TAP: neighbour discovery, VRRP. Not every driver can, or has to.
	if (p->tap_fd >= 0)
		(void)rte_eth_allmulticast_enable(p->id);
	ret = rte_eth_dev_callback_register(p->id, RTE_ETH_EVENT_INTR_RMV, on_removed, p);
	if (ret == 0)
		ret = rte_eth_dev_callback_register(p->id, RTE_ETH_EVENT_DESTROY, on_removed, p);
	return ret;
}

// ---- while it runs ----

void port_count(const struct port *p, struct stats_port *out) {
	struct rte_eth_stats stats;

	if (rte_eth_stats_get(p->id, &stats) < 0)
		return;
	counter_set(&out->rx, stats.ipackets);
	counter_set(&out->tx, stats.opackets);
	counter_set(&out->rx_dropped, stats.imissed + stats.rx_nombuf);
}

bool port_link_up(struct port *p) {
	struct rte_eth_link link = {0};
	bool up;

	(void)rte_eth_link_get_nowait(p->id, &link);
	up = link.link_status == RTE_ETH_LINK_UP;
	if (up != p->link_up)
		log_info("port name=%s device=%s link=%s", p->name, p->config->device.text,
			up ? "up" : "down");
	p->link_up = up;
	return up;
}

const struct port_kind port_taken = {.claim = claim, .find = find, .open = open_device};
