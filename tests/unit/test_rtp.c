#include "relay/rtp.h"
#include "tests/unit/run_suite.h"

#include <check.h>

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

struct vector {
	const char *what;
	uint8_t bytes[40];
	size_t len;
	int want;
	uint16_t header, payload;
};

#define FIXED 0, 0, 1, 0, 0, 0, 160, 1, 2, 3, 4 // what follows the first byte

static const struct vector rtp[] = {
	{"nothing", {0}, 0, -EBADMSG},
	{"one byte", {0x80}, 1, -EBADMSG},
	{"header alone", {0x80, FIXED}, 12, 0, 12, 0},
	{"header, a byte short", {0x80, FIXED}, 11, -EBADMSG},
	{"payload", {0x80, FIXED, 9, 9, 9}, 15, 0, 12, 3},
	{"version 1", {0x40, FIXED}, 12, -EPROTO},
	{"version 3", {0xc0, FIXED}, 12, -EPROTO},
	{"two CSRCs", {0x82, FIXED, 1, 1, 1, 1, 2, 2, 2, 2, 7}, 21, 0, 20, 1},
	{"two CSRCs, one there", {0x82, FIXED, 1, 1, 1, 1}, 16, -EBADMSG},
	{"fifteen CSRCs, none there", {0x8f, FIXED}, 12, -EBADMSG},
	{"extension of no words", {0x90, FIXED, 0xbe, 0xde, 0, 0, 5}, 17, 0, 16, 1},
	{"extension of one word", {0x90, FIXED, 0xbe, 0xde, 0, 1, 0, 0, 0, 0, 5}, 21, 0, 20, 1},
	{"extension beyond the end", {0x90, FIXED, 0xbe, 0xde, 0, 1, 0, 0, 0}, 19, -EBADMSG},
	{"extension of 65535 words", {0x90, FIXED, 0xbe, 0xde, 0xff, 0xff}, 16, -EBADMSG},
	{"extension without its header", {0x90, FIXED, 0xbe, 0xde, 0}, 15, -EBADMSG},
	{"padding", {0xa0, FIXED, 5, 5, 0, 0, 3}, 17, 0, 12, 2},
	{"padding alone", {0xa0, FIXED, 0, 2}, 14, 0, 12, 0},
	{"padding of zero", {0xa0, FIXED, 5, 0}, 14, -EBADMSG},
	{"padding longer than payload", {0xa0, FIXED, 0, 3}, 14, -EBADMSG},
	{"padding without payload", {0xa0, FIXED}, 12, -EBADMSG},
	{"all of it", {0xb1, FIXED, 1, 1, 1, 1, 0xbe, 0xde, 0, 1, 0, 0, 0, 0, 5, 1}, 26, 0, 24, 1},
};

START_TEST(rtp_is_judged) {
	const struct vector *v = &rtp[_i];
	struct rtp_view view = {.header = 99};
	int ret = rtp_parse(v->bytes, v->len, &view);

	ck_assert_msg(ret == v->want, "%s: %d", v->what, ret);
	ck_assert_msg(rtp_is_valid(v->bytes, v->len) == (v->want == 0), "%s", v->what);
	ck_assert_uint_eq(view.header, ret == 0 ? v->header : 99);
	if (ret == 0)
		ck_assert_uint_eq(view.payload, v->payload);
}
END_TEST

START_TEST(rtp_is_described) {
	const uint8_t p[] = {0x80, 0x80 | 101, 0x12, 0x34, 1, 2, 3, 4, 0xde, 0xad, 0xbe, 0xef};
	struct rtp_view view;

	ck_assert_int_eq(rtp_parse(p, sizeof(p), &view), 0);
	ck_assert(view.marker);
	ck_assert_uint_eq(view.payload_type, 101);
	ck_assert_uint_eq(view.sequence, 0x1234);
	ck_assert_uint_eq(view.timestamp, 0x01020304);
	ck_assert_uint_eq(view.ssrc, 0xdeadbeef);
}
END_TEST

static const struct vector rtcp[] = {
	{"nothing", {0}, 0, -EBADMSG},
	{"three bytes", {0x80, 201, 0}, 3, -EBADMSG},
	{"empty receiver report", {0x80, 201, 0, 1, 1, 2, 3, 4}, 8, 0},
	{"shorter than it says", {0x80, 201, 0, 2, 1, 2, 3, 4}, 8, -EBADMSG},
	{"longer than it says", {0x80, 201, 0, 1, 1, 2, 3, 4, 5}, 9, -EBADMSG},
	{"version 1", {0x40, 201, 0, 1, 1, 2, 3, 4}, 8, -EPROTO},
	{"RTP", {0x80, 0, 0, 1, 1, 2, 3, 4}, 8, -EBADMSG},
	{"report and description", {0x80, 201, 0, 1, 1, 2, 3, 4, 0x81, 202, 0, 2, 1, 2, 3, 4, 1, 1, 65, 0},
		20, 0},
	{"second of version 0", {0x80, 201, 0, 1, 1, 2, 3, 4, 0x01, 202, 0, 0}, 12, -EBADMSG},
	{"reduced size (RFC 5506)", {0x81, 205, 0, 1, 1, 2, 3, 4}, 8, 0},
	{"padding in the last", {0xa0, 203, 0, 1, 0, 0, 0, 4}, 8, 0},
	{"padding in the first", {0xa0, 201, 0, 1, 0, 0, 0, 4, 0x80, 203, 0, 0}, 12, -EBADMSG},
	{"padding of zero", {0xa0, 203, 0, 1, 0, 0, 0, 0}, 8, -EBADMSG},
	{"padding not in words", {0xa0, 203, 0, 1, 0, 0, 0, 3}, 8, -EBADMSG},
	{"padding longer than the packet", {0xa0, 203, 0, 1, 0, 0, 0, 8}, 8, -EBADMSG},
};

START_TEST(rtcp_is_judged) {
	const struct vector *v = &rtcp[_i];
	int ret = rtcp_parse(v->bytes, v->len);

	ck_assert_msg(ret == v->want, "%s: %d", v->what, ret);
}
END_TEST

// RFC 7983 §7, all bytes.
START_TEST(first_bytes_have_classes) {
	for (unsigned b = 0; b < 256; b++) {
		enum rtp_class want = b <= 3   ? RTP_CLASS_STUN
			: b >= 20 && b <= 63   ? RTP_CLASS_DTLS
			: b >= 128 && b <= 191 ? RTP_CLASS_RTP
					       : RTP_CLASS_OTHER;

		ck_assert_uint_eq(rtp_class((uint8_t)b), want);
	}
}
END_TEST

int main(void) {
	Suite *suite = suite_create("rtp");
	TCase *tc = tcase_create("rtp");

	tcase_add_loop_test(tc, rtp_is_judged, 0, LEN(rtp));
	tcase_add_test(tc, rtp_is_described);
	tcase_add_loop_test(tc, rtcp_is_judged, 0, LEN(rtcp));
	tcase_add_test(tc, first_bytes_have_classes);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
