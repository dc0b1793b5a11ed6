#include "dpdk_app/route_changes.h"
#include "tests/unit/run_suite.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

static struct route_changes changes;

static struct endpoint address(const char *text) {
	struct endpoint e;

	ck_assert_int_eq(endpoint_parse(text, strlen(text), 0, &e), 0);
	return e;
}

static void add(const char *network, unsigned prefix_length) {
	const struct endpoint e = address(network);

	route_changes_add(&changes, &e, prefix_length);
}

static bool concern(const char *to) {
	const struct endpoint e = address(to);

	return route_changes_concern(&changes, &e);
}

static void setup(void) {
	changes = (struct route_changes){0};
}

static const struct {
	const char *network;
	unsigned prefix_length;
	const char *address;
	bool concerned;
} cases[] = {
	{"192.0.2.0", 24, "192.0.2.0", true},
	{"192.0.2.0", 24, "192.0.2.255", true},
	{"192.0.2.0", 24, "192.0.3.0", false},
	{"192.0.2.0", 24, "192.0.1.255", false},
	{"192.0.2.77", 24, "192.0.2.1", true}, // host bits are not looked at
	{"192.0.2.5", 32, "192.0.2.5", true},
	{"192.0.2.5", 32, "192.0.2.4", false},
	{"128.0.0.0", 1, "255.255.255.255", true},
	{"128.0.0.0", 1, "127.255.255.255", false},
	{"0.0.0.0", 0, "203.0.113.5", true},
};

START_TEST(networks) {
	add(cases[_i].network, cases[_i].prefix_length);
	ck_assert_msg(concern(cases[_i].address) == cases[_i].concerned, "%s/%u, %s", cases[_i].network,
		cases[_i].prefix_length, cases[_i].address);
}
END_TEST

START_TEST(none_concern_nobody) {
	ck_assert(!concern("192.0.2.1"));
}
END_TEST

START_TEST(parts_take_no_room) {
	add("10.0.0.0", 8);
	for (int i = 0; i < 1000; i++)
		add("10.1.2.0", 24);
	ck_assert_uint_eq(changes.n, 1);
	ck_assert(!concern("11.0.0.0"));
}
END_TEST

START_TEST(too_many_are_everything) {
	char text[32];

	for (int i = 0; i < ROUTE_CHANGES_MAX; i++) {
		snprintf(text, sizeof(text), "10.0.%d.0", i);
		add(text, 24);
	}
	ck_assert(concern("10.0.0.1"));
	ck_assert(!concern("192.0.2.1"));
	add("10.1.0.0", 24);
	ck_assert(concern("192.0.2.1"));
	ck_assert_uint_eq(changes.n, 1);
	add("10.2.0.0", 24);
	ck_assert_uint_eq(changes.n, 1);
}
END_TEST

int main(void) {
	Suite *s = suite_create("route_changes");
	TCase *t = tcase_create("route_changes");

	tcase_add_checked_fixture(t, setup, NULL);
	tcase_add_loop_test(t, networks, 0, (int)(sizeof(cases) / sizeof(cases[0])));
	tcase_add_test(t, none_concern_nobody);
	tcase_add_test(t, parts_take_no_room);
	tcase_add_test(t, too_many_are_everything);
	suite_add_tcase(s, t);
	return run_suite(s);
}
