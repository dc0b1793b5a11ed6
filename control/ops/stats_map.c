#include "control/ops/stats_map.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

enum { WORD = sizeof(uint64_t) };

struct stats_map {
	const uint8_t *base;
	size_t mapped;
	struct stats_header checked; // layout as it was when checked; the mapping's own may change under us
};

// Workers write while we read: whole words, so that no counter is torn.
static void copy_words(void *to, const uint8_t *from, size_t len) {
	const uint64_t *words = (const uint64_t *)(const void *)from;

	for (size_t i = 0; i < len / WORD; i++) {
		uint64_t word = __atomic_load_n(&words[i], __ATOMIC_RELAXED);

		memcpy((uint8_t *)to + i * WORD, &word, WORD);
	}
}

// Copy one struct of theirs into one of ours: the shorter length counts, the rest is zero.
static void copy_struct(void *to, size_t size, const uint8_t *from, size_t length) {
	memset(to, 0, size);
	copy_words(to, from, size < length ? size : length);
}

static bool group_fits(const struct stats_header *h, uint32_t n, uint32_t offset, uint32_t stride) {
	if (n == 0)
		return true;
	if (stride == 0 || stride % WORD != 0 || offset % WORD != 0 || offset < h->length)
		return false;
	return (uint64_t)offset + (uint64_t)n * stride <= h->total_bytes;
}

int stats_map_check(const struct stats_header *h, size_t mapped) {
	if (h->magic != STATS_MAGIC || h->version != 1)
		return -EPROTO;
	if (h->length < offsetof(struct stats_header, now_ns) || h->length % WORD != 0 ||
		h->length > h->total_bytes || h->total_bytes > mapped)
		return -EBADMSG;
	if (h->n_workers > STATS_MAP_GROUPS_MAX || h->n_ports > STATS_MAP_GROUPS_MAX ||
		h->n_realms > STATS_MAP_GROUPS_MAX)
		return -EBADMSG;
	if (!group_fits(h, h->n_workers, h->worker_offset, h->worker_stride) ||
		!group_fits(h, h->n_ports, h->port_offset, h->port_stride) ||
		!group_fits(h, h->n_realms, h->realm_offset, h->realm_stride) ||
		!group_fits(h, h->n_slots, h->slot_offset, h->slot_stride))
		return -EBADMSG;
	return 0;
}

// A file that can't shrink can't raise SIGBUS in its readers.
static int size_of(int fd, size_t *out) {
	int seals = fcntl(fd, F_GET_SEALS);
	struct stat st;

	if (seals < 0 || (seals & F_SEAL_SHRINK) == 0)
		return -EPERM;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_size < (off_t)sizeof(struct stats_header))
		return -EBADMSG;
	*out = (size_t)st.st_size;
	return 0;
}

int stats_map_open(int fd, struct stats_map **out) {
	struct stats_map *m;
	size_t size = 0;
	void *base;
	int ret = size_of(fd, &size);

	if (ret < 0)
		return ret;
	m = calloc(1, sizeof(*m));
	if (m == NULL)
		return -ENOMEM;
	base = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
	if (base == MAP_FAILED) {
		ret = -errno;
		free(m);
		return ret;
	}
	m->base = base;
	m->mapped = size;
	copy_words(&m->checked, m->base, sizeof(m->checked));
	ret = stats_map_check(&m->checked, size);
	if (ret < 0) {
		stats_map_close(m);
		return ret;
	}
	*out = m;
	return 0;
}

void stats_map_close(struct stats_map *m) {
	if (m == NULL)
		return;
	(void)munmap((void *)(uintptr_t)m->base, m->mapped);
	free(m);
}

void stats_map_header(const struct stats_map *m, struct stats_header *out) {
	const size_t fixed = offsetof(struct stats_header, now_ns);

	copy_struct(out, sizeof(*out), m->base, m->checked.length);
	memcpy(out, &m->checked, fixed);
}

bool stats_map_worker(const struct stats_map *m, uint32_t index, struct stats_worker *out) {
	const struct stats_header *h = &m->checked;

	if (index >= h->n_workers)
		return false;
	copy_struct(out, sizeof(*out), m->base + h->worker_offset + (size_t)index * h->worker_stride,
		h->worker_stride);
	return true;
}

bool stats_map_port(const struct stats_map *m, uint32_t index, struct stats_port *out) {
	const struct stats_header *h = &m->checked;

	if (index >= h->n_ports)
		return false;
	copy_struct(
		out, sizeof(*out), m->base + h->port_offset + (size_t)index * h->port_stride, h->port_stride);
	out->name[STATS_NAME - 1] = '\0';
	out->device[STATS_NAME - 1] = '\0';
	out->kernel_if[STATS_INTERFACE - 1] = '\0';
	return true;
}

bool stats_map_realm(const struct stats_map *m, uint32_t index, struct stats_realm *out) {
	const struct stats_header *h = &m->checked;

	if (index >= h->n_realms)
		return false;
	copy_struct(out, sizeof(*out), m->base + h->realm_offset + (size_t)index * h->realm_stride,
		h->realm_stride);
	out->name[STATS_NAME - 1] = '\0';
	return true;
}

bool stats_map_component(const struct stats_map *m, uint32_t index, struct component_slot *out) {
	const struct stats_header *h = &m->checked;

	if (index >= h->n_slots)
		return false;
	copy_struct(
		out, sizeof(*out), m->base + h->slot_offset + (size_t)index * h->slot_stride, h->slot_stride);
	return true;
}
