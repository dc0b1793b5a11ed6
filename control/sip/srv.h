// SRV records and the order to try them in (RFC 2782).
#pragma once

#include <stdint.h>

enum { DNS_NAME = 256 }; // with its NUL

struct srv_record {
	uint16_t priority, weight, port;
	char host[DNS_NAME];
};

typedef uint32_t (*srv_random_fn)(void *ctx); // any 32 bits

// By priority; within one by chance, in proportion to the weights.
void srv_order(struct srv_record *records, unsigned n, srv_random_fn random, void *ctx);
