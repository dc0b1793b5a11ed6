#include "dpdk_app/next_hops.h"

#include "dpdk_app/route_changes.h"

#include <errno.h>
#include <linux/neighbour.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

static const uint64_t SECOND = 1000000000u;
static const uint64_t USE_INTERVAL =
	30 * SECOND; // tells the kernel that a neighbour is in use, so it confirms it
static const uint64_t PROBE_INTERVAL = 1 * SECOND; // while a neighbour isn't usable
static const uint64_t FAILED_AFTER =
	5 * SECOND; // a neighbour that rebooted, or a link that flaps, may come back

struct hop;
struct destination;

LIST_HEAD(destination_list, destination);
TAILQ_HEAD(destination_queue, destination);
LIST_HEAD(hop_list, hop);
TAILQ_HEAD(hop_queue, hop);

struct destination {
	LIST_ENTRY(destination) chain; // of the hash bucket, or of the free ones
	TAILQ_ENTRY(destination) active; // of all that are in use
	TAILQ_ENTRY(destination) asking; // of those whose route is to be asked
	LIST_ENTRY(destination) sharing; // of its hop
	struct destination_queue *asked_in; // NULL: its route is not to be asked
	struct endpoint address;
	struct hop *hop; // NULL: no route, or not known yet
	uint32_t refs, generation;
	uint16_t realm;
	bool answered; // once, at least
};

struct hop {
	LIST_ENTRY(hop) chain;
	TAILQ_ENTRY(hop) timed; // steady or probing, in the order of due_ns
	TAILQ_ENTRY(hop) asking;
	LIST_HEAD(, destination) sharers;
	struct endpoint address;
	uint64_t due_ns; // of the next use
	uint64_t lost_ns; // since when the kernel can't reach it; 0: it can, or is at it
	int ifindex;
	uint32_t generation;
	enum next_hops_question to_ask; // NEIGHBOUR, USE or NOTHING
	uint8_t mac[6];
	bool has_mac, failed, probing;
};

struct next_hops {
	struct next_hops_params params;
	int interfaces[RELAY_REALMS_MAX]; // the kernel's index, 0: none
	uint32_t mask; // of the hash tables
	struct destination_list *destination_buckets, free_destinations;
	struct hop_list *hop_buckets, free_hops;
	struct destination_queue active, asking_new, asking_again;
	struct hop_queue steady, probing, asking_hops;
	unsigned turn; // whose question is next
	struct destination *destinations; // capacity of them; a destination's id is its index, 0 stays unused
	struct hop *hops;
	uint32_t n_destinations, n_hops; // places that were ever in use: memory beyond is not touched
	_Atomic(uint64_t) *words;
	uint64_t states[NEXT_HOP_STATES];
	struct route_changes changes; // since the last tick
};

// ---- creation ----

void next_hops_destroy(struct next_hops *t) {
	if (t == NULL)
		return;
	free(t->destination_buckets);
	free(t->hop_buckets);
	free(t->destinations);
	free(t->hops);
	free(t->words);
	free(t);
}

static uint32_t power_of_two(uint32_t n) {
	uint32_t p = 1;

	while (p < n && p < 1u << 30)
		p <<= 1;
	return p;
}

static void init_lists(struct next_hops *t) {
	TAILQ_INIT(&t->active);
	TAILQ_INIT(&t->asking_new);
	TAILQ_INIT(&t->asking_again);
	TAILQ_INIT(&t->steady);
	TAILQ_INIT(&t->probing);
	TAILQ_INIT(&t->asking_hops);
	t->n_destinations = t->n_hops = 1;
}

int next_hops_create(const struct next_hops_params *p, struct next_hops **out) {
	struct next_hops *t;

	if (p->capacity < 2 || p->n_realms > RELAY_REALMS_MAX)
		return -EINVAL;
	t = calloc(1, sizeof(*t));
	if (t == NULL)
		return -ENOMEM;
	t->params = *p;
	t->mask = power_of_two(p->capacity) - 1;
	t->destination_buckets = calloc((size_t)t->mask + 1, sizeof(*t->destination_buckets));
	t->hop_buckets = calloc((size_t)t->mask + 1, sizeof(*t->hop_buckets));
	t->destinations = calloc(p->capacity, sizeof(*t->destinations));
	t->hops = calloc(p->capacity, sizeof(*t->hops));
	t->words = calloc(p->capacity, sizeof(*t->words));
	if (t->destination_buckets == NULL || t->hop_buckets == NULL || t->destinations == NULL ||
		t->hops == NULL || t->words == NULL) {
		next_hops_destroy(t);
		return -ENOMEM;
	}
	init_lists(t);
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

static enum next_hop_state state_of(const struct hop *h) {
	if (h->failed)
		return NEXT_HOP_FAILED;
	return h->has_mac ? NEXT_HOP_REACHABLE : NEXT_HOP_UNRESOLVED;
}

// Relaxed: the word is whole in itself, nothing else goes with it.
static void set_word(struct next_hops *t, const struct destination *d, enum next_hop_state state) {
	static const uint8_t none[6];
	_Atomic(uint64_t) *word = &t->words[id_of(t, d)];
	const uint64_t old = atomic_load_explicit(word, memory_order_relaxed);
	const uint8_t *mac = d->hop == NULL ? none : d->hop->mac;
	const uint16_t vlan = t->params.realms[d->realm].vlan;
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
	set_word(t, d, state_of(h));
}

// ---- hops ----

// Addresses come from our own signalling and tables; still, mix them so that neighbours in a row spread.
static uint32_t hash(const struct next_hops *t, const struct endpoint *e, uint32_t salt) {
	uint64_t x = ((uint64_t)salt << 32 | endpoint_v4_addr_be(e)) * 0x9e3779b97f4a7c15ull;

	return (uint32_t)(x >> 32) & t->mask;
}

// One question at a time: looking the neighbour up leads to a use where one is needed, so it is not replaced by one.
static void ask_hop(struct next_hops *t, struct hop *h, enum next_hops_question q) {
	if (h->to_ask == ASK_NOTHING)
		TAILQ_INSERT_TAIL(&t->asking_hops, h, asking);
	if (h->to_ask != ASK_NEIGHBOUR)
		h->to_ask = q;
}

// Put the hop at the end of the list that fits it: each list's hops have one interval, so their order is by time.
static void set_timer(struct next_hops *t, struct hop *h, bool probing, uint64_t now_ns) {
	if (h->due_ns != 0) {
		if (h->probing)
			TAILQ_REMOVE(&t->probing, h, timed);
		else
			TAILQ_REMOVE(&t->steady, h, timed);
	}
	h->probing = probing;
	h->due_ns = now_ns + (probing ? PROBE_INTERVAL : USE_INTERVAL);
	if (probing)
		TAILQ_INSERT_TAIL(&t->probing, h, timed);
	else
		TAILQ_INSERT_TAIL(&t->steady, h, timed);
}

static struct hop *find_hop(const struct next_hops *t, int ifindex, const struct endpoint *address) {
	struct hop *h;

	LIST_FOREACH(h, &t->hop_buckets[hash(t, address, (uint32_t)ifindex)], chain) {
		if (h->ifindex == ifindex && endpoint_same_addr(&h->address, address))
			return h;
	}
	return NULL;
}

static struct hop *take_hop(struct next_hops *t) {
	struct hop *h = LIST_FIRST(&t->free_hops);

	if (h != NULL)
		LIST_REMOVE(h, chain);
	else if (t->n_hops < t->params.capacity)
		h = &t->hops[t->n_hops++];
	assert(h != NULL); // there are as many as destinations, and each has one at the most
	return h;
}

static struct hop *add_hop(
	struct next_hops *t, int ifindex, const struct endpoint *address, uint64_t now_ns) {
	struct hop *h = take_hop(t);
	uint32_t generation;

	generation = h->generation + 1;
	*h = (struct hop){
		.address = *address, .ifindex = ifindex, .generation = generation, .lost_ns = now_ns};
	LIST_INSERT_HEAD(&t->hop_buckets[hash(t, address, (uint32_t)ifindex)], h, chain);
	set_timer(t, h, true, now_ns);
	ask_hop(t, h, ASK_NEIGHBOUR);
	return h;
}

static void del_hop(struct next_hops *t, struct hop *h) {
	LIST_REMOVE(h, chain);
	if (h->probing)
		TAILQ_REMOVE(&t->probing, h, timed);
	else
		TAILQ_REMOVE(&t->steady, h, timed);
	if (h->to_ask != ASK_NOTHING)
		TAILQ_REMOVE(&t->asking_hops, h, asking);
	h->generation++;
	LIST_INSERT_HEAD(&t->free_hops, h, chain);
}

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
		del_hop(t, h);
}

// ---- destinations ----

static void lose_route(struct next_hops *t, struct destination *d) {
	detach(t, d);
	set_word(t, d, NEXT_HOP_NO_ROUTE);
}

static void ask_route(struct next_hops *t, struct destination *d) {
	if (d->asked_in != NULL || t->interfaces[d->realm] == 0)
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
	struct destination *d = LIST_FIRST(&t->free_destinations);

	if (d != NULL)
		LIST_REMOVE(d, chain);
	else if (t->n_destinations < t->params.capacity)
		d = &t->destinations[t->n_destinations++];
	return d;
}

static struct destination *add_destination(
	struct next_hops *t, uint16_t realm, const struct endpoint *address) {
	struct destination *d = take_destination(t);
	uint32_t generation;

	if (d == NULL)
		return NULL;
	generation = d->generation + 1;
	*d = (struct destination){.address = *address, .realm = realm, .generation = generation};
	d->address.port = 0;
	LIST_INSERT_HEAD(&t->destination_buckets[hash(t, address, realm)], d, chain);
	TAILQ_INSERT_TAIL(&t->active, d, active);
	t->states[NEXT_HOP_NO_ROUTE]++; // what a free place's word says
	set_word(t, d, t->interfaces[realm] != 0 ? NEXT_HOP_UNRESOLVED : NEXT_HOP_NO_ROUTE);
	ask_route(t, d);
	return d;
}

uint32_t next_hops_get(struct next_hops *t, uint16_t realm, const struct endpoint *dst) {
	struct destination *d;

	if (dst->family != IP_V4 || realm >= t->params.n_realms)
		return 0;
	LIST_FOREACH(d, &t->destination_buckets[hash(t, dst, realm)], chain) {
		if (d->realm == realm && endpoint_same_addr(&d->address, dst))
			break;
	}
	if (d == NULL)
		d = add_destination(t, realm, dst);
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
	LIST_INSERT_HEAD(&t->free_destinations, d, chain);
}

void next_hops_set_interface(struct next_hops *t, uint16_t realm, int ifindex) {
	struct destination *d;

	if (t->interfaces[realm] == ifindex)
		return;
	t->interfaces[realm] = ifindex;
	TAILQ_FOREACH(d, &t->active, active) {
		if (d->realm != realm)
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
		.ifindex = t->interfaces[d->realm],
		.address = d->address,
		.source = t->params.realms[d->realm].source,
	};
	return true;
}

static bool ask_about_hop(struct next_hops *t, struct next_hops_ask *out) {
	struct hop *h = TAILQ_FIRST(&t->asking_hops);

	if (h == NULL)
		return false;
	TAILQ_REMOVE(&t->asking_hops, h, asking);
	*out = (struct next_hops_ask){
		.question = h->to_ask,
		.id = (uint32_t)(h - t->hops),
		.generation = h->generation,
		.ifindex = h->ifindex,
		.address = h->address,
	};
	h->to_ask = ASK_NOTHING;
	return true;
}

struct next_hops_ask next_hops_ask(struct next_hops *t) {
	struct next_hops_ask ask = {.question = ASK_NOTHING};
	bool found = false;

	for (unsigned i = 0; i < 3 && !found; i++) {
		t->turn = (t->turn + 1) % 3;
		if (t->turn == 0)
			found = ask_about_hop(t, &ask);
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

	if (d->generation != ask->generation || t->interfaces[d->realm] != ask->ifindex)
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
	h = find_hop(t, ask->ifindex, address);
	if (h == NULL)
		h = add_hop(t, ask->ifindex, address, now_ns);
	attach(d, h);
	set_word(t, d, state_of(h));
}

void next_hops_on_unknown(struct next_hops *t, const struct next_hops_ask *ask) {
	struct hop *h = &t->hops[ask->id];

	if (h->generation == ask->generation)
		ask_hop(t, h, ASK_USE);
}

static void on_valid(struct next_hops *t, struct hop *h, uint16_t nud, const uint8_t *mac, uint64_t now_ns) {
	const bool same = h->has_mac && !h->failed && memcmp(h->mac, mac, sizeof(h->mac)) == 0;
	const bool again = h->probing;

	memcpy(h->mac, mac, sizeof(h->mac));
	h->has_mac = true;
	h->failed = false;
	h->lost_ns = 0;
	if (again)
		set_timer(t, h, false, now_ns);
	// Stale at first sight: usable at once, but the kernel shall confirm it now, not in 30 s.
	if (again && nud == NUD_STALE)
		ask_hop(t, h, ASK_USE);
	if (!same)
		set_words(t, h);
}

void next_hops_on_neighbour(struct next_hops *t, int ifindex, const struct endpoint *address, uint16_t nud,
	const uint8_t *mac, uint64_t now_ns) {
	const uint16_t valid = NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT | NUD_NOARP;
	struct hop *h = find_hop(t, ifindex, address);

	if (h == NULL)
		return;
	if ((nud & valid) != 0 && mac != NULL) {
		on_valid(t, h, nud, mac, now_ns);
	} else if ((nud & NUD_FAILED) != 0) {
		if (h->lost_ns == 0)
			h->lost_ns = now_ns;
		if (!h->probing)
			set_timer(t, h, true, now_ns);
	}
}

// The kernel forgot it (garbage collection, an operator's flush): the MAC is good until something else is known.
void next_hops_on_neighbour_gone(
	struct next_hops *t, int ifindex, const struct endpoint *address, uint64_t now_ns) {
	struct hop *h = find_hop(t, ifindex, address);

	if (h == NULL)
		return;
	ask_hop(t, h, ASK_USE);
	if (!h->probing)
		set_timer(t, h, true, now_ns);
}

void next_hops_on_route_change(struct next_hops *t, const struct endpoint *network, unsigned prefix_length) {
	route_changes_add(&t->changes, network, prefix_length);
}

void next_hops_on_change(struct next_hops *t) {
	route_changes_add_all(&t->changes);
}

void next_hops_on_loss(struct next_hops *t) {
	struct hop *h;

	next_hops_on_change(t);
	TAILQ_FOREACH(h, &t->steady, timed)
	ask_hop(t, h, ASK_NEIGHBOUR);
	TAILQ_FOREACH(h, &t->probing, timed)
	ask_hop(t, h, ASK_NEIGHBOUR);
}

static void probe(struct next_hops *t, struct hop *h, uint64_t now_ns) {
	set_timer(t, h, true, now_ns);
	ask_hop(t, h, ASK_USE);
	if (h->failed || h->lost_ns == 0 || now_ns - h->lost_ns < FAILED_AFTER)
		return;
	h->failed = true;
	set_words(t, h);
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

	while ((h = TAILQ_FIRST(&t->probing)) != NULL && h->due_ns <= now_ns)
		probe(t, h, now_ns);
	while ((h = TAILQ_FIRST(&t->steady)) != NULL && h->due_ns <= now_ns) {
		set_timer(t, h, false, now_ns);
		ask_hop(t, h, ASK_USE);
	}
	ask_changed(t);
}
