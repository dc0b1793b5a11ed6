#include "dpdk_app/app.h"

#include "config/log.h"
#include "config/unix_socket.h"
#include "dpdk_app/clock.h"
#include "dpdk_app/packet_pool.h"
#include "dpdk_app/xdp.h"

#include <errno.h>
#include <rte_mempool.h>
#include <signal.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <unistd.h>

static_assert((int)STEER_MEDIA_MAX >= (int)RELAY_MEDIA_MAX);

// Blocked before the first thread is made, so that no other thread takes them.
static int open_signals(struct app *a) {
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0 || signal(SIGPIPE, SIG_IGN) == SIG_ERR ||
		signal(SIGHUP, SIG_IGN) == SIG_ERR)
		return -errno;
	a->signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (a->signal_fd < 0)
		return -errno;
	a->signals = (struct poller_source){.ready = app_on_signal, .ctx = a};
	return poller_add(&a->poller, a->signal_fd, &a->signals);
}

static int lock_instance(struct app *a) {
	const char *path = a->config->relay.control_socket;

	a->lock_fd = instance_lock(path);
	if (a->lock_fd == -EBUSY)
		log_error(
			"relay.control_socket=%s is locked: another kedge-relay runs with this configuration",
			path);
	else if (a->lock_fd < 0)
		log_error("relay.control_socket=%s can't be locked: %s", path, strerror(-a->lock_fd));
	return a->lock_fd < 0 ? a->lock_fd : 0;
}

// Everything that may be refused without touching any device. An interface per port, ours alone.
static int claim_ports(struct app *a) {
	const struct config_relay *r = &a->config->relay;

	if (r->n_ports > RELAY_PORTS_MAX)
		return -E2BIG;
	for (int i = 0; i < r->n_ports; i++) {
		int ret = port_claim(&r->ports[i], (unsigned)r->n_workers, &a->ports[a->n_ports++]);

		if (ret < 0)
			return ret;
	}
	return 0;
}

static struct packet_pool_params size_pool(const struct app *a) {
	const struct config_relay *r = &a->config->relay;
	struct packet_pool_params p = {.n_workers = (unsigned)r->n_workers,
		.n_ring_slots = workers_ring_slots((unsigned)r->n_workers),
		.cache = (unsigned)r->buffer_cache,
		.wanted = (unsigned)r->buffers,
		.mtu = 1500};

	for (unsigned i = 0; i < a->n_ports; i++) {
		p.n_queues += a->ports[i].interface.queues;
		if (a->ports[i].interface.mtu > p.mtu)
			p.mtu = a->ports[i].interface.mtu;
	}
	return p;
}

// ---- what the core and the XDP programs need to know ----

static void fill_realms(struct app *a) {
	struct relay_params *p = &a->params;

	for (int i = 0; i < a->config->n_realms && i < RELAY_REALMS_MAX; i++) {
		const struct config_realm *from = &a->config->realms[i];
		struct relay_realm *to = &p->realms[p->n_realms++];

		snprintf(to->name, sizeof(to->name), "%s", from->name);
		to->port = (uint16_t)from->port;
		to->vlan = (uint16_t)from->vlan;
		to->dscp = (uint8_t)from->dscp;
		for (int j = 0; j < from->n_media && p->n_media < RELAY_MEDIA_MAX; j++) {
			p->media[p->n_media++] = (struct relay_media){
				.realm = (uint16_t)i,
				.address = from->media[j].address,
				.port_first = from->media[j].port_first,
				.port_last = from->media[j].port_last,
			};
		}
	}
}

// A device that the kernel has nothing of: nobody knows a route there, and what is learnt from frames has to do.
static bool has_kernel(const struct app *a, uint16_t realm) {
	return a->ports[a->config->realms[realm].port].interface.index != 0 ||
		a->config->realms[realm].interface[0] != '\0';
}

static uint32_t get_next_hop(void *ctx, uint16_t media, const struct endpoint *dst) {
	struct app *a = ctx;

	return has_kernel(a, a->params.media[media].realm) ? next_hops_get(a->next_hops, media, dst) : 0;
}

static void put_next_hop(void *ctx, uint32_t id) {
	struct app *a = ctx;

	next_hops_put(a->next_hops, id);
}

static void describe_next_hop(void *ctx, uint32_t id, struct endpoint *gateway) {
	struct app *a = ctx;

	next_hops_describe(a->next_hops, id, gateway);
}

static void fill_params(struct app *a) {
	struct relay_params *p = &a->params;

	p->max_sessions = (uint32_t)a->config->relay.max_sessions;
	p->n_workers = (uint16_t)a->cpus.n_workers;
	p->n_ports = (uint16_t)a->n_ports;
	for (unsigned i = 0; i < a->n_ports; i++) {
		memcpy(p->port_mac[i], a->ports[i].interface.mac, sizeof(p->port_mac[i]));
		p->port_compute_checksum[i] = a->config->relay.ports[i].udp_checksum == UDP_CHECKSUM_COMPUTE;
	}
	p->next_hop_get = get_next_hop;
	p->next_hop_put = put_next_hop;
	p->next_hop_describe = describe_next_hop;
	p->next_hop_ctx = a;
	p->next_hop_words = next_hops_words(a->next_hops);
	if (getrandom(&p->boot_id, sizeof(p->boot_id), 0) != (ssize_t)sizeof(p->boot_id))
		p->boot_id = clock_now_ns();
}

// All media addresses, whichever port they are of: see steer.bpf.c.
static struct steer_table steer_table(const struct app *a, unsigned port) {
	struct steer_table t = {.magic = STEER_MAGIC};

	memcpy(t.mac, a->ports[port].interface.mac, sizeof(t.mac));
	for (unsigned i = 0; i < a->params.n_media; i++) {
		const struct relay_media *m = &a->params.media[i];

		t.media[t.n_media++] = (struct steer_media){
			.address = endpoint_v4_addr_be(&m->address),
			.port_first = m->port_first,
			.port_last = m->port_last,
		};
	}
	return t;
}

// ---- start, in this order ----

// From here on the host has all its interfaces, the TAPs among them, and every port its MAC address.
static int find_ports(struct app *a) {
	int ret = 0;

	for (unsigned i = 0; i < a->n_ports && ret == 0; i++)
		ret = port_find(&a->ports[i]);
	for (int i = 0; i < a->config->n_realms && ret == 0; i++)
		host_check_addresses(&a->config->realms[i]);
	return ret;
}

static void on_failed(void *ctx, uint32_t id) {
	struct app *a = ctx;

	relay_next_hop_failed(a->relay, id);
}

static int start_next_hops(struct app *a) {
	// Two components of two sides each have a destination; the rest is for those that are just being changed.
	struct next_hops_params p = {.capacity = 4 * (uint32_t)a->config->relay.max_sessions + 64,
		.n_realms = a->params.n_realms,
		.n_media = a->params.n_media,
		.failed = on_failed,
		.ctx = a};

	for (unsigned i = 0; i < a->params.n_realms; i++)
		p.vlan[i] = a->params.realms[i].vlan;
	for (unsigned i = 0; i < a->params.n_media; i++) {
		p.media[i].realm = a->params.media[i].realm;
		p.media[i].address = a->params.media[i].address;
	}
	return next_hops_create(&p, &a->next_hops);
}

static int start_core(struct app *a) {
	int ret = start_next_hops(a);

	if (ret < 0)
		return ret;
	fill_params(a);
	ret = stats_open(relay_stats_bytes(&a->params), &a->memory);
	if (ret < 0)
		return ret;
	ret = relay_create(&a->params, a->memory.address, &a->relay);
	if (ret < 0)
		return ret;
	a->stats = relay_stats(a->relay);
	return 0;
}

static int open_ports(struct app *a) {
	for (unsigned i = 0; i < a->n_ports; i++) {
		const struct steer_table table = steer_table(a, i);
		struct stats_port *s = relay_stats_port(a->relay, i);
		int ret = port_open(&a->ports[i], i, &table, a->pool);

		if (ret < 0)
			return ret;
		snprintf(s->name, sizeof(s->name), "%s", a->config->relay.ports[i].name);
		snprintf(s->device, sizeof(s->device), "%.31s", a->config->relay.ports[i].device.text);
		snprintf(s->kernel_if, sizeof(s->kernel_if), "%s", a->config->relay.ports[i].kernel_if);
		s->queues = a->ports[i].n_queues;
	}
	return 0;
}

// Runs on main's CPUs, as this thread does.
static int start_punt(struct app *a) {
	struct punt_params p = {.n_workers = a->params.n_workers, .n_ports = a->n_ports};
	bool needed = false;

	for (unsigned i = 0; i < a->n_ports; i++) {
		p.ports[i].tap_fd = a->ports[i].tap_fd;
		p.ports[i].sender = i % a->ports[i].n_queues; // has the queue of that number
		for (unsigned class = 0; class < PUNT_CLASS_COUNT; class ++)
			p.ports[i].pps[class] = (uint32_t)a->config->relay.ports[i].punt_pps[class];
		needed |= a->ports[i].tap_fd >= 0;
	}
	return needed ? punt_open(&p, &a->punt) : 0;
}

static int start_worker(struct app *a, unsigned index) {
	struct worker *w = &a->workers[index];
	int ret;

	w->core = relay_worker(a->relay, index);
	w->stats = relay_worker_stats(w->core);
	w->punt = a->punt == NULL ? NULL : punt_worker(a->punt, index);
	w->stats->cpu = (uint32_t)a->cpus.worker[index];
	w->lcore = index + 1;
	w->pool = a->pool;
	w->idle_sleep_us = (uint32_t)a->config->relay.idle_sleep_us;
	if (a->cpus.shared && w->idle_sleep_us == 0)
		w->idle_sleep_us = 50;
	for (unsigned i = 0; i < a->n_ports; i++)
		w->ports[w->n_ports++] =
			worker_split(a->ports[i].id, a->ports[i].n_queues, index, a->n_workers);
	ret = worker_start(w);
	if (ret == 0)
		a->n_started++;
	return ret;
}

static int start_workers(struct app *a) {
	int ret;

	a->n_workers = (unsigned)a->cpus.n_workers;
	ret = workers_join(a->workers, a->n_workers);
	for (unsigned i = 0; i < a->n_workers && ret == 0; i++)
		ret = start_worker(a, i);
	return ret;
}

static int start_data_plane(struct app *a) {
	const struct packet_pool_params pool = size_pool(a);
	int ret = eal_start(&a->config->relay, packet_pool_bytes(&pool), &a->cpus);

	if (ret < 0)
		return ret;
	a->eal_started = true;
	ret = find_ports(a);
	if (ret < 0)
		return ret;
	ret = packet_pool_create(&pool, &a->pool);
	if (ret < 0)
		return ret;
	ret = start_core(a);
	if (ret < 0) {
		log_error("relay max_sessions=%d can't be set up: %s", a->config->relay.max_sessions,
			strerror(-ret));
		return ret;
	}
	ret = open_ports(a);
	if (ret == 0)
		ret = start_punt(a);
	return ret < 0 ? ret : start_workers(a);
}

static int start(struct app *a) {
	int ret = poller_open(&a->poller);

	if (ret == 0)
		ret = open_signals(a);
	if (ret == 0)
		ret = host_may_run() ? 0 : -EPERM;
	// Before any device is touched: the programs of a relay that runs are not to be taken for a dead one's.
	if (ret == 0)
		ret = lock_instance(a);
	if (ret == 0)
		ret = claim_ports(a);
	if (ret < 0)
		return ret;
	fill_realms(a);
	reserved_ports_add(&a->reserved, reserved_ports_sysctl, a->lock_fd, a->config);
	a->ports_reserved = true;
	ret = start_data_plane(a);
	if (ret == 0)
		ret = neighbour_open(a->next_hops, a->ports, a->config, &a->poller, &a->neighbour);
	// Last: whoever finds the socket finds a relay that works.
	if (ret == 0)
		ret = control_socket_open(a->config, a->relay, &a->poller, a->memory.read_fd, &a->control);
	return ret;
}

// The other way round; copes with whatever was not started.
static void stop(struct app *a) {
	control_socket_close(a->control);
	workers_stop(a->workers, a->n_started);
	workers_unjoin(a->workers, a->n_workers);
	punt_close(a->punt);
	neighbour_close(a->neighbour);
	for (unsigned i = 0; i < a->n_ports; i++)
		port_close(&a->ports[i]);
	relay_destroy(a->relay);
	next_hops_destroy(a->next_hops);
	stats_close(&a->memory);
	rte_mempool_free(a->pool);
	if (a->eal_started)
		eal_stop();
	if (a->ports_reserved)
		reserved_ports_release(&a->reserved);
	if (a->signal_fd >= 0)
		close(a->signal_fd);
	poller_close(&a->poller);
	if (a->lock_fd >= 0)
		close(a->lock_fd);
	free(a);
}

int app_run(const struct config *config) {
	struct app *a = aligned_alloc(alignof(struct app), sizeof(*a)); // workers have lines of their own
	int status = EXIT_REFUSED, ret;

	if (a == NULL) {
		log_error("relay doesn't start: %s", strerror(ENOMEM));
		return status;
	}
	memset(a, 0, sizeof(*a));
	a->config = config;
	a->lock_fd = a->signal_fd = a->poller.fd = a->memory.read_fd = -1;
	xdp_log_init();
	ret = start(a);
	if (ret == 0) {
		log_info("relay node=%s boot_id=%016llx max_sessions=%d workers=%u cpu=%d ready",
			config->node, (unsigned long long)a->params.boot_id, config->relay.max_sessions,
			a->n_workers, a->cpus.worker[0]);
		status = app_loop(a);
	} else {
		log_error("relay doesn't start: %s", strerror(-ret));
	}
	stop(a);
	return status;
}
