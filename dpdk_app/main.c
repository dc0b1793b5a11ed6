// kedge-relay: starts everything in the order in which each part may rely on the one before, runs the main thread's
// loop, and takes it all down again.
#include "dpdk_app/app.h"
#include "config/program.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

static const char usage[] =
	"usage: kedge-relay [-c FILE]\n"
	"  -c FILE    the configuration (default " CONFIG_DEFAULT_PATH ")\n"
	"  --help     this text\n"
	"  --version  the version\n"
	"Runs in the foreground and logs to stderr. SIGTERM waits up to 30 s for its sessions to end, a\n"
	"second one ends at once. Exit status: 0 ended in order, 1 refused or failed, 2 wrong usage or\n"
	"configuration.\n";

// Returns -1 to go on, or the exit status.
static int parse_args(int argc, char **argv, const char **path) {
	static const struct option options[] = {{"config", required_argument, NULL, 'c'},
		{"help", no_argument, NULL, 'h'}, {"version", no_argument, NULL, 'v'}, {0}};
	int c;

	while ((c = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
		switch (c) {
		case 'c':
			*path = optarg;
			break;
		case 'h':
			fputs(usage, stdout);
			return EXIT_OK;
		case 'v':
			puts("kedge-relay " KEDGE_VERSION);
			return EXIT_OK;
		default:
			fputs(usage, stderr);
			return EXIT_USAGE;
		}
	}
	if (optind == argc)
		return -1;
	fprintf(stderr, "kedge-relay: what is \"%s\"?\n%s", argv[optind], usage);
	return EXIT_USAGE;
}

int main(int argc, char **argv) {
	const char *path = CONFIG_DEFAULT_PATH;
	struct config *config;
	int status = parse_args(argc, argv, &path);

	if (status >= 0)
		return status;
	if (config_load(path, stderr, &config) < 0)
		return EXIT_USAGE;
	log_init("kedge-relay", config->log_level);
	status = app_run(config);
	config_unload(config);
	return status;
}
