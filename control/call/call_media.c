// A call's descriptions on their way through the relay, and what the relay reports.
#include "control/call/internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

enum { RETRY_AFTER_S = 5, PREVIEWS_MAX = 4 };

// A request's number says what it was for: kind in the upper half, the callee's fork in the lower.
static uint32_t request_number(enum media_request kind, uint16_t peer_part) {
	return (uint32_t)kind << 16 | peer_part;
}

static void fill_party(const struct leg *l, struct media_party *out) {
	*out = (struct media_party){
		.realm = (uint16_t)l->realm, .nated = l->nated, .vouched = l->flow.remote};
	out->vouched.port = 0;
}

int call_media_offer(struct calls *cs, struct call *c, struct span sdp) {
	struct media_party party[2];

	fill_party(&c->leg[LEG_CALLER], &party[LEG_CALLER]);
	fill_party(&c->leg[LEG_CALLEE], &party[LEG_CALLEE]);
	return media_offer(cs->media, &c->media, c->handle, c->id, request_number(REQUEST_OFFER, 0),
		LEG_CALLER, party, sdp);
}

static struct dialog *find_fork(const struct call *c, uint16_t peer_part) {
	for (struct branch *b = c->branches; b != NULL; b = b->next)
		for (struct dialog *d = b->dialogs; d != NULL; d = d->next)
			if (d->peer_part == peer_part)
				return d;
	return NULL;
}

int call_media_answer(struct calls *cs, struct call *c, const struct dialog *d, enum media_request kind) {
	struct media_party party[2];

	fill_party(&c->leg[LEG_CALLER], &party[LEG_CALLER]);
	fill_party(&c->leg[LEG_CALLEE], &party[LEG_CALLEE]);
	party[LEG_CALLEE].nated = d->nated;
	party[LEG_CALLEE].vouched = d->flow.remote;
	party[LEG_CALLEE].vouched.port = 0;
	party[LEG_CALLEE].tag = span_of(d->remote_tag);
	return media_answer(
		cs->media, c->media, request_number(kind, d->peer_part), LEG_CALLEE, party, span_of(d->sdp));
}

// One of each dialog's and few of a call's at a time, so that forks that all have early media leave room for the answer.
bool call_media_preview(struct calls *cs, struct call *c, struct dialog *d) {
	if (d->preview_status != 0 || c->n_previews == PREVIEWS_MAX)
		return true;
	if (call_media_answer(cs, c, d, REQUEST_PREVIEW) < 0)
		return false;
	d->preview_status = d->waiting_status;
	d->waiting_status = 0;
	c->n_previews++;
	return true;
}

static void pass_progress(
	struct calls *cs, struct call *c, const struct dialog *d, unsigned status, struct span sdp) {
	if (call_event(cs, c, CALL_ON_PROGRESS) & CALL_DO_PASS_PROGRESS)
		caller_send_progress(cs, c, d, status, sdp);
}

static void preview_next(struct calls *cs, struct call *c) {
	const struct branch *b = call_live_branch(c);

	for (struct dialog *d = b->dialogs; d != NULL && c->state == CALL_TRYING; d = d->next) {
		if (d->waiting_status == 0 || d->state != DIALOG_EARLY || call_media_preview(cs, c, d))
			continue;
		pass_progress(cs, c, d, d->waiting_status, (struct span){0});
		d->waiting_status = 0;
	}
}

// One that failed is shown without its description.
static void on_preview_result(
	struct calls *cs, struct call *c, struct dialog *d, const struct media_result *r) {
	const unsigned status = d->preview_status;

	d->preview_status = 0;
	c->n_previews--;
	pass_progress(cs, c, d, status, r->status == 0 ? r->sdp : (struct span){0});
	preview_next(cs, c);
}

void call_media_blame(struct calls *cs, struct call *c, int status, enum media_request kind) {
	switch (status) {
	case EBADMSG:
	case ENOTSUP:
		cs->counters[CALL_COUNTER_NOT_ACCEPTABLE]++;
		call_blame(c, "not_acceptable", kind == REQUEST_ANSWER ? "callee" : "caller");
		call_set_final(c, kind == REQUEST_ANSWER ? 502 : 488,
			NULL); // the caller is not to blame for the callee's answer
		break;
	case ENOSPC:
		cs->counters[CALL_COUNTER_EXHAUSTED]++;
		call_blame(c, "exhausted", "kedge");
		call_set_final(c, 503, NULL);
		c->retry_after_s = RETRY_AFTER_S;
		break;
	default:
		cs->counters[CALL_COUNTER_NO_MEDIA]++;
		call_blame(c, "no_media", "kedge");
		call_set_final(c, 503, NULL);
		c->retry_after_s = RETRY_AFTER_S;
	}
}

static void on_offer_result(struct calls *cs, struct call *c, const struct media_result *r) {
	int ret = r->status == 0 ? text_set(&c->offer, r->sdp) : r->status;

	if (ret != 0)
		call_media_blame(cs, c, abs(ret), REQUEST_OFFER);
	call_event(cs, c, ret == 0 ? CALL_ON_OFFER_READY : CALL_ON_MEDIA_FAILED);
}

void call_media_on_result(struct calls *cs, const struct media_result *r) {
	struct call *c = calls_find(cs, r->owner);
	struct dialog *d;

	if (c == NULL)
		return;
	if (r->status != 0)
		log_warning("call id=%016" PRIx64 " media_request=%x errno=%d", c->id, r->request, r->status);
	if (r->request >> 16 == REQUEST_OFFER) {
		on_offer_result(cs, c, r);
		return;
	}
	d = find_fork(c, (uint16_t)r->request);
	if (d == NULL)
		return;
	if (r->request >> 16 == REQUEST_PREVIEW) {
		on_preview_result(cs, c, d, r);
		return;
	}
	if (r->status != 0) {
		call_media_blame(cs, c, r->status, REQUEST_ANSWER);
		call_event(cs, c, CALL_ON_MEDIA_FAILED);
	} else if (call_event(cs, c, CALL_ON_ANSWER_READY) & CALL_DO_ACCEPT) {
		caller_accept(cs, c, r->sdp);
	}
}

// What its packets carry is wrong already when they reach us: an operator has to know why nobody hears this party.
static void warn_of_checksums(const struct calls *cs, const struct call *c, unsigned leg, uint32_t events) {
	const struct config_realm *realm = &cs->config->realms[c->leg[leg].realm];

	log_warning("call id=%016" PRIx64
		    " leg=%u realm=%s media=bad_checksum cause=\"%s\": the other party's host "
		    "drops such packets; udp_checksum = \"compute\" at relay.ports \"%s\" repairs them",
		c->id, leg, realm->name,
		(events & EVENT_PARTIAL_CHECKSUM) ? "partial, left so by an offload at the sender"
						  : "wrong, from the sender or changed on the way",
		cs->config->relay.ports[realm->port].name);
}

// What concerns both parties is said once.
static void log_events(const struct calls *cs, const struct call *c, const uint32_t events[2]) {
	for (unsigned i = 0; i < EVENT_KINDS; i++) {
		const uint32_t bit = 1u << i, both = events[0] & events[1] & bit;

		if (bit & (EVENT_BAD_CHECKSUM | EVENT_PARTIAL_CHECKSUM))
			continue;
		if (both)
			log_info("call id=%016" PRIx64 " media=%s", c->id, media_event_name(i));
		for (unsigned leg = 0; leg < 2 && !both; leg++)
			if (events[leg] & bit)
				log_info("call id=%016" PRIx64 " leg=%u media=%s", c->id, leg,
					media_event_name(i));
	}
	for (unsigned leg = 0; leg < 2; leg++)
		if (events[leg] & EVENT_BAD_CHECKSUM)
			warn_of_checksums(cs, c, leg, events[leg]);
}

void call_media_on_event(struct calls *cs, uint64_t owner, const uint32_t events[2]) {
	struct call *c = calls_find(cs, owner);

	if (c == NULL)
		return;
	log_events(cs, c, events);
	if (!((events[0] | events[1]) & EVENT_MEDIA_TIMEOUT) || c->state < CALL_ANSWERED ||
		c->state > CALL_CONFIRMED)
		return;
	cs->counters[CALL_COUNTER_MEDIA_TIMEOUTS]++;
	call_blame(c, "media_timeout", "kedge");
	if (text_set(&c->reason_header, span_of("SIP;cause=408;text=\"Media timeout\"")) < 0)
		log_warning("call id=%016" PRIx64 " reason_header=none", c->id); // it goes without
	call_event(cs, c, CALL_ON_MEDIA_TIMEOUT);
}

static void keep_final(struct call *c, const struct proto_session_state *state) {
	struct proto_session_state *more = reallocarray(c->final, c->n_final + 1, sizeof(*more));

	if (more == NULL)
		return; // the record goes without these counters
	c->final = more;
	c->final[c->n_final++] = *state;
}

void call_media_on_final(
	struct calls *cs, uint64_t owner, const struct proto_session_state *state, bool last) {
	struct call *c = calls_find(cs, owner);

	if (c == NULL)
		return;
	if (state != NULL)
		keep_final(c, state);
	if (!last)
		return;
	c->media_cleared = true;
	call_check_cleared(cs, c);
}
