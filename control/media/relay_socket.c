#include "control/media/relay_socket.h"

#include "control/media/relay_client.h"
#include "relay/protocol.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { MESSAGES_A_TURN = 64 };

struct relay_socket {
	struct loop *loop;
	const char *path;
	struct relay_client *client;
	struct event *readable, *writable;
	int fd; // -1: closed
	uint8_t message[PROTO_MESSAGE_MAX];
};

static void socket_close(void *ctx) {
	struct relay_socket *s = ctx;

	if (s->readable != NULL)
		event_free(s->readable);
	if (s->writable != NULL)
		event_free(s->writable);
	s->readable = s->writable = NULL;
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}

// A message longer than any of the protocol's comes with its true length (MSG_TRUNC), and is refused as such.
static bool read_message(void *ctx) {
	struct relay_socket *s = ctx;
	ssize_t n = recv(s->fd, s->message, sizeof(s->message), MSG_DONTWAIT | MSG_TRUNC);

	if (n > 0) {
		relay_client_on_message(s->client, s->message, (size_t)n);
		return s->fd >= 0;
	}
	if (n == 0 || (errno != EAGAIN && errno != EINTR))
		relay_client_on_end(s->client, n == 0 ? 0 : -errno);
	return false;
}

static void on_readable(evutil_socket_t fd, short what, void *ctx) {
	struct relay_socket *s = ctx;

	(void)fd, (void)what;
	for (int i = 0; i < MESSAGES_A_TURN && read_message(s); i++)
		;
	loop_end_turn(s->loop);
}

static void on_writable(evutil_socket_t fd, short what, void *ctx) {
	struct relay_socket *s = ctx;

	(void)fd, (void)what;
	relay_client_on_writable(s->client);
	loop_end_turn(s->loop);
}

static int connect_to(const char *path) {
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int ret;

	if (fd < 0)
		return -errno;
	strcpy(name.sun_path, path); // its length was checked when s was made
	// A Unix connect never goes on in the background: EAGAIN means that the listener's backlog is full.
	if (connect(fd, (const struct sockaddr *)&name, sizeof(name)) == 0)
		return fd;
	ret = -errno;
	close(fd);
	return ret;
}

static int socket_open(void *ctx, struct relay_client *client) {
	struct relay_socket *s = ctx;
	int fd = connect_to(s->path);

	if (fd < 0)
		return fd;
	s->fd = fd;
	s->client = client;
	s->readable = event_new(loop_base(s->loop), fd, EV_READ | EV_PERSIST, on_readable, s);
	s->writable = event_new(loop_base(s->loop), fd, EV_WRITE, on_writable, s);
	if (s->readable != NULL && s->writable != NULL && event_add(s->readable, NULL) == 0)
		return 0;
	socket_close(s);
	return -ENOMEM;
}

static int socket_send(void *ctx, const void *message, size_t len) {
	struct relay_socket *s = ctx;

	if (send(s->fd, message, len, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
		return 0;
	if (errno != EAGAIN && errno != EINTR && errno != ENOBUFS)
		return -errno;
	return event_add(s->writable, NULL) == 0 ? -EAGAIN : -ENOMEM;
}

int relay_socket_create(struct loop *loop, const char *path, struct relay_socket **out) {
	struct relay_socket *s;

	if (loop_base(loop) == NULL)
		return -EINVAL;
	if (strlen(path) >= sizeof(((struct sockaddr_un *)NULL)->sun_path))
		return -ENAMETOOLONG;
	s = calloc(1, sizeof(*s));
	if (s == NULL)
		return -ENOMEM;
	s->loop = loop;
	s->path = path;
	s->fd = -1;
	*out = s;
	return 0;
}

void relay_socket_destroy(struct relay_socket *s) {
	if (s == NULL)
		return;
	socket_close(s);
	free(s);
}

struct relay_link relay_socket_link(struct relay_socket *s) {
	return (struct relay_link){.ctx = s,
		.open = socket_open,
		.send = socket_send,
		.close = socket_close,
		.take = read_message};
}
