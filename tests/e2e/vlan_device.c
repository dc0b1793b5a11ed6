// vlan_device OBJECT DEVICE PAIR VLAN: join PAIR, one end of a veth pair, to a VLAN of DEVICE (vlan_device.bpf.c, compiled
// to OBJECT), so that the pair's other end is the VLAN's interface. It lasts as long as the two interfaces.
#include <bpf/libbpf.h>
#include <errno.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Noreturn void die(const char *what, int error) {
	fprintf(stderr, "vlan_device: %s: %s\n", what, strerror(error));
	exit(1);
}

static void set_constants(struct bpf_object *object, uint32_t vlan, uint32_t device, uint32_t pair) {
	const uint32_t values[] = {vlan, device, pair};
	struct bpf_map *map = bpf_object__find_map_by_name(object, ".rodata");

	if (map == NULL || bpf_map__set_initial_value(map, values, sizeof(values)) < 0)
		die(".rodata", EINVAL);
}

static void attach(struct bpf_object *object, const char *program, uint32_t ifindex, uint32_t priority) {
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = priority, .priority = priority, .flags = BPF_TC_F_REPLACE);
	int ret = bpf_tc_hook_create(&hook);

	if (ret < 0 && ret != -EEXIST) // several VLANs of a device share its hook
		die("clsact", -ret);
	opts.prog_fd = bpf_program__fd(bpf_object__find_program_by_name(object, program));
	ret = bpf_tc_attach(&hook, &opts);
	if (ret < 0)
		die(program, -ret);
}

static int quiet(enum libbpf_print_level level, const char *format, va_list args) {
	(void)level, (void)format, (void)args; // that the hook is there already is no news
	return 0;
}

int main(int argc, char **argv) {
	struct bpf_object *object;
	uint32_t device, pair, vlan;

	if (argc != 5) {
		fprintf(stderr, "usage: vlan_device OBJECT DEVICE PAIR VLAN\n");
		return 2;
	}
	device = if_nametoindex(argv[2]);
	pair = if_nametoindex(argv[3]);
	vlan = (uint32_t)strtoul(argv[4], NULL, 10);
	if (device == 0 || pair == 0)
		die("interface", ENODEV);
	libbpf_set_print(quiet);
	object = bpf_object__open_file(argv[1], NULL);
	if (object == NULL)
		die(argv[1], errno);
	set_constants(object, vlan, device, pair);
	if (bpf_object__load(object) < 0)
		die(argv[1], errno);
	attach(object, "vlan_in", device, vlan);
	attach(object, "vlan_out", pair, 1);
	bpf_object__close(object);
	return 0;
}
