#include "control/ops/diagnosis.h"

#include "control/ops/session_json.h"
#include "relay/next_hop.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

// What becomes of the packets that one side sends.
enum flow {
	FLOW_OK, // arrive and are sent on
	FLOW_SPOILT, // arrive and are sent on, but the other party's host throws them away
	FLOW_BLOCKED, // arrive, but can't be sent on
	FLOW_SILENT, // used to arrive
	FLOW_REFUSED, // none was ever good enough
	FLOW_NEVER, // none ever arrived
};

// One direction: from a side to the other.
struct way {
	const char *from, *to;
	const struct proto_side *from_wanted, *to_wanted;
	const struct proto_component_state *from_rtp, *to_rtp;
	uint64_t age_ms, silent_ms;
	bool ended;
};

static void say(struct diagnosis *d, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void say(struct diagnosis *d, const char *format, ...) {
	va_list args;

	if (d->n_lines == DIAGNOSIS_LINES)
		return;
	va_start(args, format);
	vsnprintf(d->lines[d->n_lines++], DIAGNOSIS_LINE, format, args);
	va_end(args);
}

static struct way way_of(const struct diagnosis_session *s, unsigned from) {
	const struct proto_session_state *state = s->state;
	const struct component_slot *c = &state->component[from][0].counters;

	return (struct way){
		.from = session_json_role(from),
		.to = session_json_role(1 - from),
		.from_wanted = &state->wanted.side[from],
		.to_wanted = &state->wanted.side[1 - from],
		.from_rtp = &state->component[from][0],
		.to_rtp = &state->component[1 - from][0],
		.age_ms = session_json_age_ms(state->now_ns, state->created_ns),
		.silent_ms = session_json_age_ms(state->now_ns, c->last_in_ns),
		.ended = s->ended,
	};
}

static bool must_latch(const struct proto_side *s) {
	return s->latch == LATCH_ADDRESS || s->latch == LATCH_ANY;
}

static bool is_latched(const struct proto_component_state *c) {
	return component_is_latched(&c->counters);
}

static bool has_endpoint(const struct way *w) {
	return endpoint_is_set(&w->to_wanted->remote[0]) || is_latched(w->to_rtp);
}

static bool is_blocked(const struct way *w) {
	if (!has_endpoint(w) || (must_latch(w->to_wanted) && !is_latched(w->to_rtp)))
		return true;
	// A session that has ended has given its next hops back: only what was sent counts.
	return !w->ended && w->to_rtp->next_hop_state != NEXT_HOP_REACHABLE &&
		w->from_rtp->counters.drops[VERDICT_NO_ROUTE] +
			w->from_rtp->counters.drops[VERDICT_NO_NEIGHBOUR] >
		0;
}

static uint64_t refused(const struct component_slot *c) {
	uint64_t sum = 0;

	for (unsigned v = VERDICT_BAD_RTP; v <= VERDICT_BAD_SOURCE; v++)
		sum += c->drops[v];
	return sum;
}

static bool is_spoilt(const struct component_slot *c) {
	return (c->events & EVENT_PARTIAL_CHECKSUM) != 0;
}

static enum flow flow_of(const struct way *w) {
	const struct component_slot *c = &w->from_rtp->counters;

	if (c->last_in_ns == 0)
		return refused(c) > 0 ? FLOW_REFUSED : FLOW_NEVER;
	if (w->silent_ms > DIAGNOSIS_SILENCE_MS && !(w->ended && is_spoilt(c)))
		return FLOW_SILENT;
	if (is_blocked(w) || c->forwarded == 0)
		return FLOW_BLOCKED;
	return is_spoilt(c) ? FLOW_SPOILT : FLOW_OK;
}

// A call that has ended had audio, even if it fell silent before its end.
static bool has_audio(const struct diagnosis_session *s, enum flow flow) {
	return flow == FLOW_OK || (flow == FLOW_SILENT && s->ended);
}

static void say_summary(struct diagnosis *d, const struct diagnosis_session *s, const enum flow flow[2]) {
	bool ok[2] = {has_audio(s, flow[0]), has_audio(s, flow[1])};
	const char *prefix = "";

	if (!s->answered)
		prefix = s->ended ? "never answered: " : "not answered yet: ";
	else if (s->held)
		prefix = "held, silence is expected: ";
	if (ok[0] && ok[1])
		say(d, "%saudio flow%s both ways", s->held ? "" : prefix, s->ended ? "ed" : "s");
	else if (ok[0] || ok[1])
		say(d, "%sone-way audio: only from %s to %s", prefix, session_json_role(ok[0] ? 0 : 1),
			session_json_role(ok[0] ? 1 : 0));
	else
		say(d, "%sno audio either way", prefix);
}

// ---- why a way does not flow ----

static void say_expected_source(struct diagnosis *d, const struct way *w, uint64_t n) {
	const struct proto_side *side = w->from_wanted;
	char text[ENDPOINT_TEXT];

	if (is_latched(w->from_rtp))
		say(d, "%" PRIu64 " packets to %s's port did not come from %s, which it sends from", n,
			w->from, endpoint_format(&w->from_rtp->counters.learnt, text));
	else if (side->latch == LATCH_ADDRESS)
		say(d,
			"%" PRIu64
			" packets to %s's port refused: only %s may be learnt (its signalling's address)",
			n, w->from, endpoint_format_addr(&side->vouched, text));
	else if (side->latch == LATCH_ANY)
		say(d,
			"%" PRIu64
			" packets to %s's port refused: they came after the 5 s in which it may be learnt",
			n, w->from);
	else
		say(d, "%" PRIu64 " packets to %s's port refused: not from %s as the SDP says (latch %s)", n,
			w->from,
			side->latch == LATCH_OFF ? endpoint_format_addr(&side->remote[0], text)
						 : endpoint_format(&side->remote[0], text),
			session_json_latch(side->latch));
}

static void say_refused(struct diagnosis *d, const struct way *w) {
	const struct component_slot *c = &w->from_rtp->counters;

	if (c->drops[VERDICT_BAD_SOURCE] > 0)
		say_expected_source(d, w, c->drops[VERDICT_BAD_SOURCE]);
	if (c->drops[VERDICT_PAYLOAD_TYPE] > 0)
		say(d, "%" PRIu32 " packets from %s refused: an RTP payload type that was not negotiated",
			c->drops[VERDICT_PAYLOAD_TYPE], w->from);
	if (c->drops[VERDICT_DTLS] > 0)
		say(d, "%s sends DTLS (%" PRIu32 " packets): it wants encrypted media", w->from,
			c->drops[VERDICT_DTLS]);
	if (c->drops[VERDICT_STUN] > 0)
		say(d, "%s sends STUN (%" PRIu32 " packets): it tries ICE", w->from, c->drops[VERDICT_STUN]);
	if (c->drops[VERDICT_BAD_RTP] > 0)
		say(d, "%" PRIu32 " packets from %s are not RTP", c->drops[VERDICT_BAD_RTP], w->from);
}

static void say_never(struct diagnosis *d, const struct way *w) {
	const struct proto_side *side = w->from_wanted;
	char local[ENDPOINT_TEXT], expected[ENDPOINT_TEXT];

	say(d, "no RTP from %s %s: nothing arrived at %s in %.1f s", w->from, w->ended ? "ever came" : "yet",
		endpoint_format(&side->local, local), (double)w->age_ms / 1000);
	if (!w->ended && side->latch == LATCH_ADDRESS)
		say(d, "%s is behind a NAT: its packets should come from %s, from any port", w->from,
			endpoint_format_addr(&side->vouched, expected));
}

static void say_silent(struct diagnosis *d, const struct way *w) {
	say(d, "no RTP from %s %s %.1f s", w->from, w->ended ? "in the last" : "for",
		(double)w->silent_ms / 1000);
	if (w->from_rtp->counters.drops[VERDICT_BAD_SOURCE] > 0)
		say_expected_source(d, w, w->from_rtp->counters.drops[VERDICT_BAD_SOURCE]);
}

static void say_next_hop(struct diagnosis *d, const struct way *w) {
	const struct endpoint *to =
		is_latched(w->to_rtp) ? &w->to_rtp->counters.learnt : &w->to_wanted->remote[0];
	const struct component_slot *c = &w->from_rtp->counters;
	char target[ENDPOINT_TEXT], gateway[ENDPOINT_TEXT];

	endpoint_format(to, target);
	if (c->drops[VERDICT_NO_ROUTE] > 0)
		say(d, "no route to %s (%s): %" PRIu32 " of %s's packets dropped", target, w->to,
			c->drops[VERDICT_NO_ROUTE], w->from);
	if (c->drops[VERDICT_NO_NEIGHBOUR] > 0)
		say(d, "next hop %s to %s (%s) does not answer ARP: %" PRIu32 " of %s's packets dropped",
			endpoint_format_addr(&w->to_rtp->next_hop, gateway), target, w->to,
			c->drops[VERDICT_NO_NEIGHBOUR], w->from);
}

static void say_blocked(struct diagnosis *d, const struct way *w) {
	const struct component_slot *c = &w->from_rtp->counters;
	unsigned before = d->n_lines;

	if (!has_endpoint(w))
		say(d, "%s has given no media endpoint%s: %" PRIu32 " of %s's packets dropped", w->to,
			w->ended ? "" : " yet", c->drops[VERDICT_NO_ENDPOINT], w->from);
	else if (must_latch(w->to_wanted) && !is_latched(w->to_rtp))
		say(d,
			"waiting: %s has not sent %s, and where to is learnt from its packets; %" PRIu32
			" of %s's dropped",
			w->to, w->ended ? "anything" : "yet", c->drops[VERDICT_WAITING], w->from);
	else
		say_next_hop(d, w);
	if (d->n_lines == before)
		say(d, "%s's packets arrive but none was sent on to %s", w->from, w->to);
}

// Drops that hurt although the way flows: one in a hundred and more.
static void say_losses(struct diagnosis *d, const struct way *w) {
	const struct component_slot *c = &w->from_rtp->counters;

	for (unsigned v = VERDICT_FORWARDED + 1; v < COMPONENT_VERDICTS; v++) {
		if (c->drops[v] > 0 && c->drops[v] >= c->forwarded / 100)
			say(d, "%" PRIu32 " of %s's packets dropped (%s: %s)", c->drops[v], w->from,
				verdict_name((enum verdict)v), verdict_help((enum verdict)v));
	}
}

static void say_learnt(struct diagnosis *d, const struct way *w) {
	const struct endpoint *signalled = &w->from_wanted->remote[0];
	const struct endpoint *learnt = &w->from_rtp->counters.learnt;
	char a[ENDPOINT_TEXT], b[ENDPOINT_TEXT];

	if (!is_latched(w->from_rtp) || !endpoint_is_set(learnt) || !endpoint_is_set(signalled) ||
		endpoint_equal(learnt, signalled))
		return;
	say(d, "%s's packets come from %s, SDP said %s", w->from, endpoint_format(learnt, a),
		endpoint_format(signalled, b));
}

// What an offload leaves out it leaves out of every packet; one that is merely wrong may have been the only one.
static void say_checksum(struct diagnosis *d, const struct way *w) {
	const struct component_slot *c = &w->from_rtp->counters;

	if (is_spoilt(c))
		say(d, "UDP checksums of %s's packets are partial, left so by an offload at the sender: %s's host drops them",
			w->from, w->to);
	else if ((c->events & EVENT_BAD_CHECKSUM) != 0)
		say(d, "the UDP checksum of %s's first packet was wrong: %s's host drops such packets",
			w->from, w->to);
	else
		return;
	say(d, "udp_checksum = \"compute\" on the port that %s's packets come in by repairs them", w->from);
}

static void say_way(struct diagnosis *d, const struct way *w, enum flow flow) {
	switch (flow) {
	case FLOW_OK:
	case FLOW_SPOILT:
		say_checksum(d, w);
		say_losses(d, w);
		break;
	case FLOW_BLOCKED:
		say_blocked(d, w);
		break;
	case FLOW_SILENT:
		say_silent(d, w);
		break;
	case FLOW_REFUSED:
		say_refused(d, w);
		break;
	case FLOW_NEVER:
		say_never(d, w);
		break;
	}
	say_learnt(d, w);
}

static void say_link(struct diagnosis *d, const struct diagnosis_session *s, unsigned side) {
	if ((s->state->events[side] & EVENT_LINK_DOWN) != 0)
		say(d, "the port that carries %s's media was without a link", session_json_role(side));
}

void diagnosis_find(const struct diagnosis_session *s, struct diagnosis *out) {
	struct way way[2] = {way_of(s, 0), way_of(s, 1)};
	enum flow flow[2] = {flow_of(&way[0]), flow_of(&way[1])};

	out->n_lines = 0;
	say_summary(out, s, flow);
	for (unsigned side = 0; side < 2; side++)
		say_link(out, s, side);
	for (unsigned side = 0; side < 2; side++)
		say_way(out, &way[side], flow[side]);
}
