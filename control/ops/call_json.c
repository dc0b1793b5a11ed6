#include "control/ops/call_json.h"

#include "control/ops/diagnosis_json.h"
#include "control/ops/row.h"
#include "control/ops/session_json.h"

uint64_t call_json_span_ms(uint64_t from_wall_ms, uint64_t to_wall_ms) {
	return from_wall_ms != 0 && to_wall_ms > from_wall_ms ? to_wall_ms - from_wall_ms : 0;
}

void call_json_search_text(const struct call_view *v, struct sink *out) {
	const char *texts[] = {v->leg[0].call_id, v->leg[1].call_id, v->from, v->to, v->leg[0].realm,
		v->leg[1].realm, v->leg[0].trunk, v->leg[1].trunk};
	char id[ROW_ID_TEXT];

	sink_text(out, row_format_id(v->id, id));
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		sink_text(out, "\n");
		sink_put(out, texts[i], texts[i] == NULL ? 0 : strnlen(texts[i], ROW_TEXT_MAX));
	}
}

static uint64_t first_set(uint64_t a, uint64_t b) {
	return a != 0 ? a : b;
}

// An ended call's times run to its end; a live one's go up to now.
static void put_times(struct row *r, const struct call_view *v) {
	uint64_t now = v->ended_wall_ms != 0 ? v->ended_wall_ms : v->created_wall_ms + v->age_ms;

	row_time(r, "created", v->created_wall_ms);
	row_time(r, "ringing", v->ringing_wall_ms);
	row_time(r, "answered", v->answered_wall_ms);
	row_time(r, "ended", v->ended_wall_ms);
	row_u64(r, "age_ms", v->age_ms);
	row_u64(r, "setup_ms", call_json_span_ms(v->created_wall_ms, first_set(v->answered_wall_ms, now)));
	row_u64(r, "ring_ms", call_json_span_ms(v->ringing_wall_ms, first_set(v->answered_wall_ms, now)));
	row_u64(r, "talk_ms", call_json_span_ms(v->answered_wall_ms, now));
}

static void put_end(struct row *r, const struct call_view *v) {
	row_u64(r, "status", v->status);
	row_text(r, "end_cause", v->end_cause);
	row_text(r, "end_by", v->end_by);
}

static json_t *branch_json(const struct call_branch_view *b) {
	struct row r;

	row_begin(&r);
	row_text(&r, "trunk", b->trunk);
	row_text(&r, "usage", b->usage);
	row_text(&r, "request_uri", b->request_uri);
	row_endpoint(&r, "target", &b->target);
	row_u64(&r, "status", b->status);
	return row_end(&r);
}

static json_t *branches_json(const struct call_view *v) {
	json_t *branches = json_array();
	struct row r = {0};

	for (unsigned i = 0; i < v->n_branches; i++)
		row_append(&r, branches, branch_json(&v->branch[i]));
	if (!r.failed)
		return branches;
	json_decref(branches);
	return NULL;
}

static void put_head(struct row *r, const struct call_view *v) {
	row_begin_line(r, "call");
	row_id(r, "id", v->id);
	row_text(r, "state", v->state);
	row_text(r, "from", v->from);
	row_text(r, "to", v->to);
	row_text(r, "from_realm", v->leg[0].realm);
	row_text(r, "to_realm", v->leg[1].realm);
	row_text(r, "from_trunk", v->leg[0].trunk);
	row_text(r, "to_trunk", v->leg[1].trunk);
	row_text(r, "call_id_a", v->leg[0].call_id);
	row_text(r, "call_id_b", v->leg[1].call_id);
	put_times(r, v);
	put_end(r, v);
	row_take(r, "branches", branches_json(v));
}

json_t *call_json_row(const struct call_view *v) {
	struct row r;

	put_head(&r, v);
	return row_end(&r);
}

// ---- legs ----

static json_t *flow_json(const struct flow *f, const struct config *config) {
	struct row r;

	row_begin(&r);
	row_endpoint(&r, "remote", &f->remote);
	row_text(&r, "transport", "udp");
	if ((int)f->realm < config->n_realms && (int)f->listener < config->realms[f->realm].n_sip)
		row_endpoint(&r, "listener", &config->realms[f->realm].sip[f->listener].address);
	else
		row_text(&r, "listener", NULL);
	return row_end(&r);
}

static json_t *leg_json(const struct call_leg_view *l, unsigned side, const struct config *config) {
	struct row r;

	row_begin(&r);
	row_text(&r, "side", session_json_role(side));
	row_text(&r, "realm", l->realm);
	row_text(&r, "trunk", l->trunk);
	row_text(&r, "call_id", l->call_id);
	row_text(&r, "local_uri", l->local_uri);
	row_text(&r, "remote_uri", l->remote_uri);
	row_text(&r, "local_tag", l->local_tag);
	row_text(&r, "remote_tag", l->remote_tag);
	row_text(&r, "dialog", l->dialog);
	row_text(&r, "offer_answer", l->offer_answer);
	row_text(&r, "remote_target", l->remote_target);
	row_text(&r, "route_set", l->route_set);
	row_u64(&r, "local_cseq", l->local_cseq);
	row_u64(&r, "remote_cseq", l->remote_cseq);
	row_bool(&r, "nated", l->nated);
	row_take(&r, "flow", flow_json(&l->flow, config));
	return row_end(&r);
}

// ---- media ----

static json_t *stream_side_json(const struct media_stream_view *s, unsigned side) {
	struct row r;

	row_begin(&r);
	row_text(&r, "side", session_json_role(side));
	row_endpoint(&r, "local", &s->local[side]);
	row_endpoint(&r, "signalled_rtp", &s->signalled[side][0]);
	row_endpoint(&r, "signalled_rtcp", &s->signalled[side][1]);
	return row_end(&r);
}

static json_t *stream_json(const struct media_stream_view *s) {
	json_t *sides = json_array();
	struct row r;

	row_begin(&r);
	row_span(&r, "media", s->media);
	row_id(&r, "session_id", s->session_id);
	row_bool(&r, "held", s->held);
	for (unsigned side = 0; side < 2; side++)
		row_append(&r, sides, stream_side_json(s, side));
	row_take(&r, "sides", sides);
	return row_end(&r);
}

static json_t *final_json(const struct call_view *v, const struct proto_session_state *s) {
	struct diagnosis_session input = {.state = s, .answered = v->answered_wall_ms != 0, .ended = true};

	return diagnosis_json(&input);
}

static void put_lists(struct row *r, const struct call_view *v, const struct config *config) {
	json_t *legs = json_array(), *streams = json_array();

	for (unsigned side = 0; side < 2; side++)
		row_append(r, legs, leg_json(&v->leg[side], side, config));
	for (unsigned i = 0; i < v->n_streams; i++)
		row_append(r, streams, stream_json(&v->stream[i]));
	row_take(r, "legs", legs);
	row_take(r, "streams", streams);
}

json_t *call_json_full(const struct call_view *v, const struct config *config) {
	struct row r;

	put_head(&r, v);
	put_lists(&r, v, config);
	if (v->ended_wall_ms != 0) {
		json_t *sessions = json_array();

		for (unsigned i = 0; i < v->n_final; i++)
			row_append(&r, sessions, final_json(v, &v->final[i]));
		row_take(&r, "sessions", sessions);
	}
	return row_end(&r);
}

// ---- trunks ----

static json_t *peer_json(const struct trunk_peer_view *p) {
	struct row r;

	row_begin(&r);
	row_text(&r, "host", p->host);
	row_u64(&r, "port", (uint64_t)p->port);
	row_endpoint(&r, "address", &p->address);
	row_u64(&r, "attempts", p->attempts);
	row_u64(&r, "answered", p->answered);
	row_u64(&r, "failovers", p->failovers);
	return row_end(&r);
}

json_t *call_json_trunk(struct calls *calls, unsigned index, const struct trunk_view *v) {
	json_t *peers = json_array();
	struct trunk_peer_view peer;
	struct row r;

	row_begin_line(&r, "trunk");
	row_text(&r, "name", v->name);
	row_text(&r, "realm", v->realm);
	row_u64(&r, "calls", v->calls);
	row_u64(&r, "attempts", v->attempts);
	row_u64(&r, "answered", v->answered);
	row_u64(&r, "refused", v->refused);
	row_u64(&r, "failovers", v->failovers);
	row_u64(&r, "exhausted", v->exhausted);
	for (unsigned i = 0; i < v->n_peers && calls_trunk_peer_view(calls, index, i, &peer); i++)
		row_append(&r, peers, peer_json(&peer));
	row_take(&r, "peers", peers);
	return row_end(&r);
}
