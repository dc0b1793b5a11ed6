// Realms on VLANs: frames come with a tag, leave with another's, and media on a wrong one is no media.
#include "tests/unit/relay_fixture.h"
#include "tests/unit/run_suite.h"

#include <check.h>

enum { HEADROOM = 16, VLAN_A = 100, VLAN_B = 4094 };

static struct fixture *f;
static struct proto_put_result put;
static uint8_t room[HEADROOM + 256], *const frame = room + HEADROOM;

// access on VLAN_A and edge on VLAN_B, both on port 0; core untagged on port 1.
static void setup(void) {
	f = calloc(1, sizeof(*f));
	ck_assert_ptr_nonnull(f);
	fix_params(f, 4);
	f->params.realms[0].vlan = VLAN_A;
	f->params.realms[2].vlan = VLAN_B;
	fix_start(f);
	ck_assert_uint_eq(fix_hello(f, PROTO_CONTROLLER, FIX_OWNER), 0);
}

static void teardown(void) {
	fix_destroy(f);
}

static void put_session(const char *callee_realm) {
	struct proto_session s = fix_session(1);

	snprintf(s.side[1].realm, PROTO_NAME, "%s", callee_realm);
	ck_assert_uint_eq(fix_put(f, &s, &put), 0);
}

// RTP of one side's peer on that port, with that tag (-1: none). The frame that comes out is p->data.
static unsigned feed(unsigned side, uint16_t port, int vlan, struct relay_packet *p) {
	struct endpoint from =
		side == 0 ? fix_endpoint("192.0.2.10", 4000) : fix_endpoint("198.51.100.20", 5000);

	*p = (struct relay_packet){.data = frame, .port = port};
	p->length = fix_frame(frame, &from, &put.local[side], fix_rtp, sizeof(fix_rtp));
	if (vlan >= 0)
		p->data = fix_tag(frame, &p->length, (uint16_t)vlan);
	return fix_burst(f, 0, p);
}

static void check_out(const struct relay_packet *p, uint16_t port, int vlan, const char *to) {
	const uint8_t *ip = p->data + PACKET_TYPE;
	struct endpoint target = fix_endpoint(to, 0);

	ck_assert_uint_eq(p->port, port);
	ck_assert_mem_eq(p->data + PACKET_MAC_SOURCE, f->params.port_mac[port], 6);
	if (vlan >= 0) {
		ck_assert_uint_eq(packet_load16(ip), htons(0x8100));
		ck_assert_uint_eq(packet_load16(ip + 2), htons((uint16_t)vlan));
		ip += PACKET_TAG;
	}
	ck_assert_uint_eq(p->length, PACKET_PAYLOAD + sizeof(fix_rtp) + (vlan >= 0 ? PACKET_TAG : 0));
	ck_assert_uint_eq(packet_load16(ip), htons(0x0800));
	ck_assert_mem_eq(ip + 2 + 16, target.addr, 4);
	ck_assert(fix_checksums_hold(ip - PACKET_TYPE));
}

START_TEST(tagged_to_untagged) {
	struct relay_packet p;

	put_session("core");
	ck_assert_uint_eq(feed(0, 0, VLAN_A, &p), VERDICT_FORWARDED);
	check_out(&p, 1, -1, "198.51.100.20");
}
END_TEST

START_TEST(untagged_to_tagged) {
	struct relay_packet p;

	put_session("core");
	ck_assert_uint_eq(feed(1, 1, -1, &p), VERDICT_FORWARDED);
	check_out(&p, 0, VLAN_A, "192.0.2.10");
}
END_TEST

START_TEST(one_vlan_to_another_of_one_port) {
	struct relay_packet p;

	put_session("edge");
	ck_assert_uint_eq(feed(0, 0, VLAN_A, &p), VERDICT_FORWARDED);
	check_out(&p, 0, VLAN_B, "198.51.100.20");
	ck_assert_uint_eq(feed(1, 0, VLAN_B, &p), VERDICT_FORWARDED);
	check_out(&p, 0, VLAN_A, "192.0.2.10");
}
END_TEST

START_TEST(a_tag_of_priority_only_is_no_vlan) {
	struct relay_packet p;

	put_session("core");
	ck_assert_uint_eq(feed(1, 1, 5 << 13, &p), VERDICT_FORWARDED);
	ck_assert_uint_eq(feed(0, 0, 5 << 13 | VLAN_A, &p), VERDICT_FORWARDED); // nor does a priority matter
}
END_TEST

struct wrong {
	const char *what;
	unsigned side;
	uint16_t port;
	int vlan;
};

static const struct wrong wrong[] = {
	{"another realm's VLAN", 0, 0, VLAN_B},
	{"nobody's VLAN", 0, 0, 7},
	{"no VLAN where there is one", 0, 0, -1},
	{"a VLAN where there is none", 1, 1, VLAN_A},
	{"the right VLAN on the wrong port", 0, 1, VLAN_A},
	{"the wrong port", 1, 0, -1},
};

START_TEST(elsewhere_is_the_wrong_realm) {
	const struct wrong *w = &wrong[_i];
	struct relay_packet p;

	put_session("core");
	ck_assert_msg(feed(w->side, w->port, w->vlan, &p) == VERDICT_WRONG_REALM, "%s: %s", w->what,
		verdict_name(p.verdict));
	ck_assert_uint_eq(p.component, UINT32_MAX);
	ck_assert_uint_eq(relay_worker_stats(f->w)->verdicts[VERDICT_WRONG_REALM], 1);
}
END_TEST

START_TEST(short_and_double_tags_are_no_media) {
	struct relay_packet p;
	uint32_t whole;

	put_session("core");
	feed(0, 0, VLAN_A, &p);
	whole = PACKET_PAYLOAD + PACKET_TAG + sizeof(fix_rtp);
	for (uint32_t length = 0; length < whole; length++) {
		struct endpoint from = fix_endpoint("192.0.2.10", 4000);
		uint32_t n = fix_frame(frame, &from, &put.local[0], fix_rtp, sizeof(fix_rtp));

		p = (struct relay_packet){.data = fix_tag(frame, &n, VLAN_A), .length = length};
		ck_assert_uint_ne(fix_burst(f, 0, &p), VERDICT_FORWARDED);
	}
	ck_assert_uint_eq(feed(0, 0, VLAN_A, &p), VERDICT_FORWARDED);

	struct endpoint from = fix_endpoint("192.0.2.10", 4000);

	p = (struct relay_packet){.port = 0};
	p.length = fix_frame(frame, &from, &put.local[0], fix_rtp, sizeof(fix_rtp));
	p.data = fix_tag(fix_tag(frame, &p.length, VLAN_A), &p.length, VLAN_A);
	ck_assert_uint_eq(fix_burst(f, 0, &p), VERDICT_NOT_MEDIA);
}
END_TEST

int main(void) {
	Suite *suite = suite_create("vlan");
	TCase *tc = tcase_create("vlan");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, tagged_to_untagged);
	tcase_add_test(tc, untagged_to_tagged);
	tcase_add_test(tc, one_vlan_to_another_of_one_port);
	tcase_add_test(tc, a_tag_of_priority_only_is_no_vlan);
	tcase_add_loop_test(tc, elsewhere_is_the_wrong_realm, 0, sizeof(wrong) / sizeof(wrong[0]));
	tcase_add_test(tc, short_and_double_tags_are_no_media);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
