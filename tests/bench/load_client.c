#include "tests/bench/load_client.h"

#include "config/unix_socket.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { TIMEOUT_MS = 10000, SEND_BUFFER = 4 << 20 };

struct load_client {
	int fd;
	uint32_t again[PROTO_OUTSTANDING_MAX]; // requests to be sent again
	unsigned n_again;
	_Alignas(8) uint8_t message[PROTO_MESSAGE_MAX];
};

static int send_request(struct load_client *c, uint16_t type, uint32_t id, void *ctx,
	void (*make)(void *, uint32_t, struct proto_writer *)) {
	struct proto_writer w;
	size_t len;

	proto_write_begin(&w, c->message, sizeof(c->message), type, id, 0);
	make(ctx, id, &w);
	len = proto_write_end(&w);
	if (len == 0)
		return -EMSGSIZE;
	if (send(c->fd, c->message, len, MSG_NOSIGNAL) < 0)
		return errno == EAGAIN ? -ETIMEDOUT : -errno;
	return 0;
}

// The next reply into c->message. Its status becomes the return value.
static int receive_reply(struct load_client *c, uint16_t type, uint32_t *id) {
	ssize_t n = recv(c->fd, c->message, sizeof(c->message), 0);
	struct proto_header h;
	int ret;

	if (n < 0)
		return errno == EAGAIN ? -ETIMEDOUT : -errno;
	if (n == 0)
		return -ECONNRESET;
	ret = proto_check(c->message, (size_t)n);
	if (ret < 0)
		return ret;
	memcpy(&h, c->message, sizeof(h));
	if (h.type != (type | PROTO_REPLY))
		return -EBADMSG;
	*id = h.id;
	return -(int)h.status;
}

static void make_hello(void *ctx, uint32_t index, struct proto_writer *w) {
	const struct proto_hello hello = {.role = PROTO_CONTROLLER, .owner_id = *(const uint16_t *)ctx};

	(void)index;
	proto_write_item(w, &hello, sizeof(hello));
}

int load_client_open(const char *socket_path, uint16_t owner_id, struct load_client **out) {
	struct load_client *c = calloc(1, sizeof(*c));
	const int buffer = SEND_BUFFER;
	uint32_t id;
	int ret;

	if (c == NULL)
		return -ENOMEM;
	ret = c->fd = unix_socket_connect(socket_path, SOCK_SEQPACKET, TIMEOUT_MS);
	if (ret >= 0) {
		(void)setsockopt(c->fd, SOL_SOCKET, SO_SNDBUFFORCE, &buffer, sizeof(buffer));
		ret = send_request(c, PROTO_HELLO, 0, &owner_id, make_hello);
	}
	if (ret == 0)
		ret = receive_reply(c, PROTO_HELLO, &id);
	if (ret < 0) {
		load_client_close(c);
		return ret;
	}
	*out = c;
	return 0;
}

void load_client_close(struct load_client *c) {
	if (c == NULL)
		return;
	if (c->fd >= 0)
		close(c->fd);
	free(c);
}

// Take one reply; *done counts the requests that are through.
static int take_reply(
	struct load_client *c, const struct load_work *work, uint32_t *done, uint32_t *n_again) {
	struct proto_reader items;
	uint32_t id = UINT32_MAX;
	int ret = receive_reply(c, work->type, &id);

	if (ret == -EAGAIN && id < work->n) {
		c->again[c->n_again++] = id;
		++*n_again;
		return 0;
	}
	if (ret < 0)
		return ret;
	proto_read_begin(&items, c->message);
	++*done;
	return id < work->n ? work->took(work->ctx, id, &items) : -EBADMSG;
}

int load_client_run(struct load_client *c, const struct load_work *work, uint32_t *n_again) {
	uint32_t next = 0, done = 0;
	unsigned under_way = 0;
	int ret = 0;

	*n_again = c->n_again = 0;
	while (done < work->n && ret == 0) {
		if (under_way < work->window && (c->n_again > 0 || next < work->n)) {
			const uint32_t id = c->n_again > 0 ? c->again[--c->n_again] : next++;

			ret = send_request(c, work->type, id, work->ctx, work->make);
			under_way++;
		} else {
			ret = take_reply(c, work, &done, n_again);
			under_way--;
		}
	}
	return ret;
}
