// Calls that pass the relay twice: their packets go from one session to the next without a wire between them.
#include "relay/steering.h"
#include "tests/unit/relay_fixture.h"
#include "tests/unit/run_suite.h"

#include <check.h>

enum { HEADROOM = 16, CALLS = 4, FIRST = 16384 };

static struct fixture *f;
static uint8_t room[HEADROOM + 256], *const frame = room + HEADROOM;

static void start(uint16_t n_workers) {
	f = calloc(1, sizeof(*f));
	ck_assert_ptr_nonnull(f);
	fix_params(f, CALLS);
	f->params.n_workers = n_workers;
	fix_start(f);
	ck_assert_uint_eq(fix_hello(f, PROTO_CONTROLLER, FIX_OWNER), 0);
}

static void setup(void) {
	start(1);
}

static void teardown(void) {
	fix_destroy(f);
}

static struct endpoint access_of(unsigned call) {
	return fix_endpoint("203.0.113.1", (uint16_t)(FIRST + 2 * call));
}

static struct endpoint core_of(unsigned call) {
	return fix_endpoint("198.51.100.1", (uint16_t)(FIRST + 2 * call));
}

static void aim(struct proto_side *side, struct endpoint remote) {
	for (unsigned i = 0; i < 2; i++) {
		side->remote[i] = remote;
		side->remote[i].port = (uint16_t)(remote.port + i);
	}
}

static void put(unsigned call, struct endpoint access_remote, struct endpoint core_remote) {
	struct proto_session s = fix_session(call + 1);
	struct proto_put_result result;

	s.side[0].local = access_of(call);
	s.side[1].local = core_of(call);
	s.side[0].latch = s.side[1].latch = LATCH_STRICT;
	aim(&s.side[0], access_remote);
	aim(&s.side[1], core_remote);
	ck_assert_uint_eq(fix_put(f, &s, &result), 0);
}

static struct relay_packet make(struct endpoint from, struct endpoint to, uint16_t port) {
	struct relay_packet p = {.data = frame, .port = port};

	p.length = fix_frame(frame, &from, &to, fix_rtp, sizeof(fix_rtp));
	return p;
}

static void check_out(const struct relay_packet *p, struct endpoint from, struct endpoint to) {
	ck_assert_uint_eq(p->port, 0);
	ck_assert_mem_eq(p->data + PACKET_IP_SOURCE, from.addr, 4);
	ck_assert_mem_eq(p->data + PACKET_IP_TARGET, to.addr, 4);
	ck_assert_uint_eq(packet_load16(p->data + PACKET_UDP_SOURCE), htons(from.port));
	ck_assert_uint_eq(packet_load16(p->data + PACKET_UDP_TARGET), htons(to.port));
	ck_assert(fix_checksums_hold(p->data));
}

static void check_forwarded(unsigned call, unsigned side, uint64_t n) {
	ck_assert_uint_eq(fix_slot(f, call * 4 + side * 2)->forwarded, n);
}

// A ── call 0 ── core ── call 1 ── B
static void put_pair(struct endpoint a, struct endpoint b) {
	put(0, a, core_of(1));
	put(1, b, core_of(0));
}

START_TEST(passes_both_calls) {
	struct endpoint a = fix_endpoint("203.0.113.50", 4000), b = fix_endpoint("203.0.113.60", 4000);
	struct proto_session_state state;
	struct relay_packet p;

	put_pair(a, b);
	ck_assert_uint_eq(fix_ref(f, PROTO_SESSION_GET, fix_id(1), &state), 0);
	ck_assert_uint_eq(state.component[0][0].hairpin, 0);
	ck_assert_uint_eq(state.component[1][0].hairpin, 1);
	p = make(a, access_of(0), 0);
	ck_assert_uint_eq(fix_burst(f, 0, &p), VERDICT_FORWARDED);
	check_out(&p, access_of(1), b);
	check_forwarded(0, 0, 1);
	check_forwarded(1, 1, 1);
	p = make(b, access_of(1), 0);
	ck_assert_uint_eq(fix_burst(f, 0, &p), VERDICT_FORWARDED);
	check_out(&p, access_of(0), a);
	ck_assert_uint_eq(relay_worker_stats(f->w)->verdicts[VERDICT_FORWARDED], 2); // one for each packet
	ck_assert_uint_eq(fix_hops_used(f), 4); // none towards ourselves
}
END_TEST

START_TEST(rtcp_too) {
	struct endpoint a = fix_endpoint("203.0.113.50", 4000), b = fix_endpoint("203.0.113.60", 4000), to;
	struct relay_packet p = {.data = frame};

	put_pair(a, b);
	to = access_of(0);
	to.port++;
	a.port++;
	p.length = fix_frame(frame, &a, &to, fix_rtcp, sizeof(fix_rtcp));
	ck_assert_uint_eq(fix_burst(f, 0, &p), VERDICT_FORWARDED);
	ck_assert_uint_eq(packet_load16(p.data + PACKET_UDP_TARGET), htons(4001));
}
END_TEST

START_TEST(the_second_call_judges_too) {
	struct endpoint a = fix_endpoint("203.0.113.50", 4000), b = fix_endpoint("203.0.113.60", 4000);
	struct relay_packet p;

	put(0, a, core_of(1));
	put(1, b, core_of(2)); // which expects somebody else
	p = make(a, access_of(0), 0);
	ck_assert_uint_eq(fix_burst(f, 0, &p), VERDICT_BAD_SOURCE);
	ck_assert_uint_eq(p.component, 1 * 4 + 2);
	ck_assert_uint_eq(fix_slot(f, 1 * 4 + 2)->drops[VERDICT_BAD_SOURCE], 1);
	check_forwarded(0, 0, 1);
	put(0, a, core_of(3)); // nobody's port
	p = make(a, access_of(0), 0);
	ck_assert_uint_eq(fix_burst(f, 0, &p), VERDICT_NO_SESSION);
}
END_TEST

START_TEST(a_port_in_no_range_is_a_host_of_its_own) {
	struct endpoint a = fix_endpoint("203.0.113.50", 4000);
	struct relay_packet p;

	put(0, a, fix_endpoint("198.51.100.1", 5060)); // the kernel's, so it leaves by the wire or not at all
	p = make(a, access_of(0), 0);
	ck_assert_uint_eq(fix_burst(f, 0, &p), VERDICT_FORWARDED);
	ck_assert_uint_eq(p.port, 1);
}
END_TEST

// Two calls that send to each other on both sides; what gets in, by a forged source, would turn for ever.
START_TEST(a_loop_ends) {
	struct relay_packet p;

	put(0, access_of(1), core_of(1));
	put(1, access_of(0), core_of(0));
	p = make(access_of(1), access_of(0), 0);
	ck_assert_uint_eq(fix_burst(f, 0, &p), VERDICT_LOOP);
	ck_assert_uint_eq(relay_worker_stats(f->w)->verdicts[VERDICT_LOOP], 1);
	ck_assert_uint_eq(relay_worker_stats(f->w)->verdicts[VERDICT_FORWARDED], 0);
	check_forwarded(0, 0, 1);
	check_forwarded(1, 1, 1);
	ck_assert_uint_eq(fix_slot(f, 0)->drops[VERDICT_LOOP], 1);
}
END_TEST

// Three calls in a row are two hairpins, four are one too many.
START_TEST(twice_at_the_most) {
	struct endpoint a = fix_endpoint("203.0.113.50", 4000), b = fix_endpoint("203.0.113.60", 4000),
			c = fix_endpoint("198.51.100.60", 4000);
	struct relay_packet p;

	put(0, a, core_of(1));
	put(1, access_of(2), core_of(0));
	put(2, access_of(1), c);
	p = make(a, access_of(0), 0);
	ck_assert_uint_eq(fix_burst(f, 0, &p), VERDICT_FORWARDED);
	ck_assert_uint_eq(p.port, 1);
	put(2, access_of(1), core_of(3));
	put(3, b, core_of(2));
	p = make(a, access_of(0), 0);
	ck_assert_uint_eq(fix_burst(f, 0, &p), VERDICT_LOOP);
	ck_assert_uint_eq(fix_slot(f, 2 * 4)->drops[VERDICT_LOOP], 1);
}
END_TEST

// The second call may belong to another worker, which goes on from where the first was.
START_TEST(from_one_worker_to_another) {
	struct endpoint a = fix_endpoint("203.0.113.50", 4000), b = fix_endpoint("203.0.113.60", 4000);
	struct relay_packet p;
	unsigned owner[2];

	fix_destroy(f);
	start(2);
	put_pair(a, b);
	for (unsigned i = 0; i < 2; i++)
		owner[i] = steering_owner((uint16_t)(FIRST + 2 * i), 2);
	ck_assert_uint_ne(owner[0], owner[1]);
	p = make(a, access_of(0), 0);
	ck_assert_uint_eq(fix_burst(f, owner[0], &p), RELAY_HAND_OVER);
	ck_assert_uint_eq(p.owner, owner[1]);
	ck_assert_uint_eq(p.hairpins, 1);
	ck_assert_uint_eq(p.port, 1);
	p = (struct relay_packet){.data = p.data, .length = p.length, .port = p.port, .hairpins = p.hairpins};
	ck_assert_uint_eq(fix_burst(f, owner[1], &p), VERDICT_FORWARDED);
	check_out(&p, access_of(1), b);
	ck_assert_uint_eq(relay_worker_stats(relay_worker(f->r, owner[0]))->verdicts[VERDICT_FORWARDED], 0);
	ck_assert_uint_eq(relay_worker_stats(relay_worker(f->r, owner[1]))->verdicts[VERDICT_FORWARDED], 1);
	check_forwarded(0, 0, 1);
	check_forwarded(1, 1, 1);
}
END_TEST

START_TEST(over_tagged_realms) {
	struct endpoint a = fix_endpoint("203.0.113.50", 4000), b = fix_endpoint("203.0.113.60", 4000);
	struct relay_packet p;

	fix_destroy(f);
	f = calloc(1, sizeof(*f));
	ck_assert_ptr_nonnull(f);
	fix_params(f, CALLS);
	f->params.realms[0].vlan = 10;
	f->params.realms[1].vlan = 20;
	fix_start(f);
	ck_assert_uint_eq(fix_hello(f, PROTO_CONTROLLER, FIX_OWNER), 0);
	put_pair(a, b);
	p = make(a, access_of(0), 0);
	p.data = fix_tag(frame, &p.length, 10);
	ck_assert_uint_eq(fix_burst(f, 0, &p), VERDICT_FORWARDED);
	ck_assert_int_eq(packet_vlan(p.data, p.length), 10);
	p.data += PACKET_TAG;
	check_out(&p, access_of(1), b);
}
END_TEST

int main(void) {
	Suite *suite = suite_create("hairpin");
	TCase *tc = tcase_create("hairpin");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, passes_both_calls);
	tcase_add_test(tc, rtcp_too);
	tcase_add_test(tc, the_second_call_judges_too);
	tcase_add_test(tc, a_port_in_no_range_is_a_host_of_its_own);
	tcase_add_test(tc, a_loop_ends);
	tcase_add_test(tc, twice_at_the_most);
	tcase_add_test(tc, from_one_worker_to_another);
	tcase_add_test(tc, over_tagged_realms);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
