#include "dpdk_app/realm_link.h"
#include "tests/unit/run_suite.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

enum { PORT_IF = 3, OTHER_PORT_IF = 5 };

static const struct host_interface port = {.name = "eth0", .index = PORT_IF, .mac = {2, 0, 0, 0, 0, 1}};
static const struct config_realm untagged = {.name = "access"};
static const struct config_realm tagged = {.name = "access", .vlan = 100};
static const struct config_realm named = {.name = "access", .vlan = 100, .interface = "br0.100"};

static struct netlink_event there(const char *name, int ifindex, int parent, uint16_t vlan) {
	struct netlink_event e = {.kind = NETLINK_EVENT_LINK,
		.ifindex = ifindex,
		.parent = parent,
		.vlan = vlan,
		.has_mac = true,
		.mac = {2, 0, 0, 0, 0, 1}};

	snprintf(e.name, sizeof(e.name), "%s", name);
	return e;
}

static struct netlink_event gone(int ifindex) {
	return (struct netlink_event){.kind = NETLINK_EVENT_LINK_GONE, .ifindex = ifindex};
}

// Tell it, and what must follow: another interface or not, and which one it is then.
static void tell(struct realm_link *l, struct netlink_event e, bool changes, int ifindex) {
	ck_assert_int_eq(realm_link_on(l, &e), changes);
	ck_assert_int_eq(l->ifindex, ifindex);
}

START_TEST(port_itself) {
	struct realm_link l = realm_link_begin(&untagged, &port);

	ck_assert_int_eq(l.ifindex, PORT_IF);
	tell(&l, there("eth0.100", 9, PORT_IF, 100), false, PORT_IF);
	tell(&l, there("eth0", PORT_IF, 0, 0), false, PORT_IF);
	realm_link_list_begin(&l);
	ck_assert(!realm_link_list_end(&l));
	ck_assert_int_eq(l.ifindex, PORT_IF);
}
END_TEST

START_TEST(vlan_comes_and_goes) {
	struct realm_link l = realm_link_begin(&tagged, &port);

	ck_assert_int_eq(l.ifindex, 0);
	tell(&l, there("eth1.100", 7, OTHER_PORT_IF, 100), false, 0); // of another port
	tell(&l, there("eth0.200", 8, PORT_IF, 200), false, 0); // another VLAN
	tell(&l, there("eth0", PORT_IF, 0, 0), false, 0);
	tell(&l, there("any-name", 9, PORT_IF, 100), true, 9);
	tell(&l, there("any-name", 9, PORT_IF, 100), false, 9);
	tell(&l, gone(8), false, 9);
	tell(&l, gone(9), true, 0);
	tell(&l, gone(9), false, 0);
	tell(&l, there("again", 12, PORT_IF, 100), true, 12);
}
END_TEST

START_TEST(named_one) {
	struct realm_link l = realm_link_begin(&named, &port);

	tell(&l, there("eth0.100", 8, PORT_IF, 100), false, 0); // the name decides
	tell(&l, there("br0.100", 9, 4, 100), true, 9);
	tell(&l, there("br0.old", 9, 4, 100), true, 0); // renamed
	tell(&l, there("br0.100", 10, 0, 0), true, 10);
	tell(&l, gone(10), true, 0);
}
END_TEST

// A list tells of what is not there, too.
START_TEST(lists) {
	struct realm_link l = realm_link_begin(&tagged, &port);

	realm_link_list_begin(&l);
	tell(&l, there("eth0", PORT_IF, 0, 0), false, 0);
	ck_assert(!realm_link_list_end(&l));
	ck_assert(l.told_missing);
	realm_link_list_begin(&l);
	tell(&l, there("eth0.100", 9, PORT_IF, 100), true, 9);
	ck_assert(!realm_link_list_end(&l));
	ck_assert(!l.told_missing);
	ck_assert_int_eq(l.ifindex, 9);
	realm_link_list_begin(&l); // it went while news were lost
	ck_assert(realm_link_list_end(&l));
	ck_assert_int_eq(l.ifindex, 0);
}
END_TEST

START_TEST(foreign_mac_is_told_once) {
	struct realm_link l = realm_link_begin(&tagged, &port);
	struct netlink_event e = there("eth0.100", 9, PORT_IF, 100);

	tell(&l, e, true, 9);
	ck_assert(!l.told_mac);
	e.mac[5] = 7;
	tell(&l, e, false, 9);
	ck_assert(l.told_mac);
	e.mac[5] = 1;
	tell(&l, e, false, 9);
	ck_assert(!l.told_mac);
}
END_TEST

int main(void) {
	Suite *s = suite_create("realm_link");
	TCase *t = tcase_create("realm_link");

	tcase_add_test(t, port_itself);
	tcase_add_test(t, vlan_comes_and_goes);
	tcase_add_test(t, named_one);
	tcase_add_test(t, lists);
	tcase_add_test(t, foreign_mac_is_told_once);
	suite_add_tcase(s, t);
	return run_suite(s);
}
