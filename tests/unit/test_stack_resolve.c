#include "control/sip/resolve.h"

#include "tests/unit/fail_alloc.h"
#include "tests/unit/stack_fixture.h"
#include "tests/unit/run_suite.h"

// A DNS of tables. What it was asked is in `asked`; "slow…" names are answered by answer_slow.
static char asked[1024], got[1024];
static struct resolver *resolver;
static struct {
	dns_address_fn fn;
	void *ctx;
	uint64_t ref;
} slow;

static const struct {
	const char *name, *addresses[3];
} hosts[] = {
	{"one.example", {"192.0.2.11"}},
	{"two.example", {"192.0.2.21", "192.0.2.22"}},
	{"six.example", {"2001:db8::6", "192.0.2.66"}},
	{"backup.example", {"192.0.2.99"}},
	{"a.example", {"192.0.2.100"}},
};
static const struct {
	const char *name;
	int status;
	unsigned n;
	struct srv_record records[3];
} services[] = {
	{"_sip._udp.srv.example", 0, 3,
		{{20, 0, 5090, "backup.example"}, {10, 1, 5070, "two.example"},
			{30, 0, 5060, "nowhere.example"}}},
	{"_sip._udp.none.example", 0, 1, {{0, 0, 0, "."}}},
	{"_sip._udp.dangling.example", 0, 1, {{0, 0, 5060, "nowhere.example"}}},
	{"_sip._udp.slow.example", 0, 2, {{1, 0, 5061, "one.example"}, {2, 0, 5062, "slow.example"}}},
	{"_sip._udp.broken.example", -ETIMEDOUT, 0, {{0}}},
};

static void note(const char *what) {
	strcat(asked, what);
	strcat(asked, " ");
}

static void find_srv(void *ctx, const char *name, dns_srv_fn fn, void *fn_ctx, uint64_t ref) {
	(void)ctx;
	note(name);
	for (size_t i = 0; i < sizeof(services) / sizeof(*services); i++) {
		if (strcmp(services[i].name, name) == 0) {
			fn(fn_ctx, ref, services[i].status, services[i].records, services[i].n);
			return;
		}
	}
	fn(fn_ctx, ref, -ENOENT, NULL, 0);
}

static void find_addresses(void *ctx, const char *name, dns_address_fn fn, void *fn_ctx, uint64_t ref) {
	struct endpoint addresses[3];
	unsigned n = 0;

	(void)ctx;
	note(name);
	if (strncmp(name, "slow", 4) == 0) {
		slow.fn = fn;
		slow.ctx = fn_ctx;
		slow.ref = ref;
		return;
	}
	for (size_t i = 0; i < sizeof(hosts) / sizeof(*hosts); i++) {
		for (int j = 0; strcmp(hosts[i].name, name) == 0 && j < 3 && hosts[i].addresses[j] != NULL;
			j++)
			addresses[n++] = endpoint_of(hosts[i].addresses[j], 0);
	}
	fn(fn_ctx, ref, n == 0 ? -ENOENT : 0, addresses, n);
}

static void on_resolved(void *ctx, uint64_t owner, int status, const struct flow *targets, unsigned n) {
	char text[ENDPOINT_TEXT];

	must(ctx == &f && owner == OWNER);
	sprintf(got + strlen(got), "%d", status);
	for (unsigned i = 0; i < n; i++)
		sprintf(got + strlen(got), " %s/%u.%u", endpoint_format(&targets[i].remote, text),
			targets[i].realm, targets[i].listener);
}

static int ask(const char *host, uint32_t port, uint16_t realm) {
	return resolver_start(resolver, realm, span_of(host), port, SIP_UDP, on_resolved, &f, OWNER);
}

static void setup(void) {
	static const struct dns dns = {asked, find_srv, find_addresses, NULL};

	asked[0] = got[0] = '\0';
	fixture_setup();
	ck_assert_int_eq(resolver_create(f.loop, &f.config, &dns, &resolver), 0);
}

static void teardown(void) {
	resolver_destroy(resolver);
	fixture_teardown();
}

static const struct {
	const char *what, *host;
	uint32_t port;
	uint16_t realm;
	const char *asked, *got;
} cases[] = {
	{"numeric", "192.0.2.7", 5061, 0, "", "0 192.0.2.7:5061/0.0"},
	{"numeric without a port", "192.0.2.7", 0, 1, "", "0 192.0.2.7:5060/1.0"},
	{"IPv6 without a listener for it", "2001:db8::1", 5060, 0, "", "-97"},
	{"no host", "", 5060, 0, "", "-22"},
	{"no port number", "192.0.2.7", 65536, 0, "", "-22"},
	{"no host name", "a b.example", 0, 0, "", "-22"},
	{"a name with a port", "two.example", 5070, 0, "two.example ",
		"0 192.0.2.21:5070/0.0 192.0.2.22:5070/0.0"},
	{"a name that isn't there", "nowhere.example", 5070, 0, "nowhere.example ", "-2"},
	{"IPv6 is left out", "six.example", 5060, 0, "six.example ", "0 192.0.2.66:5060/0.0"},
	{"SRV by priority", "srv.example", 0, 0,
		"_sip._udp.srv.example two.example backup.example nowhere.example ",
		"0 192.0.2.21:5070/0.0 192.0.2.22:5070/0.0 192.0.2.99:5090/0.0"},
	{"no SRV: the host itself", "a.example", 0, 0, "_sip._udp.a.example a.example ",
		"0 192.0.2.100:5060/0.0"},
	{"SRV without an answer: the host itself", "broken.example", 0, 0,
		"_sip._udp.broken.example broken.example ", "-2"},
	{"SRV says not here", "none.example", 0, 0, "_sip._udp.none.example ", "-2"},
	{"SRV leads nowhere", "dangling.example", 0, 0, "_sip._udp.dangling.example nowhere.example ", "-2"},
};

static void resolves_of(size_t i) {
	ck_assert_int_eq(ask(cases[i].host, cases[i].port, cases[i].realm), 0);
	ck_assert_str_eq(got, ""); // never from within
	settle();
	ck_assert_msg(strcmp(asked, cases[i].asked) == 0, "%s: asked %s", cases[i].what, asked);
	ck_assert_msg(strcmp(got, cases[i].got) == 0, "%s: got %s", cases[i].what, got);
	loop_advance(f.loop, 10000);
	ck_assert_msg(strcmp(got, cases[i].got) == 0, "%s: again %s", cases[i].what, got);
}

START_TEST(resolves) {
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		resolves_of(i);
		teardown();
		setup();
	}
}
END_TEST

START_TEST(deadline_gives_what_there_is) {
	struct endpoint late = endpoint_of("192.0.2.55", 0);

	ck_assert_int_eq(ask("slow.example", 0, 0), 0);
	loop_advance(f.loop, 4999);
	ck_assert_str_eq(got, "");
	loop_advance(f.loop, 1);
	ck_assert_str_eq(got, "0 192.0.2.11:5061/0.0");
	slow.fn(slow.ctx, slow.ref, 0, &late, 1); // finds nobody any more
	settle();
	ck_assert_str_eq(got, "0 192.0.2.11:5061/0.0");
}
END_TEST

START_TEST(deadline_with_nothing) {
	ck_assert_int_eq(ask("slow2.example", 5060, 0), 0);
	loop_advance(f.loop, 5000);
	sprintf(asked, "%d", -ETIMEDOUT);
	ck_assert_str_eq(got, asked);
}
END_TEST

START_TEST(names_need_a_dns) {
	sip_resolve(f.stack, 0, span_of("one.example"), 0, SIP_UDP, on_resolved, &f, OWNER) == 0 ? (void)0
												 : abort();
	settle(); // of a manual loop
	sprintf(asked, "%d", -ETIMEDOUT);
	ck_assert_str_eq(got, asked);
}
END_TEST

START_TEST(destroying_forgets_what_is_open) {
	struct resolver *r = resolver;

	ck_assert_int_eq(ask("slow.example", 5060, 0), 0);
	resolver = NULL;
	resolver_destroy(r);
	loop_advance(f.loop, 10000);
	ck_assert_str_eq(got, "");
}
END_TEST

START_TEST(survives_failing_allocations) {
	for (unsigned k = 1;; k++) {
		fail_alloc_at(k);
		int ret = ask("srv.example", 0, 0);
		bool failed = fail_alloc_end();

		got[0] = '\0';
		settle();
		ck_assert(ret == 0 || (failed && ret == -ENOMEM));
		ck_assert_uint_eq(strlen(got) > 0, ret == 0); // each that started ends
		if (!failed)
			break;
	}
}
END_TEST

static uint32_t next_random; // for srv_order
static uint32_t given_random(void *ctx) {
	(void)ctx;
	return next_random;
}

// RFC 2782: of weights 0, 1 and 3, a number between 0 and 4 chooses by the running sums 0, 1, 4.
START_TEST(srv_weights) {
	static const char *const first[] = {"zero", "one", "three", "three", "three"};

	for (next_random = 0; next_random < 5; next_random++) {
		struct srv_record r[] = {
			{5, 3, 0, "three"}, {7, 9, 0, "last"}, {5, 1, 0, "one"}, {5, 0, 0, "zero"}};

		// The running sums follow the records' order, which between equals is open: only weight 0 is first.
		srv_order(r, 4, given_random, NULL);
		ck_assert_str_eq(r[3].host, "last");
		if (next_random == 0)
			ck_assert_str_eq(r[0].host, first[0]);
		else
			ck_assert_str_ne(r[0].host, first[0]);
	}
}
END_TEST

START_TEST(srv_weights_are_shares) {
	int n[2] = {0};
	uint32_t seed = 1;

	for (int i = 0; i < 10000; i++) {
		struct srv_record r[] = {{0, 90, 0, "often"}, {0, 10, 0, "seldom"}};

		seed = seed * 1103515245 + 12345;
		next_random = seed >> 8;
		srv_order(r, 2, given_random, NULL);
		n[r[0].host[0] == 's']++;
	}
	ck_assert_int_gt(n[0], 8700);
	ck_assert_int_lt(n[0], 9300);
}
END_TEST

int main(void) {
	Suite *s = suite_create("stack_resolve");
	TCase *c = tcase_create("resolve");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, resolves);
	tcase_add_test(c, deadline_gives_what_there_is);
	tcase_add_test(c, deadline_with_nothing);
	tcase_add_test(c, names_need_a_dns);
	tcase_add_test(c, destroying_forgets_what_is_open);
	tcase_add_test(c, survives_failing_allocations);
	tcase_add_test(c, srv_weights);
	tcase_add_test(c, srv_weights_are_shares);
	suite_add_tcase(s, c);
	return run_suite(s);
}
