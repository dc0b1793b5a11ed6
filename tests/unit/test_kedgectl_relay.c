// What kedgectl takes from a relay: the shared counters and the observer's answers, good ones and bad ones.
#include "control/ops/relay_observer.h"

#include "control/ops/print.h"
#include "control/ops/relay_report.h"
#include "tests/unit/fail_alloc.h"
#include "tests/unit/fake_relay.h"
#include "tests/unit/run_suite.h"

#include <errno.h>

// ---- the map ----

static void good(struct fake_stats *s) {
	(void)s;
}

static void bad_magic(struct fake_stats *s) {
	s->header.magic++;
}

static void other_version(struct fake_stats *s) {
	s->header.version = 2;
}

static void short_header(struct fake_stats *s) {
	s->header.length = 64;
}

static void odd_header(struct fake_stats *s) {
	s->header.length += 4;
}

static void header_beyond_all(struct fake_stats *s) {
	s->header.length = 0xfffffff8;
}

static void more_than_mapped(struct fake_stats *s) {
	s->header.total_bytes += 8;
}

static void huge_total(struct fake_stats *s) {
	s->header.total_bytes = UINT64_MAX;
}

static void less_than_used(struct fake_stats *s) {
	s->header.total_bytes = s->header.realm_offset + s->header.realm_stride - 8;
}

static void worker_beyond_end(struct fake_stats *s) {
	s->header.n_workers = sizeof(*s) / sizeof(s->workers[0]) + 1;
}

static void many_workers(struct fake_stats *s) {
	s->header.n_workers = UINT32_MAX;
	s->header.worker_stride = 8;
}

static void overflowing_stride(struct fake_stats *s) {
	s->header.n_workers = 2;
	s->header.worker_stride = 0x80000000; // 2 * stride is 0 in 32 bits
}

static void zero_stride(struct fake_stats *s) {
	s->header.port_stride = 0;
}

static void odd_stride(struct fake_stats *s) {
	s->header.n_realms = 1;
	s->header.realm_stride = 12;
}

static void odd_offset(struct fake_stats *s) {
	s->header.port_offset += 4;
}

static void offset_in_header(struct fake_stats *s) {
	s->header.realm_offset = 0;
}

static void offset_beyond_end(struct fake_stats *s) {
	s->header.realm_offset = 0xfffffff8;
}

static void slots_beyond_end(struct fake_stats *s) {
	s->header.n_slots = 80000;
	s->header.slot_offset = s->header.worker_offset;
	s->header.slot_stride = 192;
}

static const struct {
	const char *name;
	void (*change)(struct fake_stats *s);
	int ret;
} headers[] = {
	{"good", good, 0},
	{"bad magic", bad_magic, -EPROTO},
	{"other version", other_version, -EPROTO},
	{"short header", short_header, -EBADMSG},
	{"odd header", odd_header, -EBADMSG},
	{"header beyond all", header_beyond_all, -EBADMSG},
	{"more than mapped", more_than_mapped, -EBADMSG},
	{"huge total", huge_total, -EBADMSG},
	{"less than used", less_than_used, -EBADMSG},
	{"worker beyond the end", worker_beyond_end, -EBADMSG},
	{"many workers", many_workers, -EBADMSG},
	{"overflowing stride", overflowing_stride, -EBADMSG},
	{"zero stride", zero_stride, -EBADMSG},
	{"odd stride", odd_stride, -EBADMSG},
	{"odd offset", odd_offset, -EBADMSG},
	{"offset in the header", offset_in_header, -EBADMSG},
	{"offset beyond the end", offset_beyond_end, -EBADMSG},
	{"slots beyond the end", slots_beyond_end, -EBADMSG},
};

static int open_map(const void *data, size_t len, int seals, struct stats_map **out) {
	int fd = fake_memfd(data, len, seals), ret = stats_map_open(fd, out);

	close(fd);
	return ret;
}

START_TEST(hostile_headers_are_refused) {
	struct fake_stats s = fake_stats_good();
	struct stats_map *m = NULL;
	int ret;

	headers[_i].change(&s);
	ret = open_map(&s, sizeof(s), F_SEAL_SHRINK, &m);
	ck_assert_msg(ret == headers[_i].ret, "%s: %d", headers[_i].name, ret);
	stats_map_close(m);
}
END_TEST

START_TEST(what_could_shrink_is_refused) {
	struct fake_stats s = fake_stats_good();
	struct stats_map *m;
	int pipes[2];

	ck_assert_int_eq(open_map(&s, sizeof(s), 0, &m), -EPERM);
	ck_assert_int_eq(open_map(&s, sizeof(s.header) - 8, F_SEAL_SHRINK, &m), -EBADMSG);
	ck_assert_int_eq(pipe(pipes), 0);
	ck_assert_int_eq(stats_map_open(pipes[0], &m), -EPERM);
	close(pipes[0]);
	close(pipes[1]);
}
END_TEST

START_TEST(figures_are_read) {
	struct fake_stats s = fake_stats_good();
	struct stats_map *m;
	struct stats_header header;
	struct stats_worker worker;
	struct stats_port port;
	struct stats_realm realm;
	struct component_slot slot;

	memset(s.ports[0].device, 'x', sizeof(s.ports[0].device)); // no NUL
	memset(s.ports[0].kernel_if, 'y', sizeof(s.ports[0].kernel_if));
	ck_assert_int_eq(open_map(&s, sizeof(s), F_SEAL_SHRINK, &m), 0);
	stats_map_header(m, &header);
	ck_assert_uint_eq(header.sessions_max, 1000);
	ck_assert(stats_map_worker(m, 1, &worker));
	ck_assert_uint_eq(worker.cpu, 2);
	ck_assert_uint_eq(worker.verdicts[VERDICT_NO_SESSION], 6);
	ck_assert(!stats_map_worker(m, 2, &worker));
	ck_assert(stats_map_port(m, 0, &port));
	ck_assert_uint_eq(strlen(port.device), STATS_NAME - 1);
	ck_assert_uint_eq(strlen(port.kernel_if), STATS_INTERFACE - 1);
	ck_assert_uint_eq(port.xdp[XDP_CLASS_NOT_IP], 3);
	ck_assert(stats_map_port(m, 1, &port));
	ck_assert_uint_eq(port.punted[PUNT_UDP], 222);
	ck_assert(!stats_map_port(m, 2, &port));
	ck_assert(stats_map_realm(m, 0, &realm));
	ck_assert_uint_eq(realm.media_ports_free, 8186);
	ck_assert(!stats_map_realm(m, UINT32_MAX, &realm));
	ck_assert(stats_map_component(m, FAKE_SLOTS - 1, &slot));
	ck_assert_uint_eq(slot.session_id, 7);
	ck_assert_uint_eq(slot.drops[VERDICT_BAD_SOURCE], 9);
	ck_assert(!stats_map_component(m, FAKE_SLOTS, &slot));
	stats_map_close(m);
}
END_TEST

// A relay of another build: a header that ends before ours does, wider workers, narrower realms.
START_TEST(other_builds_are_read) {
	struct {
		uint8_t header[128];
		struct {
			struct stats_worker known;
			uint64_t more[3];
		} workers[2];
		uint8_t realm[40];
	} other = {0};
	struct fake_stats s = fake_stats_good();
	struct stats_map *m;
	struct stats_header header;
	struct stats_worker worker;
	struct stats_realm realm;

	s.header.length = sizeof(other.header);
	s.header.total_bytes = sizeof(other);
	s.header.worker_offset = (uint32_t)((uint8_t *)other.workers - (uint8_t *)&other);
	s.header.worker_stride = sizeof(other.workers[0]);
	s.header.n_ports = s.header.n_slots = 0;
	s.header.realm_offset = (uint32_t)(other.realm - (uint8_t *)&other);
	s.header.realm_stride = sizeof(other.realm);
	memcpy(other.header, &s.header, sizeof(other.header));
	other.workers[1].known = s.workers[1];
	memcpy(other.realm, &s.realm, sizeof(other.realm));
	ck_assert_int_eq(open_map(&other, sizeof(other), F_SEAL_SHRINK, &m), 0);
	stats_map_header(m, &header);
	ck_assert_uint_eq(header.now_ns, 0);
	ck_assert_uint_eq(header.buffers, 0); // beyond the header that there is
	ck_assert(stats_map_worker(m, 1, &worker));
	ck_assert_uint_eq(worker.cpu, 2);
	ck_assert(stats_map_realm(m, 0, &realm));
	ck_assert_str_eq(realm.name, "access");
	ck_assert_uint_eq(realm.media_ports_used, 5);
	ck_assert_uint_eq(realm.media_ports_resting, 0);
	stats_map_close(m);
}
END_TEST

START_TEST(packet_sums_are_checked) {
	struct fake_stats s = fake_stats_good();
	struct relay_sample sample;
	struct stats_map *m;
	json_t *json;

	s.workers[1].in += 5; // counted in, not yet decided on
	ck_assert_int_eq(open_map(&s, sizeof(s), F_SEAL_SHRINK, &m), 0);
	ck_assert_int_eq(relay_sample_take(m, &sample), 0);
	json = relay_report_stats(m, &sample);
	ck_assert_uint_eq(print_find_u64(json, "packets_in"), 205);
	ck_assert_uint_eq(print_find_u64(json, "packets_out"), 180);
	ck_assert_uint_eq(print_find_u64(json, "packets_dropped"), 20);
	ck_assert(json_is_false(print_find(json, "packet_sums_hold")));
	ck_assert_uint_eq(print_find_u64(json, "packets_missing"), 5);
	ck_assert_uint_eq(print_find_u64(json, "drops.no_session"), 12);
	ck_assert_uint_eq(print_find_u64(json, "workers.1.in"), 105);
	json_decref(json);
	relay_sample_fini(&sample);
	stats_map_close(m);
}
END_TEST

START_TEST(what_goes_by_the_kernel) {
	const struct fake_stats s = fake_stats_good();
	json_t *shared = relay_report_port(&s.ports[0]), *taken = relay_report_port(&s.ports[1]);

	ck_assert(json_is_null(print_find(shared, "kernel_if")));
	ck_assert_uint_eq(print_find_u64(shared, "punted_packets.arp"), 0);
	ck_assert_str_eq(print_find_text(taken, "kernel_if"), "coretap");
	ck_assert_uint_eq(print_find_u64(taken, "punted_packets.arp"), 11);
	ck_assert_uint_eq(print_find_u64(taken, "punted_packets.udp"), 222);
	ck_assert_uint_eq(print_find_u64(taken, "punted_packets.other"), 0);
	ck_assert_uint_eq(print_find_u64(taken, "punt_limited_packets.icmp"), 3333);
	ck_assert_uint_eq(print_find_u64(taken, "kernel_refused_packets"), 6);
	ck_assert_uint_eq(print_find_u64(taken, "from_kernel_packets"), 44);
	ck_assert_uint_eq(print_find_u64(taken, "from_kernel_dropped_packets"), 5);
	json_decref(shared);
	json_decref(taken);
}
END_TEST

START_TEST(busy_is_a_share_of_the_time_between) {
	struct stats_worker a = {.in = 100, .busy_ns = 5000},
			    b = {.in = 600, .out = 500, .busy_ns = 250005000, .cpu = 3};
	struct relay_sample before = {.workers = &a, .n_workers = 1, .at_ns = 1000000000};
	struct relay_sample after = {.workers = &b, .n_workers = 1, .at_ns = 1500000000};
	json_t *json = relay_report_worker(&before, &after, 0);

	ck_assert_double_eq_tol(json_real_value(print_find(json, "busy_percent")), 50.0, 1e-9);
	ck_assert_double_eq_tol(json_real_value(print_find(json, "packets_in_per_s")), 1000.0, 1e-9);
	ck_assert_uint_eq(print_find_u64(json, "interval_ms"), 500);
	ck_assert_uint_eq(print_find_u64(json, "cpu"), 3);
	ck_assert(json_is_null(print_find(json, "residence_p99_us")));
	json_decref(json);
	json = relay_report_worker(
		&after, &before, 0); // a clock that stood still or counters of another boot
	ck_assert_double_eq_tol(json_real_value(print_find(json, "packets_in_per_s")), 0, 1e-9);
	json_decref(json);
}
END_TEST

// Those before the interval don't count.
START_TEST(residence_is_of_the_time_between) {
	struct stats_worker a = {.residence = {[5] = 1000000, [20] = 1000}}, b = a;
	struct relay_sample before = {.workers = &a, .n_workers = 1, .at_ns = 1000000000};
	struct relay_sample after = {.workers = &b, .n_workers = 1, .at_ns = 2000000000};
	json_t *json;

	b.residence[10] += 995;
	b.residence[20] += 4;
	b.residence[RESIDENCE_STEPS - 1] += 1;
	json = relay_report_worker(&before, &after, 0);
	ck_assert_double_eq_tol(json_real_value(print_find(json, "residence_p99_us")),
		(double)residence_bound_ns(10) / 1000, 1e-9);
	ck_assert_double_eq_tol(json_real_value(print_find(json, "residence_p999_us")),
		(double)residence_bound_ns(20) / 1000, 1e-9);
	json_decref(json);
	b.residence[RESIDENCE_STEPS - 1] += 9;
	json = relay_report_worker(&before, &after, 0);
	ck_assert_double_eq_tol(json_real_value(print_find(json, "residence_p999_us")),
		(double)residence_bound_ns(RESIDENCE_STEPS - 2) / 1000, 1e-9);
	json_decref(json);
}
END_TEST

START_TEST(verdicts_of_a_newer_relay_have_names) {
	char name[RELAY_REPORT_NAME];

	ck_assert_str_eq(relay_report_verdict(VERDICT_WAITING, name), "waiting");
	ck_assert_str_eq(relay_report_verdict(31, name), "verdict_31");
}
END_TEST

// ---- the observer ----

static char folder[] = "/tmp/kedge-relay-XXXXXX", path[64];
static pid_t relay;

static void setup(void) {
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/relay.sock", folder);
}

static void teardown(void) {
	if (relay > 0)
		fake_process_end(relay);
	unlink(path);
	ck_assert_int_eq(rmdir(folder), 0);
}

static bool count(void *ctx, const struct proto_session_state *state) {
	struct proto_session_state wanted = fake_session(++*(uint64_t *)ctx);

	ck_assert_uint_eq(state->wanted.session_id, wanted.wanted.session_id);
	ck_assert_uint_eq(state->component[1][0].counters.forwarded, 3001);
	return true;
}

static bool stop_at_two(void *ctx, const struct proto_session_state *state) {
	(void)state;
	return ++*(uint64_t *)ctx < 2;
}

static void check_good_relay(void) {
	struct relay_observer *o;
	struct proto_session_state state;
	struct stats_map *map;
	uint64_t n = 0;

	ck_assert_int_eq(relay_observer_open(path, 2000, &o), 0);
	ck_assert_uint_eq(relay_observer_welcome(o)->boot_id, 0xb007);
	ck_assert_int_eq(relay_observer_list(o, 0, count, &n), 0);
	ck_assert_uint_eq(n, FAKE_SESSIONS);
	n = 3;
	ck_assert_int_eq(relay_observer_list(o, 0x1004, count, &n), 0);
	ck_assert_uint_eq(n, 4);
	n = 0;
	ck_assert_int_eq(relay_observer_list(o, 0, stop_at_two, &n), 0);
	ck_assert_uint_eq(n, 2);
	ck_assert_int_eq(relay_observer_get(o, fake_session(3).wanted.session_id, &state), 0);
	ck_assert_uint_eq(state.wanted.call_id, 0x1003);
	ck_assert_int_eq(relay_observer_get(o, 77, &state), -ENOENT);
	ck_assert_int_eq(relay_observer_stats(o, &map), 0);
	relay_observer_close(o);
	stats_map_close(map);
}

START_TEST(an_observer_sees_sessions_and_counters) {
	relay = fake_relay_start(path, RELAY_GOOD);
	check_good_relay();
}
END_TEST

START_TEST(an_observer_passes_over_strays) {
	relay = fake_relay_start(path, RELAY_STRAYS);
	check_good_relay();
}
END_TEST

static const struct {
	const char *name;
	enum fake_relay_fault fault;
	int open, list, stats; // what each gives; only open counts if it fails
} faults[] = {
	{"another version", RELAY_OTHER_VERSION, -EPROTO, 0, 0},
	{"wrong size", RELAY_BAD_SIZE, -EBADMSG, 0, 0},
	{"short item", RELAY_SHORT_ITEM, -EBADMSG, 0, 0},
	{"hangs up", RELAY_HANGS_UP, -ECONNRESET, 0, 0},
	{"silent", RELAY_SILENT, -ETIMEDOUT, 0, 0},
	{"nothing but strays", RELAY_ONLY_STRAYS, -EBADMSG, 0, 0},
	{"refuses", RELAY_REFUSES, 0, -EPERM, -EPERM},
	{"a status that is no errno", RELAY_BAD_STATUS, 0, -EBADMSG, -EBADMSG},
	{"a list without end", RELAY_ENDLESS_LIST, 0, -EBADMSG, 0},
	{"no descriptor", RELAY_NO_MEMFD, 0, 0, -EBADMSG},
	{"too many descriptors", RELAY_MANY_MEMFDS, 0, 0, 0},
	{"not sealed", RELAY_BAD_MEMFD, 0, 0, -EPERM},
};

static int count_descriptors(void) {
	int n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

START_TEST(bad_relays_are_told) {
	struct relay_observer *o;
	struct stats_map *map = NULL;
	uint64_t n = 0;
	int before, ret;

	relay = fake_relay_start(path, faults[_i].fault);
	before = count_descriptors();
	ret = relay_observer_open(path, faults[_i].fault == RELAY_SILENT ? 20 : 2000, &o);
	ck_assert_msg(ret == faults[_i].open, "%s: %d", faults[_i].name, ret);
	if (ret == 0) {
		ret = relay_observer_list(o, 0, count, &n);
		ck_assert_msg(ret == faults[_i].list, "%s: list %d", faults[_i].name, ret);
		ret = relay_observer_stats(o, &map);
		ck_assert_msg(ret == faults[_i].stats, "%s: stats %d", faults[_i].name, ret);
		relay_observer_close(o);
	}
	stats_map_close(map);
	ck_assert_int_eq(count_descriptors(), before);
}
END_TEST

START_TEST(nobody_there) {
	struct relay_observer *o;

	ck_assert_int_eq(relay_observer_open(path, 100, &o), -ENOENT);
	relay = fake_relay_start(path, RELAY_GOOD);
	fake_process_end(relay);
	relay = 0;
	ck_assert_int_eq(relay_observer_open(path, 100, &o), -ECONNREFUSED);
}
END_TEST

START_TEST(each_allocation_may_fail) {
	unsigned k;

	relay = fake_relay_start(path, RELAY_GOOD);
	for (k = 1;; k++) {
		struct relay_observer *o = NULL;
		struct stats_map *map = NULL;
		struct relay_sample sample = {0};
		int ret;

		fail_alloc_at(k);
		ret = relay_observer_open(path, 2000, &o);
		if (ret == 0)
			ret = relay_observer_stats(o, &map);
		if (ret == 0)
			ret = relay_sample_take(map, &sample);
		relay_sample_fini(&sample);
		stats_map_close(map);
		relay_observer_close(o);
		if (!fail_alloc_end())
			break;
		ck_assert_int_eq(ret, -ENOMEM);
	}
	ck_assert_uint_eq(k, 4);
}
END_TEST

int main(void) {
	Suite *s = suite_create("kedgectl relay");
	TCase *map = tcase_create("map"), *observer = tcase_create("observer");

	suite_add_tcase(s, map);
	tcase_add_loop_test(map, hostile_headers_are_refused, 0, sizeof(headers) / sizeof(headers[0]));
	tcase_add_test(map, what_could_shrink_is_refused);
	tcase_add_test(map, figures_are_read);
	tcase_add_test(map, other_builds_are_read);
	tcase_add_test(map, packet_sums_are_checked);
	tcase_add_test(map, what_goes_by_the_kernel);
	tcase_add_test(map, busy_is_a_share_of_the_time_between);
	tcase_add_test(map, residence_is_of_the_time_between);
	tcase_add_test(map, verdicts_of_a_newer_relay_have_names);
	suite_add_tcase(s, observer);
	tcase_set_timeout(observer, 55); // for a busy machine
	tcase_add_checked_fixture(observer, setup, teardown);
	tcase_add_test(observer, an_observer_sees_sessions_and_counters);
	tcase_add_test(observer, an_observer_passes_over_strays);
	tcase_add_loop_test(observer, bad_relays_are_told, 0, sizeof(faults) / sizeof(faults[0]));
	tcase_add_test(observer, nobody_there);
	tcase_add_test(observer, each_allocation_may_fail);
	return run_suite(s);
}
