#include "relay/session.h"

#include "relay/core.h"
#include "relay/counter.h"
#include "relay/learnt.h"

#include <assert.h>
#include <string.h>

static struct component_slot *slot_of(const struct relay *r, uint32_t slot, unsigned component) {
	return counters_component(r->stats, slot * COMPONENTS + component);
}

static bool is_learning(const struct session_side *side) {
	return side->latch == LATCH_ADDRESS || side->latch == LATCH_ANY;
}

static struct latch_addr local_of(
	const struct relay *r, const struct session_side *side, unsigned component) {
	return (struct latch_addr){endpoint_v4_addr_be(&r->params.media[side->media].address),
		(uint16_t)(side->port + component)};
}

static void configure(
	const struct relay *r, const struct session *s, unsigned component, struct component_config *out) {
	const struct session_side *side = &s->side[component / 2];
	const struct relay_realm *realm = &r->params.realms[side->realm];

	*out = (struct component_config){
		.payload_types = {side->payload_types[0], side->payload_types[1]},
		.local = local_of(r, side, component % 2),
		.remote = side->remote[component % 2],
		.restore = side->restore[component % 2],
		.vouched_be = side->vouched_be,
		.hop = s->hop[component],
		.hop_addr_be = s->hop_addr_be[component],
		.latch_epoch = side->latch_epoch,
		.media = side->media,
		.mode = side->latch,
		.tos = (uint8_t)(realm->dscp << 2),
		.egress = (uint8_t)realm->port,
		.vlan = realm->vlan,
	};
}

void session_command(const struct relay *r, uint32_t slot, struct command *out) {
	const struct session *s = &r->store.sessions[slot];

	*out = (struct command){
		.session_id = r->store.ids[slot],
		.slot = slot,
		.generation = s->generation,
		.kind = s->state == SESSION_LIVE ? COMMAND_SET : COMMAND_CLEAR,
	};
	for (unsigned i = 0; i < COMPONENTS && out->kind == COMMAND_SET; i++)
		configure(r, s, i, &out->component[i]);
}

// True if the worker has begun with this session, so that the figures of its slot are its own.
static bool is_applied(const struct relay *r, uint32_t slot) {
	return counter_read32(&slot_of(r, slot, 0)->generation) == r->store.sessions[slot].generation;
}

// Where a component sends to, as far as main knows, 0: nowhere yet.
static struct latch_addr target_of(const struct relay *r, uint32_t slot, unsigned component) {
	const struct session_side *side = &r->store.sessions[slot].side[component / 2];
	const struct component_slot *counters = slot_of(r, slot, component);
	struct endpoint learnt;

	if (!is_learning(side))
		return side->remote[component % 2];
	if (is_applied(r, slot)) {
		learnt_read(counters, &learnt);
		if (endpoint_is_set(&learnt))
			return (struct latch_addr){endpoint_v4_addr_be(&learnt), learnt.port};
	}
	return side->restore[component % 2];
}

static uint32_t get_hop(const struct relay *r, const struct session_side *side, uint32_t target_be) {
	struct endpoint e = endpoint_v4(target_be, 0);

	return target_be == 0 ? 0 : r->params.next_hop_get(r->params.next_hop_ctx, side->media, &e);
}

void session_aim(struct relay *r, uint32_t slot) {
	struct session *s = &r->store.sessions[slot];
	bool changed = false;

	for (unsigned i = 0; i < COMPONENTS; i++) {
		struct latch_addr target = target_of(r, slot, i);
		// What we send to ourselves takes no hop.
		uint32_t target_be = worker_find_media(&r->tables, target, NULL) != NULL ? 0 : target.addr_be,
			 hop;

		// Where none could be had, it is asked for again.
		if (target_be == s->hop_addr_be[i] && (target_be == 0 || s->hop[i] != 0))
			continue;
		hop = get_hop(r, &s->side[i / 2], target_be);
		if (target_be == s->hop_addr_be[i] && hop == 0)
			continue;
		outbox_release_hop(r, s->hop[i]);
		s->hop[i] = hop;
		s->hop_addr_be[i] = target_be;
		changed = true;
	}
	if (changed)
		outbox_touch(r, slot);
}

void session_unaim(struct relay *r, uint32_t slot, unsigned side) {
	struct session *s = &r->store.sessions[slot];

	for (unsigned i = 2 * side; i < 2 * side + 2; i++) {
		outbox_release_hop(r, s->hop[i]);
		s->hop[i] = s->hop_addr_be[i] = 0;
	}
}

void session_end(struct relay *r, uint32_t slot) {
	struct session *s = &r->store.sessions[slot];

	assert(s->state == SESSION_LIVE);
	watch_session_ended(r, r->store.ids[slot]);
	s->state = SESSION_CLEARING;
	session_store_hide(&r->store, slot);
	outbox_touch(r, slot);
}

void session_cleared(struct relay *r, uint32_t slot, uint64_t now_ns) {
	struct session *s = &r->store.sessions[slot];

	assert(s->state == SESSION_CLEARING);
	r->n_owned[s->owner]--;
	for (unsigned i = 0; i < 2; i++)
		port_pool_give(&r->pools[s->side[i].media], s->side[i].port, now_ns);
	for (unsigned i = 0; i < COMPONENTS; i++) {
		if (s->hop[i] != 0)
			r->params.next_hop_put(r->params.next_hop_ctx, s->hop[i]);
		s->hop[i] = s->hop_addr_be[i] = 0;
	}
	s->state = SESSION_CLEARED;
	if (!s->held)
		session_store_free(&r->store, slot);
}

void session_unhold(struct relay *r, uint32_t slot) {
	struct session *s = &r->store.sessions[slot];

	assert(s->held);
	s->held = false;
	if (s->state == SESSION_CLEARED)
		session_store_free(&r->store, slot);
}

uint64_t session_last_in(const struct relay *r, uint32_t slot, unsigned component) {
	return is_applied(r, slot) ? counter_read(&slot_of(r, slot, component)->last_in_ns) : 0;
}

static struct endpoint to_endpoint(struct latch_addr a) {
	return a.addr_be == 0 ? (struct endpoint){0} : endpoint_v4(a.addr_be, a.port);
}

static void describe_side(const struct relay *r, const struct session_side *side, struct proto_side *out) {
	memcpy(out->realm, r->params.realms[side->realm].name, sizeof(out->realm));
	out->local = to_endpoint(local_of(r, side, 0));
	out->vouched = to_endpoint((struct latch_addr){side->vouched_be, 0});
	out->latch_epoch = side->latch_epoch;
	out->latch = side->latch;
	for (unsigned i = 0; i < 2; i++) {
		out->remote[i] = to_endpoint(side->remote[i]);
		out->payload_types[i] = side->payload_types[i];
	}
}

// Word by word: the worker is writing.
static void copy_counters(const struct component_slot *from, struct component_slot *out) {
	const uint64_t *words = (const uint64_t *)(const void *)from;
	uint64_t copy[sizeof(*out) / sizeof(uint64_t)];

	static_assert(sizeof(*out) % sizeof(uint64_t) == 0);
	for (unsigned i = 0; i < sizeof(copy) / sizeof(copy[0]); i++)
		copy[i] = counter_read(&words[i]);
	memcpy(out, copy, sizeof(*out));
	out->latch_seq = learnt_read(from, &out->learnt);
}

static void describe_component(
	const struct relay *r, uint32_t slot, unsigned component, struct proto_component_state *out) {
	const struct session *s = &r->store.sessions[slot];
	uint32_t hop = s->hop[component];
	uint64_t word;

	if (is_applied(r, slot))
		copy_counters(slot_of(r, slot, component), &out->counters);
	out->counters.generation = s->generation;
	if (hop == 0) {
		out->hairpin = worker_find_media(&r->tables, target_of(r, slot, component), NULL) != NULL;
		return;
	}
	word = atomic_load_explicit(&r->params.next_hop_words[hop], memory_order_relaxed);
	next_hop_mac(word, out->mac);
	out->next_hop_state = (uint8_t)next_hop_state(word);
	r->params.next_hop_describe(r->params.next_hop_ctx, hop, &out->next_hop);
}

void session_describe(
	const struct relay *r, uint32_t slot, uint64_t id, uint64_t now_ns, struct proto_session_state *out) {
	const struct session *s = &r->store.sessions[slot];

	*out = (struct proto_session_state){
		.length = sizeof(*out),
		.slot = slot,
		.created_ns = s->created_ns,
		.now_ns = now_ns,
		.wanted =
			{
				.length = sizeof(out->wanted),
				.media_timeout_ms = s->media_timeout_ms,
				.session_id = id,
				.call_id = r->store.call_ids[slot],
			},
	};
	for (unsigned i = 0; i < 2; i++) {
		describe_side(r, &s->side[i], &out->wanted.side[i]);
		out->events[i] = s->events[i];
	}
	for (unsigned i = 0; i < COMPONENTS; i++) {
		struct proto_component_state *c = &out->component[i / 2][i % 2];

		describe_component(r, slot, i, c);
		c->counters.session_id = id;
		out->events[i / 2] |= c->counters.events; // also those that are still to be told
	}
}
