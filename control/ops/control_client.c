#include "control/ops/control_client.h"

#include "config/unix_socket.h"
#include "control/ops/print.h"
#include "control/ops/row.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 4 << 20, CHUNK = 65536 };

// Reads lines off a blocking socket.
struct lines {
	int fd;
	char *data;
	size_t len, size, taken;
};

static int make_room(struct lines *l) {
	size_t size = l->size == 0 ? CHUNK : l->size * 2;
	char *data;

	if (l->taken > 0) {
		memmove(l->data, l->data + l->taken, l->len - l->taken);
		l->len -= l->taken;
		l->taken = 0;
		return 0;
	}
	if (size > LINE_MAX_BYTES)
		return -EBADMSG;
	data = realloc(l->data, size);
	if (data == NULL)
		return -ENOMEM;
	l->data = data;
	l->size = size;
	return 0;
}

static int read_more(struct lines *l) {
	int ret = l->len == l->size ? make_room(l) : 0;
	ssize_t n;

	if (ret < 0)
		return ret;
	n = recv(l->fd, l->data + l->len, l->size - l->len, 0);
	if (n < 0)
		return errno == EAGAIN ? -ETIMEDOUT : -errno;
	if (n == 0)
		return -ECONNRESET;
	l->len += (size_t)n;
	return 0;
}

static bool cut_line(struct lines *l, size_t *searched, struct span *out) {
	const char *begin = l->data + l->taken;
	size_t left = l->len - l->taken;
	const char *end = memchr(begin + *searched, '\n', left - *searched);

	*searched = left;
	if (end == NULL)
		return false;
	*out = (struct span){begin, (size_t)(end - begin)};
	l->taken += out->len + 1;
	return true;
}

static int next_line(struct lines *l, struct span *out) {
	size_t searched = 0;

	while (l->len - l->taken == searched || !cut_line(l, &searched, out)) {
		int ret = read_more(l);

		if (ret < 0)
			return ret;
	}
	return 0;
}

// One parsed line of the version we speak; the caller's.
static int next_json(struct lines *l, json_t **out) {
	struct span line;
	int ret = next_line(l, &line);
	json_t *json;

	if (ret < 0)
		return ret;
	json = json_loadb(line.data, line.len, 0, NULL);
	if (print_find_u64(json, "version") != ROW_VERSION || print_find_text(json, "type") == NULL) {
		json_decref(json);
		return -EBADMSG;
	}
	*out = json;
	return 0;
}

// Rows up to the end line, which is given in *end (the caller's).
static int read_page(struct lines *l, json_t *rows, json_t **end) {
	for (;;) {
		json_t *json;
		int ret = next_json(l, &json);

		if (ret < 0)
			return ret;
		if (strcmp(print_find_text(json, "type"), "end") == 0) {
			*end = json;
			return 0;
		}
		if (json_array_append_new(rows, json) < 0)
			return -ENOMEM;
	}
}

static int send_request(int fd, const json_t *request) {
	char *text = json_dumps(request, ROW_DUMP);
	size_t len = text == NULL ? 0 : strlen(text), sent = 0;
	int ret = text == NULL ? -ENOMEM : 0;

	if (ret == 0)
		text[len++] = '\n'; // in place of the NUL
	while (ret == 0 && sent < len) {
		ssize_t n = send(fd, text + sent, len - sent, MSG_NOSIGNAL);

		if (n < 0)
			ret = errno == EAGAIN ? -ETIMEDOUT : -errno;
		else
			sent += (size_t)n;
	}
	free(text);
	return ret;
}

static int ask_page(
	const char *path, unsigned timeout_ms, const json_t *request, json_t *rows, json_t **end) {
	struct lines l = {.fd = unix_socket_connect(path, SOCK_STREAM, timeout_ms)};
	int ret;

	if (l.fd < 0)
		return l.fd == -EAGAIN ? -ETIMEDOUT : l.fd;
	ret = send_request(l.fd, request);
	// A server that refuses us has answered and closed without reading: look for its line first.
	if (ret == 0 || ret == -EPIPE || ret == -ECONNRESET)
		ret = read_page(&l, rows, end);
	close(l.fd);
	free(l.data);
	return ret;
}

static void take_end(const json_t *end, struct control_answer *out) {
	const char *error = print_find_text(end, "error");

	out->status = (int)print_find_u64(end, "status");
	print_escape(error == NULL ? "" : error, out->error, sizeof(out->error));
}

static bool hand_out(const json_t *rows, control_client_fn fn, void *ctx) {
	size_t i;
	json_t *row;

	json_array_foreach(rows, i, row) {
		if (!fn(ctx, row))
			return false;
	}
	return true;
}

// Ask for one page and move request on to the next. Returns 1 if there may be one.
static int do_page(const char *path, unsigned timeout_ms, json_t *request, control_client_fn fn, void *ctx,
	struct control_answer *out) {
	json_t *rows = json_array(), *end = NULL, *after;
	int ret = rows == NULL ? -ENOMEM : ask_page(path, timeout_ms, request, rows, &end);

	if (ret == 0) {
		take_end(end, out);
		after = json_object_get(end, "after");
		if (hand_out(rows, fn, ctx) && after != NULL && out->status == 0)
			ret = json_object_set(request, "after", after) < 0 ? -ENOMEM : 1;
	}
	json_decref(rows);
	json_decref(end);
	return ret;
}

// Rows that the user wants at most are cut into pages.
static int limit_page(json_t *request, uint64_t wanted, uint64_t had) {
	uint64_t page = CONTROL_CLIENT_PAGE;

	if (wanted > 0 && wanted - had < page)
		page = wanted - had;
	return json_object_set_new(request, "limit", json_integer((json_int_t)page)) < 0 ? -ENOMEM : 0;
}

int control_client_ask(const char *socket_path, unsigned timeout_ms, json_t *request, control_client_fn fn,
	void *ctx, struct control_answer *out) {
	uint64_t wanted = print_find_u64(request, "limit"), had = 0;
	struct control_answer answer = {0};
	int ret = request == NULL || json_object_set_new(request, "version", json_integer(ROW_VERSION)) < 0
		? -ENOMEM
		: 1;

	while (ret > 0) {
		ret = limit_page(request, wanted, had);
		if (ret == 0)
			ret = do_page(socket_path, timeout_ms, request, fn, ctx, &answer);
		had += CONTROL_CLIENT_PAGE;
		if (wanted > 0 && had >= wanted && ret > 0)
			ret = 0;
	}
	json_decref(request);
	if (ret == 0)
		*out = answer;
	return ret;
}
