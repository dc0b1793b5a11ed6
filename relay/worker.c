#include "relay/worker.h"

#include "relay/counter.h"
#include "relay/learnt.h"
#include "relay/rewrite.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { LINE = 64, HUGE_PAGE = 2 << 20 };

// Whole lines, zeroed. Large tables ask for huge pages: packets of many sessions touch them all over, and each page
// that the TLB lacks costs as much as the rest of a packet.
static void *alloc_lines(size_t n, size_t size) {
	size_t align = n * size < HUGE_PAGE ? LINE : HUGE_PAGE;
	size_t bytes = (n * size + align - 1) / align * align;
	void *p = aligned_alloc(align, bytes);

	if (p == NULL)
		return NULL;
	if (align == HUGE_PAGE)
		(void)madvise(p, bytes, MADV_HUGEPAGE); // advice: without it only slower
	memset(p, 0, bytes);
	return p;
}

static int add_media(struct relay_worker *w, const struct relay_params *p, unsigned index) {
	const struct relay_media *m = &p->media[index];
	struct worker_media *to = &w->media_table[w->n_media];
	size_t n = (size_t)m->port_last - m->port_first + 1;

	to->components = malloc(n * sizeof(*to->components));
	if (to->components == NULL)
		return -ENOMEM;
	memset(to->components, 0xff, n * sizeof(*to->components));
	to->addr_be = endpoint_v4_addr_be(&m->address);
	to->first = m->port_first;
	to->span = (uint16_t)(m->port_last - m->port_first);
	w->media[index] = to;
	w->n_media++;
	return 0;
}

static int alloc_tables(struct relay_worker *w, const struct relay_params *p) {
	size_t n = (size_t)p->max_sessions * COMPONENTS;

	w->hot = alloc_lines(n, sizeof(*w->hot));
	w->cold = alloc_lines(n, sizeof(*w->cold));
	w->commands = alloc_lines(WORKER_RING, sizeof(*w->commands));
	w->dirty = alloc_lines(((size_t)p->max_sessions + 63) / 64, sizeof(*w->dirty));
	if (w->hot == NULL || w->cold == NULL || w->commands == NULL || w->dirty == NULL)
		return -ENOMEM;
	for (unsigned port = 0; port < p->n_ports; port++) {
		w->ports[port].first = &w->media_table[w->n_media];
		for (unsigned i = 0; i < p->n_media; i++)
			if (p->realms[p->media[i].realm].port == port && add_media(w, p, i) < 0)
				return -ENOMEM;
		w->ports[port].end = &w->media_table[w->n_media];
	}
	return 0;
}

int worker_create(const struct relay_params *p, const struct stats_header *stats, unsigned index,
	struct relay_worker **out) {
	struct relay_worker *w = alloc_lines(1, sizeof(*w));

	if (w == NULL)
		return -ENOMEM;
	w->n_ports = p->n_ports;
	w->next_hop_words = p->next_hop_words;
	w->stats = stats;
	w->counters = counters_worker(stats, index);
	w->slots = (struct worker_slot *)(void *)counters_component(stats, 0);
	assert(stats->slot_stride == sizeof(*w->slots));
	memcpy(w->port_mac, p->port_mac, sizeof(w->port_mac));
	ring_init(&w->ring, WORKER_RING);
	if (alloc_tables(w, p) < 0) {
		worker_destroy(w);
		return -ENOMEM;
	}
	*out = w;
	return 0;
}

void worker_destroy(struct relay_worker *w) {
	if (w == NULL)
		return;
	for (unsigned i = 0; i < w->n_media; i++)
		free(w->media_table[i].components);
	free(w->dirty);
	free(w->commands);
	free(w->cold);
	free(w->hot);
	free(w);
}

struct stats_worker *relay_worker_stats(struct relay_worker *w) {
	return w->counters;
}

void worker_raise(struct relay_worker *w, uint32_t component, uint32_t events) {
	struct component_slot *slot = &w->slots[component].counters;
	uint32_t session = component / COMPONENTS, had = counter_read32(&slot->events);

	if ((had | events) == had &&
		!(events & EVENT_LATCHED)) // another latch is news, another stranger is not
		return;
	counter_set32(&slot->events, had | events);
	// Release: main, seeing the bit, sees the events and what was learnt.
	atomic_fetch_or_explicit(&w->dirty[session / 64], 1ull << session % 64, memory_order_release);
	// Release: main, seeing the number, sees the bit.
	atomic_fetch_add_explicit(&w->event_seq, 1, memory_order_release);
}

void worker_aim(struct relay_worker *w, uint32_t component, struct latch_addr addr) {
	struct hot *h = &w->hot[component];
	const struct worker_cold *c = &w->cold[component];
	struct rewrite_path path = {
		.tos = c->tos,
		.local_be = w->media[c->media]->addr_be,
		.local_port = c->local_port,
		.target_be = addr.addr_be,
		.target_port = addr.port,
	};

	memcpy(path.mac, w->port_mac[h->egress & HOT_EGRESS_MASK], sizeof(path.mac));
	rewrite_prepare(h->header, &path);
	h->hop = addr.addr_be != 0 && c->hop_addr_be == addr.addr_be ? c->hop : 0;
}

static void show_latch(struct relay_worker *w, uint32_t component, const struct latch_addr *addr) {
	struct component_slot *slot = &w->slots[component].counters;
	struct endpoint e = {0};

	if (addr != NULL)
		e = endpoint_v4(addr->addr_be, addr->port);
	learnt_write(slot, &e);
	counter_set32(&slot->latched, addr != NULL);
}

void worker_learn(struct relay_worker *w, uint32_t component, struct latch_addr addr, const uint8_t mac[6]) {
	struct hot *h = &w->hot[component];

	memset(h->header, 0, PACKET_MAC_SOURCE);
	if (mac != NULL && !(mac[0] & 1)) // a group address is nobody's source
		memcpy(h->header, mac, PACKET_MAC_SOURCE);
	w->cold[component].latched = true;
	w->cold[component].relearn = false;
	worker_aim(w, component, addr);
	h->state = HOT_READY;
	show_latch(w, component, &addr);
	worker_raise(w, component, EVENT_LATCHED);
}

static bool is_learning(uint8_t mode) {
	return mode == LATCH_ADDRESS || mode == LATCH_ANY;
}

static void forget(struct relay_worker *w, uint32_t component) {
	struct worker_cold *c = &w->cold[component];

	memset(w->hot[component].header, 0, PACKET_MAC_SOURCE);
	if (c->latched)
		show_latch(w, component, NULL);
	c->latched = c->relearn = false;
}

static void set_port(struct relay_worker *w, uint32_t component, uint16_t media, uint16_t port) {
	struct worker_cold *c = &w->cold[component];

	if (c->local_port != 0) {
		struct worker_media *m = w->media[c->media];

		assert(m->components[c->local_port - m->first] == component);
		m->components[c->local_port - m->first] = UINT32_MAX;
	}
	c->media = media;
	c->local_port = port;
	if (port != 0)
		w->media[media]->components[port - w->media[media]->first] = component;
}

static void apply_signalled(struct relay_worker *w, uint32_t component) {
	struct worker_cold *c = &w->cold[component];

	forget(w, component);
	worker_aim(w, component, c->remote);
	w->hot[component].state = c->remote.addr_be != 0 ? HOT_READY : HOT_NO_ENDPOINT;
}

// opened: the epoch or the mode is another one than before, or the session is new.
static void apply_learning(struct relay_worker *w, uint32_t component, const struct component_config *config,
	bool opened, uint64_t now_ns) {
	struct worker_cold *c = &w->cold[component];
	struct hot *h = &w->hot[component];

	if (opened) {
		c->window_ns = now_ns;
		c->relearn = c->latched;
	}
	if (config->restore.addr_be != 0 && (opened || !c->latched)) {
		worker_learn(w, component, config->restore, NULL);
	} else if (c->latched) {
		worker_aim(w, component, (struct latch_addr){hot_target_be(h), hot_target_port(h)});
	} else {
		worker_aim(w, component, (struct latch_addr){0});
		h->state = c->mode == LATCH_ADDRESS && c->vouched_be == 0 ? HOT_NO_ENDPOINT : HOT_WAITING;
	}
}

static void apply_component(struct relay_worker *w, uint32_t component, const struct component_config *config,
	bool fresh, uint64_t now_ns) {
	struct worker_cold *c = &w->cold[component];
	struct hot *h = &w->hot[component];
	bool any = (config->payload_types[0] | config->payload_types[1]) == 0;
	bool opened = fresh || c->latch_epoch != config->latch_epoch || c->mode != config->mode;

	if (c->media != config->media || c->local_port != config->local.port)
		set_port(w, component, config->media, config->local.port);
	c->remote = config->remote;
	c->vouched_be = config->vouched_be;
	c->hop = config->hop;
	c->hop_addr_be = config->hop_addr_be;
	c->latch_epoch = config->latch_epoch;
	c->mode = config->mode;
	c->tos = config->tos;
	h->egress = config->egress | (config->mode == LATCH_OFF ? HOT_ANY_PORT : 0);
	for (unsigned i = 0; i < 2; i++)
		h->payload_types[i] = any ? UINT64_MAX : config->payload_types[i];
	if (is_learning(config->mode))
		apply_learning(w, component, config, opened, now_ns);
	else
		apply_signalled(w, component);
}

static void begin_tenancy(struct component_slot *slot, const struct command *cmd) {
	const struct endpoint none = {0};

	counter_set(&slot->session_id, 0);
	learnt_write(slot, &none);
	counter_set32(&slot->events, 0);
	counter_set32(&slot->latched, 0);
	counter_set(&slot->forwarded, 0);
	counter_set(&slot->forwarded_bytes, 0);
	counter_set(&slot->last_in_ns, 0);
	counter_set(&slot->first_in_ns, 0);
	for (unsigned i = 0; i <= COMPONENT_VERDICTS; i++)
		counter_set(&slot->drops[i], 0);
	counter_set32(&slot->generation, cmd->generation);
	// Release: a reader that sees the new id doesn't see the old tenant's figures.
	__atomic_store_n(&slot->session_id, cmd->session_id, __ATOMIC_RELEASE);
}

static void apply_set(struct relay_worker *w, const struct command *cmd, uint64_t now_ns) {
	uint32_t first = cmd->slot * COMPONENTS;
	bool fresh = counter_read32(&w->slots[first].counters.generation) != cmd->generation;

	for (uint32_t i = 0; i < COMPONENTS; i++) {
		if (fresh) {
			w->cold[first + i] = (struct worker_cold){0};
			w->hot[first + i] = (struct hot){0};
			begin_tenancy(&w->slots[first + i].counters, cmd);
		}
		apply_component(w, first + i, &cmd->component[i], fresh, now_ns);
	}
}

// The figures stay for main to read; the slot's next tenant clears them.
static void apply_clear(struct relay_worker *w, const struct command *cmd) {
	uint32_t first = cmd->slot * COMPONENTS;

	if (counter_read32(&w->slots[first].counters.generation) != cmd->generation)
		return; // it was deleted before it was ever sent
	for (uint32_t i = first; i < first + COMPONENTS; i++) {
		set_port(w, i, w->cold[i].media, 0);
		w->hot[i] = (struct hot){0};
		counter_set(&w->slots[i].counters.session_id, 0);
	}
}

void relay_worker_poll(struct relay_worker *w, uint64_t now_ns) {
	uint64_t at;

	for (unsigned n = 0; n < WORKER_POLL_MAX && ring_can_pop(&w->ring, &at); n++) {
		const struct command *cmd = &w->commands[at & w->ring.mask];

		if (cmd->kind == COMMAND_SET)
			apply_set(w, cmd, now_ns);
		else
			apply_clear(w, cmd);
		ring_pop(&w->ring);
	}
}
