// The kinds of device that a port may be.
#include "config/config_loader.h"
#include "tests/unit/run_suite.h"

#include <check.h>
#include <string.h>

static const struct {
	const char *text;
	enum config_device_kind kind;
	const char *name, *args, *interface;
} good[] = {
	{"af_xdp:eth0", DEVICE_AF_XDP, "eth0", "", "eth0"},
	{"af_xdp:enp59s0f1.100", DEVICE_AF_XDP, "enp59s0f1.100", "", "enp59s0f1.100"},
	{"pci:0000:3b:00.0", DEVICE_PCI, "0000:3b:00.0", "", ""},
	{"pci:0001:3B:1F.7", DEVICE_PCI, "0001:3b:1f.7", "", ""},
	{"vdev:net_null0", DEVICE_VDEV, "net_null0", "", ""},
	{"vdev:net_null0,", DEVICE_VDEV, "net_null0", "", ""},
	{"vdev:net_ring0,nodeaction=r0:0:CREATE", DEVICE_VDEV, "net_ring0", "nodeaction=r0:0:CREATE", ""},
	{"vdev:net_pcap0,rx_pcap=/tmp/a.pcap,infinite_rx=1", DEVICE_VDEV, "net_pcap0",
		"rx_pcap=/tmp/a.pcap,infinite_rx=1", ""},
	{"vdev:net_af_packet1,qpairs=2,iface=eth1,framesz=2048", DEVICE_VDEV, "net_af_packet1",
		"qpairs=2,iface=eth1,framesz=2048", "eth1"},
	{"vdev:net_x,rx_iface=eth1", DEVICE_VDEV, "net_x", "rx_iface=eth1", ""},
};

START_TEST(devices_are_taken_apart) {
	struct config_device d = {0};
	char wrong[CONFIG_WRONG];

	ck_assert(config_value_device(good[_i].text, &d, wrong));
	ck_assert_str_eq(d.text, good[_i].text);
	ck_assert_int_eq(d.kind, good[_i].kind);
	ck_assert_str_eq(d.name, good[_i].name);
	ck_assert_str_eq(d.args, good[_i].args);
	ck_assert_str_eq(d.interface, good[_i].interface);
}
END_TEST

static const char *const bad[] = {
	"",
	"eth0",
	"af_xdp:",
	"af_xdp:eth0123456789abc",
	"af_xdp:a/b",
	"af_xdp:a b",
	"af_xdp:a,b", // would be another argument of the driver
	"af_xdp:..",
	"pci:",
	"pci:3b:00.0",
	"pci:0000:3b:00.8",
	"pci:0000:3g:00.0",
	"pci:0000:3b:00.0 ",
	"pci:0000-3b:00.0",
	"vdev:",
	"vdev:net_",
	"vdev:crypto_null",
	"vdev:net_a b",
	"vdev:net_a/b",
	"vdev:net_a,b c",
	"vdev:net_a\n",
	"vdev:net_af_packet0,iface=",
	"vdev:net_af_packet0,iface=a/b",
	"vdev:net_0123456789012345678901234567890123456789012345678901234567890",
};

START_TEST(other_texts_are_not) {
	struct config_device d = {.text = "before"};
	char wrong[CONFIG_WRONG] = "";

	ck_assert_msg(!config_value_device(bad[_i], &d, wrong), "%s", bad[_i]);
	ck_assert_str_ne(wrong, "");
	ck_assert_str_eq(d.text, "before");
}
END_TEST

// A path may be long; 255 bytes is the end.
START_TEST(long_devices) {
	static const char start[] = "vdev:net_pcap0,rx_pcap=/";
	char text[CONFIG_DEVICE + 1], wrong[CONFIG_WRONG];
	struct config_device d;

	memset(text, 'p', sizeof(text));
	memcpy(text, start, sizeof(start) - 1);
	text[255] = '\0';
	ck_assert(config_value_device(text, &d, wrong));
	ck_assert_str_eq(d.args, text + strlen("vdev:net_pcap0,"));
	text[255] = 'p';
	text[256] = '\0';
	ck_assert(!config_value_device(text, &d, wrong));
	ck_assert_str_eq(wrong, "is too long");
}
END_TEST

START_TEST(interfaces) {
	char name[CONFIG_INTERFACE] = "", wrong[CONFIG_WRONG];

	ck_assert(config_value_interface("access.100", name, wrong));
	ck_assert_str_eq(name, "access.100");
	ck_assert(!config_value_interface("", name, wrong));
	ck_assert(!config_value_interface("0123456789abcdef", name, wrong));
	ck_assert(!config_value_interface("a:1", name, wrong));
	ck_assert(!config_value_interface(".", name, wrong));
	ck_assert_str_eq(name, "access.100");
}
END_TEST

int main(void) {
	Suite *s = suite_create("config_device");
	TCase *t = tcase_create("config_device");

	suite_add_tcase(s, t);
	tcase_add_loop_test(t, devices_are_taken_apart, 0, (int)(sizeof(good) / sizeof(good[0])));
	tcase_add_loop_test(t, other_texts_are_not, 0, (int)(sizeof(bad) / sizeof(bad[0])));
	tcase_add_test(t, long_devices);
	tcase_add_test(t, interfaces);
	return run_suite(s);
}
