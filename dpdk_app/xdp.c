#include "dpdk_app/xdp.h"

#include "config/log.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xdp/libxdp.h>

// steer_object.S
extern const uint8_t steer_object[], steer_object_end[];

static int log_libbpf(enum libbpf_print_level level, const char *format, va_list args) {
	// Its warnings are about probes too, so only a debug line; what really fails is said by the caller.
	if (level == LIBBPF_WARN)
		log_vline(LOG_LEVEL_DEBUG, format, args);
	return 0;
}

static int log_libxdp(enum libxdp_print_level level, const char *format, va_list args) {
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

static int program_name(uint32_t id, char name[static BPF_OBJ_NAME_LEN]) {
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

// Detach the interface's program if it is ours. Returns 0, -ENOENT (none), -EEXIST (foreign, its name given).
static int detach_ours(int ifindex, char name[static BPF_OBJ_NAME_LEN]) {
	LIBBPF_OPTS(bpf_xdp_attach_opts, opts);
	uint32_t id, flags;
	int ret = query(ifindex, &id, &flags);

	if (ret < 0)
		return ret;
	ret = program_name(id, name);
	if (ret < 0)
		return ret;
	opts.old_prog_fd = ret; // detach only what was looked at
	ret = strcmp(name, STEER_PROGRAM) == 0 ? bpf_xdp_detach(ifindex, flags, &opts) : -EEXIST;
	close(opts.old_prog_fd);
	return ret;
}

int xdp_detach_stale(const char *interface, int ifindex) {
	char name[BPF_OBJ_NAME_LEN] = "unknown";
	int ret = detach_ours(ifindex, name);

	if (ret == 0)
		log_info("device interface=%s xdp_program=%s removed: left by a relay that did not end cleanly",
			interface, name);
	else if (ret == -EEXIST)
		log_error("device interface=%s has a foreign XDP program (%s); remove it first: ip link set dev %s xdp off",
			interface, name, interface);
	else if (ret != -ENOENT)
		log_error("device interface=%s can't look for XDP programs: %s", interface, strerror(-ret));
	return ret == -ENOENT ? 0 : ret;
}

void xdp_detach(const char *interface, int ifindex) {
	char name[BPF_OBJ_NAME_LEN] = "unknown";
	int ret = detach_ours(ifindex, name);

	if (ret < 0 && ret != -ENOENT && ret != -ENODEV)
		log_warning("device interface=%s XDP program (%s) stays: %s", interface, name, strerror(-ret));
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
	for (uint32_t class = 0; class < XDP_CLASS_COUNT; class++) {
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
