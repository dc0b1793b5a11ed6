#include "control/ops/session_json.h"

#include "control/ops/row.h"
#include "relay/next_hop.h"

#include <stdio.h>

const char *session_json_role(unsigned side) {
	return side == 0 ? "caller" : "callee";
}

const char *session_json_latch(unsigned mode) {
	static const char *const names[] = {[LATCH_OFF] = "off",
		[LATCH_STRICT] = "strict",
		[LATCH_ADDRESS] = "address",
		[LATCH_ANY] = "any"};

	return mode <= LATCH_ANY ? names[mode] : "unknown";
}

const char *session_json_next_hop(unsigned state) {
	static const char *const names[NEXT_HOP_STATES] = {
		[NEXT_HOP_NO_ROUTE] = "no_route",
		[NEXT_HOP_UNRESOLVED] = "unresolved",
		[NEXT_HOP_REACHABLE] = "reachable",
		[NEXT_HOP_FAILED] = "failed",
	};

	return state < NEXT_HOP_STATES ? names[state] : "unknown";
}

uint64_t session_json_age_ms(uint64_t now_ns, uint64_t then_ns) {
	return now_ns > then_ns ? (now_ns - then_ns) / 1000000 : 0;
}

static void put_age(struct row *r, const char *key, uint64_t now_ns, uint64_t then_ns) {
	if (then_ns == 0)
		row_text(r, key, NULL);
	else
		row_u64(r, key, session_json_age_ms(now_ns, then_ns));
}

static json_t *drops_json(const struct component_slot *c, uint64_t *total) {
	struct row r;

	row_begin(&r);
	*total = 0;
	for (unsigned v = VERDICT_FORWARDED + 1; v < COMPONENT_VERDICTS; v++) {
		*total += c->drops[v];
		if (c->drops[v] > 0)
			row_u64(&r, verdict_name((enum verdict)v), c->drops[v]);
	}
	return row_end(&r);
}

static json_t *events_json(uint32_t events) {
	struct row r = {0};
	json_t *array = json_array();

	for (unsigned bit = 0; bit < EVENT_KINDS; bit++) {
		if ((events >> bit & 1) != 0)
			row_append(&r, array, json_string(media_event_name(bit)));
	}
	if (!r.failed)
		return array;
	json_decref(array);
	return NULL;
}

static json_t *next_hop_json(const struct proto_component_state *c) {
	static const uint8_t none[6];
	char mac[18];
	struct row r;

	row_begin(&r);
	snprintf(mac, sizeof(mac), "%02x:%02x:%02x:%02x:%02x:%02x", c->mac[0], c->mac[1], c->mac[2],
		c->mac[3], c->mac[4], c->mac[5]);
	row_endpoint(&r, "address", &c->next_hop);
	row_text(&r, "mac", memcmp(c->mac, none, sizeof(none)) == 0 ? NULL : mac);
	row_text(&r, "state", c->hairpin != 0 ? "ourselves" : session_json_next_hop(c->next_hop_state));
	return row_end(&r);
}

static void put_packets(struct row *r, const struct component_slot *c, uint64_t now_ns) {
	uint64_t dropped;
	json_t *drops = drops_json(c, &dropped);

	row_u64(r, "forwarded_packets", c->forwarded);
	row_u64(r, "forwarded_bytes", c->forwarded_bytes);
	row_u64(r, "dropped_packets", dropped);
	row_take(r, "drops", drops);
	put_age(r, "first_packet_age_ms", now_ns, c->first_in_ns);
	put_age(r, "last_packet_age_ms", now_ns, c->last_in_ns);
}

static json_t *component_json(
	const struct proto_session_state *s, unsigned side, unsigned component, bool ended) {
	const struct proto_component_state *c = &s->component[side][component];
	const struct endpoint *signalled = &s->wanted.side[side].remote[component];
	const struct endpoint *learnt = &c->counters.learnt;
	bool both = endpoint_is_set(learnt) && endpoint_is_set(signalled);
	struct row r;

	row_begin(&r);
	row_text(&r, "component", component == 0 ? "rtp" : "rtcp");
	row_endpoint(&r, "signalled", signalled);
	row_bool(&r, "latched", component_is_latched(&c->counters));
	row_endpoint(&r, "learnt", learnt);
	row_bool(&r, "differs", both && !endpoint_equal(learnt, signalled));
	put_packets(&r, &c->counters, s->now_ns);
	row_take(&r, "events", events_json(c->counters.events));
	row_take(&r, "next_hop", ended ? json_null() : next_hop_json(c));
	return row_end(&r);
}

static json_t *side_json(const struct proto_session_state *s, unsigned side, bool ended) {
	const struct proto_side *wanted = &s->wanted.side[side];
	json_t *components = json_array();
	struct row r;

	row_begin(&r);
	row_text(&r, "side", session_json_role(side));
	row_span(&r, "realm", (struct span){wanted->realm, strnlen(wanted->realm, sizeof(wanted->realm))});
	row_endpoint(&r, "local", &wanted->local);
	row_text(&r, "latch", session_json_latch(wanted->latch));
	row_u64(&r, "latch_epoch", wanted->latch_epoch);
	row_endpoint(&r, "vouched", &wanted->vouched);
	row_take(&r, "events", events_json(s->events[side]));
	for (unsigned component = 0; component < 2; component++)
		row_append(&r, components, component_json(s, side, component, ended));
	row_take(&r, "components", components);
	return row_end(&r);
}

json_t *session_json(const struct proto_session_state *s, bool ended) {
	json_t *sides = json_array();
	struct row r;

	row_begin(&r);
	row_id(&r, "session_id", s->wanted.session_id);
	row_id(&r, "call_id", s->wanted.call_id);
	row_u64(&r, "slot", s->slot);
	row_u64(&r, "age_ms", session_json_age_ms(s->now_ns, s->created_ns));
	row_u64(&r, "media_timeout_ms", s->wanted.media_timeout_ms);
	for (unsigned side = 0; side < 2; side++)
		row_append(&r, sides, side_json(s, side, ended));
	row_take(&r, "sides", sides);
	return row_end(&r);
}
