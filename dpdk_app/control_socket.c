#include "dpdk_app/control_socket.h"

#include "config/log.h"
#include "config/unix_socket.h"
#include "dpdk_app/clock.h"
#include "dpdk_app/controllers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	CONNECTIONS_MAX = 64,
	KEPT_FOR_CONTROLLERS = 8, // of them, for those who may control: observers can't lock them out
	MESSAGES_A_TURN = 16, // of one connection, before others have their turn
	SEND_BUFFER = 4 << 20,
	LINES_A_SECOND = 5, // of each kind that peers bring about
};

// What the server's lines are to an operator; what goes through a gate has a name there.
static const struct {
	enum log_level level;
	const char *gate, *hint;
} line_kinds[RELAY_LINE_COUNT] = {
	[RELAY_LINE_OWNER] = {LOG_LEVEL_INFO, "control owner"},
	[RELAY_LINE_VERSION] = {LOG_LEVEL_WARNING, "control refused=version"},
	[RELAY_LINE_NOT_ALLOWED] = {LOG_LEVEL_WARNING, "control refused=not_allowed",
		": setting control.user says who may, beside root and this process's user"},
	[RELAY_LINE_SILENT] = {LOG_LEVEL_WARNING, "control refused=silent", NULL},
	[RELAY_LINE_SYNC] = {LOG_LEVEL_WARNING, NULL},
	[RELAY_LINE_SESSION] = {LOG_LEVEL_INFO, NULL},
};

struct connection {
	struct control_socket *socket;
	struct poller_source source;
	struct server_conn *server;
	int fd; // -1: a free place
	struct ucred peer;
};

struct control_socket {
	struct relay *relay;
	struct poller *poller;
	struct poller_source source;
	int fd;
	const char *path;
	struct controllers controllers;
	struct log_gate refused, closed, lines[RELAY_LINE_COUNT];
	struct connection connections[CONNECTIONS_MAX];
	_Alignas(8) uint8_t message[PROTO_MESSAGE_MAX];
};

// ---- connections ----

static void close_connection(struct connection *c) {
	relay_conn_close(c->socket->relay, c->server, clock_now_ns());
	poller_del(c->socket->poller, c->fd);
	close(c->fd);
	log_debug("control pid=%d disconnected", (int)c->peer.pid);
	c->fd = -1;
	c->server = NULL;
}

static int send_message(void *io, const void *message, size_t length, int fd) {
	struct connection *c = io;
	struct iovec part = {.iov_base = (void *)(uintptr_t)message, .iov_len = length};
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {0};
	struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1};

	if (fd >= 0) {
		struct cmsghdr *h = (struct cmsghdr *)(void *)control;

		m.msg_control = control;
		m.msg_controllen = sizeof(control);
		*h = (struct cmsghdr){
			.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int))};
		memcpy(CMSG_DATA(h), &fd, sizeof(fd));
	}
	if (sendmsg(c->fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
		return 0;
	return errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM || errno == EINTR ? -EAGAIN : -EPIPE;
}

static void log_server_line(void *io, enum relay_line about, const char *line) {
	const enum log_level level = line_kinds[about].level;
	struct connection *c = io;

	if (c == NULL)
		log_line(level, "%s", line);
	else if (log_gate_open(
			 &c->socket->lines[about], line_kinds[about].gate, clock_now_ns(), LINES_A_SECOND))
		log_line(level, "control pid=%d uid=%u %s%s", (int)c->peer.pid, c->peer.uid, line,
			line_kinds[about].hint == NULL ? "" : line_kinds[about].hint);
}

static void shut_connection(void *io) {
	const struct connection *c = io;

	(void)shutdown(c->fd, SHUT_RDWR); // its end is then read, and closes it
}

// One message. Returns 1 (go on), 0 (nothing more now), or a negative errno: close.
static int receive(struct connection *c) {
	struct control_socket *s = c->socket;
	struct iovec part = {.iov_base = s->message, .iov_len = sizeof(s->message)};
	struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1};
	ssize_t n = recvmsg(c->fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	int ret;

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	if (n == 0)
		return -EPIPE;
	// No room was given for descriptors: those that a peer sends are closed by the kernel (MSG_CTRUNC).
	if ((m.msg_flags & MSG_TRUNC) != 0)
		return -EMSGSIZE;
	ret = relay_conn_message(s->relay, c->server, s->message, (size_t)n, clock_now_ns());
	return ret < 0 ? ret : 1;
}

static void connection_ready(void *ctx) {
	struct connection *c = ctx;
	int ret = 1;

	for (int i = 0; i < MESSAGES_A_TURN && ret > 0; i++)
		ret = receive(c);
	if (ret >= 0)
		return;
	if (ret != -EPIPE && ret != -ECONNRESET &&
		log_gate_open(&c->socket->closed, "control closed", clock_now_ns(), LINES_A_SECOND))
		log_warning(
			"control pid=%d uid=%u closed: %s", (int)c->peer.pid, c->peer.uid, strerror(-ret));
	close_connection(c);
}

static struct connection *find_free(struct control_socket *s, bool may_control) {
	const int n = may_control ? CONNECTIONS_MAX : CONNECTIONS_MAX - KEPT_FOR_CONTROLLERS;

	for (int i = 0; i < n; i++) {
		if (s->connections[i].fd < 0)
			return &s->connections[i];
	}
	return NULL;
}

static int open_connection(struct control_socket *s, int fd, const struct ucred *peer) {
	const bool may_control = controllers_have(&s->controllers, peer->uid);
	const int buffer = SEND_BUFFER;
	struct connection *c = find_free(s, may_control);
	int ret;

	if (c == NULL)
		return -EUSERS;
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &buffer, sizeof(buffer));
	c->peer = *peer;
	c->source = (struct poller_source){.ready = connection_ready, .ctx = c};
	ret = relay_conn_open(s->relay, c, may_control, clock_now_ns(), &c->server);
	if (ret < 0)
		return ret;
	ret = poller_add(s->poller, fd, &c->source);
	if (ret < 0) {
		relay_conn_close(s->relay, c->server, clock_now_ns());
		return ret;
	}
	c->fd = fd;
	log_debug("control pid=%d uid=%u connected", (int)peer->pid, peer->uid);
	return 0;
}

// The path's owner, group and mode decide who gets this far.
static void listener_ready(void *ctx) {
	struct control_socket *s = ctx;
	int fd = accept4(s->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), ret;
	struct ucred peer = {.uid = (uid_t)-1};
	socklen_t length = sizeof(peer);

	if (fd < 0)
		return;
	ret = getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) < 0 ? -errno
									  : open_connection(s, fd, &peer);
	if (ret == 0)
		return;
	if (log_gate_open(&s->refused, "control connection refused", clock_now_ns(), LINES_A_SECOND))
		log_warning("control pid=%d uid=%u connection refused: %s", (int)peer.pid, peer.uid,
			ret == -EUSERS ? "too many" : strerror(-ret));
	close(fd);
}

// The group that the socket really has: of the config, of this process, or of a folder that gives its own.
static void find_controllers(struct control_socket *s, const struct config_user *control) {
	char uids[CONTROLLERS_TEXT];
	gid_t gid = (gid_t)-1; // nobody's
	struct stat st;
	int ret;

	if (stat(s->path, &st) == 0)
		gid = st.st_gid;
	ret = controllers_find(geteuid(), control, gid, "/etc/passwd", &s->controllers);
	if (ret < 0)
		log_warning(
			"control socket=%s can't tell all whose group it has: %s: setting control.user says who "
			"kedge-control runs as",
			s->path, strerror(-ret));
	log_info("control socket=%s gid=%d controllers=%s", s->path, (int)gid,
		controllers_format(&s->controllers, uids));
}

int control_socket_open(const struct config *config, struct relay *r, struct poller *p, int stats_fd,
	struct control_socket **out) {
	static const struct relay_io io = {
		.send = send_message, .log = log_server_line, .close = shut_connection};
	struct control_socket *s = calloc(1, sizeof(*s));
	int ret;

	if (s == NULL)
		return -ENOMEM;
	s->relay = r;
	s->poller = p;
	s->path = config->relay.control_socket;
	s->source = (struct poller_source){.ready = listener_ready, .ctx = s};
	for (int i = 0; i < CONNECTIONS_MAX; i++)
		s->connections[i] = (struct connection){.socket = s, .fd = -1};
	ret = s->fd = unix_socket_listen(s->path, SOCK_SEQPACKET, config->group);
	if (ret >= 0)
		ret = poller_add(p, s->fd, &s->source);
	if (ret < 0) {
		log_error("control socket=%s group=%s can't be opened: %s", s->path,
			config->group == NULL ? "-" : config->group,
			ret == -EINVAL ? "no such group" : strerror(-ret));
		control_socket_close(s);
		return ret;
	}
	find_controllers(s, &config->control.user);
	relay_server_set_io(r, &io, stats_fd);
	*out = s;
	return 0;
}

void control_socket_close(struct control_socket *s) {
	if (s == NULL)
		return;
	for (int i = 0; i < CONNECTIONS_MAX; i++) {
		if (s->connections[i].fd >= 0)
			close_connection(&s->connections[i]);
	}
	if (s->fd >= 0) {
		poller_del(s->poller, s->fd);
		close(s->fd);
		(void)unlink(s->path);
	}
	free(s);
}
