// The CLI's socket: Unix stream, JSON lines (cli_query.h). Nothing here blocks the loop or grows with a slow client: rows are made
// only while a client's buffer is below a mark, a bounded number a turn.
#pragma once

#include "control/ops/cli_query.h"

enum {
	CLI_CLIENTS_MAX = 16, // more are told so and closed
	CLI_REQUEST_MAX = 4096, // bytes of a request line
	CLI_BUFFER_MARK = 32768, // no new row is made above it
	CLI_STEPS_A_TURN = 256, // of one client
	CLI_IDLE_MS = 30000, // without a whole request, or with nothing taken of an answer
	CLI_ACCEPT_PAUSE_MS = 1000, // when file descriptors have run out
};

struct cli_server;

// Listen at config->control.socket, given to config->group; instance_lock must be held. Copies *sources, borrows what it
// names until destroy. Returns 0 or a negative errno after one log line.
[[nodiscard]] int cli_server_create(const struct cli_sources *sources, struct cli_server **out);
// Closes all clients and removes the path. NULL is fine.
void cli_server_destroy(struct cli_server *s);

// For tests: clients now, and the bytes that wait for the slowest.
unsigned cli_server_clients(const struct cli_server *s);
size_t cli_server_buffered(const struct cli_server *s);
