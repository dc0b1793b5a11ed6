// Messages that wait to be sent: a bounded queue of whole control-protocol messages in one buffer.
#pragma once

#include <stddef.h>
#include <stdint.h>

enum { OUTGOING_MAX = 8 * 1024 * 1024 };

struct outgoing {
	uint8_t *data;
	size_t size, head, tail;
};

void outgoing_fini(struct outgoing *o);
void outgoing_clear(struct outgoing *o);
// Room for a message of len bytes at the end, to be filled before anything else is done with o; NULL: too much waits.
void *outgoing_add(struct outgoing *o, size_t len);
// The oldest message; NULL: none. Borrowed until the next call.
const void *outgoing_first(const struct outgoing *o, size_t *len);
void outgoing_drop(struct outgoing *o);
