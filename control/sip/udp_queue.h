// Datagrams that wait for the end of the turn, and those that the socket didn't take then.
#pragma once

#include "control/span.h"
#include "relay/endpoint.h"

#include <sys/socket.h>

struct udp_queued {
	struct sockaddr_storage to;
	socklen_t to_len;
	size_t offset, len;
	uint64_t ref;
};

struct udp_queue {
	char *data; // owned: the texts, one behind the other
	size_t size, used;
	struct udp_queued *items; // owned
	size_t n_max, first, n_items; // items[first..n_items) wait
};

// Returns 0, -ENOBUFS (more waits than a socket that takes nothing deserves) or -ENOMEM; nothing is queued then.
[[nodiscard]] int udp_queue_add(
	struct udp_queue *q, const struct endpoint *to, struct span data, uint64_t ref);
// The one at the front is done with.
void udp_queue_shift(struct udp_queue *q);
void udp_queue_fini(struct udp_queue *q);
