// The main thread's event loop: epoll, and whoever wants to know that a descriptor is ready.
#pragma once

#include <stdint.h>

// One descriptor's owner; lives until removed.
struct poller_source {
	void (*ready)(void *ctx);
	void *ctx;
};

struct poller {
	int fd;
};

[[nodiscard]] int poller_open(struct poller *p);
void poller_close(struct poller *p);
// Call source->ready whenever fd can be read (or has ended). Borrows source until poller_del.
[[nodiscard]] int poller_add(struct poller *p, int fd, struct poller_source *source);
// A source may be removed from within any ready function.
void poller_del(struct poller *p, int fd);
// Wait for at most timeout_ns and serve what is ready. Returns 0 or a negative errno.
[[nodiscard]] int poller_wait(struct poller *p, uint64_t timeout_ns);
