#include "control/sip/route_set.h"
#include "tests/unit/run_suite.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>

static char text[16384], out[16384];
static struct sip_msg msg;

static void parse(const char *headers) {
	enum sip_fault fault;
	int len = snprintf(text, sizeof(text),
		"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKx\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:b@c>;tag=2\r\n"
		"Call-ID: a\r\nCSeq: 1 INVITE\r\n%s\r\n",
		headers);

	ck_assert_int_lt(len, (int)sizeof(text));
	ck_assert_int_eq(sip_msg_parse(text, (size_t)len, &msg, &fault), SIP_FRAME_OK);
}

static const struct {
	const char *what, *headers, *as_received, *reversed;
	int ret;
} sets[] = {
	{"none", "", "", "", 0},
	{"one", "Record-Route: <sip:p1;lr>\r\n", "<sip:p1;lr>", "<sip:p1;lr>", 0},
	{"several in one header, several headers",
		"Record-Route: <sip:p1;lr>, <sip:p2>;x=\",\" ,<sip:p3:5070;lr>\r\n"
		"Record-Route: \"P, 4\" <sip:p4;lr>\r\n",
		"<sip:p1;lr>, <sip:p2>, <sip:p3:5070;lr>, <sip:p4;lr>",
		"<sip:p4;lr>, <sip:p3:5070;lr>, <sip:p2>, <sip:p1;lr>", 0},
	{"no address", "Record-Route: <sip:p1;lr>, *\r\n", "", "", -EINVAL},
	{"an open angle", "Record-Route: <sip:p1;lr\r\n", "", "", -EINVAL},
	{"empty", "Record-Route:\r\nRecord-Route: <sip:p1>\r\n", "<sip:p1>", "<sip:p1>", 0},
};

START_TEST(collects) {
	struct sink s = sink_over(out, sizeof(out));

	parse(sets[_i].headers);
	ck_assert_msg(route_set_collect(&msg, ROUTE_AS_RECEIVED, &s) == sets[_i].ret, "%s", sets[_i].what);
	ck_assert_msg(span_equal(sink_result(&s), span_of(sets[_i].as_received)), "%s", sets[_i].what);
	s = sink_over(out, sizeof(out));
	ck_assert_msg(route_set_collect(&msg, ROUTE_REVERSED, &s) == sets[_i].ret, "%s", sets[_i].what);
	ck_assert_msg(span_equal(sink_result(&s), span_of(sets[_i].reversed)), "%s", sets[_i].what);
}
END_TEST

START_TEST(has_a_cap) {
	char many[SIP_ROUTES_MAX * 8 + 64] = "Record-Route: <sip:p>";
	struct sink s = sink_over(out, sizeof(out));

	for (int i = 1; i < SIP_ROUTES_MAX; i++)
		strcat(many, ",<sip:p>");
	strcat(many, "\r\n");
	parse(many);
	ck_assert_int_eq(route_set_collect(&msg, ROUTE_REVERSED, &s), 0);
	strcat(many, "Record-Route: <sip:q>\r\n");
	parse(many);
	s = sink_over(out, sizeof(out));
	ck_assert_int_eq(route_set_collect(&msg, ROUTE_REVERSED, &s), -E2BIG);
	ck_assert_uint_eq(s.len, 0);
}
END_TEST

START_TEST(tells_of_overflow) {
	struct sink s = sink_over(out, 10);

	parse("Record-Route: <sip:p1;lr>\r\n");
	ck_assert_int_eq(route_set_collect(&msg, ROUTE_AS_RECEIVED, &s), -ENOSPC);
}
END_TEST

START_TEST(is_taken_apart) {
	struct span rest = span_of("<sip:p1;x=lr>, <sip:p2:5070;LR=on>,<tel:1>, <sip:p3;lr>");
	struct sip_uri u;

	ck_assert_int_eq(route_set_next(&rest, &u), 0);
	ck_assert(span_equal(u.host, span_of("p1")));
	ck_assert(!route_set_is_loose(&u));
	ck_assert_int_eq(route_set_next(&rest, &u), 0);
	ck_assert_uint_eq(u.port, 5070);
	ck_assert(route_set_is_loose(&u));
	ck_assert_int_eq(route_set_next(&rest, &u), 0);
	ck_assert(!route_set_is_loose(&u));
	ck_assert_int_eq(route_set_next(&rest, &u), 0);
	ck_assert(route_set_is_loose(&u));
	ck_assert_int_eq(route_set_next(&rest, &u), -ENOENT);
	rest = span_of("<sip:p1");
	ck_assert_int_eq(route_set_next(&rest, &u), -EINVAL);
	rest = span_of("<sip:a@b@c>");
	ck_assert_int_eq(route_set_next(&rest, &u), -EINVAL);
}
END_TEST

#define LEN(a) (int)(sizeof(a) / sizeof((a)[0]))

int main(void) {
	Suite *suite = suite_create("sip_route_set");
	TCase *tc = tcase_create("sip_route_set");

	tcase_add_loop_test(tc, collects, 0, LEN(sets));
	tcase_add_test(tc, has_a_cap);
	tcase_add_test(tc, tells_of_overflow);
	tcase_add_test(tc, is_taken_apart);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
