#include "control/ops/cli_server.h"

#include "config/log.h"
#include "config/unix_socket.h"
#include "control/ops/cli_client.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct cli_server {
	struct cli_sources sources;
	int fd;
	struct event *acceptable;
	struct timer pause;
	struct cli_client *clients[CLI_CLIENTS_MAX];
};

static void on_client_end(void *ctx, struct cli_client *c) {
	struct cli_server *s = ctx;

	for (unsigned i = 0; i < CLI_CLIENTS_MAX; i++) {
		if (s->clients[i] == c)
			s->clients[i] = NULL;
	}
	cli_client_destroy(c);
}

static struct cli_client **find_place(struct cli_server *s) {
	for (unsigned i = 0; i < CLI_CLIENTS_MAX; i++) {
		if (s->clients[i] == NULL)
			return &s->clients[i];
	}
	return NULL;
}

// A refused client is told why as far as its socket takes it at once.
static void turn_away(int fd) {
	static const char line[] =
		"{\"version\":1,\"type\":\"end\",\"status\":1,\"error\":\"too many clients\"}\n";

	(void)send(fd, line, sizeof(line) - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
	close(fd);
}

static void add_client(struct cli_server *s, int fd) {
	struct cli_client_params params = {
		.sources = &s->sources, .fd = fd, .on_end = on_client_end, .ctx = s};
	struct cli_client **place = find_place(s);

	if (place == NULL)
		turn_away(fd);
	else if (cli_client_create(&params, place) < 0)
		close(fd);
}

static void resume(void *ctx, uint64_t ref) {
	const struct cli_server *s = ctx;

	(void)ref;
	(void)event_add(s->acceptable, NULL);
}

// Without a descriptor to spare the connection stays in the backlog, and the listener would be ready in every turn.
static void pause_accepting(struct cli_server *s) {
	event_del(s->acceptable);
	loop_timer_start(s->sources.loop, &s->pause, CLI_ACCEPT_PAUSE_MS, resume, s, 0);
}

static void on_acceptable(evutil_socket_t listener, short what, void *ctx) {
	struct cli_server *s = ctx;
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	(void)what;
	if (fd >= 0)
		add_client(s, fd);
	else if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
		pause_accepting(s);
	loop_end_turn(s->sources.loop);
}

static int start(struct cli_server *s) {
	const struct config *config = s->sources.config;
	struct event_base *base = loop_base(s->sources.loop);

	s->fd = unix_socket_listen(config->control.socket, SOCK_STREAM, config->group);
	if (s->fd < 0)
		return s->fd;
	s->acceptable = event_new(base, s->fd, EV_READ | EV_PERSIST, on_acceptable, s);
	if (s->acceptable == NULL || event_add(s->acceptable, NULL) < 0)
		return -ENOMEM;
	return 0;
}

int cli_server_create(const struct cli_sources *sources, struct cli_server **out) {
	struct cli_server *s = calloc(1, sizeof(*s));
	int ret;

	if (s == NULL)
		return -ENOMEM;
	s->sources = *sources;
	s->fd = -1;
	ret = start(s);
	if (ret < 0) {
		log_error("cli socket=%s can't be opened: %s", sources->config->control.socket,
			ret == -EINVAL ? "no such group" : strerror(-ret));
		cli_server_destroy(s);
		return ret;
	}
	*out = s;
	return 0;
}

void cli_server_destroy(struct cli_server *s) {
	if (s == NULL)
		return;
	for (unsigned i = 0; i < CLI_CLIENTS_MAX; i++)
		cli_client_destroy(s->clients[i]);
	loop_timer_stop(s->sources.loop, &s->pause);
	if (s->acceptable != NULL)
		event_free(s->acceptable);
	if (s->fd >= 0) {
		(void)unlink(s->sources.config->control.socket);
		close(s->fd);
	}
	free(s);
}

unsigned cli_server_clients(const struct cli_server *s) {
	unsigned n = 0;

	for (unsigned i = 0; i < CLI_CLIENTS_MAX; i++)
		n += s->clients[i] != NULL;
	return n;
}

size_t cli_server_buffered(const struct cli_server *s) {
	size_t most = 0;

	for (unsigned i = 0; i < CLI_CLIENTS_MAX; i++) {
		size_t n = s->clients[i] == NULL ? 0 : cli_client_buffered(s->clients[i]);

		most = n > most ? n : most;
	}
	return most;
}
