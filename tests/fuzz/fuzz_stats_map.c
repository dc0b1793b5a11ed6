// Any bytes as the relay's shared counters. Property: what passes the check can be read to its last struct within the
// mapping (the file is a whole number of pages only by chance, and ASan's page ends are the kernel's: a fault is a find),
// texts are terminated, and an index beyond the count is refused.
#include "control/ops/relay_report.h"

#include <assert.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_all(const struct stats_map *m) {
	struct stats_header header;
	struct stats_worker worker;
	struct stats_port port;
	struct stats_realm realm;

	stats_map_header(m, &header);
	for (uint32_t i = 0; i < header.n_workers; i++)
		assert(stats_map_worker(m, i, &worker));
	assert(!stats_map_worker(m, header.n_workers, &worker));
	for (uint32_t i = 0; i < header.n_ports; i++) {
		assert(stats_map_port(m, i, &port));
		assert(memchr(port.name, '\0', STATS_NAME) != NULL &&
			memchr(port.device, '\0', STATS_NAME) != NULL);
	}
	for (uint32_t i = 0; i < header.n_realms; i++) {
		assert(stats_map_realm(m, i, &realm));
		assert(memchr(realm.name, '\0', STATS_NAME) != NULL);
	}
}

static void report(const struct stats_map *m) {
	struct relay_sample sample;
	json_t *json;

	if (relay_sample_take(m, &sample) < 0)
		return;
	json = relay_report_stats(m, &sample);
	assert(json != NULL);
	json_decref(json);
	relay_sample_fini(&sample);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	int fd = memfd_create("fuzz", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	struct stats_map *m;

	if (fd < 0 || write(fd, data, size) != (ssize_t)size || fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK) < 0)
		goto end;
	if (stats_map_open(fd, &m) == 0) {
		read_all(m);
		report(m);
		stats_map_close(m);
	}
end:
	if (fd >= 0)
		close(fd);
	return 0;
}
