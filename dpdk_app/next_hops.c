#include "dpdk_app/next_hops.h"

#include "dpdk_app/hops.h"
#include "dpdk_app/route_changes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

TAILQ_HEAD(destination_queue, destination);

struct destination {
	LIST_ENTRY(destination) chain; // of the hash bucket, or of the free ones
	TAILQ_ENTRY(destination) active; // of all that are in use
	TAILQ_ENTRY(destination) asking; // of those whose route is to be asked
	LIST_ENTRY(destination) sharing; // of its hop
	struct destination_queue *asked_in; // NULL: its route is not to be asked
	struct endpoint address;
	struct hop *hop; // NULL: no route, or not known yet
	uint32_t refs, generation;
	uint16_t media; // of ours, that it is reached from
	bool answered; // once, at least
};

struct next_hops {
	struct next_hops_params params;
	int interfaces[RELAY_REALMS_MAX]; // the kernel's index, 0: none
	uint32_t mask; // of the hash tables
	struct destination_list *buckets, free;
	struct destination_queue active, asking_new, asking_again;
	unsigned turn; // whose question is next
	struct destination *destinations; // capacity of them; a destination's id is its index, 0 stays unused
	uint32_t n; // places that were ever in use: memory beyond is not touched
	struct hops hops;
	_Atomic(uint64_t) *words;
	uint64_t states[NEXT_HOP_STATES];
	struct route_changes changes; // since the last tick
};

// ---- creation ----

void next_hops_destroy(struct next_hops *t) {
	if (t == NULL)
		return;
	hops_fini(&t->hops);
	free(t->buckets);
	free(t->destinations);
	free(t->words);
	free(t);
}

static uint32_t power_of_two(uint32_t n) {
	uint32_t p = 1;

	while (p < n && p < 1u << 30)
		p <<= 1;
	return p;
}

int next_hops_create(const struct next_hops_params *p, struct next_hops **out) {
	struct next_hops *t;

	if (p->capacity < 2 || p->n_realms > RELAY_REALMS_MAX || p->n_media > RELAY_MEDIA_MAX)
		return -EINVAL;
	t = calloc(1, sizeof(*t));
	if (t == NULL)
		return -ENOMEM;
	t->params = *p;
	t->mask = power_of_two(p->capacity) - 1;
	t->n = 1;
	TAILQ_INIT(&t->active);
	TAILQ_INIT(&t->asking_new);
	TAILQ_INIT(&t->asking_again);
	t->buckets = calloc((size_t)t->mask + 1, sizeof(*t->buckets));
	t->destinations = calloc(p->capacity, sizeof(*t->destinations));
	t->words = calloc(p->capacity, sizeof(*t->words));
	if (hops_init(&t->hops, p->capacity, t->mask) < 0 || t->buckets == NULL || t->destinations == NULL ||
		t->words == NULL) {
		next_hops_destroy(t);
		return -ENOMEM;
	}
	*out = t;
	return 0;
}

const _Atomic(uint64_t) *next_hops_words(const struct next_hops *t) {
	return t->words;
}

const uint64_t *next_hops_states(const struct next_hops *t) {
	return t->states;
}

// ---- words ----

static uint32_t id_of(const struct next_hops *t, const struct destination *d) {
	return (uint32_t)(d - t->destinations);
}

static uint16_t realm_of(const struct next_hops *t, const struct destination *d) {
	return t->params.media[d->media].realm;
}

// Relaxed: the word is whole in itself, nothing else goes with it.
static void set_word(struct next_hops *t, const struct destination *d, enum next_hop_state state) {
	static const uint8_t none[6];
	_Atomic(uint64_t) *word = &t->words[id_of(t, d)];
	const uint64_t old = atomic_load_explicit(word, memory_order_relaxed);
	const uint8_t *mac = d->hop == NULL ? none : d->hop->mac;
	const uint16_t vlan = t->params.vlan[realm_of(t, d)];
	const uint64_t new = state == NEXT_HOP_NO_ROUTE ? 0 : next_hop_word(mac, vlan, state);

	atomic_store_explicit(word, new, memory_order_relaxed);
	t->states[next_hop_state(old)]--;
	t->states[state]++;
	if (state == NEXT_HOP_FAILED && next_hop_state(old) != NEXT_HOP_FAILED && t->params.failed != NULL)
		t->params.failed(t->params.ctx, id_of(t, d));
}

static void set_words(struct next_hops *t, const struct hop *h) {
	struct destination *d;

	LIST_FOREACH(d, &h->sharers, sharing)
	set_word(t, d, hops_state(h));
}

// ---- destinations ----

static void attach(struct destination *d, struct hop *h) {
	d->hop = h;
	LIST_INSERT_HEAD(&h->sharers, d, sharing);
}

static void detach(struct next_hops *t, struct destination *d) {
	struct hop *h = d->hop;

	if (h == NULL)
		return;
	LIST_REMOVE(d, sharing);
	d->hop = NULL;
	if (LIST_EMPTY(&h->sharers))
		hops_del(&t->hops, h);
}

static void lose_route(struct next_hops *t, struct destination *d) {
	detach(t, d);
	set_word(t, d, NEXT_HOP_NO_ROUTE);
}

static void ask_route(struct next_hops *t, struct destination *d) {
	if (d->asked_in != NULL || t->interfaces[realm_of(t, d)] == 0)
		return;
	d->asked_in = d->answered ? &t->asking_again : &t->asking_new;
	TAILQ_INSERT_TAIL(d->asked_in, d, asking);
}

static void ask_no_route(struct destination *d) {
	if (d->asked_in != NULL)
		TAILQ_REMOVE(d->asked_in, d, asking);
	d->asked_in = NULL;
}

static struct destination *take_destination(struct next_hops *t) {
	struct destination *d = LIST_FIRST(&t->free);

	if (d != NULL)
		LIST_REMOVE(d, chain);
	else if (t->n < t->params.capacity)
		d = &t->destinations[t->n++];
	return d;
}

static struct destination *add_destination(
	struct next_hops *t, uint16_t media, const struct endpoint *address) {
	struct destination *d = take_destination(t);
	uint32_t generation;

	if (d == NULL)
		return NULL;
	generation = d->generation + 1;
	*d = (struct destination){.address = *address, .media = media, .generation = generation};
	d->address.port = 0;
	LIST_INSERT_HEAD(&t->buckets[hops_hash(address, media, t->mask)], d, chain);
	TAILQ_INSERT_TAIL(&t->active, d, active);
	t->states[NEXT_HOP_NO_ROUTE]++; // what a free place's word says
	set_word(t, d, t->interfaces[realm_of(t, d)] != 0 ? NEXT_HOP_UNRESOLVED : NEXT_HOP_NO_ROUTE);
	ask_route(t, d);
	return d;
}

uint32_t next_hops_get(struct next_hops *t, uint16_t media, const struct endpoint *dst) {
	struct destination *d;

	if (dst->family != IP_V4 || media >= t->params.n_media)
		return 0;
	LIST_FOREACH(d, &t->buckets[hops_hash(dst, media, t->mask)], chain) {
		if (d->media == media && endpoint_same_addr(&d->address, dst))
			break;
	}
	if (d == NULL)
		d = add_destination(t, media, dst);
	if (d == NULL)
		return 0;
	d->refs++;
	return id_of(t, d);
}

void next_hops_put(struct next_hops *t, uint32_t id) {
	struct destination *d = &t->destinations[id];

	if (id == 0)
		return;
	assert(id < t->params.capacity && d->refs > 0);
	if (--d->refs > 0)
		return;
	lose_route(t, d);
	t->states[NEXT_HOP_NO_ROUTE]--;
	LIST_REMOVE(d, chain);
	TAILQ_REMOVE(&t->active, d, active);
	ask_no_route(d);
	d->generation++;
	LIST_INSERT_HEAD(&t->free, d, chain);
}

void next_hops_set_interface(struct next_hops *t, uint16_t realm, int ifindex) {
	struct destination *d;

	if (t->interfaces[realm] == ifindex)
		return;
	t->interfaces[realm] = ifindex;
	TAILQ_FOREACH(d, &t->active, active) {
		if (realm_of(t, d) != realm)
			continue;
		lose_route(t, d);
		ask_no_route(d);
		ask_route(t, d);
	}
}

void next_hops_describe(const struct next_hops *t, uint32_t id, struct endpoint *gateway) {
	const struct destination *d = &t->destinations[id];

	*gateway = (struct endpoint){0};
	if (id < t->params.capacity && d->refs > 0 && d->hop != NULL)
		*gateway = d->hop->address;
}

// ---- questions ----

static bool ask_about_route(struct next_hops *t, struct destination_queue *queue, struct next_hops_ask *out) {
	struct destination *d = TAILQ_FIRST(queue);

	if (d == NULL)
		return false;
	ask_no_route(d);
	*out = (struct next_hops_ask){
		.question = ASK_ROUTE,
		.id = id_of(t, d),
		.generation = d->generation,
		.ifindex = t->interfaces[realm_of(t, d)],
		.address = d->address,
		.source = t->params.media[d->media].address,
	};
	return true;
}

struct next_hops_ask next_hops_ask(struct next_hops *t) {
	struct next_hops_ask ask = {.question = ASK_NOTHING};
	bool found = false;

	for (unsigned i = 0; i < 3 && !found; i++) {
		t->turn = (t->turn + 1) % 3;
		if (t->turn == 0)
			found = hops_take_question(&t->hops, &ask);
		else
			found = ask_about_route(t, t->turn == 1 ? &t->asking_new : &t->asking_again, &ask);
	}
	return ask;
}

// ---- answers ----

void next_hops_on_route(struct next_hops *t, const struct next_hops_ask *ask, bool usable,
	const struct endpoint *gateway, uint64_t now_ns) {
	struct destination *d = &t->destinations[ask->id];
	const struct endpoint *address = endpoint_is_set(gateway) ? gateway : &d->address;
	struct hop *h;

	if (d->generation != ask->generation || t->interfaces[realm_of(t, d)] != ask->ifindex)
		return;
	d->answered = true;
	if (!usable) {
		lose_route(t, d);
		return;
	}
	if (d->hop != NULL && d->hop->ifindex == ask->ifindex &&
		endpoint_same_addr(&d->hop->address, address))
		return;
	detach(t, d);
	h = hops_get(&t->hops, ask->ifindex, address, now_ns);
	attach(d, h);
	set_word(t, d, hops_state(h));
}

void next_hops_on_unknown(struct next_hops *t, const struct next_hops_ask *ask) {
	struct hop *h = &t->hops.at[ask->id];

	if (h->generation == ask->generation)
		hops_ask(&t->hops, h, ASK_USE);
}

void next_hops_on_neighbour(struct next_hops *t, int ifindex, const struct endpoint *address, uint16_t nud,
	const uint8_t *mac, uint64_t now_ns) {
	struct hop *h = hops_find(&t->hops, ifindex, address);

	if (h != NULL && hops_on_neighbour(&t->hops, h, nud, mac, now_ns))
		set_words(t, h);
}

void next_hops_on_neighbour_gone(
	struct next_hops *t, int ifindex, const struct endpoint *address, uint64_t now_ns) {
	struct hop *h = hops_find(&t->hops, ifindex, address);

	if (h != NULL)
		hops_on_gone(&t->hops, h, now_ns);
}

void next_hops_on_route_change(struct next_hops *t, const struct endpoint *network, unsigned prefix_length) {
	route_changes_add(&t->changes, network, prefix_length);
}

void next_hops_on_change(struct next_hops *t) {
	route_changes_add_all(&t->changes);
}

void next_hops_on_loss(struct next_hops *t) {
	next_hops_on_change(t);
	hops_ask_all(&t->hops, ASK_NEIGHBOUR);
}

// Gathered until the tick, so that a routing daemon's thousand changes are one round of questions.
static void ask_changed(struct next_hops *t) {
	struct destination *d;

	if (t->changes.n == 0)
		return;
	TAILQ_FOREACH(d, &t->active, active) {
		if (route_changes_concern(&t->changes, &d->address))
			ask_route(t, d);
	}
	t->changes.n = 0;
}

void next_hops_tick(struct next_hops *t, uint64_t now_ns) {
	struct hop *h;

	while ((h = hops_tick(&t->hops, now_ns)) != NULL)
		set_words(t, h);
	ask_changed(t);
}
