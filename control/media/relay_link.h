// How messages get to kedge-relay and back: a socket (relay_socket.h), or a test's stand-in.
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct relay_client;

struct relay_link {
	void *ctx;
	// Connect. From then on relay_client_on_message, on_writable and on_end tell client what happens. 0 or -errno.
	int (*open)(void *ctx, struct relay_client *client);
	// Give one message. 0; -EAGAIN: not now, relay_client_on_writable follows; else the connection is of no more use.
	int (*send)(void *ctx, const void *message, size_t len);
	void (*close)(void *ctx);
	// Hand over one message that came but was left for a later turn. False: there is none. NULL: nothing is ever left.
	bool (*take)(void *ctx);
};
