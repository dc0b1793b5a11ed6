#include "dpdk_app/port.h"

#include "config/log.h"
#include "dpdk_app/packet_pool.h"
#include "dpdk_app/kernel_if.h"

#include <errno.h>
#include <rte_ethdev.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

// ---- claiming ----

// An abstract Unix address belongs to the network namespace, as interfaces do, and ends with its process.
static int bind_name(struct port *p, const char *what) {
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const int room = sizeof(address.sun_path) - 1;
	int length = snprintf(address.sun_path + 1, (size_t)room, "kedge-relay/device/%s", what);

	p->claim_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (p->claim_fd < 0)
		return -errno;
	if (length >= room)
		length = room - 1; // cut off
	if (bind(p->claim_fd, (struct sockaddr *)&address,
		    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)length)) < 0)
		return -errno;
	return 0;
}

// Two relays with different configs must not take each other's program for a dead one's.
int port_hold(struct port *p, const char *what) {
	int ret = bind_name(p, what);

	if (ret < 0)
		log_error("port name=%s device=%s: %s", p->name, p->config->device.text,
			ret == -EADDRINUSE ? "in use by another port or another kedge-relay"
					   : strerror(-ret));
	return ret;
}

int port_claim(const struct config_port *config, unsigned n_workers, struct port *p) {
	*p = (struct port){.config = config,
		.claim_fd = -1,
		.counts_fd = -1,
		.tap_fd = -1,
		.link_up = true,
		.carrier = true};
	snprintf(p->name, sizeof(p->name), "%s", config->name);
	p->kind = config->device.kind == DEVICE_AF_XDP ? &port_af_xdp : &port_taken;
	p->n_workers = p->interface.queues = n_workers;
	return p->kind->claim(p);
}

// ---- the device ----

int port_find(struct port *p) {
	return p->kind->find == NULL ? 0 : p->kind->find(p);
}

static int setup_queues(const struct port *p, struct rte_mempool *pool) {
	const unsigned socket = (unsigned)rte_eth_dev_socket_id(p->id);
	uint16_t rx = PACKET_POOL_RING, tx = PACKET_POOL_RING;
	int ret = rte_eth_dev_adjust_nb_rx_tx_desc(p->id, &rx, &tx);

	for (uint16_t q = 0; q < p->n_queues && ret == 0; q++)
		ret = rte_eth_rx_queue_setup(p->id, q, rx, socket, NULL, pool);
	for (uint16_t q = 0; q < p->n_queues && ret == 0; q++)
		ret = rte_eth_tx_queue_setup(p->id, q, tx, socket, NULL);
	return ret;
}

int port_start(struct port *p, struct rte_mempool *pool) {
	struct rte_eth_conf conf = {.rxmode.mtu = p->interface.mtu};
	struct rte_eth_dev_info info;
	bool prepared = false;
	int ret = rte_eth_dev_info_get(p->id, &info);

	if (ret == 0) {
		conf.intr_conf.rmv = (*info.dev_flags & RTE_ETH_DEV_INTR_RMV) != 0;
		prepared = steering_prepare(&info, p->n_queues, &conf);
		ret = rte_eth_dev_configure(p->id, p->n_queues, p->n_queues, &conf);
	}
	if (ret == 0)
		ret = setup_queues(p, pool);
	if (ret == 0)
		ret = rte_eth_dev_start(p->id); // which also switches promiscuity off
	if (ret == 0)
		p->steering = steering_start(p->id, p->n_queues, p->n_workers, prepared);
	return ret;
}

int port_open(struct port *p, unsigned index, const struct steer_table *table, struct rte_mempool *pool) {
	const uint8_t *mac = p->interface.mac;
	int ret = p->kind->open(p, index, table, pool);

	if (ret < 0) {
		log_error("port name=%s device=%s doesn't open: %s", p->name, p->config->device.text,
			strerror(-ret));
		return ret;
	}
	log_info(
		"port name=%s device=%s mac=%02x:%02x:%02x:%02x:%02x:%02x mtu=%u queues=%u steering=%s media=%u%s%s",
		p->name, p->config->device.text, mac[0], mac[1], mac[2], mac[3], mac[4], mac[5],
		p->interface.mtu, p->n_queues, steering_name(p->steering), table->n_media,
		p->tap_fd >= 0 ? " kernel_if=" : "", p->tap_fd >= 0 ? p->config->kernel_if : "");
	return 0;
}

void port_close(struct port *p) {
	if (p->found) {
		rte_eth_dev_stop(p->id);
		rte_eth_dev_close(p->id);
		if (p->kind->close != NULL)
			p->kind->close(p);
	}
	if (p->rx_vlan_was_on)
		(void)host_set_rx_vlan(p->interface.name, true);
	if (p->tap_fd >= 0)
		close(p->tap_fd);
	if (p->counts_fd >= 0)
		close(p->counts_fd);
	if (p->claim_fd >= 0)
		close(p->claim_fd);
	*p = (struct port){.claim_fd = -1, .counts_fd = -1, .tap_fd = -1};
}

// ---- the link ----

void port_show_link(struct port *p, bool up) {
	if (p->tap_fd < 0 || up == p->carrier)
		return;
	if (kernel_if_carrier(p->tap_fd, up) == 0)
		p->carrier = up;
}
