#include "control/sip/srv.h"

#include <stdlib.h>

static int compare(const void *a, const void *b) {
	const struct srv_record *left = a, *right = b;

	if (left->priority != right->priority)
		return left->priority < right->priority ? -1 : 1;
	// Weight 0 first, so that it can be chosen at all.
	return (left->weight != 0) - (right->weight != 0);
}

static void move_to_front(struct srv_record *records, unsigned from) {
	struct srv_record chosen = records[from];

	for (; from > 0; from--)
		records[from] = records[from - 1];
	records[0] = chosen;
}

// One of the n records of a priority: the first whose running sum reaches a number between 0 and the sum of all.
static unsigned choose(const struct srv_record *records, unsigned n, uint32_t random) {
	uint32_t sum = 0, wanted;
	unsigned i;

	for (i = 0; i < n; i++)
		sum += records[i].weight;
	wanted = random % (sum + 1);
	for (i = 0, sum = records[0].weight; sum < wanted; sum += records[i].weight)
		i++;
	return i;
}

void srv_order(struct srv_record *records, unsigned n, srv_random_fn random, void *ctx) {
	qsort(records, n, sizeof(*records), compare);
	for (unsigned at = 0; at < n; at++) {
		unsigned end = at + 1;

		while (end < n && records[end].priority == records[at].priority)
			end++;
		move_to_front(records + at, choose(records + at, end - at, random(ctx)));
	}
}
