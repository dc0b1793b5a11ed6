#include "control/sip/via.h"
#include "tests/unit/run_suite.h"

#include <check.h>
#include <errno.h>

static const struct {
	const char *text, *transport, *host;
	uint32_t port;
	const char *branch, *params;
	bool has_rport, is_ipv6;
	const char *whole, *rest;
} good[] = {
	// RFC 3261 §20.42
	{"SIP/2.0/UDP erlang.bell-telephone.com:5060;branch=z9hG4bK87asdks7", "UDP",
		"erlang.bell-telephone.com", 5060, "z9hG4bK87asdks7", "branch=z9hG4bK87asdks7", false, false,
		"SIP/2.0/UDP erlang.bell-telephone.com:5060;branch=z9hG4bK87asdks7", ""},
	{"SIP/2.0/UDP first.example.com: 4000;ttl=16 ;maddr=224.2.0.1 ;branch=z9hG4bKa7c6a8dlze.1", "UDP",
		"first.example.com", 4000, "z9hG4bKa7c6a8dlze.1",
		"ttl=16 ;maddr=224.2.0.1 ;branch=z9hG4bKa7c6a8dlze.1", false, false,
		"SIP/2.0/UDP first.example.com: 4000;ttl=16 ;maddr=224.2.0.1 ;branch=z9hG4bKa7c6a8dlze.1",
		""},
	// RFC 3581
	{"SIP/2.0/UDP 10.1.1.1:4540;rport;branch=z9hG4bKkjshdyff", "UDP", "10.1.1.1", 4540, "z9hG4bKkjshdyff",
		"rport;branch=z9hG4bKkjshdyff", true, false,
		"SIP/2.0/UDP 10.1.1.1:4540;rport;branch=z9hG4bKkjshdyff", ""},
	// RFC 4475 §3.1.1.1, unfolded
	{"SIP  / 2.0  / TCP     spindle.example.com   ;  branch  =   z9hG4bK9ikj8  ,  SIP/2.0/UDP x", "TCP",
		"spindle.example.com", 0, "z9hG4bK9ikj8", "branch  =   z9hG4bK9ikj8", false, false,
		"SIP  / 2.0  / TCP     spindle.example.com   ;  branch  =   z9hG4bK9ikj8", "  SIP/2.0/UDP x"},
	{"sip/2.0/udp [2001:db8::9:1]:5061;RPORT=9;Branch=x;received=[::1]", "udp", "2001:db8::9:1", 5061,
		"x", "RPORT=9;Branch=x;received=[::1]", true, true,
		"sip/2.0/udp [2001:db8::9:1]:5061;RPORT=9;Branch=x;received=[::1]", ""},
	{"SIP/7.0/X-1 h;x=\",\"", "X-1", "h", 0, "", "x=\",\"", false, false, "SIP/7.0/X-1 h;x=\",\"", ""},
	{"SIP/2.0/UDP h", "UDP", "h", 0, "", "", false, false, "SIP/2.0/UDP h", ""},
	{"SIP/2.0/UDP\th", "UDP", "h", 0, "", "", false, false, "SIP/2.0/UDP\th", ""},
};

START_TEST(parses) {
	struct span rest = span_of(good[_i].text);
	struct sip_via v;

	ck_assert_msg(sip_via_parse(&rest, &v) == 0, "%s", good[_i].text);
	ck_assert(span_equal(v.transport, span_of(good[_i].transport)));
	ck_assert(span_equal(v.host, span_of(good[_i].host)));
	ck_assert_uint_eq(v.port, good[_i].port);
	ck_assert(span_equal(v.branch, span_of(good[_i].branch)));
	ck_assert(span_equal(v.params, span_of(good[_i].params)));
	ck_assert(v.has_rport == good[_i].has_rport);
	ck_assert(v.host_is_ipv6 == good[_i].is_ipv6);
	ck_assert(span_equal(v.whole, span_of(good[_i].whole)));
	ck_assert(span_equal(rest, span_of(good[_i].rest)));
}
END_TEST

static const char *const bad[] = {"", ",", "h", "SIP", "SIP/2.0", "SIP/2.0/UDP", "SIP/2.0/UDP ", "SIP/2.0/ h",
	"SIP//UDP h", "HTTP/2.0/UDP h", "SIP 2.0 UDP h", "SIP/2.0/UDP;branch=x", "SIP/2.0/UDP ;branch=x",
	"SIP/2.0/UDP h:", "SIP/2.0/UDP h:0", "SIP/2.0/UDP h:65536", "SIP/2.0/UDP h i", "SIP/2.0/UDP [::1",
	"SIP/2.0/UDP 2001:db8::9:1", "SIP/2.0/UDP h;;branch=x",
	"SIP/2.0/UDP h;branch=", "SIP/2.0/UDP h;branch", "SIP/2.0/UDP h;branch=a;branch=b",
	"SIP/2.0/UDP h;branch=\"a\"", "SIP/2.0/UDP h;branch=a b", "SIP/2.0/UDP h;x=\"", "SIP/2.0/UDP h/i",
	"SIP/2.0/UDP[::1]"};

START_TEST(refuses) {
	struct span rest = span_of(bad[_i]);
	struct sip_via v;

	ck_assert_msg(sip_via_parse(&rest, &v) == -EINVAL, "%s", bad[_i]);
}
END_TEST

static const struct {
	const char *text;
	int n;
} counts[] = {
	{"a", 1},
	{"a,b", 2},
	{"a;x=\",,\" , b", 2},
	{"a,,b", -EINVAL},
	{"a,", -EINVAL},
	{",a", -EINVAL},
	{"", -EINVAL},
	{"a,\"b", -EINVAL},
};

START_TEST(counts_values) {
	ck_assert_int_eq(sip_via_count(span_of(counts[_i].text)), counts[_i].n);
}
END_TEST

#define LEN(a) (int)(sizeof(a) / sizeof((a)[0]))

int main(void) {
	Suite *suite = suite_create("sip_via");
	TCase *tc = tcase_create("sip_via");

	tcase_add_loop_test(tc, parses, 0, LEN(good));
	tcase_add_loop_test(tc, refuses, 0, LEN(bad));
	tcase_add_loop_test(tc, counts_values, 0, LEN(counts));
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
