#include "control/map.h"

#include "relay/keyed_hash.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

// Chained buckets, doubled when there is a node for each. A doubling is spread over the operations that follow: each
// moves its own bucket first, so that a look-up needs the new table only, and two more to get it done.
enum { FIRST_BUCKETS = 64, BUCKETS_A_STEP = 2 };

struct table {
	struct map_node **buckets;
	size_t n; // a power of two
};

struct map {
	struct keyed_hash *keyed;
	struct table now, old; // old.n 0: not growing
	size_t n_moved; // old's buckets below have been moved
	size_t n_nodes;
};

int map_create(struct map **out) {
	struct map *m = calloc(1, sizeof(*m));
	int ret = -ENOMEM;

	if (m == NULL)
		return ret;
	m->now.n = FIRST_BUCKETS;
	m->now.buckets = calloc(m->now.n, sizeof(struct map_node *));
	if (m->now.buckets == NULL)
		goto fail;
	ret = keyed_hash_create(NULL, &m->keyed);
	if (ret < 0)
		goto fail;
	*out = m;
	return 0;
fail:
	map_destroy(m);
	return ret;
}

void map_destroy(struct map *m) {
	if (m == NULL)
		return;
	keyed_hash_destroy(m->keyed);
	free(m->now.buckets);
	free(m->old.buckets);
	free(m);
}

static struct map_node **bucket_of(struct table *t, uint64_t hash) {
	return &t->buckets[hash & (t->n - 1)];
}

// In front: O(1), as taking out is, however many doubles there are.
static void push(struct map_node **bucket, struct map_node *n) {
	n->next = *bucket;
	n->link = bucket;
	if (n->next != NULL)
		n->next->link = &n->next;
	*bucket = n;
}

static void move_bucket(struct map *m, size_t i) {
	struct map_node *n = m->old.buckets[i];

	m->old.buckets[i] = NULL;
	while (n != NULL) {
		struct map_node *next = n->next;

		push(bucket_of(&m->now, n->hash), n);
		n = next;
	}
}

static void go_on_growing(struct map *m, uint64_t hash) {
	if (m->old.n == 0)
		return;
	move_bucket(m, hash & (m->old.n - 1));
	for (int i = 0; i < BUCKETS_A_STEP && m->n_moved < m->old.n; i++)
		move_bucket(m, m->n_moved++);
	if (m->n_moved < m->old.n)
		return;
	free(m->old.buckets);
	m->old = (struct table){0};
}

static void start_growing(struct map *m) {
	struct table bigger = {.n = m->now.n * 2};

	if (m->old.n > 0 || m->n_nodes < m->now.n)
		return;
	bigger.buckets = calloc(bigger.n, sizeof(struct map_node *));
	if (bigger.buckets == NULL)
		return; // longer chains for now; the next add tries again
	m->old = m->now;
	m->now = bigger;
	m->n_moved = 0;
}

void map_add(struct map *m, struct map_node *n, struct span key, uint64_t value) {
	assert(n->link == NULL);
	start_growing(m);
	n->key = key;
	n->value = value;
	n->hash = keyed_hash_of(m->keyed, key.data, key.len);
	go_on_growing(m, n->hash);
	push(bucket_of(&m->now, n->hash), n);
	m->n_nodes++;
}

void map_del(struct map *m, struct map_node *n) {
	if (n->link == NULL)
		return;
	*n->link = n->next;
	if (n->next != NULL)
		n->next->link = n->link;
	*n = (struct map_node){0};
	m->n_nodes--;
}

static struct map_node *first_match(struct map_node *n, uint64_t hash, struct span key) {
	while (n != NULL && (n->hash != hash || !span_equal(n->key, key)))
		n = n->next;
	return n;
}

struct map_node *map_find(struct map *m, struct span key) {
	uint64_t hash = keyed_hash_of(m->keyed, key.data, key.len);

	go_on_growing(m, hash);
	return first_match(*bucket_of(&m->now, hash), hash, key);
}

struct map_node *map_find_next(const struct map_node *n) {
	return first_match(n->next, n->hash, n->key);
}
