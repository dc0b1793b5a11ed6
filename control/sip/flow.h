// Where SIP goes and comes from: listener, transport, remote, connection (RFC 5626). Data only.
#pragma once

#include "config/config.h"

struct flow {
	struct endpoint remote;
	uint32_t connection; // streams, later; 0
	uint16_t realm; // index into config.realms
	uint16_t listener; // index into that realm's sip list
	uint8_t transport; // enum sip_transport
};

// A place to send a request to, one of those that resolving gave. The same facts as a flow.
#define SIP_TARGETS_MAX 16
