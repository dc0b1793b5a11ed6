#include "relay/port_pool.h"

#include "relay/clock.h"
#include "relay/steering.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

enum { NONE = UINT32_MAX };

static void list_append(struct port_pool *p, struct port_list *l, uint32_t i, enum pair_state state) {
	struct port_pair *pair = &p->pairs[i];

	pair->prev = l->last;
	pair->next = NONE;
	pair->state = (uint8_t)state;
	if (l->last != NONE)
		p->pairs[l->last].next = i;
	else
		l->first = i;
	l->last = i;
	l->n++;
}

static void list_remove(struct port_pool *p, struct port_list *l, uint32_t i) {
	struct port_pair *pair = &p->pairs[i];

	if (pair->prev != NONE)
		p->pairs[pair->prev].next = pair->next;
	else
		l->first = pair->next;
	if (pair->next != NONE)
		p->pairs[pair->next].prev = pair->prev;
	else
		l->last = pair->prev;
	l->n--;
}

static struct port_list *free_list(struct port_pool *p, uint32_t i) {
	return &p->free[steering_owner((uint16_t)(p->first + 2 * i), p->n_owners)];
}

static uint64_t mix(uint64_t *seed) { // splitmix64
	uint64_t z = *seed += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static void fill_shuffled(struct port_pool *p, uint32_t *order, uint64_t seed) {
	for (uint32_t i = 0; i < p->n_pairs; i++) {
		uint32_t j = (uint32_t)(mix(&seed) % (i + 1));

		order[i] = order[j];
		order[j] = i;
	}
	for (uint32_t i = 0; i < p->n_pairs; i++)
		list_append(p, free_list(p, order[i]), order[i], PAIR_FREE);
}

int port_pool_init(struct port_pool *p, uint16_t first, uint16_t last, unsigned n_owners, uint64_t seed) {
	uint32_t n = ((uint32_t)last - first + 1) / 2;
	uint32_t *order = calloc(n, sizeof(*order));

	assert(n_owners >= 1 && n_owners <= PORT_OWNERS_MAX);
	*p = (struct port_pool){
		.first = first, .n_pairs = n, .n_owners = n_owners, .resting = {NONE, NONE, 0}};
	for (unsigned i = 0; i < n_owners; i++)
		p->free[i] = (struct port_list){NONE, NONE, 0};
	p->pairs = calloc(n, sizeof(*p->pairs));
	if (p->pairs == NULL || order == NULL) {
		free(order);
		port_pool_fini(p);
		return -ENOMEM;
	}
	fill_shuffled(p, order, seed);
	free(order);
	return 0;
}

void port_pool_fini(struct port_pool *p) {
	free(p->pairs);
	p->pairs = NULL;
}

bool port_pool_has(const struct port_pool *p, uint16_t port) {
	return port >= p->first && port % 2 == 0 && (uint32_t)(port - p->first) / 2 < p->n_pairs;
}

void port_pool_refresh(struct port_pool *p, uint64_t now_ns) {
	while (p->resting.first != NONE &&
		clock_since(now_ns, p->pairs[p->resting.first].freed_ns) >= PORT_REST_NS) {
		uint32_t i = p->resting.first;

		list_remove(p, &p->resting, i);
		list_append(p, free_list(p, i), i, PAIR_FREE);
	}
}

uint32_t port_pool_free_of(const struct port_pool *p, unsigned owner) {
	return p->free[owner].n;
}

uint32_t port_pool_free(const struct port_pool *p) {
	uint32_t n = 0;

	for (unsigned i = 0; i < p->n_owners; i++)
		n += p->free[i].n;
	return n;
}

static struct port_list *fullest(struct port_pool *p) {
	struct port_list *best = &p->free[0];

	for (unsigned i = 1; i < p->n_owners; i++)
		if (p->free[i].n > best->n)
			best = &p->free[i];
	return best;
}

int port_pool_take(struct port_pool *p, unsigned owner, uint64_t now_ns, uint16_t *port) {
	struct port_list *list = &p->free[owner];
	uint32_t i;

	port_pool_refresh(p, now_ns);
	if (list->n == 0)
		list = fullest(p);
	i = list->first;
	if (i == NONE)
		return -EADDRNOTAVAIL;
	list_remove(p, list, i);
	p->pairs[i].state = PAIR_USED;
	*port = (uint16_t)(p->first + 2 * i);
	return 0;
}

int port_pool_take_port(struct port_pool *p, uint16_t port) {
	uint32_t i;

	if (!port_pool_has(p, port))
		return -EINVAL;
	i = (uint32_t)(port - p->first) / 2;
	if (p->pairs[i].state == PAIR_USED)
		return -EADDRINUSE;
	list_remove(p, p->pairs[i].state == PAIR_FREE ? free_list(p, i) : &p->resting, i);
	p->pairs[i].state = PAIR_USED;
	return 0;
}

void port_pool_give(struct port_pool *p, uint16_t port, uint64_t now_ns) {
	uint32_t i = (uint32_t)(port - p->first) / 2;

	assert(port_pool_has(p, port) && p->pairs[i].state == PAIR_USED);
	p->pairs[i].freed_ns = now_ns;
	list_append(p, &p->resting, i, PAIR_RESTING);
}

// A pair that rested when it was asked for has lost its place in the order of freed_ns, so it goes to the free ones:
// it was good enough to be taken.
void port_pool_return(struct port_pool *p, uint16_t port) {
	uint32_t i = (uint32_t)(port - p->first) / 2;

	assert(port_pool_has(p, port) && p->pairs[i].state == PAIR_USED);
	list_append(p, free_list(p, i), i, PAIR_FREE);
}
