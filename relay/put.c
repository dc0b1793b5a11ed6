#include "relay/put.h"

#include "relay/core.h"
#include "relay/counter.h"
#include "relay/steering.h"

#include <errno.h>
#include <string.h>

static int check_endpoint(const struct endpoint *e, bool needs_port) {
	if (e->family == IP_NONE)
		return 0;
	if (e->family == IP_V6)
		return -EAFNOSUPPORT;
	if (e->family != IP_V4 || !packet_is_unicast(endpoint_v4_addr_be(e)))
		return -EINVAL;
	return needs_port && e->port == 0 ? -EINVAL : 0;
}

static int find_realm(const struct relay *r, const char name[PROTO_NAME], uint16_t *out) {
	if (name[0] == '\0' || memchr(name, '\0', PROTO_NAME) == NULL)
		return -EINVAL;
	for (uint16_t i = 0; i < r->params.n_realms; i++)
		if (strcmp(r->params.realms[i].name, name) == 0) {
			*out = i;
			return 0;
		}
	return -EINVAL;
}

// True if a side that wants this local endpoint can be at the media address.
static bool suits(const struct relay *r, unsigned media, uint16_t realm, const struct endpoint *local) {
	const struct relay_media *m = &r->params.media[media];

	if (m->realm != realm || (endpoint_is_set(local) && !endpoint_same_addr(local, &m->address)))
		return false;
	return local->port == 0 || port_pool_has(&r->pools[media], local->port);
}

static int check_side(const struct relay *r, const struct proto_side *want, struct put_place *place) {
	int ret = find_realm(r, want->realm, &place->realm);

	if (ret == 0)
		ret = check_endpoint(&want->local, false);
	if (ret == 0)
		ret = check_endpoint(&want->vouched, false);
	for (unsigned i = 0; i < 2 && ret == 0; i++) {
		ret = check_endpoint(&want->remote[i], true);
		if (ret == 0)
			ret = check_endpoint(&want->learnt[i], true);
	}
	if (ret < 0)
		return ret;
	if (want->latch > LATCH_ANY)
		return -EINVAL;
	for (unsigned i = 0; i < r->params.n_media; i++)
		if (suits(r, i, place->realm, &want->local))
			return 0;
	return -EINVAL;
}

static int check_item(const struct relay *r, const struct owner *owner, struct put_item *item) {
	int ret = 0;

	if (item->want.session_id >> 48 != owner->id)
		return -EPERM;
	for (unsigned i = 0; i < 2 && ret == 0; i++)
		ret = check_side(r, &item->want.side[i], &item->side[i]);
	return ret;
}

static bool is_repeated(const struct relay *r, unsigned index) {
	for (unsigned i = 0; i < index; i++)
		if (r->puts[i].want.session_id == r->puts[index].want.session_id)
			return true;
	return false;
}

static int take_certain(struct relay *r, const struct proto_side *want, struct put_place *place) {
	int ret = -EINVAL;

	for (uint16_t i = 0; i < r->params.n_media && ret < 0; i++)
		if (suits(r, i, place->realm, &want->local)) {
			ret = port_pool_take_port(&r->pools[i], want->local.port);
			place->media = i;
			place->port = want->local.port;
		}
	return ret;
}

// Of several addresses, the one with most free ports of this owner, and if none has any, of all owners.
static int take_any(struct relay *r, const struct proto_side *want, struct put_place *place, unsigned owner,
	uint64_t now_ns) {
	uint64_t most = 0;

	for (uint16_t i = 0; i < r->params.n_media; i++) {
		const struct port_pool *p = &r->pools[i];
		uint64_t n;

		if (!suits(r, i, place->realm, &want->local))
			continue;
		port_pool_refresh(&r->pools[i], now_ns);
		n = (uint64_t)port_pool_free_of(p, owner) << 32 | port_pool_free(p);
		if (n <= most)
			continue;
		most = n;
		place->media = i;
	}
	if (most == 0)
		return -EADDRNOTAVAIL;
	return port_pool_take(&r->pools[place->media], owner, now_ns, &place->port);
}

// The owner of a new session: of the port that is asked for, so that it need not be handed over (that of side 0, if the two
// differ: a relay that came back may have other workers), else the worker with the fewest sessions.
static unsigned choose_owner(const struct relay *r, const struct proto_session *want) {
	unsigned best = 0;

	for (unsigned i = 0; i < 2; i++)
		if (want->side[i].local.port != 0)
			return steering_owner(want->side[i].local.port, r->params.n_workers);
	for (unsigned i = 1; i < r->params.n_workers; i++)
		if (r->n_owned[i] < r->n_owned[best])
			best = i;
	return best;
}

static bool keeps_place(const struct relay *r, const struct session_side *side, const struct proto_side *want,
	uint16_t realm) {
	if (side->realm != realm || (want->local.port != 0 && want->local.port != side->port))
		return false;
	return !endpoint_is_set(&want->local) ||
		endpoint_same_addr(&want->local, &r->params.media[side->media].address);
}

static int reserve_side(struct relay *r, struct put_item *item, unsigned index, uint64_t now_ns) {
	const struct proto_side *want = &item->want.side[index];
	const struct session_side *side = &r->store.sessions[item->slot].side[index];
	struct put_place *place = &item->side[index];
	int ret;

	if (!item->fresh && keeps_place(r, side, want, place->realm)) {
		place->media = side->media;
		place->port = side->port;
		return 0;
	}
	ret = want->local.port != 0 ? take_certain(r, want, place)
				    : take_any(r, want, place, item->owner, now_ns);
	place->taken = ret == 0;
	return ret;
}

static int reserve(struct relay *r, struct put_item *item, uint64_t now_ns) {
	int ret = 0;

	item->slot = session_store_find(&r->store, item->want.session_id);
	if (item->slot == SESSION_NONE) {
		if (r->is_draining)
			return -ESHUTDOWN;
		item->slot = session_store_add(&r->store, item->want.session_id);
		if (item->slot == SESSION_NONE)
			return -ENOSPC;
		item->fresh = true;
		item->owner = (uint8_t)choose_owner(r, &item->want);
	} else {
		item->owner = r->store.sessions[item->slot].owner;
	}
	for (unsigned i = 0; i < 2 && ret == 0; i++)
		ret = reserve_side(r, item, i, now_ns);
	return ret;
}

static void undo(struct relay *r, struct put_item *item) {
	for (unsigned i = 0; i < 2; i++)
		if (item->side[i].taken)
			port_pool_return(&r->pools[item->side[i].media], item->side[i].port);
	if (item->fresh) {
		session_store_hide(&r->store, item->slot);
		session_store_free(&r->store, item->slot);
	}
}

static struct latch_addr to_addr(const struct endpoint *e) {
	return endpoint_is_set(e) ? (struct latch_addr){endpoint_v4_addr_be(e), e->port}
				  : (struct latch_addr){0};
}

static void commit_side(struct relay *r, const struct put_item *item, unsigned index) {
	const struct proto_side *want = &item->want.side[index];
	const struct put_place *place = &item->side[index];
	struct session_side *side = &r->store.sessions[item->slot].side[index];

	if (!item->fresh && place->taken)
		outbox_release_ports(r, side->media, side->port);
	if (!item->fresh && place->media != side->media)
		session_unaim(r, item->slot, index);
	*side = (struct session_side){
		.payload_types = {want->payload_types[0], want->payload_types[1]},
		.remote = {to_addr(&want->remote[0]), to_addr(&want->remote[1])},
		.restore = {to_addr(&want->learnt[0]), to_addr(&want->learnt[1])},
		.vouched_be = to_addr(&want->vouched).addr_be,
		.latch_epoch = want->latch_epoch,
		.realm = place->realm,
		.media = place->media,
		.port = place->port,
		.latch = want->latch,
	};
}

static void commit(struct relay *r, struct owner *owner, const struct put_item *item, uint64_t now_ns) {
	struct session *s = &r->store.sessions[item->slot];

	if (item->fresh) {
		s->owner = item->owner;
		r->n_owned[s->owner]++;
		s->created_ns = now_ns;
		owner->n_sessions++;
	}
	if (item->fresh || s->media_timeout_ms != item->want.media_timeout_ms) {
		s->quiet_ns = now_ns;
		for (unsigned i = 0; i < 2; i++) // another silence is news
			s->events[i] &= ~(uint32_t)EVENTS_ANEW;
	}
	s->media_timeout_ms = item->want.media_timeout_ms;
	s->claimed = owner->generation;
	r->store.call_ids[item->slot] = item->want.call_id;
	for (unsigned i = 0; i < 2; i++)
		commit_side(r, item, i);
	session_aim(r, item->slot);
	outbox_touch(r, item->slot);
	counter_add(&r->stats->sessions_put, 1);
}

static int check_batch(struct relay *r, const struct owner *owner, unsigned n) {
	int ret = outbox_has_room(r, n) ? 0 : -EAGAIN;

	for (unsigned i = 0; i < n && ret == 0; i++) {
		struct put_item *item = &r->puts[i];

		item->slot = SESSION_NONE;
		item->fresh = item->side[0].taken = item->side[1].taken = false;
		ret = is_repeated(r, i) ? -EINVAL : check_item(r, owner, item);
	}
	return ret;
}

int put_batch(struct relay *r, struct owner *owner, unsigned n, uint64_t now_ns) {
	int ret = check_batch(r, owner, n);
	unsigned done = 0;

	while (ret == 0 && done < n)
		ret = reserve(r, &r->puts[done++], now_ns);
	if (ret < 0) {
		while (done-- > 0)
			undo(r, &r->puts[done]);
		counter_add(&r->stats->sessions_refused, n);
		return ret;
	}
	for (unsigned i = 0; i < n; i++)
		commit(r, owner, &r->puts[i], now_ns);
	return 0;
}
