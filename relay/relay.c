#include "relay/relay.h"

#include "relay/core.h"
#include "relay/counter.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum { LINE = 64, LOG_LINE = 256, SESSIONS_LIMIT = 4000000 };

void core_log(const struct relay *r, void *io, enum relay_line about, const char *format, ...) {
	char line[LOG_LINE];
	va_list args;

	if (r->server.io.log == NULL)
		return;
	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	r->server.io.log(io, about, line);
}

static bool realm_is_good(const struct relay_params *p, unsigned i) {
	const struct relay_realm *realm = &p->realms[i];

	for (unsigned j = 0; j < i; j++)
		if (strncmp(p->realms[j].name, realm->name, sizeof(realm->name)) == 0)
			return false;
	return realm->name[0] != '\0' && memchr(realm->name, '\0', sizeof(realm->name)) != NULL &&
		realm->port < p->n_ports && realm->vlan < PACKET_VLANS - 1 && realm->dscp < 64;
}

static bool media_overlap(
	const struct relay_params *p, const struct relay_media *a, const struct relay_media *b) {
	return p->realms[a->realm].port == p->realms[b->realm].port &&
		p->realms[a->realm].vlan == p->realms[b->realm].vlan &&
		endpoint_same_addr(&a->address, &b->address) && a->port_first <= b->port_last &&
		b->port_first <= a->port_last;
}

static bool media_is_good(const struct relay_params *p, unsigned i) {
	const struct relay_media *m = &p->media[i];

	if (m->realm >= p->n_realms || m->address.family != IP_V4 ||
		!packet_is_unicast(endpoint_v4_addr_be(&m->address)))
		return false;
	if (m->port_first == 0 || m->port_first % 2 != 0 || m->port_last <= m->port_first)
		return false;
	for (unsigned j = 0; j < i; j++)
		if (media_overlap(p, m, &p->media[j]))
			return false;
	return true;
}

static int check_params(const struct relay_params *p) {
	static_assert(SESSIONS_LIMIT * COMPONENTS <= ENTRY_COMPONENT);
	if (p->max_sessions == 0 || p->max_sessions > SESSIONS_LIMIT)
		return -EINVAL;
	if (p->n_workers == 0 || p->n_workers > RELAY_WORKERS_MAX)
		return -EINVAL;
	if (p->n_ports == 0 || p->n_ports > RELAY_PORTS_MAX || p->n_realms == 0 ||
		p->n_realms > RELAY_REALMS_MAX)
		return -EINVAL;
	if (p->n_media == 0 || p->n_media > RELAY_MEDIA_MAX)
		return -EINVAL;
	if (p->next_hop_get == NULL || p->next_hop_put == NULL || p->next_hop_describe == NULL ||
		p->next_hop_words == NULL)
		return -EINVAL;
	for (unsigned i = 0; i < p->n_realms; i++)
		if (!realm_is_good(p, i))
			return -EINVAL;
	for (unsigned i = 0; i < p->n_media; i++)
		if (!media_is_good(p, i))
			return -EINVAL;
	return 0;
}

static void layout(const struct relay_params *p, struct stats_header *h) {
	counters_layout(h, p->n_workers, p->n_ports, p->n_realms, p->max_sessions * COMPONENTS);
}

size_t relay_stats_bytes(const struct relay_params *p) {
	struct stats_header h;

	layout(p, &h);
	return h.total_bytes;
}

// The magic comes last: a reader that sees it sees the rest.
static void begin_stats(const struct relay_params *p, struct stats_header *h) {
	layout(p, h);
	h->boot_id = p->boot_id;
	h->sessions_max = p->max_sessions;
	for (unsigned i = 0; i < p->n_realms; i++)
		memcpy(counters_realm(h, i)->name, p->realms[i].name, STATS_NAME);
	__atomic_store_n(&h->magic, STATS_MAGIC, __ATOMIC_RELEASE);
}

static int create_parts(struct relay *r, const uint64_t random[3]) {
	int ret = session_store_init(&r->store, r->params.max_sessions, random);

	for (unsigned i = 0; i < r->params.n_media && ret == 0; i++)
		ret = port_pool_init(&r->pools[i], r->params.media[i].port_first,
			r->params.media[i].port_last, r->params.n_workers, random[2] + i);
	if (ret == 0)
		ret = worker_tables_init(&r->tables, &r->params, r->stats);
	for (unsigned i = 0; i < r->params.n_workers && ret == 0; i++)
		ret = worker_create(&r->params, r->stats, &r->tables, i, &r->workers[i]);
	return ret;
}

int relay_create(const struct relay_params *p, void *stats, struct relay **out) {
	uint64_t random[3];
	struct relay *r;
	int ret = check_params(p);

	if (ret == 0 && (uintptr_t)stats % LINE != 0)
		ret = -EINVAL;
	if (ret == 0 && getrandom(random, sizeof(random), 0) != sizeof(random))
		ret = -EINVAL;
	if (ret < 0)
		return ret;
	r = aligned_alloc(LINE, (sizeof(*r) + LINE - 1) / LINE * LINE);
	if (r == NULL)
		return -ENOMEM;
	memset(r, 0, sizeof(*r));
	r->params = *p;
	r->stats = stats;
	begin_stats(p, r->stats);
	outbox_init(&r->outbox);
	server_init(r);
	ret = create_parts(r, random);
	if (ret < 0) {
		relay_destroy(r);
		return ret;
	}
	*out = r;
	return 0;
}

void relay_destroy(struct relay *r) {
	if (r == NULL)
		return;
	for (unsigned i = 0; i < r->params.n_workers; i++)
		worker_destroy(r->workers[i]);
	worker_tables_fini(&r->tables);
	for (unsigned i = 0; i < r->params.n_media; i++)
		port_pool_fini(&r->pools[i]);
	session_store_fini(&r->store);
	server_fini(r);
	free(r);
}

struct stats_header *relay_stats(struct relay *r) {
	return r->stats;
}

struct stats_port *relay_stats_port(struct relay *r, unsigned index) {
	return counters_port(r->stats, index);
}

struct relay_worker *relay_worker(struct relay *r, unsigned index) {
	return r->workers[index];
}

void relay_drain(struct relay *r) {
	r->is_draining = true;
}

uint32_t relay_sessions(const struct relay *r) {
	return r->store.n;
}
