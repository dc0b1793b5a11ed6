#include "dpdk_app/port.h"

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

int main(void) {
	Suite *s = suite_create("port");
	TCase *t = tcase_create("port");

	tcase_add_test(t, args);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? 0 : 1;
}
