// The packet path and the latch: where packets are taken from, and where they go for it.
#include "relay/learnt.h"
#include "tests/unit/burst_fixture.h"
#include "tests/unit/run_suite.h"

START_TEST(off_sends_to_the_signalled_endpoint) {
	uint8_t frame[128];
	struct endpoint from = fix_endpoint("198.51.100.20", 5999), e,
			want = fix_endpoint("192.0.2.10", 4000);
	struct relay_packet p;

	put_session();
	ck_assert_uint_eq(from_access("192.0.2.10", 4444), VERDICT_FORWARDED); // another port of it
	ck_assert_uint_eq(
		fix_feed(f, frame, fix_frame(frame, &from, &put.local[1], fix_rtp, sizeof(fix_rtp)), 1, &p),
		VERDICT_FORWARDED);
	e = target(frame);
	ck_assert(endpoint_equal(&e, &want));
	ck_assert_uint_eq(from_access("192.0.2.11", 4000), VERDICT_BAD_SOURCE);
	ck_assert_uint_eq(fix_slot(f, put.slot * 4)->events, EVENT_SOURCE_REFUSED);
}
END_TEST

START_TEST(strict_takes_only_the_signalled_endpoint) {
	session.side[0].latch = LATCH_STRICT;
	put_session();
	ck_assert_uint_eq(from_access("192.0.2.10", 4001), VERDICT_BAD_SOURCE);
	ck_assert_uint_eq(from_access("192.0.2.10", 4000), VERDICT_FORWARDED);
}
END_TEST

static void put_nated(enum latch_mode mode) {
	session.side[0].latch = (uint8_t)mode;
	session.side[0].vouched = fix_endpoint("203.0.113.200", 0);
	put_session();
}

// One RTP packet of the callee; what comes out stays in frame.
static enum verdict feed_callee(uint8_t frame[128]) {
	struct endpoint from = fix_endpoint("198.51.100.20", 5000);
	struct relay_packet p;

	return fix_feed(f, frame, fix_frame(frame, &from, &put.local[1], fix_rtp, sizeof(fix_rtp)), 1, &p);
}

START_TEST(learns_and_sends_there_at_once) {
	const uint8_t frame_mac[6] = {2, 0, 0, 0, 9, 9};
	struct endpoint e, learnt, want = fix_endpoint("203.0.113.200", 33333);
	uint8_t frame[128], mac[6];

	put_nated(LATCH_ADDRESS);
	ck_assert_uint_eq(feed_callee(frame), VERDICT_WAITING);
	ck_assert_uint_eq(from_access("203.0.113.200", 33333), VERDICT_FORWARDED);
	ck_assert_uint_eq(feed_callee(frame), VERDICT_FORWARDED);
	e = target(frame);
	ck_assert(endpoint_equal(&e, &want));
	ck_assert_mem_eq(
		frame, frame_mac, 6); // the learning frame's source, until main has asked for the route
	learnt_read(fix_slot(f, put.slot * 4), &learnt);
	ck_assert(endpoint_equal(&learnt, &want));
	ck_assert_uint_eq(component_is_latched(fix_slot(f, put.slot * 4)), 1);
	ck_assert_uint_eq(fix_slot(f, put.slot * 4)->events, EVENT_LATCHED);

	fix_settle(f);
	ck_assert_uint_eq(feed_callee(frame), VERDICT_FORWARDED);
	fix_mac(frame[5], mac);
	ck_assert_mem_eq(frame, mac, 6);
	ck_assert(endpoint_same_addr(&f->hop_target[frame[5]], &want));
}
END_TEST

START_TEST(unresolved_next_hop_uses_the_frames_mac) {
	const uint8_t frame_mac[6] = {2, 0, 0, 0, 9, 9};
	uint8_t frame[128];

	f->hop_state = NEXT_HOP_UNRESOLVED;
	put_nated(LATCH_ADDRESS);
	ck_assert_uint_eq(from_access("203.0.113.200", 33333), VERDICT_NO_NEIGHBOUR); // core's is not known
	fix_settle(f);
	ck_assert_uint_eq(feed_callee(frame), VERDICT_FORWARDED);
	ck_assert_mem_eq(frame, frame_mac, 6);
}
END_TEST

START_TEST(group_addresses_are_no_next_hop) {
	struct endpoint from = fix_endpoint("203.0.113.200", 33333);
	struct relay_packet p;
	uint8_t frame[128];
	uint32_t len;

	put_nated(LATCH_ADDRESS);
	len = fix_frame(frame, &from, &put.local[0], fix_rtp, sizeof(fix_rtp));
	memset(frame + 6, 0xff, 6);
	ck_assert_uint_eq(fix_feed(f, frame, len, 0, &p), VERDICT_FORWARDED);
	ck_assert_uint_eq(feed_callee(frame), VERDICT_NO_ROUTE);
	fix_settle(f);
	ck_assert_uint_eq(feed_callee(frame), VERDICT_FORWARDED);
}
END_TEST

START_TEST(nothing_is_learnt_from_what_is_not_admitted) {
	const uint8_t wrong_type[12] = {0x80, 8}, stun[20] = {0, 1};
	struct endpoint from = fix_endpoint("203.0.113.200", 33333);
	struct relay_packet p;
	uint8_t frame[128];

	put_nated(LATCH_ADDRESS);
	fix_feed(f, frame, fix_frame(frame, &from, &put.local[0], wrong_type, sizeof(wrong_type)), 0, &p);
	fix_feed(f, frame, fix_frame(frame, &from, &put.local[0], stun, sizeof(stun)), 0, &p);
	ck_assert_uint_eq(from_access("203.0.113.201", 33333), VERDICT_BAD_SOURCE);
	ck_assert_uint_eq(component_is_latched(fix_slot(f, put.slot * 4)), 0);
}
END_TEST

START_TEST(no_source_that_could_not_be_answered_is_learnt) {
	put_nated(LATCH_ANY);
	ck_assert_uint_eq(from_access("224.0.0.1", 4000), VERDICT_BAD_SOURCE);
	ck_assert_uint_eq(from_access("255.255.255.255", 4000), VERDICT_BAD_SOURCE);
	ck_assert_uint_eq(from_access("0.0.0.0", 4000), VERDICT_BAD_SOURCE);
	ck_assert_uint_eq(from_access("192.0.2.10", 0), VERDICT_BAD_SOURCE);
	ck_assert_uint_eq(from_access("192.0.2.10", 1), VERDICT_FORWARDED);
}
END_TEST

START_TEST(strangers_are_refused_after_the_latch) {
	put_nated(LATCH_ADDRESS);
	ck_assert_uint_eq(from_access("203.0.113.200", 33333), VERDICT_FORWARDED);
	ck_assert_uint_eq(from_access("203.0.113.200", 44444), VERDICT_BAD_SOURCE);
	ck_assert_uint_eq(
		from_access("192.0.2.10", 4000), VERDICT_BAD_SOURCE); // signalled, but behind the NAT
	ck_assert_uint_eq(fix_slot(f, put.slot * 4)->drops[VERDICT_BAD_SOURCE], 2);
	f->now += 2 * S;
	ck_assert_uint_eq(from_access("203.0.113.200", 44444), VERDICT_FORWARDED); // it was silent
}
END_TEST

START_TEST(any_learns_within_its_window) {
	put_nated(LATCH_ANY);
	f->now += 5 * S + 1;
	ck_assert_uint_eq(from_access("192.0.2.99", 1234), VERDICT_BAD_SOURCE);
	session.side[0].latch_epoch++;
	put_session();
	ck_assert_uint_eq(from_access("192.0.2.99", 1234), VERDICT_FORWARDED);
	ck_assert_uint_eq(from_access("192.0.2.98", 1234), VERDICT_BAD_SOURCE);
}
END_TEST

START_TEST(a_raised_epoch_lets_another_source_win_once) {
	uint8_t frame[128];
	struct endpoint e, old = fix_endpoint("203.0.113.200", 33333);

	put_nated(LATCH_ADDRESS);
	from_access("203.0.113.200", 33333);
	session.side[0].latch_epoch++;
	put_session();
	ck_assert_uint_eq(feed_callee(frame), VERDICT_FORWARDED); // still goes where it went
	e = target(frame);
	ck_assert(endpoint_equal(&e, &old));
	ck_assert_uint_eq(from_access("203.0.113.200", 33333), VERDICT_FORWARDED); // still on its way
	ck_assert_uint_eq(from_access("203.0.113.200", 44444), VERDICT_FORWARDED);
	ck_assert_uint_eq(from_access("203.0.113.200", 33333), VERDICT_BAD_SOURCE);
}
END_TEST

START_TEST(the_same_epoch_keeps_the_latch) {
	put_nated(LATCH_ADDRESS);
	from_access("203.0.113.200", 33333);
	session.side[0].payload_types[0] = 1 | 1 << 8;
	session.side[0].vouched = fix_endpoint("203.0.113.201", 0);
	put_session();
	ck_assert_uint_eq(from_access("203.0.113.200", 33333), VERDICT_FORWARDED);
	ck_assert_uint_eq(from_access("203.0.113.201", 33333), VERDICT_BAD_SOURCE);
	ck_assert_uint_eq(fix_slot(f, put.slot * 4)->forwarded, 2);
}
END_TEST

START_TEST(one_sides_change_leaves_the_other_alone) {
	struct proto_put_result before;
	uint8_t frame[128];
	struct endpoint e, want = fix_endpoint("198.51.100.99", 7000);

	put_nated(LATCH_ADDRESS);
	before = put;
	from_access("203.0.113.200", 33333);
	session.side[1].remote[0] = want;
	session.side[1].latch_epoch++;
	put_session();
	ck_assert_mem_eq(&before, &put, sizeof(put));
	ck_assert_uint_eq(component_is_latched(fix_slot(f, put.slot * 4)), 1);
	ck_assert_uint_eq(fix_slot(f, put.slot * 4)->forwarded, 1);
	struct endpoint from = fix_endpoint("203.0.113.200", 33333);
	struct relay_packet p;

	fix_feed(f, frame, fix_frame(frame, &from, &put.local[0], fix_rtp, sizeof(fix_rtp)), 0, &p);
	ck_assert_uint_eq(p.verdict, VERDICT_FORWARDED); // off: to the new endpoint at once
	e = target(frame);
	ck_assert(endpoint_equal(&e, &want));
}
END_TEST

START_TEST(modes_can_change) {
	uint8_t frame[128];
	struct endpoint e, signalled = fix_endpoint("192.0.2.10", 4000);

	put_nated(LATCH_ADDRESS);
	from_access("203.0.113.200", 33333);
	put_nated(LATCH_OFF);
	ck_assert_uint_eq(component_is_latched(fix_slot(f, put.slot * 4)), 0);
	ck_assert_uint_eq(feed_callee(frame), VERDICT_FORWARDED);
	e = target(frame);
	ck_assert(endpoint_equal(&e, &signalled));
	put_nated(LATCH_ANY);
	ck_assert_uint_eq(feed_callee(frame), VERDICT_WAITING);
	ck_assert_uint_eq(from_access("192.0.2.77", 1), VERDICT_FORWARDED);
	ck_assert_uint_eq(feed_callee(frame), VERDICT_FORWARDED);
}
END_TEST

START_TEST(what_was_learnt_is_restored) {
	uint8_t frame[128], mac[6];
	struct endpoint e, learnt = fix_endpoint("203.0.113.200", 33333);

	session.side[0].learnt[0] = learnt;
	put_nated(LATCH_ADDRESS);
	fix_settle(f);
	ck_assert_uint_eq(feed_callee(frame), VERDICT_FORWARDED);
	e = target(frame);
	ck_assert(endpoint_equal(&e, &learnt));
	fix_mac(frame[5], mac);
	ck_assert_mem_eq(frame, mac, 6);
	ck_assert_uint_eq(from_access("203.0.113.200", 44444), VERDICT_BAD_SOURCE);
	ck_assert_uint_eq(from_access("203.0.113.200", 33333), VERDICT_FORWARDED);
	put_session(); // again, still with the old endpoint: what the worker knows is newer
	ck_assert_uint_eq(fix_slot(f, put.slot * 4)->forwarded, 1);
	ck_assert_uint_eq(component_is_latched(fix_slot(f, put.slot * 4 + 1)), 0); // RTCP was not restored
}
END_TEST

START_TEST(rtcp_latches_by_itself) {
	put_nated(LATCH_ADDRESS);
	ck_assert_uint_eq(fix_media(f, "203.0.113.200", 50001, &put.local[0], 0, true), VERDICT_FORWARDED);
	ck_assert_uint_eq(component_is_latched(fix_slot(f, put.slot * 4 + 1)), 1);
	ck_assert_uint_eq(component_is_latched(fix_slot(f, put.slot * 4)), 0);
}
END_TEST

static TCase *latch_case(void) {
	TCase *tc = tcase_create("latch");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, off_sends_to_the_signalled_endpoint);
	tcase_add_test(tc, strict_takes_only_the_signalled_endpoint);
	tcase_add_test(tc, learns_and_sends_there_at_once);
	tcase_add_test(tc, unresolved_next_hop_uses_the_frames_mac);
	tcase_add_test(tc, group_addresses_are_no_next_hop);
	tcase_add_test(tc, nothing_is_learnt_from_what_is_not_admitted);
	tcase_add_test(tc, no_source_that_could_not_be_answered_is_learnt);
	tcase_add_test(tc, strangers_are_refused_after_the_latch);
	tcase_add_test(tc, any_learns_within_its_window);
	tcase_add_test(tc, a_raised_epoch_lets_another_source_win_once);
	tcase_add_test(tc, the_same_epoch_keeps_the_latch);
	tcase_add_test(tc, one_sides_change_leaves_the_other_alone);
	tcase_add_test(tc, modes_can_change);
	tcase_add_test(tc, what_was_learnt_is_restored);
	tcase_add_test(tc, rtcp_latches_by_itself);
	return tc;
}

int main(void) {
	Suite *suite = suite_create("burst_latch");

	suite_add_tcase(suite, latch_case());
	return run_suite(suite);
}
