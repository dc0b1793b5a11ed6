// The seam between transactions and what carries their datagrams: udp.h in production, a capture in tests.
#pragma once

#include "control/sip/flow.h"
#include "control/span.h"

// What a transport tells its user. Everything is borrowed for the call.
struct transport_user {
	void *ctx;
	void (*on_datagram)(void *ctx, char *data, size_t len, const struct flow *from);
	// The datagram sent with ref can't leave this host. Never from within send.
	void (*on_refused)(void *ctx, uint64_t ref);
	// Somebody on the way to `to`'s remote says that a datagram of ours can't be delivered, quoting some of it.
	void (*on_icmp)(void *ctx, const struct flow *to, struct span quoted);
};

struct transport {
	void *ctx;
	// Queue a copy of one datagram for the end of the turn. ref: whom on_refused names; 0: nobody.
	void (*send)(void *ctx, const struct flow *to, struct span data, uint64_t ref);
	void (*close)(void *ctx);
};
