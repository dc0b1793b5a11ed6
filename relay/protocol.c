#include "relay/protocol.h"

#include <errno.h>
#include <string.h>

static uint32_t load32(const uint8_t *p) {
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static int check_items(const uint8_t *p, size_t left, uint32_t n_items) {
	for (; n_items > 0; n_items--) {
		if (left < sizeof(uint32_t))
			return -EBADMSG;

		uint32_t length = load32(p);

		if (length < sizeof(uint32_t) || length > left)
			return -EBADMSG;
		p += length;
		left -= length;
	}
	return left == 0 ? 0 : -EBADMSG;
}

int proto_check(const void *buf, size_t len) {
	struct proto_header h;

	if (len < sizeof(h) || len > PROTO_MESSAGE_MAX)
		return -EBADMSG;
	memcpy(&h, buf, sizeof(h));
	if (h.major != PROTO_MAJOR)
		return -EPROTO;
	if (h.length != len)
		return -EBADMSG;
	return check_items((const uint8_t *)buf + sizeof(h), len - sizeof(h), h.n_items);
}

void proto_read_begin(struct proto_reader *r, const void *buf) {
	struct proto_header h;

	memcpy(&h, buf, sizeof(h));
	r->next = (const uint8_t *)buf + sizeof(h);
	r->end = (const uint8_t *)buf + h.length;
	r->left = h.n_items;
}

bool proto_read_item(struct proto_reader *r, void *out, size_t size, size_t min) {
	if (r->left == 0)
		return false;

	uint32_t length = load32(r->next);
	size_t take = length < size ? length : size;

	if (length < min)
		return false;
	memset(out, 0, size);
	memcpy(out, r->next, take);
	r->next += length;
	r->left--;
	return true;
}

void proto_write_begin(
	struct proto_writer *w, void *buf, size_t size, uint16_t type, uint32_t id, uint32_t status) {
	struct proto_header h = {.major = PROTO_MAJOR, .type = type, .id = id, .status = status};

	*w = (struct proto_writer){.buf = buf, .size = size};
	if (size < sizeof(h)) {
		w->overflow = true;
		return;
	}
	memcpy(w->buf, &h, sizeof(h));
	w->used = sizeof(h);
}

bool proto_write_item(struct proto_writer *w, const void *item, size_t size) {
	uint32_t length = (uint32_t)size, n_items;

	if (w->overflow || size > w->size - w->used) {
		w->overflow = true;
		return false;
	}
	memcpy(w->buf + w->used, item, size);
	memcpy(w->buf + w->used, &length, sizeof(length));
	w->used += size;
	n_items = load32(w->buf + offsetof(struct proto_header, n_items)) + 1;
	memcpy(w->buf + offsetof(struct proto_header, n_items), &n_items, sizeof(n_items));
	return true;
}

size_t proto_write_end(struct proto_writer *w) {
	uint32_t length = (uint32_t)w->used;

	if (w->overflow)
		return 0;
	memcpy(w->buf + offsetof(struct proto_header, length), &length, sizeof(length));
	return w->used;
}
