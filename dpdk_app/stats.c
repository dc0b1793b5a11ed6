#include "dpdk_app/stats.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

// Seals: the size is fixed, so that a reader never gets SIGBUS, and no new writer can come, not even one that opens
// the file anew by /proc. Our own mapping, made before, goes on writing.
static int seal(int fd) {
	return fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL) < 0
		? -errno
		: 0;
}

static int reopen_read_only(int fd) {
	char path[32];
	int ret;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ret = open(path, O_RDONLY | O_CLOEXEC);
	return ret < 0 ? -errno : ret;
}

int stats_open(size_t bytes, struct stats_memory *out) {
	struct stats_memory m = {.address = MAP_FAILED, .bytes = bytes, .read_fd = -1};
	int fd = memfd_create("kedge-stats", MFD_CLOEXEC | MFD_ALLOW_SEALING), ret;

	if (fd < 0)
		return -errno;
	ret = ftruncate(fd, (off_t)bytes) < 0 ? -errno : 0;
	if (ret == 0) {
		m.address = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);
		ret = m.address == MAP_FAILED ? -errno : seal(fd);
	}
	if (ret == 0)
		ret = m.read_fd = reopen_read_only(fd);
	close(fd);
	if (ret < 0) {
		stats_close(&m);
		return ret;
	}
	*out = m;
	return 0;
}

void stats_close(struct stats_memory *m) {
	if (m->address != NULL && m->address != MAP_FAILED)
		munmap(m->address, m->bytes);
	if (m->address != NULL && m->read_fd >= 0)
		close(m->read_fd);
	*m = (struct stats_memory){.read_fd = -1};
}
