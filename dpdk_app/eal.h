// DPDK's environment: where threads run, what memory there is, and the arguments that say so.
#pragma once

#include "config/config.h"

#include <sched.h>

enum { EAL_ARGS = 48, EAL_ARG_BYTES = 1536 };

// Which CPUs the process may use, split between pollers and everything else.
struct eal_cpus {
	cpu_set_t main;
	int worker[16];
	int n_workers;
	bool shared; // the only CPU is the worker's: it must sleep when idle
};

// Split the CPUs of the affinity mask. Returns 0, or -EINVAL with *missing: a configured CPU that isn't in the mask.
[[nodiscard]] int eal_split_cpus(
	const cpu_set_t *mask, const int *workers, int n_workers, struct eal_cpus *out, int *missing);

// rte_eal_init's argument vector.
struct eal_args {
	int argc;
	char *argv[EAL_ARGS + 1];
	char text[EAL_ARG_BYTES];
	size_t used;
};

// Build the arguments. memory_mb: size of the memory without hugepages (0: hugepages, taken as needed). Of the machine's
// PCI devices only the ports among devices are looked at. Returns 0 or -E2BIG.
[[nodiscard]] int eal_build_args(const struct eal_cpus *cpus, unsigned memory_mb,
	const struct config_port *ports, int n_ports, struct eal_args *out);

// Bytes of free hugepages on this machine.
size_t eal_free_hugepage_bytes(void);

// Bind the calling thread off the workers' CPUs (all later threads inherit it), choose the memory and start EAL.
// pool_bytes: what the packet pool will want. Logs. Returns 0 or a negative errno.
[[nodiscard]] int eal_start(const struct config_relay *config, size_t pool_bytes, struct eal_cpus *cpus);
void eal_stop(void);
