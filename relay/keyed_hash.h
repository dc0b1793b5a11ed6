// SipHash-2-4 under a secret key: for tables, checks, tags and names that peers must not be able to aim at or see through.
#pragma once

#include <stddef.h>
#include <stdint.h>

enum { KEYED_HASH_KEY = 16 };

struct keyed_hash;

// key NULL: a random one. Returns 0, -ENOMEM or -EIO (OpenSSL or the random source refused).
[[nodiscard]] int keyed_hash_create(const uint8_t *key, struct keyed_hash **out);
void keyed_hash_destroy(struct keyed_hash *h);
uint64_t keyed_hash_of(struct keyed_hash *h, const void *data, size_t len);
