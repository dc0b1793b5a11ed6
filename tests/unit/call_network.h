// The network of call_phone.h: datagrams on their way, in order of their arrival.
#pragma once

#include "tests/unit/call_phone.h"

struct packet {
	uint64_t due_ms;
	bool to_kedge;
	struct flow flow; // from whom, to whom
	char text[2048];
};

void network_open(const struct network *n);
void network_send(bool to_kedge, const struct flow *flow, const char *text);
uint64_t network_due_ms(void); // UINT64_MAX: nothing is on its way
// The one that is due first, taken out.
void network_take(struct packet *out);
unsigned network_random(unsigned below);
