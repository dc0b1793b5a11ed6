// struct relay: everything the main thread owns. Workers see none of it but their struct relay_worker.
#pragma once

#include "relay/outbox.h"
#include "relay/port_pool.h"
#include "relay/put.h"
#include "relay/relay.h"
#include "relay/server.h"
#include "relay/session_store.h"
#include "relay/watch.h"
#include "relay/worker.h"

struct relay {
	struct relay_params params;
	struct stats_header *stats;
	struct worker_tables tables;
	struct relay_worker *workers[RELAY_WORKERS_MAX];
	uint32_t n_owned[RELAY_WORKERS_MAX]; // sessions of each worker
	struct port_pool pools[RELAY_MEDIA_MAX]; // by index into params.media
	struct session_store store;
	struct outbox outbox;
	struct put_item puts[PROTO_PUTS_MAX]; // the batch in hand
	struct server server;
	struct watch watch;
	bool is_draining;
};

// Log key=value text; io may be NULL.
[[gnu::format(printf, 4, 5)]] void core_log(
	const struct relay *r, void *io, enum relay_line about, const char *format, ...);
