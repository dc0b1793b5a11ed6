// The seam between resolving and DNS: c-ares on the loop in production, a table in tests.
#pragma once

#include "control/loop.h"
#include "control/sip/srv.h"
#include "relay/endpoint.h"

// status: 0, -ENOENT (no such name or record), -ETIMEDOUT (no server answered). May come from within the question.
typedef void (*dns_srv_fn)(void *ctx, uint64_t ref, int status, const struct srv_record *records, unsigned n);
typedef void (*dns_address_fn)(
	void *ctx, uint64_t ref, int status, const struct endpoint *addresses, unsigned n);

enum { DNS_RECORDS_MAX = 16 }; // more in an answer are left out

struct dns {
	void *ctx;
	void (*find_srv)(void *ctx, const char *name, dns_srv_fn fn, void *fn_ctx, uint64_t ref);
	void (*find_addresses)(void *ctx, const char *name, dns_address_fn fn, void *fn_ctx, uint64_t ref);
	void (*close)(void *ctx); // questions that are open get no answer
};

// c-ares with the host's resolv.conf and hosts file, on a loop with an event base.
[[nodiscard]] int dns_open(struct loop *loop, struct dns *out);
