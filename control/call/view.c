// Calls as the CLI, the logs and the records see them.
#include "control/call/internal.h"

#include <inttypes.h>
#include <stdlib.h>

// The dialog that says most: the chosen one, else the latest of the live branch.
static const struct dialog *dialog_to_show(const struct call *c, int side) {
	const struct branch *b;

	if (c->leg[side].dialog != NULL || side == LEG_CALLER)
		return c->leg[side].dialog;
	b = call_live_branch(c);
	return b == NULL ? NULL : b->dialogs;
}

static const char *or_empty(const char *text) {
	return text == NULL ? "" : text;
}

// The callee is whom its latest or answered try says.
static void fill_identities(const struct call *c, int side, const struct dialog *d, struct call_leg_view *v) {
	const struct branch *b = d != NULL ? call_branch_of(c, d) : call_live_branch(c);

	v->local_uri = or_empty(side == LEG_CALLER ? c->leg[side].local_uri
			: b == NULL		   ? NULL
						   : b->local_uri);
	v->remote_uri = or_empty(side == LEG_CALLER ? c->leg[side].remote_uri
			: b == NULL		    ? NULL
						    : b->remote_uri);
}

static void fill_leg(struct calls *cs, const struct call *c, int side, struct call_leg_view *v,
	char tag[static TOKEN_TEXT]) {
	const struct leg *l = &c->leg[side];
	const struct dialog *d = dialog_to_show(c, side);

	*v = (struct call_leg_view){.realm = cs->config->realms[l->realm].name,
		.call_id = l->call_id,
		.flow = l->flow,
		.nated = l->nated,
		.dialog = dialog_state_name(DIALOG_NONE),
		.offer_answer = offer_state_name(OFFER_NONE)};
	fill_identities(c, side, d, v);
	if (l->trunk >= 0)
		v->trunk = cs->config->trunks[l->trunk].name;
	if (d == NULL)
		return;
	call_tag(cs, c, d->part, tag);
	v->local_tag = tag;
	v->remote_tag = d->remote_tag;
	v->dialog = dialog_state_name(d->state);
	v->offer_answer = offer_state_name(d->offer.state);
	v->remote_target = d->remote_target;
	v->route_set = d->route_set;
	v->local_cseq = d->local_cseq;
	v->remote_cseq = d->remote_cseq;
}

static void fill_branches(const struct calls *cs, const struct call *c, struct call_view *v) {
	for (const struct branch *b = c->branches; b != NULL && v->n_branches < CALL_BRANCHES_VIEW_MAX;
		b = b->next)
		v->branch[v->n_branches++] = (struct call_branch_view){
			.trunk = b->trunk >= 0 ? cs->config->trunks[b->trunk].name : NULL,
			.usage = invite_state_name(b->usage),
			.request_uri = b->request_uri,
			.target = b->target.remote,
			.status = b->status,
		};
}

void call_fill_view(struct calls *cs, const struct call *c, struct call_view *out) {
	*out = (struct call_view){.id = c->id,
		.state = call_state_name(c->state),
		.from = c->from_user,
		.to = c->to_user,
		.created_wall_ms = c->created_wall_ms,
		.ringing_wall_ms = c->ringing_wall_ms,
		.answered_wall_ms = c->answered_wall_ms,
		.ended_wall_ms = c->ended_wall_ms,
		.age_ms = loop_now_ms(cs->loop) - c->created_ms,
		.status = c->final_status,
		.end_cause = c->end_cause,
		.end_by = c->end_by,
		.final = c->final,
		.n_final = c->n_final};
	for (int i = 0; i < 2; i++)
		fill_leg(cs, c, i, &out->leg[i], cs->view_tags[i]);
	fill_branches(cs, c, out);
	while (!c->media_deleted && out->n_streams < SDP_STREAMS_MAX &&
		media_view(cs->media, c->media, out->n_streams, &out->stream[out->n_streams]))
		out->n_streams++;
}

bool calls_view_next(struct calls *cs, uint64_t *cursor, struct call_view *out) {
	const struct call *c = pool_next(cs->pool, *cursor, cursor);

	if (c == NULL)
		return false;
	call_fill_view(cs, c, out);
	return true;
}

static bool is_named(const struct call *c, const char *id) {
	char own[CALL_ID_TEXT];

	snprintf(own, sizeof(own), "%016" PRIx64, c->id);
	return strcmp(own, id) == 0 || strcmp(c->leg[LEG_CALLER].call_id, id) == 0 ||
		strcmp(c->leg[LEG_CALLEE].call_id, id) == 0;
}

bool calls_view_find(struct calls *cs, const char *id, struct call_view *out) {
	uint64_t cursor = 0;
	const struct call *c;

	while ((c = pool_next(cs->pool, cursor, &cursor)) != NULL)
		if (is_named(c, id)) {
			call_fill_view(cs, c, out);
			return true;
		}
	return false;
}

bool calls_trunk_view(struct calls *cs, unsigned index, struct trunk_view *out) {
	const struct config_trunk *t;
	const struct trunk_state *s;

	if (index >= (unsigned)cs->config->n_trunks)
		return false;
	t = &cs->config->trunks[index];
	s = &cs->trunks[index];
	*out = (struct trunk_view){.name = t->name,
		.realm = cs->config->realms[t->realm].name,
		.calls = s->n_calls,
		.attempts = s->attempts,
		.answered = s->answered,
		.refused = s->refused,
		.failovers = s->failovers,
		.exhausted = s->exhausted,
		.n_peers = (unsigned)t->n_peers};
	return true;
}

bool calls_trunk_peer_view(struct calls *cs, unsigned trunk, unsigned peer, struct trunk_peer_view *out) {
	const struct trunk_peer_state *s;
	const struct config_peer *p;

	if (trunk >= (unsigned)cs->config->n_trunks || peer >= (unsigned)cs->config->trunks[trunk].n_peers)
		return false;
	p = &cs->config->trunks[trunk].peers[peer];
	s = &cs->trunks[trunk].peers[peer];
	*out = (struct trunk_peer_view){.host = p->host,
		.port = p->port,
		.attempts = s->attempts,
		.answered = s->answered,
		.failovers = s->failovers};
	if (s->n_addresses > 0)
		out->address = s->addresses[0];
	return true;
}

const uint64_t *calls_counters(const struct calls *cs) {
	return cs->counters;
}

const char *call_counter_name(enum call_counter n) {
	static const char *const names[CALL_COUNTERS] = {
#define CALL_COUNTER(name, text, help) [CALL_COUNTER_##name] = text,
#include "control/call/counter.def"
#undef CALL_COUNTER
	};

	return names[n];
}

uint32_t calls_now(const struct calls *cs) {
	return pool_count(cs->pool);
}

bool calls_are_draining(const struct calls *cs) {
	return cs->draining;
}
