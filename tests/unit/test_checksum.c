// UDP checksums of whole datagrams, and what the packet path makes of those that are wrong.
#include "relay/checksum.h"
#include "tests/unit/relay_fixture.h"
#include "tests/unit/run_suite.h"

#include <check.h>

static uint8_t frame[128];

static uint32_t make(uint16_t payload) {
	static const uint8_t bytes[] = {
		0x80, 0, 0, 1, 0, 0, 0, 160, 0xde, 0xad, 0xbe, 0xef, 0xff, 0xff, 0xff, 0xff, 1, 2, 3};
	struct endpoint from = fix_endpoint("192.0.2.10", 4000), to = fix_endpoint("203.0.113.1", 16384);

	ck_assert_uint_le(payload, sizeof(bytes));
	return fix_frame(frame, &from, &to, bytes, payload);
}

// What Linux leaves to a card: the sum over the pseudo header, not complemented.
static void leave_partial(uint8_t *at) {
	uint16_t len = (uint16_t)(at[PACKET_UDP_LENGTH] << 8 | at[PACKET_UDP_LENGTH + 1]);

	fix_be16(at + PACKET_UDP_CHECKSUM, fix_sum(at + PACKET_IP_SOURCE, 8, 17 + (uint32_t)len));
}

START_TEST(judges_every_length) {
	for (uint16_t n = 0; n < 19; n++) {
		make(n);
		ck_assert_int_eq(checksum_judge(frame), CHECKSUM_GOOD);
		frame[PACKET_UDP_CHECKSUM] ^= 0x40;
		ck_assert_int_eq(checksum_judge(frame), CHECKSUM_WRONG);
		leave_partial(frame);
		ck_assert_int_eq(checksum_judge(frame), CHECKSUM_PARTIAL);
		memset(frame + PACKET_UDP_CHECKSUM, 0, 2);
		ck_assert_int_eq(checksum_judge(frame), CHECKSUM_GOOD); // not used
	}
}
END_TEST

START_TEST(computes_every_length) {
	for (uint16_t n = 0; n < 19; n++) {
		uint16_t want;

		make(n);
		want = packet_load16(frame + PACKET_UDP_CHECKSUM);
		leave_partial(frame);
		checksum_compute(frame);
		ck_assert_uint_eq(packet_load16(frame + PACKET_UDP_CHECKSUM), want);
	}
	memset(frame + PACKET_UDP_CHECKSUM, 0, 2);
	checksum_compute(frame);
	ck_assert_uint_eq(packet_load16(frame + PACKET_UDP_CHECKSUM), 0);
}
END_TEST

// A datagram whose sum comes out as zero is sent as all ones (RFC 768).
START_TEST(zero_is_sent_as_ones) {
	uint16_t old;

	make(8);
	old = packet_load16(frame + PACKET_UDP_CHECKSUM);
	// The complement of the sum is the checksum: adding it to the payload makes the sum all ones.
	memcpy(frame + PACKET_PAYLOAD + 4, &old, sizeof(old));
	frame[PACKET_PAYLOAD + 6] = 0;
	frame[PACKET_PAYLOAD + 7] = 160;
	checksum_compute(frame);
	ck_assert_uint_eq(packet_load16(frame + PACKET_UDP_CHECKSUM), 0xffff);
	ck_assert_int_eq(checksum_judge(frame), CHECKSUM_GOOD);
}
END_TEST

// ---- in the packet path ----

static struct fixture *start(bool compute, struct proto_put_result *put) {
	struct fixture *f = calloc(1, sizeof(*f));
	struct proto_session s = fix_session(1);

	ck_assert_ptr_nonnull(f);
	fix_params(f, 2);
	f->params.port_compute_checksum[0] = compute;
	fix_start(f);
	ck_assert_uint_eq(fix_hello(f, PROTO_CONTROLLER, FIX_OWNER), 0);
	ck_assert_uint_eq(fix_put(f, &s, put), 0);
	return f;
}

enum spoil { SPOIL_NOT, SPOIL_WRONG, SPOIL_PARTIAL };

// One packet of the caller; returns whether the checksum of what comes out holds.
static bool feed(struct fixture *f, const struct proto_put_result *put, enum spoil spoil) {
	struct endpoint from = fix_endpoint("192.0.2.10", 4000);
	uint32_t len = fix_frame(frame, &from, &put->local[0], fix_rtp, sizeof(fix_rtp));
	struct relay_packet p;

	if (spoil == SPOIL_WRONG)
		frame[PACKET_UDP_CHECKSUM] ^= 0x40;
	if (spoil == SPOIL_PARTIAL)
		leave_partial(frame);
	ck_assert_uint_eq(fix_feed(f, frame, len, 0, &p), VERDICT_FORWARDED);
	return fix_checksums_hold(frame);
}

static uint32_t events(struct fixture *f, const struct proto_put_result *put) {
	return fix_slot(f, put->slot * 4)->events;
}

START_TEST(a_wrong_first_packet_is_an_event) {
	struct proto_put_result put;
	struct fixture *f = start(false, &put);

	ck_assert(!feed(f, &put, SPOIL_WRONG)); // an update keeps what is wrong
	ck_assert_uint_eq(events(f, &put), EVENT_BAD_CHECKSUM);
	fix_destroy(f);
}
END_TEST

START_TEST(a_partial_first_packet_names_its_cause) {
	struct proto_put_result put;
	struct fixture *f = start(false, &put);

	ck_assert(!feed(f, &put, SPOIL_PARTIAL));
	ck_assert_uint_eq(events(f, &put), EVENT_BAD_CHECKSUM | EVENT_PARTIAL_CHECKSUM);
	fix_destroy(f);
}
END_TEST

START_TEST(only_the_first_is_judged) {
	struct proto_put_result put;
	struct fixture *f = start(false, &put);

	ck_assert(feed(f, &put, SPOIL_NOT));
	ck_assert(!feed(f, &put, SPOIL_WRONG));
	ck_assert_uint_eq(events(f, &put), 0);
	fix_destroy(f);
}
END_TEST

START_TEST(compute_makes_them_good) {
	struct proto_put_result put;
	struct fixture *f = start(true, &put);

	ck_assert(feed(f, &put, SPOIL_PARTIAL));
	ck_assert(feed(f, &put, SPOIL_NOT));
	ck_assert_uint_eq(events(f, &put), 0);
	fix_destroy(f);
}
END_TEST

int main(void) {
	Suite *suite = suite_create("checksum");
	TCase *tc = tcase_create("checksum");

	tcase_add_test(tc, judges_every_length);
	tcase_add_test(tc, computes_every_length);
	tcase_add_test(tc, zero_is_sent_as_ones);
	tcase_add_test(tc, a_wrong_first_packet_is_an_event);
	tcase_add_test(tc, a_partial_first_packet_names_its_cause);
	tcase_add_test(tc, only_the_first_is_judged);
	tcase_add_test(tc, compute_makes_them_good);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
