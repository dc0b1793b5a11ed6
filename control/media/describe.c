#include "control/media/internal.h"

static uint64_t hash(struct span text) {
	uint64_t h = 0xcbf29ce484222325ull;

	for (size_t i = 0; i < text.len; i++)
		h = (h ^ (uint8_t)text.data[i]) * 0x100000001b3ull;
	return h;
}

// What peers are told in place of one of our addresses.
static struct endpoint advertised(const struct config_realm *realm, const struct endpoint *local) {
	struct endpoint e = *local;

	for (int i = 0; i < realm->n_media; i++) {
		if (!endpoint_same_addr(&realm->media[i].address, local))
			continue;
		e = realm->media[i].advertise;
		e.port = local->port;
		break;
	}
	return e;
}

// A hold by c=0.0.0.0 has no other sign in the description: it must cross as it is.
static struct endpoint shown(
	const struct config_realm *realm, const struct stream_state *s, unsigned from, unsigned to) {
	struct endpoint e = {0};

	if (s->session.session_id == 0 || s->side[from].refused)
		return e;
	e = advertised(realm, &s->session.side[to].local);
	if (sdp_is_hold_address(&s->side[from].signalled[0]))
		e = endpoint_v4(0, e.port);
	return e;
}

// The session's address is that of the first stream that has one of ours.
static struct endpoint connection(const struct config_realm *realm, const struct sdp_rewrite *r, unsigned n) {
	for (unsigned i = 0; i < n; i++) {
		if (endpoint_is_set(&r->streams[i]) && !sdp_is_hold_address(&r->streams[i]))
			return r->streams[i];
	}
	return realm->n_media > 0 ? realm->media[0].advertise : (struct endpoint){0};
}

static int write_text(struct media *m, const struct sdp_rewrite *r, struct span *out) {
	struct sink sink = sink_over(m->text, sizeof(m->text));
	int ret = sdp_write(&m->sdp, r, &sink);

	*out = sink_result(&sink);
	return ret;
}

// RFC 3264 §8: a description that differs from the one before has the next version, else the same.
int describe(struct media *m, struct pairing *p, const struct exchange *x, struct span *out) {
	unsigned to = 1 - x->from;
	const struct config_realm *realm = &m->config->realms[p->party[to].realm];
	struct sdp_rewrite r = {
		.origin_user = span_of("kedge"), .session_id = p->origin_id[to], .version = p->version[to]};
	int ret = sdp_parse((struct span){x->text, x->len}, &m->sdp);

	if (ret < 0)
		return ret;
	for (unsigned i = 0; i < m->sdp.n_streams; i++)
		r.streams[i] = shown(realm, &p->streams[i]->now, x->from, to);
	r.connection = connection(realm, &r, m->sdp.n_streams);
	ret = write_text(m, &r, out);
	if (ret < 0 || hash(*out) == p->text_hash[to])
		return ret;
	r.version = ++p->version[to];
	ret = write_text(m, &r, out);
	p->text_hash[to] = hash(*out);
	return ret;
}
