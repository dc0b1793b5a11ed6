#include "dpdk_app/xdp.h"

#include "config/log.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dlfcn.h>
#include <errno.h>
#include <linux/if_link.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xdp/libxdp.h>

// steer_object.S
extern const uint8_t steer_object[], steer_object_end[];

__attribute__((format(printf, 2, 0))) static int log_libbpf(
	enum libbpf_print_level level, const char *format, va_list args) {
	// Its warnings are about probes too, so only a debug line; what really fails is said by the caller.
	if (level == LIBBPF_WARN)
		log_vline(LOG_LEVEL_DEBUG, format, args);
	return 0;
}

__attribute__((format(printf, 2, 0))) static int log_libxdp(
	enum libxdp_print_level level, const char *format, va_list args) {
	if (level == LIBXDP_WARN)
		log_vline(LOG_LEVEL_DEBUG, format, args);
	return 0;
}

void xdp_log_init(void) {
	libbpf_set_print(log_libbpf);
	libxdp_set_print(log_libxdp);
}

int xdp_object_fill(void *object, size_t size, const struct steer_table *table) {
	const uint64_t magic = STEER_MAGIC;
	uint8_t *const end = (uint8_t *)object + size;
	uint8_t *place = memmem(object, size, &magic, sizeof(magic));

	if (place == NULL || (size_t)(end - place) < sizeof(*table))
		return -ENOENT;
	if (memmem(place + 1, (size_t)(end - place) - 1, &magic, sizeof(magic)) != NULL)
		return -ENOENT;
	memcpy(place, table, sizeof(*table));
	return 0;
}

static int write_all(int fd, const uint8_t *bytes, size_t size) {
	while (size > 0) {
		ssize_t n = write(fd, bytes, size);

		if (n < 0)
			return -errno;
		bytes += n;
		size -= (size_t)n;
	}
	return 0;
}

int xdp_object_open(const struct steer_table *table) {
	const size_t size = (size_t)(steer_object_end - steer_object);
	uint8_t *copy = malloc(size);
	int fd = -1, ret = -ENOMEM;

	if (copy == NULL)
		return ret;
	memcpy(copy, steer_object, size);
	ret = xdp_object_fill(copy, size, table);
	if (ret < 0)
		goto out;
	fd = memfd_create("kedge-steer", MFD_CLOEXEC);
	ret = fd < 0 ? -errno : write_all(fd, copy, size);
out:
	free(copy);
	if (ret < 0 && fd >= 0)
		close(fd);
	return ret < 0 ? ret : fd;
}

// Open the program and tell its name. Returns a descriptor or a negative errno.
static int open_program(uint32_t id, char name[static BPF_OBJ_NAME_LEN]) {
	struct bpf_prog_info info = {0};
	uint32_t length = sizeof(info);
	int fd = bpf_prog_get_fd_by_id(id);

	if (fd < 0)
		return -errno;
	if (bpf_obj_get_info_by_fd(fd, &info, &length) < 0) {
		int ret = -errno;

		close(fd);
		return ret;
	}
	memcpy(name, info.name, BPF_OBJ_NAME_LEN);
	return fd;
}

// The id of the interface's program and the flags of the mode that it is attached in.
static int query(int ifindex, uint32_t *id, uint32_t *flags) {
	LIBBPF_OPTS(bpf_xdp_query_opts, opts);
	int ret = bpf_xdp_query(ifindex, 0, &opts);

	if (ret < 0)
		return ret;
	if (opts.attach_mode == XDP_ATTACHED_NONE)
		return -ENOENT;
	*flags = opts.attach_mode == XDP_ATTACHED_SKB ? XDP_FLAGS_SKB_MODE : XDP_FLAGS_DRV_MODE;
	*id = opts.attach_mode == XDP_ATTACHED_SKB ? opts.skb_prog_id : opts.drv_prog_id;
	return *id == 0 ? -EEXIST : 0; // several at once, or offloaded into hardware: not ours
}

// Open the interface's program if it is ours. Returns a descriptor, -ENOENT (none) or -EEXIST (foreign, its name given).
static int open_ours(int ifindex, uint32_t *flags, char name[static BPF_OBJ_NAME_LEN]) {
	uint32_t id;
	int fd = query(ifindex, &id, flags);

	if (fd < 0)
		return fd;
	fd = open_program(id, name);
	if (fd < 0 || strcmp(name, STEER_PROGRAM) == 0)
		return fd;
	close(fd);
	return -EEXIST;
}

int xdp_check(const char *interface, int ifindex) {
	char name[BPF_OBJ_NAME_LEN] = "unknown";
	uint32_t flags;
	int fd = open_ours(ifindex, &flags, name);

	if (fd == -ENOENT)
		return 0;
	if (fd == -EEXIST)
		log_error(
			"device interface=%s has a foreign XDP program (%s): remove it first: ip link set dev %s xdp off",
			interface, name, interface);
	else if (fd < 0)
		log_error("device interface=%s can't look for XDP programs: %s", interface, strerror(-fd));
	else
		log_info(
			"device interface=%s xdp_program=%s was left by a relay that did not end in order: replacing it",
			interface, name);
	if (fd >= 0)
		close(fd);
	return fd < 0 ? fd : 0;
}

// The PMD attaches its program by libbpf and only where none is. To detach the old one first would leave media to
// the kernel for some milliseconds, which it would answer with ICMP port unreachable: one peer in three, at 50 packets
// a second each, would get one. So this definition takes the place of libbpf's (the executable's symbols come before a
// library's) and replaces a program of ours in one step. Everything else goes on to libbpf.
int bpf_xdp_attach(int ifindex, int prog_fd, __u32 flags, const struct bpf_xdp_attach_opts *opts) {
	int (*libbpf)(int, int, __u32, const struct bpf_xdp_attach_opts *);
	LIBBPF_OPTS(bpf_xdp_attach_opts, replace);
	char name[BPF_OBJ_NAME_LEN];
	uint32_t mode;
	int ret;

	*(void **)&libbpf = dlsym(RTLD_NEXT, "bpf_xdp_attach");
	if (libbpf == NULL)
		return -ENOSYS;
	if (prog_fd < 0 || flags != XDP_FLAGS_UPDATE_IF_NOEXIST)
		return libbpf(ifindex, prog_fd, flags, opts);
	replace.old_prog_fd = open_ours(ifindex, &mode, name);
	if (replace.old_prog_fd < 0)
		return libbpf(ifindex, prog_fd, flags, opts);
	ret = libbpf(ifindex, prog_fd, mode | XDP_FLAGS_REPLACE, &replace);
	close(replace.old_prog_fd);
	return ret;
}

void xdp_detach(const char *interface, int ifindex) {
	LIBBPF_OPTS(bpf_xdp_attach_opts, opts);
	char name[BPF_OBJ_NAME_LEN] = "unknown";
	uint32_t flags;
	int ret = opts.old_prog_fd = open_ours(ifindex, &flags, name);

	if (ret >= 0) {
		ret = bpf_xdp_detach(ifindex, flags, &opts); // only what was looked at
		close(opts.old_prog_fd);
	}
	if (ret < 0 && ret != -ENOENT && ret != -ENODEV)
		log_warning(
			"device interface=%s XDP program (%s) stays: %s", interface, name, strerror(-ret));
}

// Give a descriptor of the map if its name is the counters'.
static int open_if_counts(uint32_t id) {
	struct bpf_map_info info = {0};
	uint32_t length = sizeof(info);
	int fd = bpf_map_get_fd_by_id(id);

	if (fd < 0)
		return -errno;
	if (bpf_obj_get_info_by_fd(fd, &info, &length) == 0 && strcmp(info.name, STEER_COUNTS) == 0)
		return fd;
	close(fd);
	return -ENOENT;
}

int xdp_counts_open(int ifindex) {
	uint32_t maps[8], id, flags, length = sizeof(struct bpf_prog_info);
	struct bpf_prog_info info = {.nr_map_ids = 8, .map_ids = (uint64_t)(uintptr_t)maps};
	int ret = query(ifindex, &id, &flags), fd;

	if (ret < 0)
		return ret;
	fd = bpf_prog_get_fd_by_id(id);
	if (fd < 0)
		return -errno;
	ret = bpf_obj_get_info_by_fd(fd, &info, &length) < 0 ? -errno : -ENOENT;
	close(fd);
	for (uint32_t i = 0; i < info.nr_map_ids && i < 8 && ret == -ENOENT; i++)
		ret = open_if_counts(maps[i]);
	return ret;
}

int xdp_counts_read(int map_fd, uint64_t counts[static XDP_CLASS_COUNT]) {
	const int n_cpus = libbpf_num_possible_cpus();
	uint64_t *each;

	if (n_cpus <= 0)
		return -EINVAL;
	each = calloc((size_t)n_cpus, sizeof(*each));
	if (each == NULL)
		return -ENOMEM;
	for (uint32_t class = 0; class < XDP_CLASS_COUNT; class ++) {
		if (bpf_map_lookup_elem(map_fd, &class, each) < 0) {
			free(each);
			return -errno;
		}
		counts[class] = 0;
		for (int cpu = 0; cpu < n_cpus; cpu++)
			counts[class] += each[cpu];
	}
	free(each);
	return 0;
}
