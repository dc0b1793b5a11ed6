// Answers as a Linux 6.18 kernel gave them (recorded with a netlink socket), and questions against rtnetlink(7)'s layout.
#include "dpdk_app/netlink.h"
#include "tests/unit/run_suite.h"

#include <check.h>
#include <errno.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Alignas(8) uint8_t message[1024];

static size_t from_hex(const char *hex) {
	size_t n = 0;

	for (; hex[2 * n] != '\0'; n++)
		ck_assert_int_eq(sscanf(hex + 2 * n, "%2hhx", &message[n]), 1);
	return n;
}

static struct {
	unsigned n;
	struct netlink_event last;
} told;

static void tell(void *ctx, const struct netlink_event *e) {
	(void)ctx;
	told.n++;
	told.last = *e;
}

static struct netlink_event parse_one(const char *hex) {
	told.n = 0;
	netlink_parse(message, from_hex(hex), tell, NULL);
	ck_assert_uint_eq(told.n, 1);
	return told.last;
}

static const struct {
	const char *what, *hex, *gateway;
	uint32_t seq;
	bool usable;
} routes[] = {
	{"on link",
		"680000001800000007000000cd60000002202000fe0000010002000008000f00fe000000080001000a020002080002000a020001"
		"0800040003000000080019000000000024000c000200000000000000000000000000000000000000000000000000000000000000",
		NULL, 7, true},
	{"by a gateway",
		"700000001800000008000000cd60000002202000fe0000010002000008000f00fe00000008000100c0000205080002000a020001"
		"0800040003000000080005000a020009080019000000000024000c00020000000000000000000000000000000000000000000000"
		"0000000000000000",
		"10.2.0.9", 8, true},
	{"no route: assumed on link, of no table",
		"680000001800000009000000cd60000002202000000000010002000008000f000000000008000100cb007105080002000a020001"
		"0800040003000000080019000000000024000c000100000000000000000000000000000000000000000000000000000000000000",
		NULL, 9, false},
	{"broadcast",
		"680000001800000"
		"00c000000cd60000002202000fe0000030002009008000f00fe000000080001000a0200ff080002000a020001"
		"0800040003000000080019000000000024000c000200000000000000000000000000000000000000000000000000000000000000",
		NULL, 12, false},
};

START_TEST(route) {
	const struct netlink_event e = parse_one(routes[_i].hex);
	char text[ENDPOINT_TEXT];

	ck_assert_int_eq(e.kind, NETLINK_EVENT_ROUTE);
	ck_assert_uint_eq(e.seq, routes[_i].seq);
	ck_assert_int_eq(e.ifindex, 3);
	ck_assert_msg(e.usable == routes[_i].usable, "%s", routes[_i].what);
	ck_assert_str_eq(endpoint_format_addr(&e.address, text),
		routes[_i].gateway == NULL ? "-" : routes[_i].gateway);
}
END_TEST

static const char neighbour_stale[] =
	"4c0000001c0000000d000000cd600000020000000300000004000001080001000a0200070a0002000200000000070000080004000000"
	"000014000300a4170000340000003400000001000000";

START_TEST(neighbour) {
	const struct netlink_event e = parse_one(neighbour_stale);
	const uint8_t mac[6] = {2, 0, 0, 0, 0, 7};
	char text[ENDPOINT_TEXT];

	ck_assert_int_eq(e.kind, NETLINK_EVENT_NEIGHBOUR);
	ck_assert_uint_eq(e.seq, 13);
	ck_assert_int_eq(e.ifindex, 3);
	ck_assert_uint_eq(e.nud, NUD_STALE);
	ck_assert(e.has_mac);
	ck_assert_mem_eq(e.mac, mac, 6);
	ck_assert_str_eq(endpoint_format_addr(&e.address, text), "10.2.0.7");
}
END_TEST

// Links as a Linux 6.1 kernel told of them.
static const char link_vlan[] =
	"20030000100000000000000000000000000001000400000002100000ffffffff0d000300657468302e3130300000000008000d00e803"
	"00000500100002000000050011000000000008000400dc050000080032000000000008003300ffff000008001b000000000008001e00"
	"0000000008003d000000000008001f000100000008002800ffff0000080029000000010008003a000000010008003b00f8ff07000800"
	"3c00ffff00000500210001000000090006006e6f6f7000000000080023000000000008002f0000000000080030000000000005002700"
	"0000000024000e0000000000000000000000000000000000000000000000000000000000000000000a00010002000000000100000a00"
	"0200ffffffffffff000004002a00cc001700000000000000000000000000000000000000000000000000000000000000000000000000"
	"000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
	"000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
	"000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
	"000064000700000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
	"0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000c002b000500"
	"0200000000003000120009000100766c616e0000000020000200060005008100000006000100640000000c00020001000000ffffffff"
	"080005000300000090001a008c0002008800010000000000000000000000000001000000010000000100000001000000000000000100"
	"000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
	"0000000000000000000000000000000010270000e80300000000000000000000000000000000000001000000";
static const char link_vlan_gone[] =
	"9402000011000000685c076bba020000000001000400000002100000ffffffff0d000300657468302e3130300000000008000d00e803"
	"00000500100002000000050011000000000008000400dc050000080032000000000008003300ffff000008001b000000000008001e00"
	"0000000008003d000000000008001f000100000008002800ffff0000080029000000010008003a000000010008003b00f8ff07000800"
	"3c00ffff00000500210000000000090006006e6f6f7000000000080023000100000008002f0000000000080030000100000005002700"
	"0000000024000e0000000000000000000000000000000000000000000000000000000000000000000a00010002000000000100000a00"
	"0200ffffffffffff000004002a00cc001700000000000000000000000000000000000000000000000000000000000000000000000000"
	"000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
	"000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
	"000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
	"000064000700000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
	"0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000c002b000500"
	"0200000000003000120009000100766c616e0000000020000200060005008100000006000100640000000c00020001000000ffffffff"
	"080005000300000004001a00";
// VLAN 100 of the provider's kind (802.1ad).
static const char link_provider[] =
	"20030000100000000000000000000000000001000500000002100000ffffffff0c000300657468302e61640008000d00e80300000500"
	"100002000000050011000000000008000400dc050000080032000000000008003300ffff000008001b000000000008001e0000000000"
	"08003d000000000008001f000100000008002800ffff0000080029000000010008003a000000010008003b00f8ff070008003c00ffff"
	"00000500210001000000090006006e6f6f7000000000080023000000000008002f000000000008003000000000000500270000000000"
	"04002a0024000e0000000000000000000000000000000000000000000000000000000000000000000a00010002000000000100000a00"
	"0200ffffffffffff000004002a00cc001700000000000000000000000000000000000000000000000000000000000000000000000000"
	"000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
	"000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
	"000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
	"000064000700000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
	"0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000c002b000500"
	"0200000000003000120009000100766c616e00000000200002000600050088a8000006000100640000000c00020001000000ffffffff"
	"080005000300000090001a008c0002008800010000000000000000000000000001000000010000000100000001000000000000000100"
	"000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
	"0000000000000000000000000000000010270000e80300000000000000000000000000000000000001000000";

START_TEST(vlan_link) {
	const uint8_t mac[6] = {2, 0, 0, 0, 0, 1};
	struct netlink_event e = parse_one(link_vlan);

	ck_assert_int_eq(e.kind, NETLINK_EVENT_LINK);
	ck_assert_int_eq(e.ifindex, 4);
	ck_assert_int_eq(e.parent, 3);
	ck_assert_uint_eq(e.vlan, 100);
	ck_assert_str_eq(e.name, "eth0.100");
	ck_assert(e.has_mac);
	ck_assert_mem_eq(e.mac, mac, 6);
	ck_assert(!e.up);
	e = parse_one(link_vlan_gone);
	ck_assert_int_eq(e.kind, NETLINK_EVENT_LINK_GONE);
	ck_assert_int_eq(e.ifindex, 4);
	ck_assert_uint_eq(e.vlan, 100);
}
END_TEST

START_TEST(other_tags_are_no_vlan) {
	const struct netlink_event e = parse_one(link_provider);

	ck_assert_int_eq(e.kind, NETLINK_EVENT_LINK);
	ck_assert_str_eq(e.name, "eth0.ad");
	ck_assert_uint_eq(e.vlan, 0);
	ck_assert_int_eq(e.parent, 0);
}
END_TEST

// What a following socket hears; all of them recorded from a Linux 6.1 kernel.
static const struct {
	const char *what, *hex, *network;
	enum netlink_kind kind;
	uint8_t prefix_length;
} changes[] = {
	{"route added",
		"3c00000018000006595c076baf02000002180000fe0300010000000008000f00fe00000008000100c0000200080005000a020009"
		"0800040003000000",
		"192.0.2.0", NETLINK_EVENT_ROUTE, 24},
	{"default route added",
		"3400000018000006595c076bb102000002000000fe0300010000000008000f00fe000000080005000a0200090800040003000000",
		"0.0.0.0", NETLINK_EVENT_ROUTE, 0},
	{"address added",
		"5000000014000000595c076bad0200000218800003000000080001000a020001080002000a0200010900030065746830000000000800"
		"08008000000014000600ffffffffffffffffa8010000a8010000",
		NULL, NETLINK_EVENT_ALL_ROUTES, 0},
	{"rule added",
		"44000000200000005a5c076bb302000002002000050000010000000008000f000500000008000e00ffffffff0500150000000000"
		"08000600fd7f0000080002000a020001",
		NULL, NETLINK_EVENT_ALL_ROUTES, 0},
	{"next-hop object added",
		"30000000680005065a5c076bb502000002fd00000000000008000100050000000800050003000000080006000a020009",
		NULL, NETLINK_EVENT_ALL_ROUTES, 0},
};

START_TEST(change) {
	const struct netlink_event e = parse_one(changes[_i].hex);
	char text[ENDPOINT_TEXT];

	ck_assert_msg(e.kind == changes[_i].kind, "%s", changes[_i].what);
	if (changes[_i].network == NULL)
		return;
	ck_assert_str_eq(endpoint_format_addr(&e.network, text), changes[_i].network);
	ck_assert_uint_eq(e.prefix_length, changes[_i].prefix_length);
}
END_TEST

// A list's last message carries 0, or why it is not whole.
START_TEST(end_of_list) {
	struct netlink_event e = parse_one("14000000030002000700000001000000"
					   "00000000");

	ck_assert_int_eq(e.kind, NETLINK_EVENT_ANSWERED);
	ck_assert_uint_eq(e.seq, 7);
	ck_assert_int_eq(e.error, 0);
	e = parse_one("14000000030002000700000001000000"
		      "f4ffffff");
	ck_assert_int_eq(e.error, -ENOMEM);
}
END_TEST

START_TEST(refusal) {
	const struct netlink_event e =
		parse_one("38000000020000000e000000cd600000feffffff240000001e0001000e00000000000000"
			  "020000000300000000000000080001000a020008");

	ck_assert_int_eq(e.kind, NETLINK_EVENT_ANSWERED);
	ck_assert_uint_eq(e.seq, 14);
	ck_assert_int_eq(e.error, -ENOENT);
}
END_TEST

// Every way of cutting a message off, and every length that it may claim: nothing is read beyond it (see under ASan).
static const char *const cut_messages[] = {neighbour_stale, link_vlan};

START_TEST(cut_off) {
	const size_t n = from_hex(cut_messages[_i]);
	uint8_t *exact;

	for (size_t length = 0; length < n; length++) {
		exact = malloc(length > 0 ? length : 1);
		from_hex(cut_messages[_i]);
		memcpy(exact, message, length);
		told.n = 0;
		netlink_parse(exact, length, tell, NULL);
		ck_assert_uint_eq(told.n, 0);
		if (length >= 4) {
			const uint32_t claim = (uint32_t)length;

			memcpy(exact, &claim, sizeof(claim));
			netlink_parse(exact, length, tell, NULL);
		}
		free(exact);
	}
}
END_TEST

START_TEST(several_in_a_datagram) {
	const size_t n = from_hex(neighbour_stale);

	memcpy(message + n, message, n);
	told.n = 0;
	netlink_parse(message, 2 * n, tell, NULL);
	ck_assert_uint_eq(told.n, 2);
}
END_TEST

static struct endpoint address(const char *text) {
	struct endpoint e;

	ck_assert_int_eq(endpoint_parse(text, strlen(text), 0, &e), 0);
	return e;
}

// The very bytes of the question that the recorded answer "by a gateway" answered.
START_TEST(asks_route) {
	struct netlink_batch b = {0};
	const struct endpoint dst = address("192.0.2.5"), src = address("10.2.0.1");
	const size_t n = from_hex(
		"340000001a000100080000000000000002202000000000000010000008000100c0000205080002000a02000"
		"10800040003000000");

	netlink_put_route(&b, 8, &dst, &src, 3);
	ck_assert_uint_eq(b.used, n);
	ck_assert_mem_eq(b.buf, message, n);
}
END_TEST

START_TEST(asks_neighbour) {
	struct netlink_batch b = {0};
	const struct endpoint a = address("10.2.0.8");
	const size_t n = from_hex("240000001e0001000e00000000000000020000000300000000000000080001000a020008");

	netlink_put_neighbour(&b, 14, 3, &a);
	ck_assert_uint_eq(b.used, n);
	ck_assert_mem_eq(b.buf, message, n);
}
END_TEST

START_TEST(uses_neighbour) {
	struct netlink_batch b = {0};
	const struct endpoint a = address("10.2.0.8");
	const struct nlmsghdr *h = (const void *)b.buf;
	const struct ndmsg *m = (const void *)(b.buf + NLMSG_HDRLEN);

	netlink_put_use(&b, 15, 3, &a);
	ck_assert_uint_eq(h->nlmsg_type, RTM_NEWNEIGH);
	ck_assert_uint_eq(h->nlmsg_flags, NLM_F_REQUEST | NLM_F_CREATE | NLM_F_ACK);
	ck_assert_uint_eq(m->ndm_flags, NTF_USE);
	ck_assert_uint_eq(m->ndm_state, NUD_NONE);
	ck_assert_int_eq(m->ndm_ifindex, 3);
}
END_TEST

START_TEST(asks_all_links) {
	struct netlink_batch b = {0};
	const struct nlmsghdr *h = (const void *)b.buf;

	netlink_put_all_links(&b, 16);
	ck_assert_uint_eq(b.used, NLMSG_LENGTH(sizeof(struct ifinfomsg)));
	ck_assert_uint_eq(h->nlmsg_type, RTM_GETLINK);
	ck_assert_uint_eq(h->nlmsg_flags, NLM_F_REQUEST | NLM_F_DUMP);
	ck_assert_uint_eq(h->nlmsg_seq, 16);
}
END_TEST

START_TEST(batch_fills) {
	struct netlink_batch b = {0};
	unsigned n = 0;

	for (; netlink_has_room(&b); n++)
		netlink_put_link(&b, n + 1, 3);
	ck_assert_uint_ge(n, 32);
	ck_assert_uint_le(b.used, sizeof(b.buf));
}
END_TEST

int main(void) {
	Suite *s = suite_create("netlink");
	TCase *t = tcase_create("netlink");

	tcase_add_loop_test(t, route, 0, (int)(sizeof(routes) / sizeof(routes[0])));
	tcase_add_test(t, neighbour);
	tcase_add_test(t, refusal);
	tcase_add_test(t, vlan_link);
	tcase_add_test(t, other_tags_are_no_vlan);
	tcase_add_loop_test(t, change, 0, (int)(sizeof(changes) / sizeof(changes[0])));
	tcase_add_test(t, end_of_list);
	tcase_add_loop_test(t, cut_off, 0, 2);
	tcase_add_test(t, several_in_a_datagram);
	tcase_add_test(t, asks_route);
	tcase_add_test(t, asks_neighbour);
	tcase_add_test(t, uses_neighbour);
	tcase_add_test(t, asks_all_links);
	tcase_add_test(t, batch_fills);
	suite_add_tcase(s, t);
	return run_suite(s);
}
