// All calls of this process: what main creates and wires. Owns the SIP stack's and the media client's callbacks.
#pragma once

#include "control/call/view.h"
#include "control/sip/stack.h"

struct calls_hooks {
	void *ctx;
	// A call has ended and is about to be forgotten: record it. Borrows v.
	void (*on_ended)(void *ctx, const struct call_view *v);
	// Draining, and the last call is gone.
	void (*on_drained)(void *ctx);
};

// Creates the SIP stack (listeners open) and the media client too. Returns 0 or a negative errno, said in the log.
[[nodiscard]] int calls_create(struct loop *loop, const struct config *config, struct tokens *tokens,
	const struct calls_hooks *hooks, struct calls **out);
struct transport;
struct relay_link;
// As calls_create, over a transport and a link to the relay of the caller's choice; NULL: the real ones.
[[nodiscard]] int calls_create_over(struct loop *loop, const struct config *config, struct tokens *tokens,
	const struct calls_hooks *hooks, const struct transport *transport, const struct relay_link *link,
	struct calls **out);
void calls_destroy(struct calls *c);

struct sip_stack *calls_stack(struct calls *c);
struct media *calls_media(struct calls *c);

// No new calls from now on (503 with Retry-After); on_drained when none is left.
void calls_drain(struct calls *c);
// End every call now: BYE, CANCEL or a final answer.
void calls_stop_all(struct calls *c);
