// kedgectl's side of the CLI's JSON lines (cli_query.h): asks kedge-control and waits. A connection a request.
#pragma once

#include <jansson.h>
#include <stdbool.h>

enum { CONTROL_CLIENT_ERROR = 256, CONTROL_CLIENT_PAGE = 500 };

struct control_answer {
	int status; // of the end line: enum exit_status
	char error[CONTROL_CLIENT_ERROR]; // what it said; empty: nothing
};

// Called for each row; false ends the listing. Borrows the row.
typedef bool (*control_client_fn)(void *ctx, const json_t *row);

// Send a request and hand out its rows. Owns request (an object without version; NULL: out of memory). A list is asked for
// page by page and each page read whole before its rows are handed out, so that a reader who pauses (a pager) doesn't
// hold the server's connection. Returns 0 with *out, -ENOENT or -ECONNREFUSED (nobody there), -ETIMEDOUT, -EBADMSG (not
// what we speak), -ECONNRESET, -ENOMEM.
[[nodiscard]] int control_client_ask(const char *socket_path, unsigned timeout_ms, json_t *request,
	control_client_fn fn, void *ctx, struct control_answer *out);
