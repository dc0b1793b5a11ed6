#include "control/sip/resolve.h"

#include "control/pool.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

// Names that are asked for at a time: whoever makes us ask holds one for up to the deadline.
enum { MOST_JOBS = 20000, DEADLINE_MS = 5000, DEFAULT_PORT = 5060 };

// An address that needs no question: only to be delivered. As many as there can be requests.
struct numeric {
	uint64_t handle;
	struct flow target;
	int status;
	struct timer timer;
	sip_resolved_fn fn;
	void *ctx;
	uint64_t owner;
};

struct job {
	uint64_t handle;
	struct flow flow; // of the targets, without their remote
	uint16_t port;
	char host[DNS_NAME];
	struct srv_record *records; // owned, in the order to try
	unsigned n_records, at;
	struct flow targets[SIP_TARGETS_MAX];
	unsigned n_targets;
	int status; // why there are no targets
	struct timer timer;
	sip_resolved_fn fn;
	void *ctx;
	uint64_t owner;
};

struct resolver {
	struct loop *loop;
	const struct config *config;
	struct dns dns; // ctx NULL: not open
	struct pool *jobs, *numerics;
};

int resolver_create(
	struct loop *loop, const struct config *config, const struct dns *dns, struct resolver **out) {
	struct resolver *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return -ENOMEM;
	r->loop = loop;
	r->config = config;
	if (pool_create(sizeof(struct job), MOST_JOBS, &r->jobs) < 0 ||
		pool_create(sizeof(struct numeric), (uint32_t)config->control.max_calls * 6 + 1024,
			&r->numerics) < 0) {
		resolver_destroy(r);
		return -ENOMEM;
	}
	if (dns != NULL)
		r->dns = *dns;
	*out = r;
	return 0;
}

static void destroy_job(struct resolver *r, struct job *j) {
	loop_timer_stop(r->loop, &j->timer);
	free(j->records);
	pool_del(r->jobs, j->handle);
}

static void destroy_numeric(struct resolver *r, struct numeric *n) {
	loop_timer_stop(r->loop, &n->timer);
	pool_del(r->numerics, n->handle);
}

void resolver_destroy(struct resolver *r) {
	struct numeric *n;
	struct job *j;
	uint64_t at = 0;

	if (r == NULL)
		return;
	if (r->dns.close != NULL)
		r->dns.close(r->dns.ctx);
	while (r->jobs != NULL && (j = pool_next(r->jobs, at, &at)) != NULL)
		destroy_job(r, j);
	at = 0;
	while (r->numerics != NULL && (n = pool_next(r->numerics, at, &at)) != NULL)
		destroy_numeric(r, n);
	pool_destroy(r->jobs);
	pool_destroy(r->numerics);
	free(r);
}

// The end of a job, from the loop: also its deadline, with what there is by then.
static void deliver(void *ctx, uint64_t ref) {
	struct resolver *r = ctx;
	struct job *j = pool_find(r->jobs, ref);
	struct job done;

	if (j == NULL)
		return;
	done = *j;
	destroy_job(r, j);
	done.fn(done.ctx, done.owner, done.n_targets > 0 ? 0 : done.status, done.targets, done.n_targets);
}

// Later, since an answer may come from within the question.
static void finish(struct resolver *r, struct job *j) {
	if (loop_defer(r->loop, deliver, r, j->handle) < 0)
		loop_timer_start(r->loop, &j->timer, 0, deliver, r, j->handle);
}

static void add_target(struct job *j, const struct endpoint *address, uint16_t port) {
	struct flow *target = &j->targets[j->n_targets];

	if (j->n_targets == SIP_TARGETS_MAX || address->family != j->flow.remote.family)
		return;
	*target = j->flow;
	target->remote = *address;
	target->remote.port = port;
	j->n_targets++;
}

static void on_addresses(void *ctx, uint64_t ref, int status, const struct endpoint *addresses, unsigned n) {
	struct resolver *r = ctx;
	struct job *j = pool_find(r->jobs, ref);

	if (j == NULL)
		return; // after the deadline
	if (status < 0)
		j->status = status;
	for (unsigned i = 0; i < n; i++)
		add_target(j, &addresses[i], j->port);
	finish(r, j);
}

static void ask_next_host(struct resolver *r, struct job *j);

static void on_host_addresses(
	void *ctx, uint64_t ref, int status, const struct endpoint *addresses, unsigned n) {
	struct resolver *r = ctx;
	struct job *j = pool_find(r->jobs, ref);

	if (j == NULL)
		return;
	if (status < 0)
		j->status = status;
	for (unsigned i = 0; i < n; i++)
		add_target(j, &addresses[i], j->records[j->at].port);
	j->at++;
	ask_next_host(r, j);
}

static void ask_next_host(struct resolver *r, struct job *j) {
	if (j->at == j->n_records || j->n_targets == SIP_TARGETS_MAX)
		finish(r, j);
	else
		r->dns.find_addresses(r->dns.ctx, j->records[j->at].host, on_host_addresses, r, j->handle);
}

static uint32_t random_bits(void *ctx) {
	uint32_t bits = 0;

	(void)ctx;
	(void)!getrandom(&bits, sizeof(bits), 0); // no security in it
	return bits;
}

static bool keep_records(struct job *j, const struct srv_record *records, unsigned n) {
	j->records = calloc(n, sizeof(*records));
	if (j->records == NULL)
		return false;
	for (unsigned i = 0; i < n; i++) {
		if (strcmp(records[i].host, ".") != 0 &&
			records[i].host[0] != '\0') // RFC 2782: not offered here
			j->records[j->n_records++] = records[i];
	}
	srv_order(j->records, j->n_records, random_bits, NULL);
	return true;
}

static void on_srv(void *ctx, uint64_t ref, int status, const struct srv_record *records, unsigned n) {
	struct resolver *r = ctx;
	struct job *j = pool_find(r->jobs, ref);

	if (j == NULL)
		return;
	if (status == 0 && n > 0 && keep_records(j, records, n)) {
		j->status = -ENOENT;
		ask_next_host(r, j);
		return;
	}
	j->port = DEFAULT_PORT; // RFC 3263 §4.2: no SRV records, so the host itself
	r->dns.find_addresses(r->dns.ctx, j->host, on_addresses, r, j->handle);
}

static bool open_dns(struct resolver *r) {
	return r->dns.ctx != NULL || (loop_base(r->loop) != NULL && dns_open(r->loop, &r->dns) == 0);
}

static void ask(struct resolver *r, struct job *j) {
	char name[DNS_NAME + 16];

	j->status = -ETIMEDOUT; // until somebody knows better
	if (!open_dns(r)) {
		finish(r, j);
		return;
	}
	loop_timer_start(r->loop, &j->timer, DEADLINE_MS, deliver, r, j->handle);
	if (j->port != 0) {
		r->dns.find_addresses(r->dns.ctx, j->host, on_addresses, r, j->handle);
		return;
	}
	snprintf(name, sizeof(name), "_sip._udp.%s", j->host);
	r->dns.find_srv(r->dns.ctx, name, on_srv, r, j->handle);
}

// The realm's first listener that reaches such a remote.
static bool choose_listener(const struct resolver *r, uint16_t realm_index, enum sip_transport transport,
	uint8_t family, struct flow *out) {
	const struct config_realm *realm = &r->config->realms[realm_index];

	for (int i = 0; i < realm->n_sip; i++) {
		if (realm->sip[i].transport != transport || realm->sip[i].address.family != family)
			continue;
		*out = (struct flow){
			.realm = realm_index, .listener = (uint16_t)i, .transport = (uint8_t)transport};
		out->remote.family = family;
		return true;
	}
	return false;
}

static bool is_host_name(struct span host) {
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";

	if (host.len == 0 || host.len >= DNS_NAME - 16)
		return false;
	for (size_t i = 0; i < host.len; i++) {
		if (memchr(allowed, host.data[i], sizeof(allowed) - 1) == NULL)
			return false;
	}
	return true;
}

static void deliver_numeric(void *ctx, uint64_t ref) {
	struct resolver *r = ctx;
	struct numeric *n = pool_find(r->numerics, ref);
	struct numeric done;

	if (n == NULL)
		return;
	done = *n;
	destroy_numeric(r, n);
	done.fn(done.ctx, done.owner, done.status, &done.target, done.status == 0 ? 1 : 0);
}

static int start_numeric(struct resolver *r, const struct numeric *what) {
	uint64_t handle;
	struct numeric *n = pool_add(r->numerics, &handle);

	if (n == NULL)
		return -ENOMEM;
	*n = *what;
	n->handle = handle;
	if (loop_defer(r->loop, deliver_numeric, r, handle) < 0)
		loop_timer_start(r->loop, &n->timer, 0, deliver_numeric, r, handle);
	return 0;
}

static int start_name(struct resolver *r, const struct numeric *what, struct span host, uint32_t port) {
	uint64_t handle;
	struct job *j = pool_add(r->jobs, &handle);

	if (j == NULL)
		return -ENOMEM;
	j->handle = handle;
	j->flow = what->target;
	j->port = (uint16_t)port;
	j->fn = what->fn;
	j->ctx = what->ctx;
	j->owner = what->owner;
	memcpy(j->host, host.data, host.len);
	ask(r, j);
	return 0;
}

int resolver_start(struct resolver *r, uint16_t realm, struct span host, uint32_t port,
	enum sip_transport transport, sip_resolved_fn fn, void *ctx, uint64_t owner) {
	struct numeric n = {.fn = fn, .ctx = ctx, .owner = owner};
	struct endpoint address;
	const bool is_numeric = endpoint_parse(host.data, host.len, 0, &address) == 0;

	if (port > UINT16_MAX || (!is_numeric && !is_host_name(host)))
		n.status = -EINVAL;
	else if (!choose_listener(r, realm, transport, is_numeric ? address.family : IP_V4, &n.target))
		n.status = -EAFNOSUPPORT;
	else if (!is_numeric)
		return start_name(r, &n, host, port);
	if (is_numeric) {
		n.target.remote = address;
		n.target.remote.port = (uint16_t)(port == 0 ? DEFAULT_PORT : port);
	}
	return start_numeric(r, &n);
}
