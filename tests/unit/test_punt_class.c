// What a frame for the kernel is, and how much of it may pass.
#include "dpdk_app/punt_class.h"
#include "tests/unit/run_suite.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

enum { FRAME = 64 };
static const uint64_t MS = 1000000, S = 1000000000;

// Types and protocol numbers by hand: IEEE 802.3, RFC 826, 791, 8200, 792, 4443, 9293, 768, 2236; IEEE 802.1Q.
static const struct {
	const char *what;
	uint8_t from_type[12]; // from the first Ethernet type on
	uint8_t protocol_at, protocol;
	enum punt_class class;
} frames[] = {
	{"ARP", {0x08, 0x06}, 0, 0, PUNT_ARP},
	{"IPv4 ICMP", {0x08, 0x00, 0x45}, 23, 1, PUNT_ICMP},
	{"IPv4 TCP", {0x08, 0x00, 0x45}, 23, 6, PUNT_TCP},
	{"IPv4 UDP", {0x08, 0x00, 0x45}, 23, 17, PUNT_UDP},
	{"a later fragment of UDP", {0x08, 0x00, 0x45, 0, 0, 40, 0, 0, 0x20, 0x10}, 23, 17, PUNT_UDP},
	{"IPv4 with options, UDP", {0x08, 0x00, 0x46}, 23, 17, PUNT_UDP},
	{"IGMP", {0x08, 0x00, 0x46}, 23, 2, PUNT_OTHER},
	{"IPv6 neighbour discovery", {0x86, 0xdd, 0x60}, 20, 58, PUNT_ICMP},
	{"IPv6 TCP", {0x86, 0xdd, 0x60}, 20, 6, PUNT_TCP},
	{"IPv6 UDP", {0x86, 0xdd, 0x60}, 20, 17, PUNT_UDP},
	{"IPv6 with extension headers", {0x86, 0xdd, 0x60}, 20, 0, PUNT_OTHER},
	{"LLDP", {0x88, 0xcc}, 0, 0, PUNT_OTHER},
	{"802.3 with a length (STP)", {0x00, 0x27, 0x42, 0x42}, 0, 0, PUNT_OTHER},
	{"ARP behind a tag", {0x81, 0x00, 0x00, 0x64, 0x08, 0x06}, 0, 0, PUNT_ARP},
	{"ICMP behind a tag", {0x81, 0x00, 0xe0, 0x64, 0x08, 0x00, 0x45}, 27, 1, PUNT_ICMP},
	{"TCP behind two tags", {0x88, 0xa8, 0, 1, 0x81, 0x00, 0, 2, 0x08, 0x00, 0x45}, 31, 6, PUNT_TCP},
	{"three tags", {0x81, 0x00, 0, 1, 0x81, 0x00, 0, 2, 0x81, 0x00, 0, 3}, 35, 6, PUNT_OTHER},
};

static void make(uint8_t frame[static FRAME], int i) {
	memset(frame, 0, FRAME);
	memcpy(frame + 12, frames[i].from_type, sizeof(frames[i].from_type));
	if (frames[i].protocol_at > 0)
		frame[frames[i].protocol_at] = frames[i].protocol;
}

START_TEST(classes) {
	uint8_t frame[FRAME];

	make(frame, _i);
	ck_assert_msg(punt_classify(frame, FRAME) == frames[_i].class, "%s: %s", frames[_i].what,
		punt_class_name(punt_classify(frame, FRAME)));
}
END_TEST

// Copies of exactly the length, so that the sanitizer sees a byte read too many.
START_TEST(cut_off) {
	uint8_t frame[FRAME];

	make(frame, _i);
	for (uint32_t length = 0; length <= FRAME; length++) {
		uint8_t *copy = malloc(length + !length);
		enum punt_class class;

		memcpy(copy, frame, length);
		class = punt_classify(copy, length);
		free(copy);
		ck_assert_msg(class == PUNT_OTHER || class == frames[_i].class, "%s, %u bytes: %s",
			frames[_i].what, length, punt_class_name(class));
	}
}
END_TEST

static const struct {
	uint32_t pps;
	unsigned at_once; // 100 ms worth of packets
} rates[] = {{0, 0}, {1, 1}, {10, 1}, {20, 2}, {1000, 100}, {10000, 1000}, {1000000, 100000}};

static unsigned take_all(struct punt_bucket *b, uint64_t now_ns) {
	unsigned n = 0;

	while (punt_bucket_take(b, now_ns))
		n++;
	return n;
}

START_TEST(buckets) {
	struct punt_bucket b;
	unsigned n = 0;

	punt_bucket_init(&b, rates[_i].pps);
	ck_assert_uint_eq(take_all(&b, 5 * S), rates[_i].at_once);
	for (unsigned ms = 1; ms <= 2000; ms++) // a flood of two seconds
		n += take_all(&b, 5 * S + ms * MS);
	ck_assert_uint_eq(n, 2 * rates[_i].pps);
	ck_assert_uint_eq(take_all(&b, 60 * S), rates[_i].at_once); // a long pause saves up no more
}
END_TEST

START_TEST(buckets_forgive_a_clock_that_stands) {
	struct punt_bucket b;

	punt_bucket_init(&b, 1000);
	ck_assert_uint_eq(take_all(&b, 5 * S), 100);
	ck_assert(!punt_bucket_take(&b, 5 * S));
	ck_assert(!punt_bucket_take(&b, 5 * S + MS - 1));
	ck_assert(punt_bucket_take(&b, 5 * S + MS));
}
END_TEST

int main(void) {
	Suite *s = suite_create("punt_class");
	TCase *t = tcase_create("punt_class");
	const int n = (int)(sizeof(frames) / sizeof(frames[0]));

	suite_add_tcase(s, t);
	tcase_add_loop_test(t, classes, 0, n);
	tcase_add_loop_test(t, cut_off, 0, n);
	tcase_add_loop_test(t, buckets, 0, (int)(sizeof(rates) / sizeof(rates[0])));
	tcase_add_test(t, buckets_forgive_a_clock_that_stands);
	return run_suite(s);
}
