#include "tests/unit/call_bench_dns.h"

#include "control/sip/resolve.h"
#include "control/sip/transaction.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>

enum { HOSTS = 8, SLOW_MS = 4500, SLOW_ONES = 8 };

struct slow {
	struct timer timer;
	dns_address_fn fn;
	void *ctx;
	uint64_t ref;
	struct endpoint address;
};

static struct {
	struct loop *loop;
	const char *const (*hosts)[2];
	struct slow slow[SLOW_ONES];
	unsigned n_slow;
} d;

static struct endpoint parse(const char *address) {
	struct endpoint e;

	if (endpoint_parse(address, strlen(address), 0, &e) < 0)
		abort();
	return e;
}

static void on_slow(void *ctx, uint64_t ref) {
	const struct slow *s = ctx;

	(void)ref;
	s->fn(s->ctx, s->ref, 0, &s->address, 1);
}

static void answer_late(const char *address, dns_address_fn fn, void *ctx, uint64_t ref) {
	struct slow *s = &d.slow[d.n_slow++ % SLOW_ONES];

	ck_assert(!loop_timer_is_running(&s->timer));
	*s = (struct slow){.fn = fn, .ctx = ctx, .ref = ref, .address = parse(address)};
	loop_timer_start(d.loop, &s->timer, SLOW_MS, on_slow, s, 0);
}

static void find_addresses(void *ctx, const char *name, dns_address_fn fn, void *fn_ctx, uint64_t ref) {
	struct endpoint found[HOSTS];
	unsigned n = 0;

	(void)ctx;
	for (unsigned i = 0; i < HOSTS && d.hosts[i][0] != NULL; i++) {
		const char *address = d.hosts[i][1];

		if (address == NULL || strcmp(d.hosts[i][0], name) != 0)
			continue;
		if (address[0] == '~') {
			answer_late(address + 1, fn, fn_ctx, ref);
			return;
		}
		found[n++] = parse(address);
	}
	fn(fn_ctx, ref, n > 0 ? 0 : -ENOENT, found, n);
}

static void find_srv(void *ctx, const char *name, dns_srv_fn fn, void *fn_ctx, uint64_t ref) {
	(void)ctx, (void)name;
	fn(fn_ctx, ref, -ENOENT, NULL, 0);
}

void bench_dns_open(
	struct loop *loop, const struct config *config, struct sip_stack *s, const char *const hosts[8][2]) {
	const struct dns dns = {.ctx = &d, .find_addresses = find_addresses, .find_srv = find_srv};

	memset(&d, 0, sizeof(d));
	d.loop = loop;
	d.hosts = hosts;
	resolver_destroy(s->resolver);
	ck_assert_int_eq(resolver_create(loop, config, &dns, &s->resolver), 0);
}

void bench_dns_close(void) {
	for (unsigned i = 0; i < SLOW_ONES && d.loop != NULL; i++)
		loop_timer_stop(d.loop, &d.slow[i].timer);
}
