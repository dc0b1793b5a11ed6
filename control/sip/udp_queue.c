#include "control/sip/udp_queue.h"

#include "control/sip/sockaddr.h"

#include <errno.h>
#include <stdlib.h>

enum { MOST_ITEMS = 16384, MOST_BYTES = 32 << 20, FIRST_ITEMS = 64, FIRST_BYTES = 65536 };

static int make_room(
	void **memory, size_t *n_max, size_t needed, size_t first, size_t most, size_t item_bytes) {
	size_t n = *n_max > 0 ? *n_max : first;
	void *bigger;

	if (needed <= *n_max)
		return 0;
	if (needed > most)
		return -ENOBUFS;
	while (n < needed)
		n *= 2;
	bigger = realloc(*memory, n * item_bytes);
	if (bigger == NULL)
		return -ENOMEM;
	*memory = bigger;
	*n_max = n;
	return 0;
}

// Over those that are gone, once they are the half, so that moving costs no more than sending did.
static void close_up(struct udp_queue *q) {
	size_t n = q->n_items - q->first, gone;

	if (q->first == 0 || q->first < n)
		return;
	gone = q->items[q->first].offset;
	memmove(q->items, q->items + q->first, n * sizeof(*q->items));
	memmove(q->data, q->data + gone, q->used - gone);
	for (size_t i = 0; i < n; i++)
		q->items[i].offset -= gone;
	q->used -= gone;
	q->first = 0;
	q->n_items = n;
}

int udp_queue_add(struct udp_queue *q, const struct endpoint *to, struct span data, uint64_t ref) {
	struct udp_queued *item;
	int ret;

	if (q->n_items == q->n_max || q->used + data.len > q->size)
		close_up(q);
	ret = make_room(
		(void **)&q->items, &q->n_max, q->n_items + 1, FIRST_ITEMS, MOST_ITEMS, sizeof(*q->items));
	if (ret == 0)
		ret = make_room((void **)&q->data, &q->size, q->used + data.len, FIRST_BYTES, MOST_BYTES, 1);
	if (ret < 0)
		return ret;
	item = &q->items[q->n_items++];
	*item = (struct udp_queued){.offset = q->used, .len = data.len, .ref = ref};
	item->to_len = sockaddr_put(to, &item->to);
	memcpy(q->data + q->used, data.data, data.len);
	q->used += data.len;
	return 0;
}

void udp_queue_shift(struct udp_queue *q) {
	if (++q->first < q->n_items)
		return;
	q->first = q->n_items = 0;
	q->used = 0;
}

void udp_queue_fini(struct udp_queue *q) {
	free(q->items);
	free(q->data);
	*q = (struct udp_queue){0};
}
