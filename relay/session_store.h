// All sessions: found by id (a hash keyed with a secret: ids come from outside), listed in the order of their ids.
#pragma once

#include "relay/session.h"

struct session_store {
	uint32_t max, n;
	uint64_t *ids, *call_ids; // by slot, id 0: not to be found
	struct session *sessions; // by slot
	uint32_t *table; // slot + 1 by hash, 0: empty
	uint32_t table_mask;
	uint64_t key[2];
	uint32_t *free_slots, n_free;
};

enum { SESSION_NONE = UINT32_MAX };

// Memory for max sessions. Returns 0 or -ENOMEM.
[[nodiscard]] int session_store_init(struct session_store *s, uint32_t max, const uint64_t key[2]);
void session_store_fini(struct session_store *s);
// Slot of a session, SESSION_NONE if unknown.
uint32_t session_store_find(const struct session_store *s, uint64_t id);
// Reserve a slot for an id that is not there; zeroed but for its generation, a new one. SESSION_NONE: full.
uint32_t session_store_add(struct session_store *s, uint64_t id);
// Nobody finds the session any more; its slot stays its own.
void session_store_hide(struct session_store *s, uint32_t slot);
// Give the slot of a hidden session back.
void session_store_free(struct session_store *s, uint32_t slot);
// The slots of up to limit sessions with the lowest ids after the given one, in ascending order; call_id 0: of any call.
// One pass over the compact arrays (16 bytes a session) a page: 100,000 sessions cost about 0.1 ms. Returns their number.
uint32_t session_store_page(
	const struct session_store *s, uint64_t after, uint64_t call_id, uint32_t limit, uint32_t *slots);

// SipHash-2-4 of one 64-bit word.
uint64_t siphash_u64(const uint64_t key[2], uint64_t word);
