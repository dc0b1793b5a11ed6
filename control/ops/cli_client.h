// One connection of the CLI: request lines in, answer lines out. Knows its socket, not the listener.
#pragma once

#include "control/ops/cli_server.h"

#include <event2/event.h>

struct cli_client;

struct cli_client_params {
	const struct cli_sources *sources;
	int fd; // non-blocking; the client owns it on success
	// The connection is over: destroy the client. Never called from within create.
	void (*on_end)(void *ctx, struct cli_client *c);
	void *ctx;
};

[[nodiscard]] int cli_client_create(const struct cli_client_params *p, struct cli_client **out);
void cli_client_destroy(struct cli_client *c); // NULL is fine
size_t cli_client_buffered(const struct cli_client *c);
