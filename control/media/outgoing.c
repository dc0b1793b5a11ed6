#include "control/media/outgoing.h"

#include "relay/protocol.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_SIZE = 16 * 1024 };

void outgoing_fini(struct outgoing *o) {
	free(o->data);
	*o = (struct outgoing){0};
}

void outgoing_clear(struct outgoing *o) {
	o->head = o->tail = 0;
}

// Twice the size, or only the messages moved to the front when half of it is free.
static int make_room(struct outgoing *o, size_t len) {
	size_t used = o->tail - o->head, size = o->size == 0 ? FIRST_SIZE : o->size;
	uint8_t *data = o->data;

	while (size < OUTGOING_MAX && size / 2 < used + len)
		size *= 2;
	if (size < used + len)
		return -1;
	if (size != o->size)
		data = malloc(size);
	if (data == NULL)
		return -1;
	if (used > 0)
		memmove(data, o->data + o->head, used);
	if (data != o->data)
		free(o->data);
	*o = (struct outgoing){.data = data, .size = size, .head = 0, .tail = used};
	return 0;
}

void *outgoing_add(struct outgoing *o, size_t len) {
	if (len > o->size - o->tail && make_room(o, len) < 0)
		return NULL;
	o->tail += len;
	return o->data + o->tail - len;
}

const void *outgoing_first(const struct outgoing *o, size_t *len) {
	struct proto_header h;

	if (o->head == o->tail)
		return NULL;
	memcpy(&h, o->data + o->head, sizeof(h));
	*len = h.length;
	return o->data + o->head;
}

void outgoing_drop(struct outgoing *o) {
	size_t len;

	if (outgoing_first(o, &len) == NULL)
		return;
	o->head += len;
	if (o->head == o->tail)
		outgoing_clear(o);
}
