#include "relay/worker.h"

#include "relay/counter.h"
#include "relay/learnt.h"
#include "relay/rewrite.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>

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

static int add_media(struct worker_tables *t, const struct relay_params *p, unsigned index) {
	const struct relay_media *m = &p->media[index];
	struct worker_media *to = &t->media_table[t->n_media];
	size_t n = (size_t)m->port_last - m->port_first + 1;

	to->entries = malloc(n * sizeof(*to->entries));
	if (to->entries == NULL)
		return -ENOMEM;
	memset(to->entries, 0xff, n * sizeof(*to->entries)); // ENTRY_NONE
	to->addr_be = endpoint_v4_addr_be(&m->address);
	to->first = m->port_first;
	to->span = (uint16_t)(m->port_last - m->port_first);
	to->port = p->realms[m->realm].port;
	to->vlan = p->realms[m->realm].vlan;
	t->media[index] = to;
	t->n_media++;
	return 0;
}

static int add_port(struct worker_tables *t, const struct relay_params *p, unsigned port) {
	t->ports[port].first = &t->media_table[t->n_media];
	for (unsigned i = 0; i < p->n_media; i++)
		if (p->realms[p->media[i].realm].port == port && add_media(t, p, i) < 0)
			return -ENOMEM;
	t->ports[port].end = &t->media_table[t->n_media];
	return 0;
}

int worker_tables_init(
	struct worker_tables *t, const struct relay_params *p, const struct stats_header *stats) {
	size_t n = (size_t)p->max_sessions * COMPONENTS;
	int ret = 0;

	*t = (struct worker_tables){.n_ports = p->n_ports, .next_hop_words = p->next_hop_words};
	memcpy(t->port_mac, p->port_mac, sizeof(t->port_mac));
	memcpy(t->port_compute_checksum, p->port_compute_checksum, sizeof(t->port_compute_checksum));
	t->slots = (struct worker_slot *)(void *)counters_component(stats, 0);
	assert(stats->slot_stride == sizeof(*t->slots));
	t->hot = alloc_lines(n, sizeof(*t->hot));
	t->cold = alloc_lines(n, sizeof(*t->cold));
	if (t->hot == NULL || t->cold == NULL)
		ret = -ENOMEM;
	else if (getrandom(t->names_key, sizeof(t->names_key), 0) != sizeof(t->names_key))
		ret = -EIO;
	for (unsigned port = 0; port < p->n_ports && ret == 0; port++)
		ret = add_port(t, p, port);
	if (ret < 0)
		worker_tables_fini(t);
	return ret;
}

void worker_tables_fini(struct worker_tables *t) {
	for (unsigned i = 0; i < t->n_media; i++)
		free(t->media_table[i].entries);
	free(t->cold);
	free(t->hot);
	*t = (struct worker_tables){0};
}

const struct worker_media *worker_find_media(
	const struct worker_tables *t, struct latch_addr addr, const struct worker_media *prefer) {
	const struct worker_media *found = NULL;

	for (unsigned i = 0; i < t->n_media; i++) {
		const struct worker_media *m = &t->media_table[i];

		if (m->addr_be != addr.addr_be || (uint16_t)(addr.port - m->first) > m->span)
			continue;
		if (prefer != NULL && m->port == prefer->port && m->vlan == prefer->vlan)
			return m;
		if (found == NULL)
			found = m;
	}
	return found;
}

int worker_create(const struct relay_params *p, const struct stats_header *stats,
	const struct worker_tables *t, unsigned index, struct relay_worker **out) {
	struct relay_worker *w = alloc_lines(1, sizeof(*w));
	int ret;

	if (w == NULL)
		return -ENOMEM;
	w->index = (uint8_t)index;
	w->n_workers = (uint8_t)p->n_workers;
	w->ip_id = (uint16_t)index;
	w->tables = t;
	w->counters = counters_worker(stats, index);
	w->slots = t->slots;
	w->hot = t->hot;
	w->cold = t->cold;
	ring_init(&w->ring, WORKER_RING);
	w->commands = alloc_lines(WORKER_RING, sizeof(*w->commands));
	w->dirty = alloc_lines(((size_t)p->max_sessions + 63) / 64, sizeof(*w->dirty));
	ret = w->commands == NULL || w->dirty == NULL ? -ENOMEM : keyed_hash_create(t->names_key, &w->names);
	if (ret < 0) {
		worker_destroy(w);
		return ret;
	}
	*out = w;
	return 0;
}

void worker_destroy(struct relay_worker *w) {
	if (w == NULL)
		return;
	keyed_hash_destroy(w->names);
	free(w->dirty);
	free(w->commands);
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
	const struct worker_tables *t = w->tables;
	const struct worker_cold *c = &w->cold[component];
	const struct worker_media *own = t->media[c->media], *media = worker_find_media(t, addr, own);
	unsigned egress = media != NULL ? media->port : c->egress;
	struct hot *h = &w->hot[component];
	struct rewrite_path path = {
		.tos = c->tos,
		.local_be = own->addr_be,
		.local_port = c->local_port,
		.target_be = addr.addr_be,
		.target_port = addr.port,
		.vlan = media != NULL ? media->vlan : c->vlan,
	};

	memcpy(path.mac, t->port_mac[egress], sizeof(path.mac));
	rewrite_prepare(h->header, &path);
	h->egress = (uint8_t)(egress | (c->mode == LATCH_OFF ? HOT_ANY_PORT : 0));
	h->hop = addr.addr_be != 0 && c->hop_addr_be == addr.addr_be ? c->hop : 0;
	h->state = media != NULL ? HOT_HAIRPIN : addr.addr_be != 0 ? HOT_READY : HOT_NO_ENDPOINT;
}

static void show_latch(struct relay_worker *w, uint32_t component, const struct latch_addr *addr) {
	struct component_slot *slot = &w->slots[component].counters;
	struct endpoint e = {0};

	if (addr != NULL)
		e = endpoint_v4(addr->addr_be, addr->port);
	learnt_write(slot, &e);
}

void worker_learn(struct relay_worker *w, uint32_t component, struct latch_addr addr, const uint8_t mac[6]) {
	struct hot *h = &w->hot[component];

	memset(h->header, 0, PACKET_MAC_SOURCE);
	if (mac != NULL && !(mac[0] & 1)) // a group address is nobody's source
		memcpy(h->header, mac, PACKET_MAC_SOURCE);
	w->cold[component].latched = true;
	w->cold[component].relearn = false;
	worker_aim(w, component, addr);
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

static uint32_t entry_of(const struct relay_worker *w, uint32_t component) {
	return (uint32_t)w->index << ENTRY_SHIFT | component;
}

static void set_port(struct relay_worker *w, uint32_t component, uint16_t media, uint16_t port) {
	struct worker_cold *c = &w->cold[component];

	if (c->local_port != 0) {
		const struct worker_media *m = w->tables->media[c->media];

		assert(counter_read32(&m->entries[c->local_port - m->first]) == entry_of(w, component));
		counter_set32(&m->entries[c->local_port - m->first], ENTRY_NONE);
	}
	c->media = media;
	c->local_port = port;
	if (port != 0) {
		const struct worker_media *m = w->tables->media[media];

		counter_set32(&m->entries[port - m->first], entry_of(w, component));
	}
}

static void apply_signalled(struct relay_worker *w, uint32_t component) {
	struct worker_cold *c = &w->cold[component];

	forget(w, component);
	worker_aim(w, component, c->remote);
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
		if (c->mode != LATCH_ADDRESS || c->vouched_be != 0)
			h->state = HOT_WAITING;
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
	c->egress = config->egress;
	c->vlan = config->vlan;
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
	counter_set(&slot->forwarded, 0);
	counter_set(&slot->forwarded_bytes, 0);
	counter_set(&slot->last_in_ns, 0);
	counter_set(&slot->first_in_ns, 0);
	for (unsigned i = 0; i < COMPONENT_VERDICTS; i++)
		counter_set32(&slot->drops[i], 0);
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
