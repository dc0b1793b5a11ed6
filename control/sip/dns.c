#include "control/sip/dns.h"

#include <ares.h>
#include <arpa/nameser.h>
#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { TIMEOUT_MS = 1000, TRIES = 2, SOCKETS = 16 };

struct dns_socket {
	struct dns_channel *channel;
	struct event *event; // NULL: free
	ares_socket_t fd;
};

struct dns_channel {
	struct loop *loop;
	ares_channel ares;
	struct timer timer;
	bool is_closing;
	struct dns_socket sockets[SOCKETS];
};

struct question {
	struct dns_channel *channel;
	dns_srv_fn on_srv;
	dns_address_fn on_addresses;
	void *ctx;
	uint64_t ref;
};

static int status_of(int status) {
	switch (status) {
	case ARES_SUCCESS:
		return 0;
	case ARES_ETIMEOUT:
	case ARES_ECONNREFUSED:
	case ARES_ESERVFAIL:
	case ARES_ENOMEM:
		return -ETIMEDOUT; // it says nothing about the name
	default:
		return -ENOENT;
	}
}

static void set_timer(struct dns_channel *c);

static void on_timer(void *ctx, uint64_t ref) {
	struct dns_channel *c = ctx;

	(void)ref;
	ares_process_fd(c->ares, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	set_timer(c);
}

static void set_timer(struct dns_channel *c) {
	struct timeval buf, *wait = ares_timeout(c->ares, NULL, &buf);

	if (wait == NULL)
		loop_timer_stop(c->loop, &c->timer);
	else
		loop_timer_start(c->loop, &c->timer,
			(uint64_t)wait->tv_sec * 1000 + (uint64_t)wait->tv_usec / 1000 + 1, on_timer, c, 0);
}

static void on_socket(evutil_socket_t fd, short what, void *ctx) {
	struct dns_socket *s = ctx;
	struct dns_channel *c = s->channel; // the socket may be gone afterwards

	ares_process_fd(
		c->ares, (what & EV_READ) ? fd : ARES_SOCKET_BAD, (what & EV_WRITE) ? fd : ARES_SOCKET_BAD);
	set_timer(c);
	loop_end_turn(c->loop);
}

static struct dns_socket *find_socket(struct dns_channel *c, ares_socket_t fd) {
	for (int i = 0; i < SOCKETS; i++) {
		if (c->sockets[i].event != NULL && c->sockets[i].fd == fd)
			return &c->sockets[i];
	}
	return NULL;
}

static struct dns_socket *free_socket(struct dns_channel *c) {
	for (int i = 0; i < SOCKETS; i++) {
		if (c->sockets[i].event == NULL)
			return &c->sockets[i];
	}
	return NULL;
}

// c-ares says what it wants to hear of a socket; nothing any more before it closes it.
static void watch(void *ctx, ares_socket_t fd, int readable, int writable) {
	struct dns_channel *c = ctx;
	struct dns_socket *s = find_socket(c, fd);
	short what = (short)((readable ? EV_READ : 0) | (writable ? EV_WRITE : 0));

	if (s != NULL) {
		event_free(s->event);
		s->event = NULL;
	}
	if (what == 0)
		return;
	if (s == NULL)
		s = free_socket(c);
	if (s == NULL)
		return; // more servers than anybody has: that question times out
	s->channel = c;
	s->fd = fd;
	s->event = event_new(loop_base(c->loop), fd, (short)(what | EV_PERSIST), on_socket, s);
	if (s->event != NULL)
		event_add(s->event, NULL);
}

static unsigned copy_records(
	const struct ares_srv_reply *reply, struct srv_record out[static DNS_RECORDS_MAX]) {
	unsigned n = 0;

	for (; reply != NULL && n < DNS_RECORDS_MAX; reply = reply->next) {
		if (strlen(reply->host) >= DNS_NAME)
			continue;
		out[n] = (struct srv_record){reply->priority, reply->weight, reply->port, ""};
		strcpy(out[n++].host, reply->host);
	}
	return n;
}

static void on_srv(void *arg, int status, int timeouts, unsigned char *answer, int len) {
	struct question q = *(struct question *)arg;
	struct srv_record records[DNS_RECORDS_MAX];
	struct ares_srv_reply *reply = NULL;
	unsigned n;

	(void)timeouts;
	free(arg);
	if (q.channel->is_closing)
		return;
	if (status == ARES_SUCCESS)
		status = ares_parse_srv_reply(answer, len, &reply);
	n = copy_records(reply, records);
	ares_free_data(reply);
	q.on_srv(q.ctx, q.ref, status == ARES_SUCCESS && n == 0 ? -ENOENT : status_of(status), records, n);
}

static unsigned copy_addresses(
	const struct ares_addrinfo *info, struct endpoint out[static DNS_RECORDS_MAX]) {
	const struct ares_addrinfo_node *node = info == NULL ? NULL : info->nodes;
	unsigned n = 0;

	for (; node != NULL && n < DNS_RECORDS_MAX; node = node->ai_next) {
		struct sockaddr_in in;

		if (node->ai_family != AF_INET)
			continue;
		memcpy(&in, node->ai_addr, sizeof(in));
		out[n++] = endpoint_v4(in.sin_addr.s_addr, 0);
	}
	return n;
}

static void on_addresses(void *arg, int status, int timeouts, struct ares_addrinfo *info) {
	struct question q = *(struct question *)arg;
	struct endpoint addresses[DNS_RECORDS_MAX];
	unsigned n = copy_addresses(info, addresses);

	(void)timeouts;
	free(arg);
	if (info != NULL)
		ares_freeaddrinfo(info);
	if (q.channel->is_closing)
		return;
	q.on_addresses(
		q.ctx, q.ref, status == ARES_SUCCESS && n == 0 ? -ENOENT : status_of(status), addresses, n);
}

static struct question *ask(struct question question) {
	struct question *q = malloc(sizeof(*q));

	if (q != NULL)
		*q = question;
	return q;
}

static void find_srv(void *ctx, const char *name, dns_srv_fn fn, void *fn_ctx, uint64_t ref) {
	struct dns_channel *c = ctx;
	struct question *q = ask((struct question){.channel = c, .on_srv = fn, .ctx = fn_ctx, .ref = ref});

	if (q == NULL) {
		fn(fn_ctx, ref, -ETIMEDOUT, NULL, 0);
		return;
	}
	ares_query(c->ares, name, ns_c_in, ns_t_srv, on_srv, q);
	set_timer(c);
}

static void find_addresses(void *ctx, const char *name, dns_address_fn fn, void *fn_ctx, uint64_t ref) {
	struct dns_channel *c = ctx;
	struct question *q =
		ask((struct question){.channel = c, .on_addresses = fn, .ctx = fn_ctx, .ref = ref});
	// Sorting would try to connect to each address; IPv6 comes with IPv6 listeners.
	struct ares_addrinfo_hints hints = {.ai_family = AF_INET, .ai_flags = ARES_AI_NOSORT};

	if (q == NULL) {
		fn(fn_ctx, ref, -ETIMEDOUT, NULL, 0);
		return;
	}
	ares_getaddrinfo(c->ares, name, NULL, &hints, on_addresses, q);
	set_timer(c);
}

static void dns_close(void *ctx) {
	struct dns_channel *c = ctx;

	if (c == NULL)
		return;
	c->is_closing = true;
	loop_timer_stop(c->loop, &c->timer);
	ares_destroy(c->ares); // ends every question, and by `watch` every socket
	free(c);
	ares_library_cleanup();
}

int dns_open(struct loop *loop, struct dns *out) {
	struct dns_channel *c = calloc(1, sizeof(*c));
	// No search domains (ndomains 0; ARES_FLAG_NOSEARCH doesn't stop ares_getaddrinfo): no peer's host is one of ours.
	struct ares_options options = {.timeout = TIMEOUT_MS,
		.tries = TRIES,
		.lookups = "fb",
		.sock_state_cb = watch,
		.sock_state_cb_data = c};
	int mask = ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS | ARES_OPT_DOMAINS |
		ARES_OPT_SOCK_STATE_CB;

	if (c == NULL)
		return -ENOMEM;
	assert(loop_base(loop) != NULL);
	c->loop = loop;
	if (ares_library_init(ARES_LIB_INIT_ALL) != ARES_SUCCESS) {
		free(c);
		return -ENOMEM;
	}
	if (ares_init_options(&c->ares, &options, mask) != ARES_SUCCESS) {
		ares_library_cleanup();
		free(c);
		return -ENOMEM;
	}
	*out = (struct dns){c, find_srv, find_addresses, dns_close};
	return 0;
}
