#include "relay/rewrite.h"

#include "tests/unit/relay_fixture.h"
#include "tests/unit/run_suite.h"

#include <check.h>

// The same datagram on both sides of a relay; both frames' checksums are right by tshark's account.
static const uint8_t came[] = {
	0x02,
	0x00,
	0x00,
	0x00,
	0x00,
	0x0a,
	0x02,
	0x00,
	0x00,
	0x00,
	0x09,
	0x09,
	0x08,
	0x00,
	0x45,
	0xb8,
	0x00,
	0x31,
	0x12,
	0x34,
	0x40,
	0x00,
	0x37,
	0x11,
	0x32,
	0xc4,
	0xc0,
	0x00,
	0x02,
	0x0a,
	0xcb,
	0x00,
	0x71,
	0x01,
	0x0f,
	0xa0,
	0x40,
	0x00,
	0x00,
	0x1d,
	0x7a,
	0xb4,
	0x80,
	0x00,
	0x00,
	0x01,
	0x00,
	0x00,
	0x00,
	0xa0,
	0xde,
	0xad,
	0xbe,
	0xef,
	0x01,
	0x02,
	0x03,
	0x04,
	0x05,
	0x06,
	0x07,
	0x08,
	0x09,
};
static const uint8_t leaves[] = {
	0x02,
	0x00,
	0x00,
	0x00,
	0x01,
	0x02,
	0x02,
	0x00,
	0x00,
	0x00,
	0x00,
	0x0b,
	0x08,
	0x00,
	0x45,
	0x00,
	0x00,
	0x31,
	0x00,
	0x00,
	0x40,
	0x00,
	0x40,
	0x11,
	0xe6,
	0x3f,
	0xc6,
	0x33,
	0x64,
	0x01,
	0xc6,
	0x33,
	0x64,
	0x14,
	0x40,
	0x06,
	0x13,
	0x88,
	0x00,
	0x1d,
	0x20,
	0x56,
	0x80,
	0x00,
	0x00,
	0x01,
	0x00,
	0x00,
	0x00,
	0xa0,
	0xde,
	0xad,
	0xbe,
	0xef,
	0x01,
	0x02,
	0x03,
	0x04,
	0x05,
	0x06,
	0x07,
	0x08,
	0x09,
};

static uint32_t addr(const char *text) {
	struct endpoint e = fix_endpoint(text, 0);

	return endpoint_v4_addr_be(&e);
}

static void prepare(uint8_t header[PACKET_PAYLOAD]) {
	const struct rewrite_path path = {
		.mac = {2, 0, 0, 0, 0, 0xb},
		.local_be = addr("198.51.100.1"),
		.target_be = addr("198.51.100.20"),
		.local_port = 16390,
		.target_port = 5000,
	};

	memcpy(header, (const uint8_t[]){2, 0, 0, 0, 1, 2}, 6);
	rewrite_prepare(header, &path);
}

START_TEST(rewrites_as_tshark_has_it) {
	uint8_t header[PACKET_PAYLOAD], frame[sizeof(came)];

	memcpy(frame, came, sizeof(came));
	prepare(header);
	rewrite_frame(frame, header, 0);
	ck_assert_mem_eq(frame, leaves, sizeof(leaves));
}
END_TEST

START_TEST(unused_udp_checksum_stays_unused) {
	uint8_t header[PACKET_PAYLOAD], frame[sizeof(came)];

	memcpy(frame, came, sizeof(came));
	frame[PACKET_UDP_CHECKSUM] = frame[PACKET_UDP_CHECKSUM + 1] = 0;
	prepare(header);
	rewrite_frame(frame, header, 0);
	ck_assert_uint_eq(frame[PACKET_UDP_CHECKSUM], 0);
	ck_assert_uint_eq(frame[PACKET_UDP_CHECKSUM + 1], 0);
	ck_assert(fix_checksums_hold(frame));
}
END_TEST

START_TEST(fragmenting_is_as_the_sender_allowed) {
	uint8_t header[PACKET_PAYLOAD], frame[sizeof(came)];

	memcpy(frame, came, sizeof(came));
	frame[PACKET_IP_FRAGMENT] = 0;
	prepare(header);
	rewrite_frame(frame, header, htons(0xbeef));
	ck_assert_uint_eq(frame[PACKET_IP_FRAGMENT], 0);
	ck_assert_uint_eq(frame[PACKET_IP_ID], 0xbe);
	ck_assert_uint_eq(frame[PACKET_IP_ID + 1], 0xef);
	ck_assert(fix_checksums_hold(frame));
}
END_TEST

// RFC 1624 §4: HC 0xDD2F, a field 0x5555 becomes 0x3285, HC' 0x0000, which UDP sends as all ones (RFC 768).
START_TEST(increments_as_rfc_1624_says) {
	ck_assert_uint_eq(rewrite_udp_checksum(0xdd2f, 0x5555, 0x3285), 0xffff);
}
END_TEST

// RFC 1071 §3: the words 0001 f203 f4f5 f6f7 sum to ddf2.
START_TEST(folds_as_rfc_1071_says) {
	ck_assert_uint_eq(packet_fold(0x0001ull + 0xf203 + 0xf4f5 + 0xf6f7), 0xddf2);
	ck_assert_uint_eq(packet_fold(UINT64_MAX), 0xffff);
	ck_assert_uint_eq(packet_fold(0), 0);
}
END_TEST

static uint32_t next_random(uint32_t *seed) {
	return *seed = *seed * 1664525 + 1013904223;
}

// Any datagram, any path: the increments agree with a recomputation from nothing.
START_TEST(increments_agree_with_recomputation) {
	uint8_t header[PACKET_PAYLOAD], frame[256], payload[128];
	uint32_t seed = 1;

	for (int i = 0; i < 20000; i++) {
		struct endpoint from = endpoint_v4(next_random(&seed), (uint16_t)(next_random(&seed) >> 16));
		struct endpoint to = endpoint_v4(next_random(&seed), (uint16_t)(next_random(&seed) >> 16));
		uint16_t len = next_random(&seed) >> 16 & 127;
		struct rewrite_path path = {
			.tos = (uint8_t)(next_random(&seed) >> 24),
			.local_be = next_random(&seed),
			.target_be = next_random(&seed),
			.local_port = (uint16_t)(next_random(&seed) >> 16),
			.target_port = (uint16_t)(next_random(&seed) >> 16),
		};

		for (uint16_t j = 0; j < len; j++)
			payload[j] = i % 3 == 0 ? 0xff : i % 3 == 1 ? 0 : (uint8_t)(next_random(&seed) >> 24);
		fix_frame(frame, &from, &to, payload, len);
		rewrite_prepare(header, &path);
		rewrite_frame(frame, header, (uint16_t)(next_random(&seed) >> 16));
		ck_assert(fix_checksums_hold(frame));
		ck_assert_mem_eq(frame + PACKET_PAYLOAD, payload, len);
		ck_assert_uint_eq(frame[PACKET_IP_TTL], 64);
	}
}
END_TEST

int main(void) {
	Suite *suite = suite_create("rewrite");
	TCase *tc = tcase_create("rewrite");

	tcase_add_test(tc, rewrites_as_tshark_has_it);
	tcase_add_test(tc, unused_udp_checksum_stays_unused);
	tcase_add_test(tc, fragmenting_is_as_the_sender_allowed);
	tcase_add_test(tc, increments_as_rfc_1624_says);
	tcase_add_test(tc, folds_as_rfc_1071_says);
	tcase_add_test(tc, increments_agree_with_recomputation);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
