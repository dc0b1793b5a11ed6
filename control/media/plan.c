#include "control/media/pairing.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

// Two sessions are compared, and a hash taken, byte by byte.
static_assert(sizeof(struct proto_side) ==
	PROTO_NAME + 6 * sizeof(struct endpoint) + 2 * sizeof(uint64_t) + 2 * sizeof(uint32_t));
static_assert(sizeof(struct proto_session) == 24 + 2 * sizeof(struct proto_side));

// FNV-1a. A peer that makes its own tags collide spares itself a new latch, no more.
static uint64_t hash(struct span text) {
	uint64_t h = 0xcbf29ce484222325ull;

	if (span_is_empty(text))
		return 0;
	for (size_t i = 0; i < text.len; i++)
		h = (h ^ (uint8_t)text.data[i]) * 0x100000001b3ull;
	return h == 0 ? 1 : h;
}

struct party pairing_party(const struct media_party *p) {
	struct party out = {.realm = p->realm, .nated = p->nated, .vouched = p->vouched, .tag = hash(p->tag)};

	out.vouched.port = 0; // signalling's port says nothing of media's
	return out;
}

static void take_down(const struct sdp_stream *s, struct stream_side *out) {
	*out = (struct stream_side){
		.known = true,
		.refused = !s->relayable,
		.held = s->held,
		.one_way = s->held || s->direction != SDP_SENDRECV,
		.signalled = {s->rtp, s->rtcp},
		.payload_types = {s->payload_types[0], s->payload_types[1]},
	};
}

static struct endpoint sendable(const struct endpoint *e) {
	return sdp_is_hold_address(e) ? (struct endpoint){0} : *e;
}

static enum latch_mode latch_mode(const struct config_realm *realm, const struct party *party) {
	switch (realm->latch) {
	case CONFIG_LATCH_AUTO:
		return party->nated ? LATCH_ADDRESS : LATCH_OFF;
	case CONFIG_LATCH_STRICT:
		return LATCH_STRICT;
	case CONFIG_LATCH_ADDRESS:
		return LATCH_ADDRESS;
	case CONFIG_LATCH_ANY:
		return LATCH_ANY;
	case CONFIG_LATCH_OFF:
		break;
	}
	return LATCH_OFF;
}

// The address whose packets may be learnt from. Without one from signalling, the SDP's own.
static struct endpoint vouched(const struct party *party, const struct stream_side *said) {
	struct endpoint e = endpoint_is_set(&party->vouched) ? party->vouched : sendable(&said->signalled[0]);

	e.port = 0;
	return e;
}

// True if what was learnt from this side's packets may no longer hold.
static bool is_elsewhere(const struct proto_side *was, const struct proto_side *now) {
	return memcmp(was->remote, now->remote, sizeof(was->remote)) != 0 ||
		!endpoint_equal(&was->vouched, &now->vouched) || was->latch != now->latch;
}

// another: a fork's answer, so another device maybe, though its private address may be the same.
static void build_side(const struct config_realm *realm, const struct party *party,
	const struct stream_side *said, bool another, struct proto_side *side) {
	struct proto_side was = *side;

	if (strcmp(side->realm, realm->name) != 0) {
		*side = (struct proto_side){
			.latch_epoch = was.latch_epoch}; // ports and all are the old realm's
		strcpy(side->realm, realm->name);
		static_assert((int)CONFIG_NAME == (int)PROTO_NAME);
	}
	side->latch = (uint8_t)latch_mode(realm, party);
	side->remote[0] = sendable(&said->signalled[0]);
	side->remote[1] = sendable(&said->signalled[1]);
	side->vouched = side->latch == LATCH_ADDRESS ? vouched(party, said) : (struct endpoint){0};
	if (said->known && (is_elsewhere(&was, side) || (another && side->latch >= LATCH_ADDRESS)))
		side->latch_epoch++;
}

// What either party named may come from both: they may number their formats differently (RFC 3264 §6.1).
static void unite_payload_types(struct stream_state *s) {
	uint64_t both[2] = {0};
	bool any = false; // one of them can't be told by number

	for (int i = 0; i < 2; i++) {
		const uint64_t *types = s->side[i].payload_types;

		if (!s->side[i].known || s->side[i].refused)
			continue;
		any = any || (types[0] | types[1]) == 0;
		both[0] |= types[0];
		both[1] |= types[1];
	}
	if (any)
		memset(both, 0, sizeof(both));
	for (int i = 0; i < 2; i++)
		memcpy(s->session.side[i].payload_types, both, sizeof(both));
}

uint32_t plan_timeout_ms(const struct config *config, const struct pairing *p, const struct stream_state *s) {
	for (int i = 0; i < 2; i++) {
		if (!s->side[i].known || s->side[i].one_way)
			return 0;
	}
	return p->answered ? (uint32_t)config->control.media_timeout_s * 1000 : 0;
}

static void build_session(const struct config *config, const struct pairing *p, const struct plan *plan,
	const struct exchange *x, uint64_t *next_id, struct stream_state *s) {
	struct proto_session *session = &s->session;
	struct proto_side was = session->side[x->from];
	bool another = plan->party[x->from].tag != p->party[x->from].tag;

	if (session->session_id == 0)
		*session = (struct proto_session){.session_id = (*next_id)++, .call_id = p->call_id};
	session->length = sizeof(*session);
	for (unsigned i = 0; i < 2; i++) {
		const struct party *party = &plan->party[i];

		build_side(&config->realms[party->realm], party, &s->side[i], another && i == x->from,
			&session->side[i]);
	}
	// The window of LATCH_ANY runs from its epoch: the offerer's opens when the answerer can be heard.
	if (x->is_answer && is_elsewhere(&was, &session->side[x->from]) &&
		session->side[1 - x->from].latch == LATCH_ANY)
		session->side[1 - x->from].latch_epoch++;
	unite_payload_types(s);
	session->media_timeout_ms = plan_timeout_ms(config, p, s);
}

// An offer that drops a stream (port 0) leaves its session until the answer: the offer may yet be refused.
static void plan_stream(const struct config *config, const struct pairing *p, const struct plan *plan,
	const struct exchange *x, const struct sdp_stream *said, uint64_t *next_id, struct stream_state *s) {
	const struct stream_side *other = &s->side[1 - x->from];
	size_t len = said->media.len < sizeof(s->media) ? said->media.len : sizeof(s->media) - 1;

	memset(s->media, 0, sizeof(s->media));
	memcpy(s->media, said->media.data, len);
	take_down(said, &s->side[x->from]);
	if (x->is_answer && (!said->relayable || other->refused))
		s->session = (struct proto_session){0};
	else if (said->relayable)
		build_session(config, p, plan, x, next_id, s);
}

// The offered party: as it was, unless it is now to be found in another realm.
static int plan_parties(const struct pairing *p, const struct exchange *x, struct plan *out) {
	unsigned other = 1 - x->from;

	memcpy(out->party, p->party, sizeof(out->party));
	out->party[x->from] = x->party[x->from];
	if (x->is_answer)
		return x->party[x->from].realm == p->party[x->from].realm ? 0 : -EINVAL;
	if (p->offered && x->party[other].realm == p->party[other].realm)
		return 0;
	out->party[other] = (struct party){.realm = x->party[other].realm};
	for (unsigned i = 0; i < SDP_STREAMS_MAX; i++)
		out->states[i].side[other] = (struct stream_side){0};
	return 0;
}

// RFC 3264 §6, §8: an answer has the offer's m-lines, a new offer never fewer than there were.
static int check_count(const struct pairing *p, const struct exchange *x, unsigned n) {
	if (!x->is_answer)
		return n >= p->n_streams ? 0 : -EBADMSG;
	if (!p->offered || p->offered_by != 1 - x->from)
		return -EINVAL;
	return n == p->n_streams ? 0 : -EBADMSG;
}

// An answer may refuse everything; an offer, or an answer that takes only what we can't relay, is of no use.
static int check_use(const struct exchange *x, const struct sdp *sdp, const struct plan *plan) {
	bool wants_any = !x->is_answer;

	for (unsigned i = 0; i < sdp->n_streams; i++) {
		if (sdp->streams[i].relayable && plan->states[i].session.session_id != 0)
			return 0;
		wants_any = wants_any || sdp->streams[i].port > 0;
	}
	return wants_any ? -ENOTSUP : 0;
}

int plan_make(const struct config *config, const struct pairing *p, const struct exchange *x,
	const struct sdp *sdp, uint64_t *next_id, struct plan *out) {
	int ret = check_count(p, x, sdp->n_streams);

	if (ret < 0)
		return ret;
	*out = (struct plan){.n = sdp->n_streams};
	for (unsigned i = 0; i < p->n_streams; i++)
		out->states[i] = p->streams[i]->now;
	ret = plan_parties(p, x, out);
	if (ret < 0)
		return ret;
	for (unsigned i = 0; i < out->n; i++)
		plan_stream(config, p, out, x, &sdp->streams[i], next_id, &out->states[i]);
	return check_use(x, sdp, out);
}
