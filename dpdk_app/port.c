#include "dpdk_app/port.h"

#include "config/log.h"
#include "dpdk_app/packet_pool.h"
#include "dpdk_app/xdp.h"

#include <errno.h>
#include <inttypes.h>
#include <rte_dev.h>
#include <rte_ethdev.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static const char af_xdp[] = "af_xdp:";

const char *port_interface_name(const char *device) {
	return strncmp(device, af_xdp, sizeof(af_xdp) - 1) == 0 ? device + sizeof(af_xdp) - 1 : NULL;
}

// Two relays with different configs must not take each other's program for a dead one's. An abstract Unix address
// belongs to the network namespace, as interfaces do, and ends with its process.
static int claim(struct port *p) {
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const int length = snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1,
		"kedge-relay/device/%d", p->interface.index);

	p->claim_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (p->claim_fd < 0)
		return -errno;
	if (bind(p->claim_fd, (struct sockaddr *)&address,
		    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)length)) < 0)
		return -errno;
	return 0;
}

static int check_interface(const struct port *p) {
	const struct host_interface *i = &p->interface;

	if (i->mtu > packet_pool_mtu_max()) {
		log_error("port name=%s interface=%s mtu=%u: AF_XDP carries at most %u", p->name, i->name,
			i->mtu, packet_pool_mtu_max());
		return -EMSGSIZE;
	}
	// Its further receive queues would have no socket, and their media be dropped.
	if (i->veth && i->rx_queues > 1) {
		log_error("port name=%s interface=%s rx_queues=%u: one is needed: ethtool -L %s rx 1 tx 1",
			p->name, i->name, i->rx_queues, i->name);
		return -EINVAL;
	}
	if (!i->up)
		log_warning("port name=%s interface=%s is down: no media until it is up", p->name, i->name);
	return 0;
}

int port_claim(const struct config_port *config, struct port *p) {
	const char *interface = port_interface_name(config->device);
	int ret;

	*p = (struct port){.claim_fd = -1, .counts_fd = -1};
	snprintf(p->name, sizeof(p->name), "%s", config->name);
	if (interface == NULL) {
		log_error("port name=%s device=%s: only \"af_xdp:INTERFACE\" is supported", config->name,
			config->device);
		return -ENOTSUP;
	}
	ret = host_interface_get(interface, &p->interface);
	if (ret < 0)
		return ret;
	ret = check_interface(p);
	if (ret < 0)
		return ret;
	ret = claim(p);
	if (ret < 0) {
		log_error("port name=%s interface=%s: %s", config->name, interface,
			ret == -EADDRINUSE ? "in use by another port or another kedge-relay"
					   : strerror(-ret));
		return ret;
	}
	return xdp_check(
		interface, p->interface.index); // no other relay lives here, so one of ours is a dead one's
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
	if (ret < 0)
		return ret;
	p->open = true;
	return rte_eth_dev_get_port_by_name(name, &p->id);
}

static int setup_queues(struct port *p, struct rte_mempool *pool) {
	const struct rte_eth_conf conf = {.rxmode.mtu = p->interface.mtu};
	int ret = rte_eth_dev_configure(p->id, p->n_queues, p->n_queues, &conf);

	for (uint16_t q = 0; q < p->n_queues && ret == 0; q++)
		ret = rte_eth_rx_queue_setup(
			p->id, q, PACKET_POOL_RING, (unsigned)rte_eth_dev_socket_id(p->id), NULL, pool);
	for (uint16_t q = 0; q < p->n_queues && ret == 0; q++)
		ret = rte_eth_tx_queue_setup(
			p->id, q, PACKET_POOL_RING, (unsigned)rte_eth_dev_socket_id(p->id), NULL);
	if (ret == 0)
		ret = rte_eth_dev_start(p->id); // which also switches promiscuity off
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

int port_open(struct port *p, unsigned index, const struct steer_table *table, struct rte_mempool *pool) {
	int object_fd = xdp_object_open(table), ret;

	if (object_fd < 0)
		return object_fd;
	p->n_queues = (uint16_t)p->interface.queues;
	strip_no_vlan(p);
	ret = create_device(p, index, object_fd);
	if (ret == 0)
		ret = setup_queues(p, pool);
	if (ret == 0)
		ret = p->counts_fd = xdp_counts_open(p->interface.index);
	close(object_fd);
	if (ret < 0) {
		log_error("port name=%s interface=%s doesn't open: %s", p->name, p->interface.name,
			strerror(-ret));
		return ret;
	}
	log_info("port name=%s interface=%s mac=%02x:%02x:%02x:%02x:%02x:%02x mtu=%u queues=%u media=%u",
		p->name, p->interface.name, p->interface.mac[0], p->interface.mac[1], p->interface.mac[2],
		p->interface.mac[3], p->interface.mac[4], p->interface.mac[5], p->interface.mtu, p->n_queues,
		table->n_media);
	return 0;
}

void port_close(struct port *p) {
	if (p->open) {
		rte_eth_dev_stop(p->id);
		rte_eth_dev_close(p->id);
		xdp_detach(p->interface.name, p->interface.index);
	}
	if (p->rx_vlan_was_on)
		(void)host_set_rx_vlan(p->interface.name, true);
	if (p->counts_fd >= 0)
		close(p->counts_fd);
	if (p->claim_fd >= 0)
		close(p->claim_fd);
	*p = (struct port){.claim_fd = -1, .counts_fd = -1};
}
