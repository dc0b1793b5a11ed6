// The way of a packet: find its component, admit it, rewrite it. In three passes over the burst, so that each pass finds
// what the one before has asked the memory for. A packet to ourselves goes that way again, alone.
#include "relay/checksum.h"
#include "relay/counter.h"
#include "relay/rewrite.h"
#include "relay/rtp.h"
#include "relay/sdes.h"
#include "relay/worker.h"

#include <assert.h>

enum {
	HAIRPINS_MAX = 2,
	AGAIN = RELAY_HAND_OVER + 1, // in place of a verdict: the packet is on its way to ourselves
};

static enum verdict elsewhere(const struct relay_worker *w, const struct packet_view *v) {
	const struct latch_addr target = {v->target_be, v->target_port};

	return worker_find_media(w->tables, target, NULL) != NULL ? VERDICT_WRONG_REALM : VERDICT_NOT_MEDIA;
}

// Look at a tagged frame from behind the first bytes of its addresses on (packet.h). Returns its VLAN, 0: untagged.
[[gnu::always_inline]] static inline uint16_t strip_tag(struct relay_packet *p) {
	int vlan = packet_vlan(p->data, p->length);

	p->tag = 0;
	if (vlan < 0)
		return 0;
	p->tag = PACKET_TAG;
	p->data += PACKET_TAG;
	p->length -= PACKET_TAG;
	return (uint16_t)vlan;
}

// The entry of the port table for a packet, NULL with its verdict set if there is none.
[[gnu::always_inline]] static inline const uint32_t *find(
	const struct relay_worker *w, struct relay_packet *p) {
	const struct worker_tables *t = w->tables;
	uint16_t vlan = strip_tag(p);
	struct packet_view v;
	enum verdict verdict = packet_parse(p->data, p->length, &v);

	if (verdict != VERDICT_FORWARDED) {
		p->verdict = (uint8_t)verdict;
		return NULL;
	}
	assert(p->port < t->n_ports);
	p->payload = v.payload;
	for (const struct worker_media *m = t->ports[p->port].first; m < t->ports[p->port].end; m++) {
		uint16_t index = (uint16_t)(v.target_port - m->first);

		if (m->addr_be == v.target_be && index <= m->span && m->vlan == vlan)
			return &m->entries[index];
	}
	p->verdict = (uint8_t)elsewhere(w, &v);
	return NULL;
}

[[gnu::noinline]] static void not_ours(struct relay_packet *p, uint32_t entry) {
	if (entry == ENTRY_NONE) {
		p->verdict = VERDICT_NO_SESSION;
		return;
	}
	p->verdict = RELAY_HAND_OVER;
	p->owner = (uint8_t)(entry >> ENTRY_SHIFT);
	p->data -= p->tag; // as its owner will find it
	p->length += p->tag;
}

// The component of an entry. False: there is none, or it is another worker's.
[[gnu::always_inline]] static inline bool take(
	const struct relay_worker *w, struct relay_packet *p, const uint32_t *entry) {
	uint32_t e = counter_read32(entry);

	if (e >> ENTRY_SHIFT != w->index) {
		not_ours(p, e);
		return false;
	}
	p->component = e & ENTRY_COMPONENT;
	return true;
}

static inline enum verdict check_rtp(const struct hot *h, const uint8_t *payload, uint16_t len) {
	if (!rtp_is_valid(payload, len))
		return VERDICT_BAD_RTP;
	return h->payload_types[payload[1] >> 6 & 1] >> (payload[1] & 63) & 1 ? VERDICT_FORWARDED
									      : VERDICT_PAYLOAD_TYPE;
}

static inline enum verdict check_payload(
	const struct hot *h, uint32_t component, const uint8_t *payload, uint16_t len) {
	enum rtp_class class = len > 0 ? rtp_class(payload[0]) : RTP_CLASS_OTHER;

	if (class == RTP_CLASS_STUN)
		return VERDICT_STUN;
	if (class == RTP_CLASS_DTLS)
		return VERDICT_DTLS;
	if (!hot_is_rtcp(component))
		return check_rtp(h, payload, len);
	return rtcp_parse(payload, len) == 0 ? VERDICT_FORWARDED : VERDICT_BAD_RTCP;
}

// The line says no; the latch has the last word.
[[gnu::noinline]] static enum verdict doubt_source(
	struct relay_worker *w, uint32_t component, const uint8_t *frame, uint64_t now_ns) {
	const struct latch_addr source = {
		packet_load32(frame + PACKET_IP_SOURCE), ntohs(packet_load16(frame + PACKET_UDP_SOURCE))};
	const struct worker_cold *c = &w->cold[component];
	const struct hot *h = &w->hot[component];
	struct latch_state state = {
		.remote = c->remote,
		.learnt = {hot_target_be(h), hot_target_port(h)},
		.vouched_be = c->vouched_be,
		.mode = c->mode,
		.latched = c->latched,
		.relearn = c->relearn,
		.window_ns = c->window_ns,
		.last_in_ns = counter_read(&w->slots[component].counters.last_in_ns),
	};
	enum latch_outcome outcome = LATCH_REJECT;

	if (packet_is_unicast(source.addr_be) && source.port != 0)
		outcome = latch_check(&state, source, now_ns);
	switch (outcome) {
	case LATCH_LEARN:
		worker_learn(w, component, source, frame + PACKET_MAC_SOURCE);
		return VERDICT_FORWARDED;
	case LATCH_PASS:
		return VERDICT_FORWARDED;
	case LATCH_BLANK:
		return VERDICT_NO_ENDPOINT;
	case LATCH_REJECT:
		break;
	}
	worker_raise(w, component, EVENT_SOURCE_REFUSED);
	return VERDICT_BAD_SOURCE;
}

static inline bool is_expected(const struct hot *h, const uint8_t *frame) {
	return h->state >= HOT_READY && hot_target_be(h) == packet_load32(frame + PACKET_IP_SOURCE) &&
		(hot_target_port_be(h) == packet_load16(frame + PACKET_UDP_SOURCE) ||
			(h->egress & HOT_ANY_PORT));
}

// A component's first packet is judged whole: what is wrong with it is wrong with all that follow.
[[gnu::noinline]] static void on_first(
	struct relay_worker *w, const struct relay_packet *p, uint64_t now_ns) {
	enum checksum_state checksum = CHECKSUM_GOOD;

	counter_set(&w->slots[p->component].counters.first_in_ns, now_ns);
	if (!w->tables->port_compute_checksum[p->port])
		checksum = checksum_judge(p->data);
	if (checksum == CHECKSUM_PARTIAL)
		worker_raise(w, p->component, EVENT_BAD_CHECKSUM | EVENT_PARTIAL_CHECKSUM);
	else if (checksum == CHECKSUM_WRONG)
		worker_raise(w, p->component, EVENT_BAD_CHECKSUM);
}

[[gnu::always_inline]] static inline enum verdict admit(
	struct relay_worker *w, const struct relay_packet *p, uint64_t now_ns) {
	const struct hot *h = &w->hot[p->component];
	struct component_slot *slot = &w->slots[p->component].counters;
	enum verdict verdict = check_payload(h, p->component, p->data + PACKET_PAYLOAD, p->payload);

	if (verdict == VERDICT_FORWARDED && !is_expected(h, p->data))
		verdict = doubt_source(w, p->component, p->data, now_ns);
	if (verdict != VERDICT_FORWARDED)
		return verdict;
	counter_set(&slot->last_in_ns, now_ns);
	if (counter_read(&slot->first_in_ns) == 0)
		on_first(w, p, now_ns);
	return VERDICT_FORWARDED;
}

static inline bool has_mac(const struct hot *h) {
	return packet_load32(h->header) != 0 || packet_load16(h->header + 4) != 0;
}

// Whether the opposite side's packets can go, and by which next hop: 0: to the MAC that is in the header.
static inline enum verdict resolve(const struct relay_worker *w, const struct hot *h, uint64_t *word) {
	*word = 0;
	if (h->state == HOT_HAIRPIN)
		return VERDICT_FORWARDED;
	if (h->state != HOT_READY)
		return h->state == HOT_WAITING ? VERDICT_WAITING : VERDICT_NO_ENDPOINT;
	if (h->hop == 0)
		return has_mac(h) ? VERDICT_FORWARDED : VERDICT_NO_ROUTE;
	// Relaxed: the word is all there is to a next hop.
	*word = atomic_load_explicit(&w->tables->next_hop_words[h->hop], memory_order_relaxed);
	switch (next_hop_state(*word)) {
	case NEXT_HOP_REACHABLE:
		return VERDICT_FORWARDED;
	case NEXT_HOP_UNRESOLVED:
		*word = 0;
		return has_mac(h) ? VERDICT_FORWARDED : VERDICT_NO_NEIGHBOUR;
	case NEXT_HOP_NO_ROUTE:
		return VERDICT_NO_ROUTE;
	case NEXT_HOP_FAILED:
		break;
	}
	return VERDICT_NO_NEIGHBOUR;
}

[[gnu::always_inline]] static inline void rewrite(
	struct relay_worker *w, struct relay_packet *p, const struct hot *out, uint64_t word) {
	uint16_t vlan = rewrite_vlan(out->header);

	rewrite_frame(p->data, out->header, w->ip_id);
	w->ip_id = (uint16_t)(w->ip_id + w->n_workers); // no two workers use the same
	if (w->tables->port_compute_checksum[p->port])
		checksum_compute(p->data);
	if (word != 0)
		next_hop_mac(word, p->data);
	if (vlan != 0) {
		rewrite_tag(p->data, vlan);
		p->data -= PACKET_TAG;
		p->length += PACKET_TAG;
	}
	p->port = out->egress & HOT_EGRESS_MASK;
}

// What the sender says of itself stays on its side. RTCP comes every few seconds: this is not the way of most packets.
[[gnu::noinline]] static void hide_source(struct relay_worker *w, const struct relay_packet *p) {
	uint8_t *payload = p->data + PACKET_PAYLOAD, *checksum = p->data + PACKET_UDP_CHECKSUM;
	uint64_t was = checksum_sum(payload, p->payload);

	if (sdes_mask(payload, p->payload, w->names))
		packet_store16(checksum,
			rewrite_udp_checksum(
				packet_load16(checksum), was, checksum_sum(payload, p->payload)));
}

// Returns a verdict or AGAIN.
[[gnu::always_inline]] static inline unsigned decide(
	struct relay_worker *w, struct relay_packet *p, uint64_t now_ns) {
	const struct hot *out = &w->hot[hot_opposite(p->component)];
	enum verdict verdict = admit(w, p, now_ns);
	uint64_t word;

	if (verdict != VERDICT_FORWARDED)
		return verdict;
	verdict = resolve(w, out, &word);
	if (verdict != VERDICT_FORWARDED)
		return verdict;
	if (out->state == HOT_HAIRPIN && p->hairpins == HAIRPINS_MAX)
		return VERDICT_LOOP;
	if (hot_is_rtcp(p->component))
		hide_source(w, p);
	rewrite(w, p, out, word);
	return out->state == HOT_HAIRPIN ? AGAIN : VERDICT_FORWARDED;
}

static void count_component(struct relay_worker *w, const struct relay_packet *p) {
	struct component_slot *slot = &w->slots[p->component].counters;

	counter_add(&slot->forwarded, 1);
	counter_add(&slot->forwarded_bytes, p->payload);
}

// A packet to one of our own media addresses is received there, by ourselves.
[[gnu::noinline]] static void go_again(struct relay_worker *w, struct relay_packet *p, uint64_t now_ns) {
	while (p->verdict == AGAIN) {
		const uint32_t *entry;

		count_component(w, p);
		p->component = UINT32_MAX;
		p->hairpins++;
		entry = find(w, p);
		if (entry != NULL && take(w, p, entry))
			p->verdict = (uint8_t)decide(w, p, now_ns);
	}
}

// Pass 1: which entry of the port table. Frames come from the device: their first lines are asked for ahead.
static inline void find_entries(
	const struct relay_worker *w, struct relay_packet *packets, unsigned n, const uint32_t **entries) {
	for (unsigned i = 0; i < n; i++)
		__builtin_prefetch(packets[i].data, 1);
	for (unsigned i = 0; i < n; i++) {
		packets[i].component = UINT32_MAX;
		packets[i].payload = 0;
		entries[i] = find(w, &packets[i]);
		if (entries[i] != NULL)
			__builtin_prefetch(entries[i]);
	}
}

// Pass 2: which component.
static inline void find_components(const struct relay_worker *w, struct relay_packet *packets, unsigned n,
	const uint32_t *const *entries) {
	for (unsigned i = 0; i < n; i++) {
		struct relay_packet *p = &packets[i];

		if (entries[i] == NULL || !take(w, p, entries[i]))
			continue;
		__builtin_prefetch(&w->hot[p->component]);
		__builtin_prefetch(&w->hot[hot_opposite(p->component)]);
		__builtin_prefetch(&w->slots[p->component].counters, 1);
	}
}

void relay_burst(struct relay_worker *w, struct relay_packet *packets, unsigned n, uint64_t now_ns) {
	const uint32_t *entries[RELAY_BURST];

	assert(n <= RELAY_BURST);
	find_entries(w, packets, n, entries);
	find_components(w, packets, n, entries);
	for (unsigned i = 0; i < n; i++) {
		struct relay_packet *p = &packets[i];

		if (p->component == UINT32_MAX)
			continue;
		p->verdict = (uint8_t)decide(w, p, now_ns);
		if (p->verdict == AGAIN)
			go_again(w, p, now_ns);
	}
}

void relay_count(struct relay_worker *w, const struct relay_packet *packets, unsigned n) {
	for (unsigned i = 0; i < n; i++) {
		const struct relay_packet *p = &packets[i];

		if (p->verdict == RELAY_HAND_OVER)
			continue;
		if (!p->passed_on)
			counter_add(&w->counters->verdicts[p->verdict], 1);
		if (p->component == UINT32_MAX)
			continue;
		if (p->verdict == VERDICT_FORWARDED)
			count_component(w, p);
		else
			counter_step32(&w->slots[p->component].counters.drops[p->verdict]);
	}
}

void relay_count_sent(struct relay_worker *w, enum verdict verdict, unsigned n) {
	counter_add(&w->counters->verdicts[verdict], n);
}
