// Trunks at run time: counters, and the addresses of their peers (who may call as this trunk).
#include "control/call/internal.h"

#include <errno.h>
#include <stdlib.h>

enum { RESOLVE_AGAIN_MS = 60000 };

const struct config_timers *call_timers_of(const struct calls *cs, int realm, int trunk) {
	return trunk >= 0 ? &cs->config->trunks[trunk].timers : &cs->config->realms[realm].timers;
}

static void set_addresses(struct trunk_peer_state *p, const struct flow *targets, unsigned n) {
	struct endpoint *fresh = calloc(n, sizeof(*fresh));

	if (fresh == NULL)
		return; // the old ones stay
	for (unsigned i = 0; i < n; i++)
		fresh[i] = targets[i].remote;
	free(p->addresses);
	p->addresses = fresh;
	p->n_addresses = n;
}

// ref names trunk and peer.
static void on_resolved(void *ctx, uint64_t ref, int status, const struct flow *targets, unsigned n) {
	struct calls *cs = ctx;
	const struct config_trunk *t = &cs->config->trunks[ref >> 32];
	const struct config_peer *p = &t->peers[(uint32_t)ref];

	if (status < 0 || n == 0) // what it resolved to before still counts
		log_warning("trunk name=%s peer=%s resolve=failed errno=%d", t->name, p->host, -status);
	else
		set_addresses(&cs->trunks[ref >> 32].peers[(uint32_t)ref], targets, n);
}

static void resolve_peers(void *ctx, uint64_t index) {
	struct calls *cs = ctx;
	const struct config_trunk *t = &cs->config->trunks[index];

	for (int i = 0; i < t->n_peers; i++)
		if (sip_resolve(cs->stack, (uint16_t)t->realm, span_of(t->peers[i].host),
			    (uint32_t)t->peers[i].port, t->peers[i].transport, on_resolved, cs,
			    index << 32 | (uint32_t)i) < 0)
			log_warning("trunk name=%s peer=%s resolve=failed", t->name, t->peers[i].host);
	loop_timer_start(
		cs->loop, &cs->trunks[index].resolve_timer, RESOLVE_AGAIN_MS, resolve_peers, cs, index);
}

int trunks_create(struct calls *cs) {
	cs->trunks = calloc((size_t)cs->config->n_trunks + 1, sizeof(*cs->trunks));
	if (cs->trunks == NULL)
		return -ENOMEM;
	for (int i = 0; i < cs->config->n_trunks; i++) {
		cs->trunks[i].peers =
			calloc((size_t)cs->config->trunks[i].n_peers, sizeof(*cs->trunks[i].peers));
		if (cs->trunks[i].peers == NULL)
			return -ENOMEM;
		resolve_peers(cs, (uint64_t)i);
	}
	return 0;
}

void trunks_destroy(struct calls *cs) {
	if (cs->trunks == NULL)
		return;
	for (int i = 0; i < cs->config->n_trunks; i++) {
		loop_timer_stop(cs->loop, &cs->trunks[i].resolve_timer);
		for (int p = 0; cs->trunks[i].peers != NULL && p < cs->config->trunks[i].n_peers; p++)
			free(cs->trunks[i].peers[p].addresses);
		free(cs->trunks[i].peers);
	}
	free(cs->trunks);
}
