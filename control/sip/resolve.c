#include "control/sip/resolve.h"

#include "control/pool.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

enum { MOST_JOBS = 20000, DEADLINE_MS = 5000, DEFAULT_PORT = 5060 };

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
	struct pool *jobs;
};

int resolver_create(
	struct loop *loop, const struct config *config, const struct dns *dns, struct resolver **out) {
	struct resolver *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return -ENOMEM;
	r->loop = loop;
	r->config = config;
	if (pool_create(sizeof(struct job), MOST_JOBS, &r->jobs) < 0) {
		free(r);
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

void resolver_destroy(struct resolver *r) {
	struct job *j;
	uint64_t at = 0;

	if (r == NULL)
		return;
	if (r->dns.close != NULL)
		r->dns.close(r->dns.ctx);
	while ((j = pool_next(r->jobs, at, &at)) != NULL)
		destroy_job(r, j);
	pool_destroy(r->jobs);
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
static bool choose_listener(struct resolver *r, struct job *j, enum sip_transport transport, uint8_t family) {
	const struct config_realm *realm = &r->config->realms[j->flow.realm];

	for (int i = 0; i < realm->n_sip; i++) {
		if (realm->sip[i].transport != transport || realm->sip[i].address.family != family)
			continue;
		j->flow.listener = (uint16_t)i;
		j->flow.transport = (uint8_t)transport;
		j->flow.remote.family = family;
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

static void run(
	struct resolver *r, struct job *j, struct span host, uint32_t port, enum sip_transport transport) {
	struct endpoint numeric;
	bool is_numeric = endpoint_parse(host.data, host.len, 0, &numeric) == 0;

	j->port = (uint16_t)port;
	if (port > UINT16_MAX || (!is_numeric && !is_host_name(host))) {
		j->status = -EINVAL;
	} else if (!choose_listener(r, j, transport, is_numeric ? numeric.family : IP_V4)) {
		j->status = -EAFNOSUPPORT;
	} else if (is_numeric) {
		add_target(j, &numeric, (uint16_t)(port == 0 ? DEFAULT_PORT : port));
	} else {
		memcpy(j->host, host.data, host.len);
		ask(r, j);
		return;
	}
	finish(r, j);
}

int resolver_start(struct resolver *r, uint16_t realm, struct span host, uint32_t port,
	enum sip_transport transport, sip_resolved_fn fn, void *ctx, uint64_t owner) {
	uint64_t handle;
	struct job *j = pool_add(r->jobs, &handle);

	if (j == NULL)
		return -ENOMEM;
	j->handle = handle;
	j->flow.realm = realm;
	j->fn = fn;
	j->ctx = ctx;
	j->owner = owner;
	run(r, j, host, port, transport);
	return 0;
}
