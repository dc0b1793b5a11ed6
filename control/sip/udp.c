#include "control/sip/udp.h"

#include "config/log.h"
#include "control/sip/sockaddr.h"
#include "control/sip/stack.h"
#include "control/sip/udp_queue.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <linux/errqueue.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	BURST = 64, // datagrams a turn and listener
	DATAGRAM_BYTES = 65536,
	SOCKET_BUFFER_BYTES = 4 << 20,
	ICMP_A_TURN = 64,
	TRIES = 3, // of sending one datagram, see send_one
};

struct listener {
	struct udp *udp;
	int fd;
	struct event *readable, *writable;
	struct flow flow; // without a remote
	struct udp_queue queue;
};

struct udp {
	struct loop *loop;
	const struct config *config;
	struct transport_user user;
	uint64_t *counters;
	struct listener *listeners;
	int n_listeners;
	int *first; // a realm's first listener
	bool is_closing;

	struct mmsghdr in[BURST];
	struct iovec in_data[BURST];
	struct sockaddr_storage in_from[BURST];
	char *buffers; // BURST times DATAGRAM_BYTES
};

static struct listener *listener_of(struct udp *u, const struct flow *flow) {
	return &u->listeners[u->first[flow->realm] + flow->listener];
}

// The original destination and what was quoted of the datagram (ip(7), IP_RECVERR). False: nothing more.
static bool read_error(struct listener *l) {
	char quoted[1024];
	union {
		struct cmsghdr align;
		char bytes[256];
	} control;
	struct sockaddr_storage to = {0};
	struct iovec data = {quoted, sizeof(quoted)};
	struct msghdr h = {.msg_name = &to,
		.msg_namelen = sizeof(to),
		.msg_iov = &data,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(l->fd, &h, MSG_ERRQUEUE | MSG_DONTWAIT);
	struct flow flow = l->flow;

	if (n < 0)
		return false;
	flow.remote = sockaddr_get(&to);
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&h); c != NULL; c = CMSG_NXTHDR(&h, c)) {
		struct sock_extended_err e;

		if (!(c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR) &&
			!(c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVERR))
			continue;
		memcpy(&e, CMSG_DATA(c), sizeof(e));
		// EMSGSIZE tells of a smaller MTU: the kernel sends the next one in fragments.
		if (e.ee_origin != SO_EE_ORIGIN_LOCAL && e.ee_errno != EMSGSIZE)
			l->udp->user.on_icmp(l->udp->user.ctx, &flow, (struct span){quoted, (size_t)n});
	}
	return true;
}

static void read_errors(struct listener *l) {
	for (int i = 0; i < ICMP_A_TURN && read_error(l); i++)
		;
}

static void read_burst(struct listener *l) {
	struct udp *u = l->udp;
	struct flow from = l->flow;
	int n;

	for (int i = 0; i < BURST; i++)
		u->in[i].msg_hdr.msg_namelen = sizeof(u->in_from[i]);
	n = recvmmsg(l->fd, u->in, BURST, MSG_DONTWAIT, NULL);
	if (n <= 0) {
		read_errors(l); // with IP_RECVERR an ICMP error wakes us and fails the next call
		return;
	}
	for (int i = 0; i < n; i++) {
		from.remote = sockaddr_get(&u->in_from[i]);
		if (from.remote.port != 0) // nobody could be answered there
			u->user.on_datagram(u->user.ctx, u->in_data[i].iov_base, u->in[i].msg_len, &from);
	}
}

static void on_readable(evutil_socket_t fd, short what, void *ctx) {
	struct listener *l = ctx;

	(void)fd, (void)what;
	read_burst(l);
	loop_end_turn(l->udp->loop);
}

static void on_writable(evutil_socket_t fd, short what, void *ctx) {
	struct listener *l = ctx;

	(void)fd, (void)what;
	loop_end_turn(l->udp->loop); // whose flush goes on with the queue
}

static void report_refused(void *ctx, uint64_t ref) {
	struct udp *u = ctx;

	u->user.on_refused(u->user.ctx, ref);
}

static void give_up(struct listener *l, const struct udp_queued *item, int error) {
	struct udp *u = l->udp;
	struct span id;
	bool is_passing =
		error == ENOBUFS || error == ENOMEM; // lost, as on the way: to be sent again by timer

	u->counters[SIP_COUNTER_SEND_FAILED]++;
	id = sip_msg_find_call_id((struct span){l->queue.data + item->offset, item->len});
	log_debug("sip send=failed bytes=%zu call_id=\"" SPAN_FMT "\" error=\"%s\"", item->len, SPAN_ARG(id),
		strerror(error));
	if (item->ref != 0 && !is_passing && !u->is_closing &&
		loop_defer(u->loop, report_refused, u, item->ref) < 0)
		return; // no memory to say so: its timer will
}

static void put_message(struct udp_queue *q, struct udp_queued *item, struct iovec *data, struct msghdr *h) {
	*data = (struct iovec){q->data + item->offset, item->len};
	*h = (struct msghdr){
		.msg_name = &item->to, .msg_namelen = item->to_len, .msg_iov = data, .msg_iovlen = 1};
}

// Send the one at the front alone. An error may be an ICMP's for an earlier datagram (IP_RECVERR), which taking it
// clears; what stays after TRIES is this one's own. Returns false when the socket is full.
static bool send_one(struct listener *l) {
	struct udp_queue *q = &l->queue;
	struct udp_queued *item = &q->items[q->first];
	struct iovec data;
	struct msghdr h;
	int error = 0;

	put_message(q, item, &data, &h);
	for (int i = 0; i < TRIES; i++) {
		if (sendmsg(l->fd, &h, MSG_DONTWAIT) >= 0) {
			l->udp->counters[SIP_COUNTER_SENT]++;
			udp_queue_shift(q);
			return true;
		}
		error = errno;
		if (error == EAGAIN || error == EWOULDBLOCK)
			return false;
		read_errors(l);
	}
	give_up(l, item, error);
	udp_queue_shift(q);
	return true;
}

static bool send_burst(struct listener *l) {
	struct udp_queue *q = &l->queue;
	struct mmsghdr out[BURST] = {0};
	struct iovec data[BURST];
	unsigned n = 0;
	int sent;

	for (size_t i = q->first; i < q->n_items && n < BURST; i++, n++)
		put_message(q, &q->items[i], &data[n], &out[n].msg_hdr);
	sent = sendmmsg(l->fd, out, n, MSG_DONTWAIT);
	if (sent <= 0)
		return send_one(l);
	l->udp->counters[SIP_COUNTER_SENT] += (uint64_t)sent;
	while (sent-- > 0)
		udp_queue_shift(q);
	return true;
}

static void flush_listener(struct listener *l) {
	bool is_taking = true;

	while (is_taking && l->queue.first < l->queue.n_items)
		is_taking = send_burst(l);
	if (!is_taking)
		event_add(l->writable, NULL);
}

static void on_flush(void *ctx, uint64_t ref) {
	struct udp *u = ctx;

	(void)ref;
	for (int i = 0; i < u->n_listeners; i++)
		flush_listener(&u->listeners[i]);
}

static void queue_datagram(void *ctx, const struct flow *to, struct span data, uint64_t ref) {
	struct udp *u = ctx;
	struct listener *l = listener_of(u, to);

	// Full or no memory: lost, as on the way. Timers send it again.
	if (to->remote.family != l->flow.remote.family ||
		udp_queue_add(&l->queue, &to->remote, data, ref) < 0)
		u->counters[SIP_COUNTER_SEND_FAILED]++;
}

static void set_option(int fd, int level, int name, int value) {
	(void)setsockopt(fd, level, name, &value, sizeof(value)); // each is an improvement, none a need
}

static int open_socket(const struct endpoint *address) {
	struct sockaddr_storage sa;
	socklen_t len = sockaddr_put(address, &sa);
	int fd = socket(sa.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	set_option(fd, SOL_SOCKET, SO_RCVBUF, SOCKET_BUFFER_BYTES);
	set_option(fd, SOL_SOCKET, SO_SNDBUF, SOCKET_BUFFER_BYTES);
	if (address->family == IP_V6) {
		set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
		set_option(fd, IPPROTO_IPV6, IPV6_RECVERR, 1);
		set_option(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_DONT);
	} else {
		set_option(fd, IPPROTO_IP, IP_RECVERR, 1);
		set_option(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT);
	}
	if (bind(fd, (struct sockaddr *)&sa, len) < 0) {
		int error = errno;

		close(fd);
		return -error;
	}
	return fd;
}

static int open_listener(struct udp *u, struct listener *l, int realm, int index) {
	struct event_base *base = loop_base(u->loop);
	const struct config_sip *sip = &u->config->realms[realm].sip[index];

	l->udp = u;
	l->flow = (struct flow){.realm = (uint16_t)realm, .listener = (uint16_t)index, .transport = SIP_UDP};
	l->flow.remote.family = sip->address.family; // of all remotes that it can reach
	l->fd = open_socket(&sip->address);
	if (l->fd < 0)
		return l->fd;
	l->readable = event_new(base, l->fd, EV_READ | EV_PERSIST, on_readable, l);
	l->writable = event_new(base, l->fd, EV_WRITE, on_writable, l);
	if (l->readable == NULL || l->writable == NULL || event_add(l->readable, NULL) < 0)
		return -ENOMEM;
	return 0;
}

static int open_listeners(struct udp *u) {
	for (int realm = 0; realm < u->config->n_realms; realm++) {
		const struct config_realm *r = &u->config->realms[realm];

		u->first[realm] = u->n_listeners;
		for (int i = 0; i < r->n_sip; i++) {
			int ret = open_listener(u, &u->listeners[u->n_listeners++], realm, i);
			char address[ENDPOINT_TEXT];

			if (ret == 0)
				continue;
			log_error("sip cannot listen realm=%s address=%s transport=udp error=\"%s\"", r->name,
				endpoint_format(&r->sip[i].address, address), strerror(-ret));
			return ret;
		}
	}
	return 0;
}

static void close_listener(struct listener *l) {
	if (l->readable != NULL)
		event_free(l->readable);
	if (l->writable != NULL)
		event_free(l->writable);
	if (l->fd >= 0)
		close(l->fd);
	udp_queue_fini(&l->queue);
}

static void udp_close(void *ctx) {
	struct udp *u = ctx;

	if (u == NULL)
		return;
	u->is_closing = true;
	loop_on_flush(u->loop, FLUSH_SIP, NULL, NULL);
	if (u->buffers != NULL && u->first != NULL)
		on_flush(u, 0); // last words: what the final turn queued
	for (int i = 0; i < u->n_listeners; i++)
		close_listener(&u->listeners[i]);
	free(u->listeners);
	free(u->first);
	free(u->buffers);
	free(u);
}

static int allocate(struct udp *u) {
	size_t n = 0;

	for (int i = 0; i < u->config->n_realms; i++)
		n += (size_t)u->config->realms[i].n_sip;
	u->listeners = calloc(n + 1, sizeof(*u->listeners));
	u->first = calloc((size_t)u->config->n_realms + 1, sizeof(*u->first));
	u->buffers = malloc((size_t)BURST * DATAGRAM_BYTES);
	if (u->listeners == NULL || u->first == NULL || u->buffers == NULL)
		return -ENOMEM;
	for (int i = 0; i < BURST; i++) {
		u->in_data[i] = (struct iovec){u->buffers + (size_t)i * DATAGRAM_BYTES, DATAGRAM_BYTES};
		u->in[i].msg_hdr.msg_iov = &u->in_data[i];
		u->in[i].msg_hdr.msg_iovlen = 1;
		u->in[i].msg_hdr.msg_name = &u->in_from[i];
	}
	return 0;
}

int udp_open(struct loop *loop, const struct config *config, struct transport_user user, uint64_t *counters,
	struct transport *out) {
	struct udp *u = calloc(1, sizeof(*u));
	int ret = -ENOMEM;

	if (u == NULL)
		return ret;
	u->loop = loop;
	u->config = config;
	u->user = user;
	u->counters = counters;
	ret = allocate(u);
	if (ret == 0)
		ret = open_listeners(u);
	if (ret < 0) {
		udp_close(u);
		return ret;
	}
	loop_on_flush(loop, FLUSH_SIP, on_flush, u);
	*out = (struct transport){u, queue_datagram, udp_close};
	return 0;
}
