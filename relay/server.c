#include "relay/server.h"

#include "relay/clock.h"
#include "relay/core.h"
#include "relay/counter.h"
#include "relay/request.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define STUCK_NS 5000000000ull
#define HELLO_NS 2000000000ull

static void begin_events(struct server *s) {
	proto_write_begin(&s->events, s->event_message, sizeof(s->event_message), PROTO_EVENTS, 0, 0);
}

void server_init(struct relay *r) {
	r->server.stats_fd = -1;
	begin_events(&r->server);
}

static void destroy_conn(struct server_conn *c) {
	free(c->items);
	free(c);
}

void server_fini(struct relay *r) {
	for (uint32_t i = 0; i < r->server.n_conns; i++)
		destroy_conn(r->server.conns[i]);
}

void relay_server_set_io(struct relay *r, const struct relay_io *io, int stats_fd) {
	r->server.io = *io;
	r->server.stats_fd = stats_fd;
}

int relay_conn_open(
	struct relay *r, void *io, bool allowed_controller, uint64_t now_ns, struct server_conn **out) {
	struct server_conn *c;

	if (r->server.n_conns == CONNS_MAX)
		return -EMFILE;
	c = calloc(1, sizeof(*c));
	if (c == NULL)
		return -ENOMEM;
	if (allowed_controller) {
		c->items = calloc(REPLY_ITEMS, sizeof(*c->items));
		if (c->items == NULL) {
			destroy_conn(c);
			return -ENOMEM;
		}
	}
	c->io = io;
	c->allowed_controller = allowed_controller;
	c->opened_ns = now_ns;
	r->server.conns[r->server.n_conns++] = c;
	*out = c;
	return 0;
}

static void pop_reply(struct relay *r, struct server_conn *c) {
	request_release(r, c, &c->replies[c->first_reply]);
	c->first_reply = (c->first_reply + 1) % PROTO_OUTSTANDING_MAX;
	c->n_replies--;
}

void relay_conn_close(struct relay *r, struct server_conn *c, uint64_t now_ns) {
	struct server *s = &r->server;
	uint32_t i = 0;

	if (c == NULL)
		return;
	while (c->n_replies > 0)
		pop_reply(r, c);
	if (c->owner != NULL) {
		watch_owner_left(c->owner, now_ns);
		core_log(r, c->io, RELAY_LINE_OWNER, "owner id=%u state=disconnected sessions=%u",
			c->owner->id, c->owner->n_sessions);
	}
	while (s->conns[i] != c)
		i++;
	s->conns[i] = s->conns[--s->n_conns];
	destroy_conn(c);
}

static void give_up(struct relay *r, struct server_conn *c) {
	if (c->broken)
		return;
	c->broken = true;
	if (r->server.io.close != NULL)
		r->server.io.close(c->io);
}

// Sends or, with -EAGAIN, marks the connection as stuck. Returns true if it was sent.
static bool send_reply(
	struct relay *r, struct server_conn *c, const void *message, size_t len, int fd, uint64_t now_ns) {
	int ret = r->server.io.send(c->io, message, len, fd);

	if (ret == 0) {
		c->stuck_ns = 0;
		return true;
	}
	if (ret != -EAGAIN || (c->stuck_ns != 0 && clock_since(now_ns, c->stuck_ns) >= STUCK_NS))
		give_up(r, c);
	else if (c->stuck_ns == 0)
		c->stuck_ns = now_ns;
	return false;
}

static void send_due_replies(struct relay *r, struct server_conn *c, uint64_t now_ns) {
	while (c->n_replies > 0 && !c->broken) {
		const struct reply *reply = &c->replies[c->first_reply];
		size_t len;
		int fd;

		if (reply->wait > outbox_done(r))
			return;
		len = request_answer(r, c, reply, now_ns, r->server.message, &fd);
		if (!send_reply(r, c, r->server.message, len, fd, now_ns))
			return;
		pop_reply(r, c);
	}
}

static void send_lost(struct relay *r, struct server_conn *c) {
	struct proto_writer w;
	struct proto_header h;
	int ret;

	proto_write_begin(&w, &h, sizeof(h), PROTO_EVENTS_LOST, 0, 0);
	ret = r->server.io.send(c->io, &h, proto_write_end(&w), -1);
	c->events_lost = ret == -EAGAIN;
	if (ret < 0 && ret != -EAGAIN)
		give_up(r, c);
}

static void send_events(struct relay *r) {
	struct server *s = &r->server;
	size_t len = proto_write_end(&s->events);

	for (uint32_t i = 0; i < s->n_conns && len > sizeof(struct proto_header); i++) {
		struct server_conn *c = s->conns[i];

		if (!c->subscribed || c->events_lost || c->broken)
			continue;
		int ret = s->io.send(c->io, s->event_message, len, -1);

		if (ret == -EAGAIN)
			c->events_lost = true;
		else if (ret < 0)
			give_up(r, c);
	}
	begin_events(s);
}

void server_tell(struct relay *r, const struct proto_event *e) {
	struct server *s = &r->server;

	if (s->events.size - s->events.used < sizeof(*e))
		send_events(r);
	proto_write_item(&s->events, e, sizeof(*e));
}

bool server_add_item(struct server_conn *c, const struct reply_item *item) {
	if (c->n_items == REPLY_ITEMS)
		return false;
	c->items[(c->first_item + c->n_items++) % REPLY_ITEMS] = *item;
	return true;
}

void server_drop_items(struct server_conn *c, uint32_t n) {
	c->n_items -= n;
}

static void queue_reply(struct relay *r, struct server_conn *c, const struct reply *reply) {
	if (reply->status != 0)
		counter_add(&r->stats->control_refused, 1);
	c->replies[(c->first_reply + c->n_replies++) % PROTO_OUTSTANDING_MAX] = *reply;
}

// A message that can't be acted on. Returns 0 if the connection can go on.
static int refuse(
	struct relay *r, struct server_conn *c, const struct proto_header *h, int why, uint64_t now_ns) {
	struct reply reply = {.type = h->type, .id = h->id, .status = (uint32_t)-why};
	int fd;

	if (h->major != PROTO_MAJOR)
		core_log(r, c->io, RELAY_LINE_VERSION, "refused=version major=%u ours=%u", h->major,
			PROTO_MAJOR);
	if (why == -EPROTO || c->role == 0) {
		size_t len = request_answer(r, c, &reply, now_ns, r->server.message, &fd);

		(void)r->server.io.send(c->io, r->server.message, len, -1); // it is closed in any case
		return -EPROTO;
	}
	queue_reply(r, c, &reply);
	return 0;
}

static int take(struct relay *r, struct server_conn *c, const void *buf, size_t len, uint64_t now_ns) {
	struct proto_header h;
	struct reply reply;
	int ret = proto_check(buf, len);

	if (len < sizeof(h))
		return -EBADMSG;
	memcpy(&h, buf, sizeof(h));
	if (ret == -EBADMSG && h.length != len)
		return ret;
	if (c->n_replies == PROTO_OUTSTANDING_MAX)
		return -ENOBUFS;
	if (ret < 0)
		return refuse(r, c, &h, ret, now_ns);
	reply = (struct reply){.type = h.type, .id = h.id};
	ret = request_act(r, c, buf, &reply, now_ns);
	if (ret < 0)
		return refuse(r, c, &h, ret, now_ns);
	queue_reply(r, c, &reply);
	return 0;
}

int relay_conn_message(struct relay *r, struct server_conn *c, const void *buf, size_t len, uint64_t now_ns) {
	int ret;

	if (c->broken)
		return -EPIPE;
	counter_add(&r->stats->control_messages, 1);
	ret = take(r, c, buf, len, now_ns);
	if (ret < 0) {
		counter_add(&r->stats->control_refused, 1);
		return ret;
	}
	outbox_send(r);
	outbox_reap(r, now_ns);
	send_due_replies(r, c, now_ns);
	return c->broken ? -EPIPE : 0;
}

// Connections are few: one that doesn't say what it wants has no place among them.
static void check_silence(struct relay *r, struct server_conn *c, uint64_t now_ns) {
	if (c->role != 0 || c->broken || clock_since(now_ns, c->opened_ns) < HELLO_NS)
		return;
	counter_add(&r->stats->control_refused, 1);
	core_log(r, c->io, RELAY_LINE_SILENT, "refused=silent: no HELLO in time");
	give_up(r, c);
}

static void show_figures(struct relay *r, uint64_t now_ns) {
	struct stats_header *h = r->stats;
	uint64_t used[RELAY_REALMS_MAX] = {0}, resting[RELAY_REALMS_MAX] = {0},
		 free_pairs[RELAY_REALMS_MAX] = {0};
	uint64_t controllers = 0;

	for (unsigned i = 0; i < r->params.n_media; i++) {
		struct port_pool *p = &r->pools[i];
		uint16_t realm = r->params.media[i].realm;

		port_pool_refresh(p, now_ns);
		resting[realm] += p->resting.n;
		free_pairs[realm] += port_pool_free(p);
		used[realm] += p->n_pairs - p->resting.n - port_pool_free(p);
	}
	for (unsigned i = 0; i < r->params.n_realms; i++) {
		struct stats_realm *realm = counters_realm(h, i);

		counter_set(&realm->media_ports_used, used[i]);
		counter_set(&realm->media_ports_resting, resting[i]);
		counter_set(&realm->media_ports_free, free_pairs[i]);
	}
	for (unsigned i = 0; i < r->server.n_conns; i++)
		controllers += r->server.conns[i]->owner != NULL;
	counter_set(&h->controller_connected, controllers > 0);
	counter_set(&h->sessions, r->store.n);
	counter_set(&h->now_ns, now_ns);
}

bool relay_tick(struct relay *r, uint64_t now_ns) {
	struct server *s = &r->server;

	outbox_reap(r, now_ns);
	watch_events(r);
	watch_time(r, now_ns);
	outbox_send(r);
	outbox_reap(r, now_ns);
	for (uint32_t i = 0; i < s->n_conns; i++) {
		if (s->conns[i]->events_lost && !s->conns[i]->broken)
			send_lost(r, s->conns[i]);
		send_due_replies(r, s->conns[i], now_ns);
		check_silence(r, s->conns[i], now_ns);
	}
	send_events(r);
	show_figures(r, now_ns);
	return outbox_done(r) != r->outbox.touches;
}
