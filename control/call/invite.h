// An INVITE that was found good, on its way to become a call.
#pragma once

#include "control/call/internal.h"

struct invite {
	uint64_t server;
	const struct sip_msg *m;
	const struct flow *flow;
	struct sip_uri uri; // its Request-URI
	struct span sdp;
	int trunk, route; // trunk -1: from a plain source of the realm
	bool nated;
};

// The user part of a URI (the number of a tel:); empty: it has none.
struct span invite_user_of(struct span uri);
// Make the call, its two legs and the offer towards the relay. Returns 0, -EINVAL/-EMSGSIZE (the INVITE can't make a dialog),
// -ENOMEM or -ENOSPC; nothing is left behind then.
[[nodiscard]] int invite_create_call(struct calls *cs, const struct invite *in, struct call **out);
