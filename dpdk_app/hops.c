#include "dpdk_app/hops.h"

#include <errno.h>
#include <linux/neighbour.h>
#include <stdlib.h>
#include <string.h>

static const uint64_t SECOND = 1000000000u;
static const uint64_t USE_INTERVAL =
	30 * SECOND; // tells the kernel that a neighbour is in use, so it confirms it
static const uint64_t PROBE_INTERVAL = 1 * SECOND; // while a neighbour isn't usable
static const uint64_t FAILED_AFTER =
	5 * SECOND; // a neighbour that rebooted, or a link that flaps, may come back

int hops_init(struct hops *hs, uint32_t capacity, uint32_t mask) {
	*hs = (struct hops){.capacity = capacity, .mask = mask, .n = 1};
	TAILQ_INIT(&hs->steady);
	TAILQ_INIT(&hs->probing);
	TAILQ_INIT(&hs->asking);
	hs->buckets = calloc((size_t)mask + 1, sizeof(*hs->buckets));
	hs->at = calloc(capacity, sizeof(*hs->at));
	return hs->buckets == NULL || hs->at == NULL ? -ENOMEM : 0;
}

void hops_fini(struct hops *hs) {
	free(hs->buckets);
	free(hs->at);
}

enum next_hop_state hops_state(const struct hop *h) {
	if (h->failed)
		return NEXT_HOP_FAILED;
	return h->has_mac ? NEXT_HOP_REACHABLE : NEXT_HOP_UNRESOLVED;
}

// ---- questions ----

void hops_ask(struct hops *hs, struct hop *h, enum next_hops_question q) {
	if (h->to_ask == ASK_NOTHING)
		TAILQ_INSERT_TAIL(&hs->asking, h, asking);
	if (h->to_ask != ASK_NEIGHBOUR)
		h->to_ask = q;
}

void hops_ask_all(struct hops *hs, enum next_hops_question q) {
	struct hop *h;

	TAILQ_FOREACH(h, &hs->steady, timed)
	hops_ask(hs, h, q);
	TAILQ_FOREACH(h, &hs->probing, timed)
	hops_ask(hs, h, q);
}

bool hops_take_question(struct hops *hs, struct next_hops_ask *out) {
	struct hop *h = TAILQ_FIRST(&hs->asking);

	if (h == NULL)
		return false;
	TAILQ_REMOVE(&hs->asking, h, asking);
	*out = (struct next_hops_ask){
		.question = h->to_ask,
		.id = (uint32_t)(h - hs->at),
		.generation = h->generation,
		.ifindex = h->ifindex,
		.address = h->address,
	};
	h->to_ask = ASK_NOTHING;
	return true;
}

// ---- coming and going ----

static struct hop_queue *timer_of(struct hops *hs, const struct hop *h) {
	return h->probing ? &hs->probing : &hs->steady;
}

// Put the hop at the end of the list that fits it: each list's hops have one interval, so their order is by time.
static void set_timer(struct hops *hs, struct hop *h, bool probing, uint64_t now_ns) {
	if (h->due_ns != 0)
		TAILQ_REMOVE(timer_of(hs, h), h, timed);
	h->probing = probing;
	h->due_ns = now_ns + (probing ? PROBE_INTERVAL : USE_INTERVAL);
	TAILQ_INSERT_TAIL(timer_of(hs, h), h, timed);
}

static struct hop_list *bucket(const struct hops *hs, int ifindex, const struct endpoint *address) {
	return &hs->buckets[hops_hash(address, (uint32_t)ifindex, hs->mask)];
}

struct hop *hops_find(const struct hops *hs, int ifindex, const struct endpoint *address) {
	struct hop *h;

	LIST_FOREACH(h, bucket(hs, ifindex, address), chain) {
		if (h->ifindex == ifindex && endpoint_same_addr(&h->address, address))
			return h;
	}
	return NULL;
}

static struct hop *take_place(struct hops *hs) {
	struct hop *h = LIST_FIRST(&hs->free);

	if (h != NULL)
		LIST_REMOVE(h, chain);
	else if (hs->n < hs->capacity)
		h = &hs->at[hs->n++];
	assert(h != NULL); // there are as many as destinations, and each has one at the most
	return h;
}

struct hop *hops_get(struct hops *hs, int ifindex, const struct endpoint *address, uint64_t now_ns) {
	struct hop *h = hops_find(hs, ifindex, address);
	uint32_t generation;

	if (h != NULL)
		return h;
	h = take_place(hs);
	generation = h->generation + 1;
	*h = (struct hop){
		.address = *address, .ifindex = ifindex, .generation = generation, .lost_ns = now_ns};
	LIST_INSERT_HEAD(bucket(hs, ifindex, address), h, chain);
	set_timer(hs, h, true, now_ns);
	hops_ask(hs, h, ASK_NEIGHBOUR);
	return h;
}

void hops_del(struct hops *hs, struct hop *h) {
	LIST_REMOVE(h, chain);
	TAILQ_REMOVE(timer_of(hs, h), h, timed);
	if (h->to_ask != ASK_NOTHING)
		TAILQ_REMOVE(&hs->asking, h, asking);
	h->generation++;
	LIST_INSERT_HEAD(&hs->free, h, chain);
}

// ---- news ----

static bool on_valid(struct hops *hs, struct hop *h, uint16_t nud, const uint8_t *mac, uint64_t now_ns) {
	const bool same = h->has_mac && !h->failed && memcmp(h->mac, mac, sizeof(h->mac)) == 0;
	const bool again = h->probing;

	memcpy(h->mac, mac, sizeof(h->mac));
	h->has_mac = true;
	h->failed = false;
	h->lost_ns = 0;
	if (again)
		set_timer(hs, h, false, now_ns);
	// Stale at first sight: usable at once, but the kernel shall confirm it now, not in 30 s.
	if (again && nud == NUD_STALE)
		hops_ask(hs, h, ASK_USE);
	return !same;
}

bool hops_on_neighbour(struct hops *hs, struct hop *h, uint16_t nud, const uint8_t *mac, uint64_t now_ns) {
	const uint16_t valid = NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT | NUD_NOARP;

	if ((nud & valid) != 0 && mac != NULL)
		return on_valid(hs, h, nud, mac, now_ns);
	if ((nud & NUD_FAILED) != 0) {
		if (h->lost_ns == 0)
			h->lost_ns = now_ns;
		if (!h->probing)
			set_timer(hs, h, true, now_ns);
	}
	return false;
}

void hops_on_gone(struct hops *hs, struct hop *h, uint64_t now_ns) {
	hops_ask(hs, h, ASK_USE);
	if (!h->probing)
		set_timer(hs, h, true, now_ns);
}

// ---- time ----

static bool gives_up(const struct hop *h, uint64_t now_ns) {
	return !h->failed && h->lost_ns != 0 && now_ns - h->lost_ns >= FAILED_AFTER;
}

struct hop *hops_tick(struct hops *hs, uint64_t now_ns) {
	struct hop *h;

	while ((h = TAILQ_FIRST(&hs->steady)) != NULL && h->due_ns <= now_ns) {
		set_timer(hs, h, false, now_ns);
		hops_ask(hs, h, ASK_USE);
	}
	while ((h = TAILQ_FIRST(&hs->probing)) != NULL && h->due_ns <= now_ns) {
		set_timer(hs, h, true, now_ns);
		hops_ask(hs, h, ASK_USE);
		if (gives_up(h, now_ns)) {
			h->failed = true;
			return h;
		}
	}
	return NULL;
}
