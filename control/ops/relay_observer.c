#include "control/ops/relay_observer.h"

#include "config/unix_socket.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

// Messages that are not our reply (events, late replies) before we give up on the relay.
enum { STRAY_MAX = 64, REQUEST_MAX = 256 };

struct relay_observer {
	int fd;
	uint32_t id; // of the last request
	struct proto_welcome welcome;
	_Alignas(8) uint8_t message[PROTO_MESSAGE_MAX];
};

// A descriptor that came with a message, or -1. Further ones are closed.
static int take_descriptor(struct msghdr *m) {
	int found = -1;

	for (struct cmsghdr *h = CMSG_FIRSTHDR(m); h != NULL; h = CMSG_NXTHDR(m, h)) {
		size_t n = h->cmsg_len < CMSG_LEN(0) ? 0 : (h->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(h) + i * sizeof(fd), sizeof(fd));
			if (found < 0)
				found = fd;
			else
				close(fd);
		}
	}
	return found;
}

// One message into o->message, with the descriptor it brought. Returns 0 or a negative errno, without a descriptor then.
static int receive(struct relay_observer *o, int *fd) {
	struct iovec part = {.iov_base = o->message, .iov_len = sizeof(o->message)};
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(4 * sizeof(int))];
	struct msghdr m = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(o->fd, &m, MSG_CMSG_CLOEXEC);
	int ret, brought;

	if (n < 0)
		return errno == EAGAIN ? -ETIMEDOUT : -errno;
	if (n == 0)
		return -ECONNRESET;
	brought = take_descriptor(&m);
	ret = (m.msg_flags & MSG_TRUNC) != 0 ? -EBADMSG : proto_check(o->message, (size_t)n);
	if (ret < 0 && brought >= 0)
		close(brought);
	if (ret == 0)
		*fd = brought;
	return ret;
}

static bool is_reply(const struct relay_observer *o, uint16_t type, int *status) {
	struct proto_header h;

	memcpy(&h, o->message, sizeof(h));
	if (h.type != (type | PROTO_REPLY) || h.id != o->id)
		return false;
	*status = h.status > 0 && h.status < 4096 ? -(int)h.status : h.status == 0 ? 0 : -EBADMSG;
	return true;
}

// Send one request and wait for its reply, which stays in o->message. fd NULL: none is wanted.
static int ask(struct relay_observer *o, uint16_t type, const void *item, size_t size, int *fd) {
	uint8_t request[REQUEST_MAX];
	struct proto_writer w;
	size_t len;

	proto_write_begin(&w, request, sizeof(request), type, ++o->id, 0);
	if (item != NULL)
		proto_write_item(&w, item, size);
	len = proto_write_end(&w);
	if (send(o->fd, request, len, MSG_NOSIGNAL) < 0)
		return errno == EAGAIN ? -ETIMEDOUT : -errno;
	for (int i = 0; i < STRAY_MAX; i++) {
		int brought = -1, status, ret = receive(o, &brought);

		if (ret < 0)
			return ret;
		if (is_reply(o, type, &status)) {
			if (fd != NULL && status == 0)
				*fd = brought;
			else if (brought >= 0)
				close(brought);
			return status;
		}
		if (brought >= 0)
			close(brought);
	}
	return -EBADMSG;
}

static int say_hello(struct relay_observer *o) {
	struct proto_hello hello = {.role = PROTO_OBSERVER};
	struct proto_reader r;
	int ret = ask(o, PROTO_HELLO, &hello, sizeof(hello), NULL);

	if (ret < 0)
		return ret;
	proto_read_begin(&r, o->message);
	if (!proto_read_item(&r, &o->welcome, sizeof(o->welcome), sizeof(o->welcome)))
		return -EBADMSG;
	return 0;
}

int relay_observer_open(const char *socket_path, unsigned timeout_ms, struct relay_observer **out) {
	struct relay_observer *o = calloc(1, sizeof(*o));
	int ret;

	if (o == NULL)
		return -ENOMEM;
	ret = o->fd = unix_socket_connect(socket_path, SOCK_SEQPACKET, timeout_ms);
	if (ret >= 0)
		ret = say_hello(o);
	if (ret < 0) {
		relay_observer_close(o);
		return ret == -EAGAIN ? -ETIMEDOUT : ret;
	}
	*out = o;
	return 0;
}

void relay_observer_close(struct relay_observer *o) {
	if (o == NULL)
		return;
	if (o->fd >= 0)
		close(o->fd);
	free(o);
}

const struct proto_welcome *relay_observer_welcome(const struct relay_observer *o) {
	return &o->welcome;
}

// The page in o->message. *after becomes its last id, which must ascend: else a bad relay could keep us forever.
static int read_page(struct relay_observer *o, uint64_t *after, bool *more, relay_observer_fn fn, void *ctx) {
	struct proto_session_state state;
	struct proto_reader r;

	*more = false;
	proto_read_begin(&r, o->message);
	while (proto_read_item(&r, &state, sizeof(state), sizeof(state))) {
		if (state.wanted.session_id <= *after)
			return -EBADMSG;
		*after = state.wanted.session_id;
		*more = fn(ctx, &state);
		if (!*more)
			return 0;
	}
	return r.left == 0 ? 0 : -EBADMSG;
}

int relay_observer_list(struct relay_observer *o, uint64_t call_id, relay_observer_fn fn, void *ctx) {
	struct proto_list list = {.call_id = call_id};
	bool more = true;

	while (more) {
		int ret = ask(o, PROTO_SESSION_LIST, &list, sizeof(list), NULL);

		if (ret == 0)
			ret = read_page(o, &list.after, &more, fn, ctx);
		if (ret < 0)
			return ret;
	}
	return 0;
}

int relay_observer_get(struct relay_observer *o, uint64_t session_id, struct proto_session_state *out) {
	struct proto_session_ref ref = {.session_id = session_id};
	struct proto_session_state state;
	struct proto_reader r;
	int ret = ask(o, PROTO_SESSION_GET, &ref, sizeof(ref), NULL);

	if (ret < 0)
		return ret;
	proto_read_begin(&r, o->message);
	if (!proto_read_item(&r, &state, sizeof(state), sizeof(state)))
		return -EBADMSG;
	*out = state;
	return 0;
}

int relay_observer_stats(struct relay_observer *o, struct stats_map **out) {
	int fd = -1, ret = ask(o, PROTO_STATS, NULL, 0, &fd);

	if (ret < 0)
		return ret;
	if (fd < 0)
		return -EBADMSG;
	ret = stats_map_open(fd, out);
	close(fd);
	return ret;
}
