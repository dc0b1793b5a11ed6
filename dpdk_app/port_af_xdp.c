// af_xdp: the NIC stays with its kernel driver; our XDP program takes media to the sockets of its queues.
#include "dpdk_app/port.h"

#include "config/log.h"
#include "dpdk_app/packet_pool.h"
#include "dpdk_app/xdp.h"

#include <errno.h>
#include <rte_dev.h>
#include <rte_ethdev.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

// As many as it receives on now, where it can combine that many.
static unsigned combined_wanted(const struct host_channels *c) {
	const unsigned n = c->rx + c->combined;

	if (n == 0)
		return 1;
	return n < c->combined_max ? n : c->combined_max;
}

unsigned port_rx_queues(const struct host_channels *c, char repair[static PORT_REPAIR]) {
	const unsigned n = c->rx + c->combined;
	// A device that tells nothing has one stream.
	const bool is_single = n == 1 || (n == 0 && c->rx_max == 0);

	if (c->combined_max == 0) { // the PMD opens the first
		if (!is_single)
			snprintf(repair, PORT_REPAIR, "rx 1");
		return is_single;
	}
	if (c->combined > 0 && c->rx == 0)
		return c->combined;
	// Where both kinds exist, drivers take one or the other.
	snprintf(repair, PORT_REPAIR, "%scombined %u", c->rx > 0 ? "rx 0 tx 0 " : "", combined_wanted(c));
	return 0;
}

// Media on a queue without a socket would be dropped.
static int check_queues(struct port *p) {
	const struct host_interface *i = &p->interface;
	const struct host_channels *c = &i->channels;
	char repair[PORT_REPAIR];

	p->interface.queues = port_rx_queues(c, repair);
	if (p->interface.queues > 0)
		return 0;
	log_error(
		"port name=%s interface=%s queues rx=%u combined=%u: AF_XDP needs all that receive to be combined, "
		"or only one: ethtool -L %s %s",
		p->name, i->name, c->rx, c->combined, i->name, repair);
	return -EINVAL;
}

static int check_interface(struct port *p) {
	const struct host_interface *i = &p->interface;

	if (i->mtu > packet_pool_mtu_max()) {
		log_error("port name=%s interface=%s mtu=%u: AF_XDP carries at most %u", p->name, i->name,
			i->mtu, packet_pool_mtu_max());
		return -EMSGSIZE;
	}
	if (!i->up)
		log_warning("port name=%s interface=%s is down: no media until it is up", p->name, i->name);
	return check_queues(p);
}

static int claim(struct port *p) {
	char what[16];
	int ret = host_interface_get(p->config->device.interface, &p->interface);

	if (ret < 0)
		return ret;
	p->nic_index = p->interface.index;
	ret = check_interface(p);
	if (ret < 0)
		return ret;
	snprintf(what, sizeof(what), "%d", p->nic_index);
	ret = port_hold(p, what);
	if (ret < 0)
		return ret;
	// No other relay lives here, so a program of ours is a dead one's.
	return xdp_check(p->interface.name, p->interface.index);
}

int port_format_args(
	const struct host_interface *i, unsigned n_queues, int object_fd, char *buf, size_t size) {
	// Preferred busy polling makes the kernel's part run on the worker's CPU, in the worker's time; veth has no
	// NAPI instance to poll until it receives.
	int n = snprintf(buf, size,
		"iface=%s,start_queue=0,queue_count=%u,shared_umem=0,busy_budget=%d,xdp_prog=/proc/self/fd/%d",
		i->name, n_queues, i->veth ? 0 : 64, object_fd);

	return n < 0 || (size_t)n >= size ? -E2BIG : 0;
}

// Make the DPDK device. The interface is not touched yet.
static int create_device(struct port *p, unsigned index, int object_fd) {
	char args[256], name[32];
	int ret = port_format_args(&p->interface, p->interface.queues, object_fd, args, sizeof(args));

	if (ret < 0)
		return ret;
	snprintf(name, sizeof(name), "net_af_xdp%u", index);
	ret = rte_eal_hotplug_add("vdev", name, args);
	if (ret == 0)
		ret = rte_eth_dev_get_port_by_name(name, &p->id);
	p->found = ret == 0;
	return ret;
}

static void strip_no_vlan(struct port *p) {
	int ret = host_set_rx_vlan(p->interface.name, false);

	p->rx_vlan_was_on = ret == 1;
	if (ret < 0)
		log_warning(
			"port name=%s interface=%s keeps stripping VLAN tags (%s): tagged media would look untagged",
			p->name, p->interface.name, strerror(-ret));
}

static int open_device(
	struct port *p, unsigned index, const struct steer_table *table, struct rte_mempool *pool) {
	int object_fd = xdp_object_open(table), ret;

	if (object_fd < 0)
		return object_fd;
	p->n_queues = (uint16_t)p->interface.queues;
	strip_no_vlan(p);
	ret = create_device(p, index, object_fd);
	if (ret == 0)
		ret = port_start(p, pool);
	if (ret == 0)
		ret = p->counts_fd = xdp_counts_open(p->interface.index);
	close(object_fd);
	return ret < 0 ? ret : 0;
}

static void close_device(struct port *p) {
	xdp_detach(p->interface.name, p->interface.index);
}

const struct port_kind port_af_xdp = {.claim = claim, .open = open_device, .close = close_device};
