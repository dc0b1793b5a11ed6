#include "control/ops/cli_client.h"

#include "config/program.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum { IOVECS = 8 };

struct cli_client {
	struct cli_client_params params;
	struct event *readable, *writable;
	struct evbuffer *out;
	struct timer idle;
	struct cli_query query;
	size_t n_in;
	bool input_ended; // the peer will ask nothing more
	char in[CLI_REQUEST_MAX];
};

size_t cli_client_buffered(const struct cli_client *c) {
	return evbuffer_get_length(c->out);
}

static void end(struct cli_client *c) {
	c->params.on_end(c->params.ctx, c);
}

static void on_idle(void *ctx, uint64_t ref) {
	(void)ref;
	end(ctx);
}

// The peer has made progress: a whole request came, or it took something of an answer. Single bytes of a request don't
// count, so that nobody holds a place by dripping.
static void put_off_idle(struct cli_client *c) {
	loop_timer_start(c->params.sources->loop, &c->idle, CLI_IDLE_MS, on_idle, c, 0);
}

// ---- requests and rows ----

static int refuse(struct cli_client *c, const char *why) {
	return cli_query_end(&c->query, false, EXIT_USAGE, why, c->out);
}

static int take_line(struct cli_client *c, size_t len) {
	const char *wrong = NULL;
	int ret = 0;

	put_off_idle(c);
	if (cli_query_parse(c->in, len, &c->query, &wrong) < 0)
		ret = refuse(c, wrong);
	c->n_in -= len + 1;
	memmove(c->in, c->in + len + 1, c->n_in);
	return ret;
}

// Take up the next request, if a whole one is there. Returns 1 if so, 0 if not, or -ENOMEM.
static int next_request(struct cli_client *c) {
	const char *newline = memchr(c->in, '\n', c->n_in);
	int ret;

	if (newline != NULL) {
		ret = take_line(c, (size_t)(newline - c->in));
		return ret < 0 ? ret : 1;
	}
	if (c->n_in == sizeof(c->in)) { // where the next request begins can't be known
		c->n_in = 0;
		c->input_ended = true;
		return refuse(c, "request line too long");
	}
	return 0;
}

static int finish(struct cli_client *c, bool cut, int status, const char *error) {
	c->query.command = NULL;
	return cli_query_end(&c->query, cut, status, error, c->out);
}

static int step(struct cli_client *c) {
	if (c->query.limit > 0 && c->query.n_rows == c->query.limit)
		return finish(c, true, EXIT_OK, NULL);
	switch (cli_query_step(&c->query, c->params.sources, c->out)) {
	case CLI_ROW:
	case CLI_SKIPPED:
		return 0;
	case CLI_DONE:
		return finish(c, false, EXIT_OK, NULL);
	case CLI_NOT_FOUND:
		return finish(c, false, EXIT_REFUSED, "not found");
	case CLI_NO_MEMORY:
		break;
	}
	return -ENOMEM;
}

// Make answers while the buffer has room. Returns 1 if there is more to do, 0 if not, or -ENOMEM.
static int make_rows(struct cli_client *c) {
	for (unsigned i = 0; i < CLI_STEPS_A_TURN; i++) {
		bool asked = c->query.command != NULL;
		int ret;

		if (evbuffer_get_length(c->out) >= CLI_BUFFER_MARK)
			return 1;
		ret = asked ? step(c) : next_request(c);
		if (ret < 0 || (ret == 0 && !asked))
			return ret;
	}
	return 1;
}

// ---- the socket ----

// Returns 0 or a negative errno: the connection is over.
static int send_out(struct cli_client *c) {
	struct evbuffer_iovec parts[IOVECS];
	int n = evbuffer_peek(c->out, -1, NULL, parts, IOVECS);
	struct msghdr m = {.msg_iovlen = (size_t)(n < IOVECS ? n : IOVECS)};
	struct iovec iov[IOVECS];
	ssize_t sent;

	for (size_t i = 0; i < m.msg_iovlen; i++)
		iov[i] = (struct iovec){.iov_base = parts[i].iov_base, .iov_len = parts[i].iov_len};
	m.msg_iov = iov;
	if (m.msg_iovlen == 0)
		return 0;
	sent = sendmsg(c->params.fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (sent < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	if (sent > 0)
		put_off_idle(c);
	return evbuffer_drain(c->out, (size_t)sent) < 0 ? -ENOMEM : 0;
}

// Ask to be called for what can happen next: room in the socket while there is something to send or to make, else input.
static int watch(struct cli_client *c, bool more) {
	bool busy = more || evbuffer_get_length(c->out) > 0;

	if (busy) // requests wait in the kernel meanwhile
		event_del(c->readable);
	else
		event_del(c->writable);
	return event_add(busy ? c->writable : c->readable, NULL) < 0 ? -ENOMEM : 0;
}

static int serve(struct cli_client *c) {
	int more = make_rows(c), ret = more < 0 ? more : send_out(c);

	if (ret < 0)
		return ret;
	if (more == 0 && c->input_ended && evbuffer_get_length(c->out) == 0)
		return -EPIPE; // all is said
	return watch(c, more > 0);
}

static void serve_or_end(struct cli_client *c) {
	struct loop *loop = c->params.sources->loop;

	if (serve(c) < 0)
		end(c);
	loop_end_turn(loop);
}

static void on_writable(evutil_socket_t fd, short what, void *ctx) {
	(void)fd, (void)what;
	serve_or_end(ctx);
}

static void on_readable(evutil_socket_t fd, short what, void *ctx) {
	struct cli_client *c = ctx;
	ssize_t n = recv(fd, c->in + c->n_in, sizeof(c->in) - c->n_in, MSG_DONTWAIT);

	(void)what;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0)
		c->n_in += (size_t)n;
	else
		c->input_ended = true;
	serve_or_end(c);
}

int cli_client_create(const struct cli_client_params *p, struct cli_client **out) {
	struct cli_client *c = calloc(1, sizeof(*c));
	struct event_base *base = loop_base(p->sources->loop);
	int ret = -ENOMEM;

	if (c == NULL)
		return ret;
	c->params = *p;
	c->params.fd = -1; // the caller's until all has gone well
	c->out = evbuffer_new();
	c->readable = event_new(base, p->fd, EV_READ | EV_PERSIST, on_readable, c);
	c->writable = event_new(base, p->fd, EV_WRITE | EV_PERSIST, on_writable, c);
	if (c->out == NULL || c->readable == NULL || c->writable == NULL || event_add(c->readable, NULL) < 0)
		goto fail;
	put_off_idle(c);
	c->params.fd = p->fd;
	*out = c;
	return 0;
fail:
	cli_client_destroy(c);
	return ret;
}

void cli_client_destroy(struct cli_client *c) {
	if (c == NULL)
		return;
	loop_timer_stop(c->params.sources->loop, &c->idle);
	if (c->readable != NULL)
		event_free(c->readable);
	if (c->writable != NULL)
		event_free(c->writable);
	if (c->out != NULL)
		evbuffer_free(c->out);
	if (c->params.fd >= 0)
		close(c->params.fd);
	free(c);
}
