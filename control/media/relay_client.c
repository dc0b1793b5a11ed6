#include "control/media/relay_client.h"

#include "config/log.h"
#include "control/media/outgoing.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { REQUESTS = 8192, BACKOFF_FIRST_MS = 50, BACKOFF_LAST_MS = 1000, ERRNOS = 4096 };
static_assert((REQUESTS & (REQUESTS - 1)) == 0);

enum client_state { CLIENT_DOWN, CLIENT_GREETING, CLIENT_UP };

struct request {
	relay_reply_fn fn; // NULL: the client's own
	uint64_t ref, due_ms;
	uint16_t type;
	bool late; // its user was told so
};

// Requests are numbered as they are queued; replies come in that order (the protocol promises it), and one deadline for
// all makes them fall due in that order too. So each stage of a request's life is one number:
//
//	first (awaits the next reply) ≤ watched (falls due next) and sent (leaves next) ≤ next
struct relay_client {
	struct relay_client_params p;
	enum client_state state;
	bool broken; // to be closed
	bool blocked; // the link takes nothing now
	char said_down[64]; // why, as the log has it; empty: it hasn't
	uint64_t backoff_ms;
	struct timer connect, deadline, end;
	struct outgoing out;
	uint32_t first, watched, sent, next;
	struct request requests[REQUESTS];
};

static struct request *request_at(struct relay_client *c, uint32_t number) {
	return &c->requests[number & (REQUESTS - 1)];
}

bool relay_client_is_up(const struct relay_client *c) {
	return c->state == CLIENT_UP && !c->broken;
}

static void on_own_reply(struct relay_client *c, uint16_t type, int status, struct proto_reader *items);
static void on_connect(void *ctx, uint64_t ref);

static void deliver(struct relay_client *c, const struct request *r, int status, struct proto_reader *items) {
	if (r->fn == NULL)
		on_own_reply(c, r->type, status, items);
	else
		r->fn(c->p.user.ctx, r->ref, status, items);
}

static void fail_requests(struct relay_client *c) {
	while (c->first != c->next) {
		struct request r = *request_at(c, c->first++);

		if (!r.late)
			deliver(c, &r, -ENOTCONN, NULL);
	}
	c->watched = c->sent = c->next;
}

static void go_down(struct relay_client *c) {
	bool was_up = c->state == CLIENT_UP;

	c->p.link.close(c->p.link.ctx);
	c->state = CLIENT_DOWN;
	c->broken = c->blocked = false;
	loop_timer_stop(c->p.loop, &c->deadline);
	outgoing_clear(&c->out);
	fail_requests(c);
	if (was_up)
		c->p.user.on_down(c->p.user.ctx);
	loop_timer_start(c->p.loop, &c->connect, c->backoff_ms, on_connect, c, 0);
	c->backoff_ms = c->backoff_ms * 2 < BACKOFF_LAST_MS ? c->backoff_ms * 2 : BACKOFF_LAST_MS;
}

static void on_end(void *ctx, uint64_t ref) {
	(void)ref;
	go_down(ctx);
}

// Later, from a timer: whoever finds the fault may stand in the middle of a user's call.
static void give_up(struct relay_client *c) {
	if (c->state == CLIENT_DOWN || c->broken)
		return;
	c->broken = true;
	loop_timer_start(c->p.loop, &c->end, 0, on_end, c, 0);
}

// Attempts that fail again and again are no news, unless the reason is another one.
static void say_down(struct relay_client *c, const char *why) {
	if (strcmp(c->said_down, why) == 0)
		return;
	log_warning("relay socket=%s state=down why=\"%s\"", c->p.name, why);
	snprintf(c->said_down, sizeof(c->said_down), "%s", why);
}

void relay_client_break(struct relay_client *c, const char *why) {
	if (c->state == CLIENT_DOWN || c->broken)
		return;
	say_down(c, why);
	give_up(c);
}

// A turn that took long finds more replies than one turn reads: those came in time.
static void take_replies(struct relay_client *c) {
	if (c->p.link.take == NULL)
		return;
	for (unsigned i = 0; i < REQUESTS && !c->broken && c->p.link.take(c->p.link.ctx); i++)
		;
}

static void on_deadline(void *ctx, uint64_t ref) {
	struct relay_client *c = ctx;
	uint64_t now_ms = loop_now_ms(c->p.loop);

	(void)ref;
	take_replies(c);
	while (c->watched != c->next && request_at(c, c->watched)->due_ms <= now_ms) {
		struct request *r = request_at(c, c->watched++);

		r->late = true;
		deliver(c, r, -ETIMEDOUT, NULL);
	}
	if (c->watched != c->next)
		loop_timer_start(c->p.loop, &c->deadline, request_at(c, c->watched)->due_ms - now_ms,
			on_deadline, c, 0);
}

static int add_request(struct relay_client *c, const struct relay_request *r) {
	size_t len = sizeof(struct proto_header) + r->n * r->item_size;
	struct proto_writer w;
	void *message;

	assert(len <= PROTO_MESSAGE_MAX);
	message = c->next - c->first == REQUESTS ? NULL : outgoing_add(&c->out, len);
	if (message == NULL) {
		relay_client_break(c, "too many requests without a reply");
		return -ENOTCONN;
	}
	proto_write_begin(&w, message, len, r->type, c->next, 0);
	for (unsigned i = 0; i < r->n; i++)
		proto_write_item(&w, (const uint8_t *)r->items + i * r->item_size, r->item_size);
	len = proto_write_end(&w);
	assert(len > 0);
	*request_at(c, c->next++) = (struct request){.fn = r->fn,
		.ref = r->ref,
		.type = r->type,
		.due_ms = loop_now_ms(c->p.loop) + c->p.deadline_ms};
	if (!loop_timer_is_running(&c->deadline))
		loop_timer_start(c->p.loop, &c->deadline, c->p.deadline_ms, on_deadline, c, 0);
	return 0;
}

int relay_client_send(struct relay_client *c, const struct relay_request *r) {
	return relay_client_is_up(c) ? add_request(c, r) : -ENOTCONN;
}

// As many as the relay takes from one connection; the rest waits for replies.
static void on_flush(void *ctx, uint64_t ref) {
	struct relay_client *c = ctx;
	const void *message;
	size_t len;

	(void)ref;
	while (!c->broken && !c->blocked && c->sent - c->first < PROTO_OUTSTANDING_MAX &&
		(message = outgoing_first(&c->out, &len)) != NULL) {
		int ret = c->p.link.send(c->p.link.ctx, message, len);

		if (ret == -EAGAIN) {
			c->blocked = true;
		} else if (ret < 0) {
			relay_client_break(c, strerror(-ret));
		} else {
			outgoing_drop(&c->out);
			c->sent++;
		}
	}
}

void relay_client_on_writable(struct relay_client *c) {
	c->blocked = false;
}

static void on_connect(void *ctx, uint64_t ref) {
	struct relay_client *c = ctx;
	struct proto_hello hello = {.role = PROTO_CONTROLLER, .owner_id = c->p.owner_id};
	int ret = c->p.link.open(c->p.link.ctx, c);

	(void)ref;
	if (ret < 0) {
		say_down(c, strerror(-ret));
		go_down(c);
		return;
	}
	c->state = CLIENT_GREETING;
	// Queue and table are empty: this can only fail for want of memory, and then the end is on its way.
	(void)add_request(c,
		&(struct relay_request){
			.type = PROTO_HELLO, .n = 1, .items = &hello, .item_size = sizeof(hello)});
}

static void on_welcome(struct relay_client *c, struct proto_reader *items) {
	struct proto_welcome welcome;
	size_t least = offsetof(struct proto_welcome, boot_id) + sizeof(welcome.boot_id);

	if (!proto_read_item(items, &welcome, sizeof(welcome), least)) {
		relay_client_break(c, "malformed welcome");
		return;
	}
	c->state = CLIENT_UP;
	c->said_down[0] = '\0';
	c->backoff_ms = BACKOFF_FIRST_MS;
	log_info("relay socket=%s state=up boot=%016llx", c->p.name, (unsigned long long)welcome.boot_id);
	if (relay_client_send(c, &(struct relay_request){.type = PROTO_SUBSCRIBE}) == 0)
		c->p.user.on_up(c->p.user.ctx, welcome.boot_id);
}

static void on_not_allowed(struct relay_client *c) {
	char why[64];

	snprintf(why, sizeof(why), "uid=%u may not control it: setting control.user", geteuid());
	relay_client_break(c, why);
}

// HELLO and SUBSCRIBE: a connection without either is of no use.
static void on_own_reply(struct relay_client *c, uint16_t type, int status, struct proto_reader *items) {
	if (status == -EBUSY)
		relay_client_break(c, "another controller has this node's id");
	else if (status == -EPERM && type == PROTO_HELLO)
		on_not_allowed(c);
	else if (status < 0)
		relay_client_break(c, strerror(-status));
	else if (type == PROTO_HELLO)
		on_welcome(c, items);
}

static void on_reply(struct relay_client *c, const struct proto_header *h, struct proto_reader *items) {
	struct request r = *request_at(c, c->first);
	int status = h->status == 0 ? 0 : h->status < ERRNOS ? -(int)h->status : -EIO;

	if (c->first == c->sent || h->id != c->first || h->type != (r.type | PROTO_REPLY)) {
		relay_client_break(c, "a reply that was not asked for");
		return;
	}
	if (c->watched == c->first++)
		c->watched = c->first;
	if (!r.late)
		deliver(c, &r, status, items);
}

void relay_client_on_message(struct relay_client *c, const void *message, size_t len) {
	struct proto_header h;
	struct proto_reader items;
	int ret;

	if (c->broken || c->state == CLIENT_DOWN)
		return;
	ret = proto_check(message, len);
	if (ret < 0) {
		relay_client_break(
			c, ret == -EPROTO ? "another version of the protocol" : "malformed message");
		return;
	}
	memcpy(&h, message, sizeof(h));
	proto_read_begin(&items, message);
	if (h.type & PROTO_REPLY)
		on_reply(c, &h, &items);
	else if (h.type == PROTO_EVENTS && c->state == CLIENT_UP)
		c->p.user.on_events(c->p.user.ctx, &items);
	else if (h.type == PROTO_EVENTS_LOST && c->state == CLIENT_UP)
		c->p.user.on_events_lost(c->p.user.ctx);
	else
		relay_client_break(c, "a message that was not asked for");
}

void relay_client_on_end(struct relay_client *c, int error) {
	relay_client_break(c, error == 0 ? "closed by the relay" : strerror(-error));
}

int relay_client_create(const struct relay_client_params *params, struct relay_client **out) {
	struct relay_client *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return -ENOMEM;
	c->p = *params;
	c->backoff_ms = BACKOFF_FIRST_MS;
	loop_on_flush(c->p.loop, FLUSH_RELAY, on_flush, c);
	loop_timer_start(c->p.loop, &c->connect, 0, on_connect, c, 0);
	*out = c;
	return 0;
}

void relay_client_destroy(struct relay_client *c) {
	if (c == NULL)
		return;
	loop_on_flush(c->p.loop, FLUSH_RELAY, NULL, NULL);
	loop_timer_stop(c->p.loop, &c->connect);
	loop_timer_stop(c->p.loop, &c->deadline);
	loop_timer_stop(c->p.loop, &c->end);
	if (c->state != CLIENT_DOWN)
		c->p.link.close(c->p.link.ctx);
	outgoing_fini(&c->out);
	free(c);
}
