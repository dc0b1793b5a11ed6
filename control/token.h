// Tags, branches and Call-IDs that we mint. A token names an object by handle and carries node id, shard and a keyed
// check value: forged or foreign ones are told without a look-up, and nobody can guess one (RFC 3261 §19.3).
#pragma once

#include "control/span.h"

enum { TOKEN_TEXT = 48 }; // with NUL; only [a-z0-9]

struct tokens;
// key_file NULL: a random key for this start. The file holds 32 or more bytes, mode 0600 or stricter, else -EPERM.
[[nodiscard]] int tokens_create(uint16_t node_id, const char *key_file, struct tokens **out);
void tokens_destroy(struct tokens *t);

// kind: 'd' dialog tag, 'b' branch, 'c' Call-ID, … ; part: a small number (leg, branch) that makes texts of one handle differ.
void token_mint(struct tokens *t, char kind, uint64_t handle, uint16_t part, char out[static TOKEN_TEXT]);
// Returns 0 and handle and part, or -EBADMSG (not ours, another kind, forged).
[[nodiscard]] int token_open(struct tokens *t, char kind, struct span text, uint64_t *handle, uint16_t *part);
