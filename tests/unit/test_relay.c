// Creation: parameters, memory, the shared counters' shape.
#include "tests/unit/fail_alloc.h"
#include "tests/unit/relay_fixture.h"
#include "tests/unit/run_suite.h"

#include <check.h>

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

struct bad {
	const char *what;
	void (*spoil)(struct relay_params *p);
};

static void no_sessions(struct relay_params *p) {
	p->max_sessions = 0;
}
static void too_many_sessions(struct relay_params *p) {
	p->max_sessions = UINT32_MAX;
}
static void no_workers(struct relay_params *p) {
	p->n_workers = 0;
}
static void too_many_workers(struct relay_params *p) {
	p->n_workers = RELAY_WORKERS_MAX + 1;
}
static void no_ports(struct relay_params *p) {
	p->n_ports = 0;
}
static void too_many_ports(struct relay_params *p) {
	p->n_ports = RELAY_PORTS_MAX + 1;
}
static void no_realms(struct relay_params *p) {
	p->n_realms = 0;
}
static void too_many_realms(struct relay_params *p) {
	p->n_realms = RELAY_REALMS_MAX + 1;
}
static void no_media(struct relay_params *p) {
	p->n_media = 0;
}
static void too_many_media(struct relay_params *p) {
	p->n_media = RELAY_MEDIA_MAX + 1;
}
static void realm_without_port(struct relay_params *p) {
	p->realms[1].port = 2;
}
static void realm_with_reserved_vlan(struct relay_params *p) {
	p->realms[1].vlan = 4095;
}
static void realm_without_name(struct relay_params *p) {
	p->realms[1].name[0] = '\0';
}
static void realm_with_endless_name(struct relay_params *p) {
	memset(p->realms[1].name, 'x', sizeof(p->realms[1].name));
}
static void realms_of_one_name(struct relay_params *p) {
	p->realms[1] = p->realms[0];
}
static void bad_dscp(struct relay_params *p) {
	p->realms[0].dscp = 64;
}
static void media_without_realm(struct relay_params *p) {
	p->media[0].realm = 3;
}
static void media_v6(struct relay_params *p) {
	p->media[0].address = fix_endpoint("2001:db8::1", 0);
}
static void media_multicast(struct relay_params *p) {
	p->media[0].address = fix_endpoint("224.1.1.1", 0);
}
static void odd_first(struct relay_params *p) {
	p->media[0].port_first = 16385;
}
static void zero_first(struct relay_params *p) {
	p->media[0].port_first = 0;
}
static void backwards(struct relay_params *p) {
	p->media[0].port_last = 16384;
}
static void overlap(struct relay_params *p) {
	p->media[1] = p->media[0];
	p->media[1].port_first = 16482;
	p->media[1].port_last = 16600;
}
static void no_words(struct relay_params *p) {
	p->next_hop_words = NULL;
}
static void no_get(struct relay_params *p) {
	p->next_hop_get = NULL;
}

static const struct bad bads[] = {
	{"no sessions", no_sessions},
	{"too many sessions", too_many_sessions},
	{"no workers", no_workers},
	{"too many workers", too_many_workers},
	{"no ports", no_ports},
	{"too many ports", too_many_ports},
	{"no realms", no_realms},
	{"too many realms", too_many_realms},
	{"no media", no_media},
	{"too many media", too_many_media},
	{"realm without port", realm_without_port},
	{"realm with a reserved vlan", realm_with_reserved_vlan},
	{"realm without name", realm_without_name},
	{"realm with endless name", realm_with_endless_name},
	{"realms of one name", realms_of_one_name},
	{"bad dscp", bad_dscp},
	{"media without realm", media_without_realm},
	{"IPv6", media_v6},
	{"multicast", media_multicast},
	{"odd first", odd_first},
	{"zero first", zero_first},
	{"backwards", backwards},
	{"overlap", overlap},
	{"no words", no_words},
	{"no get", no_get},
};

START_TEST(wrong_parameters_are_refused) {
	static struct fixture f;
	static _Alignas(64) uint8_t stats[64];
	struct relay *r = NULL;

	fix_params(&f, 8);
	bads[_i].spoil(&f.params);
	ck_assert_msg(relay_create(&f.params, stats, &r) == -EINVAL, "%s", bads[_i].what);
	ck_assert_ptr_null(r);
}
END_TEST

START_TEST(stats_must_be_aligned) {
	static struct fixture f;
	struct relay *r;

	fix_params(&f, 8);
	ck_assert_int_eq(relay_create(&f.params, (void *)8, &r), -EINVAL);
	relay_destroy(NULL);
}
END_TEST

START_TEST(one_address_can_serve_two_realms) {
	static struct fixture f;
	struct relay *r = NULL;

	fix_params(&f, 8);
	f.params.media[3] = f.params.media[0]; // edge on access's address, other ports
	f.params.media[3].realm = 2;
	f.params.media[3].port_first = 30000;
	f.params.media[3].port_last = 30001;
	f.stats = fix_stats(&f.params);
	ck_assert_int_eq(relay_create(&f.params, f.stats, &r), 0);
	relay_destroy(r);
	free(f.stats);
}
END_TEST

START_TEST(counters_are_described) {
	struct fixture *f = fix_create(8);
	const struct stats_header *h = f->stats;

	ck_assert_uint_eq(h->magic, STATS_MAGIC);
	ck_assert_uint_eq(h->boot_id, 99);
	ck_assert_uint_eq(h->n_slots, 8 * 4);
	ck_assert_uint_eq(h->sessions_max, 8);
	ck_assert_uint_eq(h->n_verdicts, VERDICT_COUNT);
	ck_assert_uint_eq(h->total_bytes, relay_stats_bytes(&f->params));
	ck_assert_str_eq(counters_realm(h, 1)->name, "core");
	ck_assert_ptr_eq(relay_stats(f->r), f->stats);
	ck_assert_ptr_eq(relay_stats_port(f->r, 1), counters_port(h, 1));
	ck_assert_ptr_eq(relay_worker_stats(f->w), counters_worker(h, 0));
	relay_tick(f->r, f->now);
	ck_assert_uint_eq(h->now_ns, f->now);
	ck_assert_uint_eq(counters_realm(h, 0)->media_ports_free, 52);
	fix_destroy(f);
}
END_TEST

START_TEST(survives_failing_allocations) {
	static struct fixture f;
	struct relay *r = NULL;
	unsigned k;

	fix_params(&f, 8);
	f.stats = fix_stats(&f.params);
	for (k = 1;; k++) {
		fail_alloc_at(k);
		int ret = relay_create(&f.params, f.stats, &r);
		bool failed = fail_alloc_end();

		if (!failed)
			break;
		ck_assert_int_eq(ret, -ENOMEM);
		ck_assert_ptr_null(r);
	}
	ck_assert_uint_gt(k, 15);
	relay_destroy(r);
	free(f.stats);
}
END_TEST

int main(void) {
	Suite *suite = suite_create("relay");
	TCase *tc = tcase_create("relay");

	tcase_add_loop_test(tc, wrong_parameters_are_refused, 0, LEN(bads));
	tcase_add_test(tc, stats_must_be_aligned);
	tcase_add_test(tc, one_address_can_serve_two_realms);
	tcase_add_test(tc, counters_are_described);
	tcase_add_test(tc, survives_failing_allocations);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
