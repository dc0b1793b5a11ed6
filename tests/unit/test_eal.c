#include "dpdk_app/eal.h"
#include "relay/relay.h"
#include "tests/unit/run_suite.h"

#include <check.h>
#include <errno.h>
#include <string.h>

static cpu_set_t mask_of(const char *cpus) { // "0123"
	cpu_set_t set;

	CPU_ZERO(&set);
	for (; *cpus != '\0'; cpus++)
		CPU_SET(*cpus - '0', &set);
	return set;
}

static const struct {
	const char *what, *mask, *main;
	int workers[3], n_workers, ret, missing;
	bool shared;
} splits[] = {
	{"two CPUs, one worker", "01", "0", {1}, 1, 0, -1, false},
	{"worker first", "0123", "123", {0}, 1, 0, -1, false},
	{"two workers of four", "0123", "03", {1, 2}, 2, 0, -1, false},
	{"one CPU only: shared", "1", "1", {1}, 1, 0, -1, true},
	{"workers on all CPUs: the first shares", "01", "1", {1, 0}, 2, 0, -1, true},
	{"worker outside the mask", "02", "", {1}, 1, -EINVAL, 1, false},
	{"no such CPU at all", "01", "", {100000}, 1, -EINVAL, 100000, false},
	{"negative CPU", "01", "", {-1}, 1, -EINVAL, -1, false},
};

START_TEST(split_cpus) {
	const cpu_set_t mask = mask_of(splits[_i].mask), main_cpus = mask_of(splits[_i].main);
	struct eal_cpus out = {.n_workers = 77};
	int missing = -7;
	int ret = eal_split_cpus(&mask, splits[_i].workers, splits[_i].n_workers, &out, &missing);

	ck_assert_msg(ret == splits[_i].ret, "%s: %d", splits[_i].what, ret);
	if (ret < 0) {
		ck_assert_int_eq(missing, splits[_i].missing);
		ck_assert_msg(out.n_workers == 77, "%s: out written on failure", splits[_i].what);
		return;
	}
	ck_assert_msg(CPU_EQUAL(&out.main, &main_cpus), "%s", splits[_i].what);
	ck_assert_msg(out.shared == splits[_i].shared, "%s", splits[_i].what);
	ck_assert_int_eq(out.n_workers, splits[_i].n_workers);
	ck_assert_int_eq(out.worker[0], splits[_i].workers[0]);
}
END_TEST

static struct eal_args args; // its argv points into itself

static bool has(const char *arg) {
	for (int i = 0; i < args.argc; i++) {
		if (strcmp(args.argv[i], arg) == 0)
			return true;
	}
	return false;
}

static struct config_port ports[RELAY_PORTS_MAX];
static int n_ports;

static void build(const char *mask, int worker, unsigned memory_mb) {
	const cpu_set_t set = mask_of(mask);
	struct eal_cpus cpus;
	int missing;

	ck_assert_int_eq(eal_split_cpus(&set, &worker, 1, &cpus, &missing), 0);
	ck_assert_int_eq(eal_build_args(&cpus, memory_mb, ports, n_ports, &args), 0);
	ck_assert_ptr_null(args.argv[args.argc]);
}

START_TEST(with_hugepages) {
	build("0123", 2, 0);

	ck_assert(has("--lcores=0@(0-1,3),1@2"));
	ck_assert(has("--main-lcore=0"));
	ck_assert(has("--in-memory"));
	ck_assert(has("--no-telemetry"));
	ck_assert(!has("--no-huge"));
}
END_TEST

// EAL refuses --in-memory beside --no-huge.
START_TEST(without_hugepages) {
	build("01", 1, 62);

	ck_assert(has("--lcores=0@(0),1@1"));
	ck_assert(has("--no-huge"));
	ck_assert(has("--no-shconf"));
	ck_assert(has("-m62"));
	ck_assert(!has("--in-memory"));
}
END_TEST

START_TEST(shared_cpu) {
	build("3", 3, 10);

	ck_assert(has("--lcores=0@(3),1@3"));
}
END_TEST

// Only what is configured is looked at: the machine's other NICs are somebody else's.
START_TEST(pci_devices) {
	ports[0].device = (struct config_device){.kind = DEVICE_AF_XDP, .name = "eth0"};
	ports[1].device = (struct config_device){.kind = DEVICE_VDEV, .name = "net_null0"};
	n_ports = 2;
	build("01", 1, 0);
	ck_assert(has("--no-pci"));
	ck_assert(!has("-a"));

	for (n_ports = 0; n_ports < RELAY_PORTS_MAX; n_ports++) {
		ports[n_ports].device = (struct config_device){.kind = DEVICE_PCI};
		snprintf(ports[n_ports].device.name, sizeof(ports[0].device.name), "0000:3b:00.%x", n_ports);
	}
	build("01", 1, 0);
	ck_assert(!has("--no-pci"));
	for (int i = 0, n = 0; i < args.argc - 1; i++) {
		if (strcmp(args.argv[i], "-a") == 0)
			ck_assert_str_eq(args.argv[i + 1], ports[n++].device.name);
		ck_assert(i < args.argc - 2 || n == RELAY_PORTS_MAX);
	}
	n_ports = 0;
}
END_TEST

// A machine whose list of CPUs does not fit is refused, not cut.
START_TEST(too_many_cpus) {
	struct eal_cpus cpus = {.worker = {1}, .n_workers = 1};

	for (int i = 0; i < CPU_SETSIZE; i++)
		CPU_SET(i, &cpus.main);
	ck_assert_int_eq(eal_build_args(&cpus, 0, ports, n_ports, &args), 0);
	ck_assert(has("--lcores=0@(0-1023),1@1"));
	for (int i = 0; i < CPU_SETSIZE; i += 2)
		CPU_CLR(i, &cpus.main);
	ck_assert_int_eq(eal_build_args(&cpus, 0, ports, n_ports, &args), -E2BIG);
}
END_TEST

int main(void) {
	Suite *s = suite_create("eal");
	TCase *t = tcase_create("eal");

	tcase_add_loop_test(t, split_cpus, 0, (int)(sizeof(splits) / sizeof(splits[0])));
	tcase_add_test(t, with_hugepages);
	tcase_add_test(t, without_hugepages);
	tcase_add_test(t, shared_cpu);
	tcase_add_test(t, pci_devices);
	tcase_add_test(t, too_many_cpus);
	suite_add_tcase(s, t);
	return run_suite(s);
}
