#include "dpdk_app/eal.h"

#include "config/log.h"

#include <dirent.h>
#include <errno.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_log.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SLACK_MB = 32 }; // of DPDK's own: devices, rings, the heap's bookkeeping

int eal_split_cpus(
	const cpu_set_t *mask, const int *workers, int n_workers, struct eal_cpus *out, int *missing) {
	struct eal_cpus cpus = {.main = *mask};

	for (int i = 0; i < n_workers && i < (int)(sizeof(cpus.worker) / sizeof(cpus.worker[0])); i++) {
		if (workers[i] < 0 || workers[i] >= CPU_SETSIZE || !CPU_ISSET(workers[i], mask)) {
			*missing = workers[i];
			return -EINVAL;
		}
		CPU_CLR(workers[i], &cpus.main);
		cpus.worker[cpus.n_workers++] = workers[i];
	}
	if (CPU_COUNT(&cpus.main) == 0) {
		cpus.shared = true;
		CPU_SET(cpus.worker[0], &cpus.main);
	}
	*out = cpus;
	return 0;
}

static int add_arg(struct eal_args *a, const char *text) {
	const size_t size = strlen(text) + 1;

	if (a->argc >= EAL_ARGS || size > sizeof(a->text) - a->used)
		return -E2BIG;
	memcpy(a->text + a->used, text, size);
	a->argv[a->argc++] = a->text + a->used;
	a->argv[a->argc] = NULL;
	a->used += size;
	return 0;
}

// "0@(0,2-7)" for the main lcore, ",1@8" for each worker.
static int format_lcores(const struct eal_cpus *cpus, char *buf, size_t size) {
	FILE *f = fmemopen(buf, size, "w");
	const char *comma = "";
	bool fits;

	if (f == NULL)
		return -ENOMEM;
	fputs("0@(", f);
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		int last = cpu;

		if (!CPU_ISSET(cpu, &cpus->main))
			continue;
		while (last + 1 < CPU_SETSIZE && CPU_ISSET(last + 1, &cpus->main))
			last++;
		fprintf(f, "%s%d", comma, cpu);
		if (last > cpu)
			fprintf(f, "-%d", last);
		comma = ",";
		cpu = last;
	}
	fputc(')', f);
	for (int i = 0; i < cpus->n_workers; i++)
		fprintf(f, ",%d@%d", i + 1, cpus->worker[i]);
	fits = fputc('\0', f) != EOF && fflush(f) == 0;
	fclose(f);
	return fits ? 0 : -E2BIG;
}

// Devices that aren't named would be taken from whoever else uses them.
static int add_pci_devices(struct eal_args *a, const struct config_port *ports, int n_ports) {
	int n = 0, ret = 0;

	for (int i = 0; i < n_ports && ret == 0; i++) {
		if (ports[i].device.kind != DEVICE_PCI)
			continue;
		ret = add_arg(a, "-a") | add_arg(a, ports[i].device.name); // fails with one value only
		n++;
	}
	return n == 0 ? add_arg(a, "--no-pci") : ret;
}

// IOVA as virtual addresses: the packet pool isn't contiguous in physical memory. So a pci: device needs an IOMMU.
int eal_build_args(const struct eal_cpus *cpus, unsigned memory_mb, const struct config_port *ports,
	int n_ports, struct eal_args *out) {
	static const char *const always[] = {
		"--no-telemetry", "--iova-mode=va", "--log-level=*:warning", "--main-lcore=0"};
	char lcores[EAL_ARG_BYTES / 2], text[EAL_ARG_BYTES / 2 + 16];
	int ret = format_lcores(cpus, lcores, sizeof(lcores));

	*out = (struct eal_args){0};
	if (ret < 0)
		return ret;
	ret = add_arg(out, "kedge-relay");
	for (size_t i = 0; i < sizeof(always) / sizeof(always[0]); i++)
		ret |= add_arg(out, always[i]);
	ret |= add_pci_devices(out, ports, n_ports);
	snprintf(text, sizeof(text), "--lcores=%s", lcores);
	ret |= add_arg(out, text);
	if (memory_mb == 0) {
		ret |= add_arg(out,
			"--in-memory"); // nothing of it outlives us, nothing collides with another process
	} else {
		ret |= add_arg(out, "--no-huge"); // which EAL refuses together with --in-memory
		ret |= add_arg(out, "--no-shconf");
		snprintf(text, sizeof(text), "-m%u", memory_mb);
		ret |= add_arg(out, text);
	}
	return ret < 0 ? -E2BIG : 0;
}

static size_t read_number(const char *path) {
	FILE *f = fopen(path, "re");
	unsigned long n = 0;

	if (f == NULL)
		return 0;
	if (fscanf(f, "%lu", &n) != 1)
		n = 0;
	fclose(f);
	return n;
}

size_t eal_free_hugepage_bytes(void) {
	DIR *dir = opendir("/sys/kernel/mm/hugepages");
	size_t bytes = 0;
	struct dirent *e;

	if (dir == NULL)
		return 0;
	while ((e = readdir(dir)) != NULL) {
		char path[320];
		size_t kb;

		if (sscanf(e->d_name, "hugepages-%zukB", &kb) != 1)
			continue;
		snprintf(path, sizeof(path), "/sys/kernel/mm/hugepages/%s/free_hugepages", e->d_name);
		bytes += read_number(path) * kb * 1024;
	}
	closedir(dir);
	return bytes;
}

// DPDK's own messages become lines of our log.
static ssize_t log_dpdk(void *cookie, const char *text, size_t size) {
	size_t used = size;

	(void)cookie;
	while (used > 0 && (text[used - 1] == '\n' || text[used - 1] == '\r'))
		used--;
	if (used > 0)
		log_info("dpdk %.*s", (int)used, text);
	return (ssize_t)size;
}

static void redirect_log(void) {
	FILE *f = fopencookie(NULL, "w", (cookie_io_functions_t){.write = log_dpdk});

	if (f == NULL)
		return;
	setvbuf(f, NULL, _IOLBF, 0);
	rte_openlog_stream(f);
}

// How many MB of ordinary memory to ask for; 0: there are hugepages for it. Or -ENOMEM.
static int choose_memory(enum config_hugepages mode, size_t pool_bytes) {
	const unsigned mb = (unsigned)(pool_bytes >> 20) + SLACK_MB;
	const size_t have_mb = mode == HUGEPAGES_NEVER ? 0 : eal_free_hugepage_bytes() >> 20;

	if (have_mb >= mb)
		return 0;
	if (mode == HUGEPAGES_REQUIRE) {
		log_error("hugepages free_mb=%zu need_mb=%u: too few, and relay.hugepages is \"require\"",
			have_mb, mb);
		return -ENOMEM;
	}
	log_warning("hugepages free_mb=%zu need_mb=%u: running without, not at full speed", have_mb, mb);
	return (int)mb;
}

static int bind_threads(const struct config_relay *config, struct eal_cpus *cpus) {
	cpu_set_t mask;
	int missing, ret;

	if (sched_getaffinity(0, sizeof(mask), &mask) < 0)
		return -errno;
	ret = eal_split_cpus(&mask, config->workers, config->n_workers, cpus, &missing);
	if (ret < 0) {
		log_error("relay.workers: this process may not run on CPU %d", missing);
		return ret;
	}
	if (cpus->shared)
		log_warning(
			"no CPU is left beside the workers': worker cpu=%d is shared with everything else, workers sleep when idle",
			cpus->worker[0]);
	return sched_setaffinity(0, sizeof(cpus->main), &cpus->main) < 0 ? -errno : 0;
}

int eal_start(const struct config_relay *config, size_t pool_bytes, struct eal_cpus *cpus) {
	struct eal_args args;
	int memory_mb, ret = bind_threads(config, cpus);

	if (ret < 0)
		return ret;
	memory_mb = choose_memory(config->hugepages, pool_bytes);
	if (memory_mb < 0)
		return memory_mb;
	ret = eal_build_args(cpus, (unsigned)memory_mb, config->ports, config->n_ports, &args);
	if (ret < 0)
		return ret;
	redirect_log();
	if (rte_eal_init(args.argc, args.argv) < 0) {
		log_error("dpdk doesn't start: %s", rte_strerror(rte_errno));
		return -rte_errno;
	}
	return 0;
}

void eal_stop(void) {
	rte_eal_cleanup();
	rte_openlog_stream(NULL);
}
