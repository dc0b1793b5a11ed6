#include "relay/request.h"

#include "relay/core.h"
#include "relay/counter.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

struct request {
	struct relay *r;
	struct server_conn *c;
	const void *message;
	struct reply *reply;
	uint64_t now_ns;
};

enum { FOR_CONTROLLER = 1 };

static const struct reply_item *item_at(const struct server_conn *c, uint32_t i) {
	return &c->items[(c->first_item + i) % REPLY_ITEMS];
}

static int come_as_controller(struct request *q, uint32_t id) {
	struct owner *o;

	if (!q->c->allowed_controller) {
		core_log(q->r, q->c->io, RELAY_LINE_NOT_ALLOWED, "owner id=%u refused=not_allowed", id);
		return -EPERM;
	}
	if (id == 0 || id > UINT16_MAX)
		return -EINVAL;
	o = watch_owner(q->r, id);
	if (o == NULL)
		return -ENOSPC;
	if (o->conn != NULL)
		return -EBUSY;
	watch_owner_came(o, q->c, q->now_ns);
	q->c->owner = o;
	core_log(q->r, q->c->io, RELAY_LINE_OWNER, "owner id=%u state=connected sessions=%u", o->id,
		o->n_sessions);
	return 0;
}

static int on_hello(struct request *q) {
	struct proto_reader reader;
	struct proto_hello hello;
	int ret = 0;

	proto_read_begin(&reader, q->message);
	if (!proto_read_item(&reader, &hello, sizeof(hello), sizeof(hello)))
		return -EBADMSG;
	if (q->c->role != 0 || (hello.role != PROTO_CONTROLLER && hello.role != PROTO_OBSERVER))
		return -EINVAL;
	if (hello.role == PROTO_CONTROLLER)
		ret = come_as_controller(q, hello.owner_id);
	if (ret == 0)
		q->c->role = hello.role;
	return ret;
}

static int read_puts(struct request *q, unsigned *n) {
	struct proto_reader reader;

	*n = 0;
	proto_read_begin(&reader, q->message);
	while (*n < PROTO_PUTS_MAX &&
		proto_read_item(&reader, &q->r->puts[*n].want, sizeof(struct proto_session),
			sizeof(struct proto_session)))
		(*n)++;
	return reader.left == 0 ? 0 : -EBADMSG;
}

static int on_put(struct request *q) {
	unsigned n;
	int ret = read_puts(q, &n);

	if (ret == 0 && q->c->n_items + n > REPLY_ITEMS)
		ret = -EAGAIN;
	if (ret == 0)
		ret = put_batch(q->r, q->c->owner, n, q->now_ns);
	for (unsigned i = 0; i < n && ret == 0; i++) {
		const struct put_item *put = &q->r->puts[i];
		struct reply_item item = {
			.session_id = put->want.session_id,
			.slot = put->slot,
			.media = {put->side[0].media, put->side[1].media},
			.port = {put->side[0].port, put->side[1].port},
		};

		if (!server_add_item(q->c, &item))
			assert(false); // there was room
	}
	if (ret == 0) {
		q->reply->n_items = n;
		q->reply->wait = q->r->outbox.touches;
	}
	return ret;
}

// The session ids of a DELETE or CLAIM, as items of the connection; all must be the owner's.
static int read_refs(struct request *q, uint32_t max, uint32_t *n) {
	struct proto_reader reader;
	struct proto_session_ref ref;
	int ret = 0;

	*n = 0;
	proto_read_begin(&reader, q->message);
	while (ret == 0 && proto_read_item(&reader, &ref, sizeof(ref), sizeof(ref))) {
		struct reply_item item = {.session_id = ref.session_id, .slot = SESSION_NONE};

		if (ref.session_id >> 48 != q->c->owner->id)
			ret = -EPERM;
		else if (*n == max)
			ret = -EMSGSIZE;
		else if (!server_add_item(q->c, &item))
			ret = -EAGAIN;
		else
			(*n)++;
	}
	if (ret == 0 && reader.left != 0)
		ret = -EBADMSG;
	if (ret < 0)
		server_drop_items(q->c, *n);
	return ret;
}

static int on_delete(struct request *q) {
	uint32_t n, first;
	int ret = read_refs(q, PROTO_STATES_MAX, &n);

	if (ret < 0)
		return ret;
	first = q->c->n_items - n;
	for (uint32_t i = 0; i < n; i++) {
		struct reply_item *item = &q->c->items[(q->c->first_item + first + i) % REPLY_ITEMS];

		item->slot = session_store_find(&q->r->store, item->session_id);
		if (item->slot == SESSION_NONE)
			continue; // also when it is twice in the batch
		session_end(q->r, item->slot);
		q->r->store.sessions[item->slot].held = true;
		counter_add(&q->r->stats->sessions_deleted, 1);
		q->reply->wait = q->r->outbox.touches;
	}
	q->reply->n_items = n;
	return 0;
}

static int on_claim(struct request *q) {
	uint32_t n;
	int ret = read_refs(q, REPLY_ITEMS, &n);

	if (ret < 0)
		return ret;
	for (uint32_t i = q->c->n_items - n; i < q->c->n_items && ret == 0; i++)
		if (session_store_find(&q->r->store, item_at(q->c, i)->session_id) == SESSION_NONE)
			ret = -ENOENT;
	for (uint32_t i = q->c->n_items - n; i < q->c->n_items && ret == 0; i++) {
		uint32_t slot = session_store_find(&q->r->store, item_at(q->c, i)->session_id);

		q->r->store.sessions[slot].claimed = q->c->owner->generation;
	}
	server_drop_items(q->c, n);
	return ret;
}

static int on_sync_done(struct request *q) {
	watch_sweep(q->c->owner);
	return 0;
}

// Reads are answered as things are when their turn has come.
static int on_get(struct request *q) {
	struct proto_reader reader;
	struct proto_session_ref ref;

	proto_read_begin(&reader, q->message);
	if (!proto_read_item(&reader, &ref, sizeof(ref), sizeof(ref)))
		return -EBADMSG;
	q->reply->list.after = ref.session_id;
	return 0;
}

static int on_list(struct request *q) {
	struct proto_reader reader;

	proto_read_begin(&reader, q->message);
	if (!proto_read_item(&reader, &q->reply->list, sizeof(struct proto_list), sizeof(struct proto_list)))
		return -EBADMSG;
	return 0;
}

static int on_subscribe(struct request *q) {
	q->c->subscribed = true;
	return 0;
}

static int on_stats(struct request *q) {
	return q->r->server.stats_fd >= 0 ? 0 : -ENODATA;
}

struct handler {
	int (*act)(struct request *q);
	unsigned flags;
};

static const struct handler handlers[] = {
	[PROTO_HELLO] = {on_hello, 0},
	[PROTO_SESSION_PUT] = {on_put, FOR_CONTROLLER},
	[PROTO_SESSION_DELETE] = {on_delete, FOR_CONTROLLER},
	[PROTO_SESSION_GET] = {on_get, 0},
	[PROTO_SESSION_LIST] = {on_list, 0},
	[PROTO_CLAIM] = {on_claim, FOR_CONTROLLER},
	[PROTO_SYNC_DONE] = {on_sync_done, FOR_CONTROLLER},
	[PROTO_SUBSCRIBE] = {on_subscribe, 0},
	[PROTO_STATS] = {on_stats, 0},
};

int request_act(
	struct relay *r, struct server_conn *c, const void *message, struct reply *reply, uint64_t now_ns) {
	struct request q = {r, c, message, reply, now_ns};
	uint16_t type = reply->type;
	int ret;

	if (c->role == 0 && type != PROTO_HELLO) {
		reply->status = EPROTO;
		return -EPROTO;
	}
	if (type >= sizeof(handlers) / sizeof(handlers[0]) || handlers[type].act == NULL)
		ret = -EOPNOTSUPP;
	else if ((handlers[type].flags & FOR_CONTROLLER) && c->role != PROTO_CONTROLLER)
		ret = -EPERM;
	else
		ret = handlers[type].act(&q);
	reply->status = (uint32_t)-ret;
	return 0;
}

static void answer_hello(const struct relay *r, struct proto_writer *w) {
	struct proto_welcome welcome = {
		.boot_id = r->params.boot_id,
		.sessions = r->store.n,
		.sessions_max = r->store.max,
	};

	proto_write_item(w, &welcome, sizeof(welcome));
}

static void answer_put(const struct relay *r, const struct server_conn *c, const struct reply *reply,
	struct proto_writer *w) {
	for (uint32_t i = 0; i < reply->n_items; i++) {
		const struct reply_item *item = item_at(c, i);
		struct proto_put_result result = {.slot = item->slot, .session_id = item->session_id};

		for (unsigned side = 0; side < 2; side++) {
			result.local[side] = r->params.media[item->media[side]].address;
			result.local[side].port = item->port[side];
		}
		proto_write_item(w, &result, sizeof(result));
	}
}

static void answer_delete(const struct relay *r, const struct server_conn *c, const struct reply *reply,
	uint64_t now_ns, struct proto_writer *w) {
	for (uint32_t i = 0; i < reply->n_items; i++) {
		const struct reply_item *item = item_at(c, i);
		struct proto_session_state state = {.slot = UINT32_MAX};

		if (item->slot != SESSION_NONE)
			session_describe(r, item->slot, item->session_id, now_ns, &state);
		state.wanted.session_id = item->session_id; // even if unknown: it says which one
		proto_write_item(w, &state, sizeof(state));
	}
}

static void answer_list(
	const struct relay *r, const struct proto_list *list, uint64_t now_ns, struct proto_writer *w) {
	uint32_t slots[PROTO_STATES_MAX], n, limit = list->limit;

	if (limit == 0 || limit > PROTO_STATES_MAX)
		limit = PROTO_STATES_MAX;
	n = session_store_page(&r->store, list->after, list->call_id, limit, slots);
	for (uint32_t i = 0; i < n; i++) {
		struct proto_session_state state;

		session_describe(r, slots[i], r->store.ids[slots[i]], now_ns, &state);
		proto_write_item(w, &state, sizeof(state));
	}
}

static void answer_get(const struct relay *r, uint64_t id, uint64_t now_ns, struct proto_writer *w) {
	struct proto_session_state state;

	session_describe(r, session_store_find(&r->store, id), id, now_ns, &state);
	proto_write_item(w, &state, sizeof(state));
}

size_t request_answer(const struct relay *r, const struct server_conn *c, const struct reply *reply,
	uint64_t now_ns, void *out, int *fd) {
	struct proto_writer w;
	uint32_t status = reply->status;

	*fd = -1;
	if (status == 0 && reply->type == PROTO_SESSION_GET &&
		session_store_find(&r->store, reply->list.after) == SESSION_NONE)
		status = ENOENT;
	proto_write_begin(&w, out, PROTO_MESSAGE_MAX, reply->type | PROTO_REPLY, reply->id, status);
	if (status != 0)
		return proto_write_end(&w);
	switch (reply->type) {
	case PROTO_HELLO:
		answer_hello(r, &w);
		break;
	case PROTO_SESSION_PUT:
		answer_put(r, c, reply, &w);
		break;
	case PROTO_SESSION_DELETE:
		answer_delete(r, c, reply, now_ns, &w);
		break;
	case PROTO_SESSION_LIST:
		answer_list(r, &reply->list, now_ns, &w);
		break;
	case PROTO_SESSION_GET:
		answer_get(r, reply->list.after, now_ns, &w);
		break;
	case PROTO_STATS:
		*fd = r->server.stats_fd;
		break;
	}
	return proto_write_end(&w);
}

void request_release(struct relay *r, struct server_conn *c, const struct reply *reply) {
	for (uint32_t i = 0; i < reply->n_items; i++) {
		const struct reply_item *item = item_at(c, 0);

		if (reply->type == PROTO_SESSION_DELETE && item->slot != SESSION_NONE)
			session_unhold(r, item->slot);
		c->first_item = (c->first_item + 1) % REPLY_ITEMS;
		c->n_items--;
	}
}
