#include "dpdk_app/port.h"
#include "tests/unit/run_suite.h"

#include <check.h>
#include <errno.h>

// Names as in DPDK's guide of the AF_XDP driver.
START_TEST(args) {
	const struct host_interface nic = {.name = "eth0"}, veth = {.name = "v0", .veth = true};
	char buf[128], small[40];

	ck_assert_int_eq(port_format_args(&nic, 8, 17, buf, sizeof(buf)), 0);
	ck_assert_str_eq(buf,
		"iface=eth0,start_queue=0,queue_count=8,shared_umem=0,busy_budget=64,xdp_prog=/proc/self/fd/17");
	ck_assert_int_eq(port_format_args(&veth, 1, 3, buf, sizeof(buf)), 0);
	ck_assert_str_eq(buf,
		"iface=v0,start_queue=0,queue_count=1,shared_umem=0,busy_budget=0,xdp_prog=/proc/self/fd/3");
	ck_assert_int_eq(port_format_args(&nic, 8, 17, small, sizeof(small)), -E2BIG);
}
END_TEST

// As `ethtool -l` shows them: what a device can have, and what it has now.
static const struct {
	const char *what;
	struct host_channels channels;
	unsigned queues;
	const char *repair;
} devices[] = {
	{"tells nothing", {0}, 1, ""},
	{"combined", {.combined = 8, .combined_max = 16}, 8, ""},
	{"combined, one of them", {.combined = 1, .combined_max = 1}, 1, ""},
	{"combined, none is on", {.combined_max = 16}, 0, "combined 1"},
	{"either way, now separate", {.rx = 4, .rx_max = 8, .combined_max = 8}, 0, "rx 0 tx 0 combined 4"},
	{"either way, now separate, one of them", {.rx = 1, .rx_max = 8, .combined_max = 8}, 0,
		"rx 0 tx 0 combined 1"},
	{"either way, now separate, more than can be combined", {.rx = 16, .rx_max = 16, .combined_max = 8},
		0, "rx 0 tx 0 combined 8"},
	{"either way, now combined", {.rx_max = 8, .combined = 4, .combined_max = 8}, 4, ""},
	{"both at once", {.rx = 2, .rx_max = 8, .combined = 4, .combined_max = 8}, 0, "rx 0 tx 0 combined 6"},
	{"separate", {.rx = 4, .rx_max = 8}, 0, "rx 1"},
	{"separate, one of them", {.rx = 1, .rx_max = 8}, 1, ""},
	{"separate, none is on", {.rx_max = 8}, 0, "rx 1"},
};

START_TEST(receive_queues) {
	char repair[PORT_REPAIR] = "";

	ck_assert_msg(
		port_rx_queues(&devices[_i].channels, repair) == devices[_i].queues, "%s", devices[_i].what);
	ck_assert_str_eq(repair, devices[_i].repair);
}
END_TEST

int main(void) {
	Suite *s = suite_create("port");
	TCase *t = tcase_create("port");

	tcase_add_test(t, args);
	tcase_add_loop_test(t, receive_queues, 0, sizeof(devices) / sizeof(devices[0]));
	suite_add_tcase(s, t);
	return run_suite(s);
}
