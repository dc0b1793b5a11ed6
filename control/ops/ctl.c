#include "control/ops/ctl.h"

#include "control/ops/control_client.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum option {
	OPTION_ENDED = 1 << 0,
	OPTION_FILTER = 1 << 1,
	OPTION_LIMIT = 1 << 2,
	OPTION_CALL = 1 << 3,
	OPTION_INTERVAL = 1 << 4,
	OPTION_COUNT = 1 << 5,
};

enum argument { ARGUMENT_NONE, ARGUMENT_NEEDED, ARGUMENT_OPTIONAL };

struct option_row {
	enum option option;
	const char *name, *value; // value NULL: a flag
	const char *help;
};

static const struct option_row option_rows[] = {
	{OPTION_ENDED, "--ended", NULL, "calls that ended last, newest first"},
	{OPTION_FILTER, "--filter", "TEXT", "only rows with TEXT in an id, Call-ID, user, realm or trunk"},
	{OPTION_LIMIT, "--limit", "N", "at most N rows"},
	{OPTION_CALL, "--call", "ID", "only this call's (16 hex digits)"},
	{OPTION_INTERVAL, "--interval", "S", "seconds to measure over (default 1)"},
	{OPTION_COUNT, "--count", "N", "stop after N samples"},
};
enum { OPTION_ROWS = sizeof(option_rows) / sizeof(option_rows[0]) };

struct command_row {
	const char *name, *argument;
	enum argument needs;
	unsigned options; // enum option
	bool needs_config;
	ctl_fn *run;
	const char *help;
};

static const struct command_row command_rows[] = {
	{"stats", NULL, ARGUMENT_NONE, 0, true, ctl_stats,
		"counters of both processes, and whether packet sums hold"},
	{"workers", NULL, ARGUMENT_NONE, OPTION_INTERVAL, true, ctl_workers,
		"how busy each worker is, its packets and drops"},
	{"ports", NULL, ARGUMENT_NONE, 0, true, ctl_ports,
		"packet ports: device, link, packets, what went to the kernel"},
	{"sessions", NULL, ARGUMENT_NONE, OPTION_CALL | OPTION_LIMIT, true, ctl_sessions,
		"media sessions: our, signalled and learnt endpoints, packets"},
	{"calls", NULL, ARGUMENT_NONE, OPTION_ENDED | OPTION_FILTER | OPTION_LIMIT, true, ctl_calls,
		"calls, one a line"},
	{"call", "ID", ARGUMENT_NEEDED, 0, true, ctl_call,
		"the story of one call, by our id or either leg's Call-ID: dialogs, flows, media, what is wrong with it"},
	{"trunks", NULL, ARGUMENT_NONE, 0, true, ctl_trunks,
		"trunks and their peers: calls, attempts, failovers"},
	{"top", NULL, ARGUMENT_NONE, OPTION_INTERVAL | OPTION_COUNT, true, ctl_top,
		"calls, packets, drops and load, again every second until Ctrl-C"},
	{"check-config", "FILE", ARGUMENT_OPTIONAL, 0, false, ctl_check_config,
		"check a configuration file (default: that of -c)"},
	{"help", "COMMAND", ARGUMENT_OPTIONAL, 0, false, ctl_help, "this text, or that of one command"},
};
enum { COMMAND_ROWS = sizeof(command_rows) / sizeof(command_rows[0]) };

volatile sig_atomic_t ctl_interrupted;

int ctl_fail(const struct ctl *c, int status, const char *format, ...) {
	va_list args;

	fputs("kedgectl: ", c->err);
	va_start(args, format);
	vfprintf(c->err, format, args);
	va_end(args);
	fputc('\n', c->err);
	return status;
}

// ---- help ----

static const struct command_row *find_command(const char *name) {
	for (unsigned i = 0; i < COMMAND_ROWS; i++) {
		if (strcmp(command_rows[i].name, name) == 0)
			return &command_rows[i];
	}
	return NULL;
}

static void print_command(FILE *out, const struct command_row *row) {
	char usage[80];
	int n = snprintf(usage, sizeof(usage), "%s", row->name);

	if (row->argument != NULL)
		snprintf(usage + n, sizeof(usage) - (size_t)n,
			row->needs == ARGUMENT_NEEDED ? " %s" : " [%s]", row->argument);
	fprintf(out, "  %-20s %s\n", usage, row->help);
	for (unsigned i = 0; i < OPTION_ROWS; i++) {
		const struct option_row *o = &option_rows[i];

		if ((row->options & o->option) == 0)
			continue;
		snprintf(usage, sizeof(usage), "%s%s%s", o->name, o->value == NULL ? "" : " ",
			o->value == NULL ? "" : o->value);
		fprintf(out, "    %-18s %s\n", usage, o->help);
	}
}

static void print_usage(FILE *out) {
	fprintf(out, "Usage: kedgectl [-c FILE] [--json] COMMAND\n\nCommands:\n");
	for (unsigned i = 0; i < COMMAND_ROWS; i++)
		print_command(out, &command_rows[i]);
	fprintf(out,
		"\n  -c FILE              configuration of the processes to ask (default %s)\n"
		"  --json               JSON lines, {\"version\":1,...} each\n\n"
		"Exit status: 0; 1 not found or refused; 2 usage or wrong configuration; 3 a process can't be reached.\n",
		CONFIG_DEFAULT_PATH);
}

int ctl_help(struct ctl *c) {
	const struct command_row *row;

	if (c->argument == NULL) {
		print_usage(c->out);
		return EXIT_OK;
	}
	row = find_command(c->argument);
	if (row == NULL)
		return ctl_fail(c, EXIT_USAGE, "no command %s; kedgectl help lists them", c->argument);
	print_command(c->out, row);
	return EXIT_OK;
}

// ---- the command line ----

static bool parse_count(const char *text, uint64_t *out) {
	char *end;

	if (text[0] < '0' || text[0] > '9')
		return false;
	errno = 0;
	*out = strtoull(text, &end, 10);
	return *end == '\0' && errno == 0 && *out > 0 && *out <= INT64_MAX;
}

static bool parse_interval(const char *text, uint64_t *out_ms) {
	char *end;
	double s = strtod(text, &end);

	if (end == text || *end != '\0' || !(s >= 0.01 && s <= 3600))
		return false;
	*out_ms = (uint64_t)(s * 1000);
	return true;
}

static bool set_option(struct ctl_options *o, enum option option, const char *value) {
	switch (option) {
	case OPTION_ENDED:
		o->ended = true;
		return true;
	case OPTION_FILTER:
		o->filter = value;
		return true;
	case OPTION_CALL:
		o->call = value;
		return true;
	case OPTION_LIMIT:
		return parse_count(value, &o->limit);
	case OPTION_COUNT:
		return parse_count(value, &o->count);
	case OPTION_INTERVAL:
		return parse_interval(value, &o->interval_ms);
	}
	return false;
}

// Take argv[*at] as an option of the command, with its value. Returns EXIT_OK or EXIT_USAGE.
static int take_option(struct ctl *c, const struct command_row *row, char **argv, int *at) {
	const char *name = argv[*at];

	if (strcmp(name, "--json") == 0) {
		c->json = true;
		return EXIT_OK;
	}
	for (unsigned i = 0; i < OPTION_ROWS; i++) {
		const struct option_row *o = &option_rows[i];
		const char *value = o->value == NULL ? NULL : argv[*at + 1];

		if ((row->options & o->option) == 0 || strcmp(o->name, name) != 0)
			continue;
		if (o->value != NULL && value == NULL)
			return ctl_fail(c, EXIT_USAGE, "%s needs %s", name, o->value);
		*at += o->value != NULL;
		if (!set_option(&c->options, o->option, value))
			return ctl_fail(c, EXIT_USAGE, "%s %s: not a number in range", name, value);
		return EXIT_OK;
	}
	return ctl_fail(c, EXIT_USAGE, "%s: no option of %s; see kedgectl help", name, row->name);
}

static int take_arguments(struct ctl *c, const struct command_row *row, char **argv) {
	for (int i = 1; argv[i] != NULL; i++) {
		if (argv[i][0] == '-' && argv[i][1] != '\0') {
			int ret = take_option(c, row, argv, &i);

			if (ret != EXIT_OK)
				return ret;
		} else if (c->argument == NULL && row->needs != ARGUMENT_NONE) {
			c->argument = argv[i];
		} else {
			return ctl_fail(c, EXIT_USAGE, "%s: one argument too many: %s", row->name, argv[i]);
		}
	}
	if (c->argument == NULL && row->needs == ARGUMENT_NEEDED)
		return ctl_fail(c, EXIT_USAGE, "%s needs %s", row->name, row->argument);
	return EXIT_OK;
}

// What stands before the command. Returns its index in argv, or 0 with a complaint.
static int take_globals(struct ctl *c, int argc, char **argv) {
	int i = 1;

	for (; i < argc && argv[i][0] == '-'; i++) {
		if (strcmp(argv[i], "--json") == 0) {
			c->json = true;
		} else if (strcmp(argv[i], "-c") == 0 && i + 1 < argc) {
			c->config_path = argv[++i];
		} else if (strcmp(argv[i], "-h") != 0 && strcmp(argv[i], "--help") != 0) {
			(void)ctl_fail(c, 0, "%s: no such option, or its value is missing", argv[i]);
			print_usage(c->err);
			return 0;
		} else {
			argv[i] = "help";
			return i;
		}
	}
	if (i < argc)
		return i;
	print_usage(c->err);
	return 0;
}

// Mistakes are shown, warnings are kedge-control's to give.
static int load_config(struct ctl *c) {
	char *text = NULL;
	size_t len;
	FILE *errors = open_memstream(&text, &len);
	int ret = errors == NULL ? -ENOMEM : config_load(c->config_path, errors, &c->config);

	if (errors != NULL)
		fclose(errors);
	if (ret < 0)
		fputs(text == NULL ? "kedgectl: out of memory\n" : text, c->err);
	free(text);
	return ret < 0 ? EXIT_USAGE : EXIT_OK;
}

static int run(struct ctl *c, int argc, char **argv) {
	int at = take_globals(c, argc, argv), ret;
	const struct command_row *row;

	if (at == 0)
		return EXIT_USAGE;
	row = find_command(argv[at]);
	if (row == NULL)
		return ctl_fail(c, EXIT_USAGE, "no command %s; kedgectl help lists them", argv[at]);
	ret = take_arguments(c, row, argv + at);
	if (ret == EXIT_OK && row->needs_config)
		ret = load_config(c);
	return ret == EXIT_OK ? row->run(c) : ret;
}

int ctl_main(int argc, char **argv, FILE *out, FILE *err) {
	struct ctl c = {
		.config_path = CONFIG_DEFAULT_PATH,
		.options = {.interval_ms = 1000},
		.terminal = isatty(fileno(out)) == 1,
		.out = out,
		.err = err,
	};
	int ret = run(&c, argc, argv);

	config_unload(c.config);
	if (fflush(out) != 0 && ret == EXIT_OK)
		ret = ctl_fail(&c, EXIT_REFUSED, "output: %s", strerror(errno));
	return ret;
}

// ---- both processes ----

static const char *why(int ret) {
	return ret == -EPROTO	       ? "speaks another version"
		: ret == -EBADMSG      ? "answers nonsense"
		: ret == -ENOENT       ? "not running (no socket)"
		: ret == -ECONNREFUSED ? "not running"
				       : strerror(-ret);
}

int ctl_relay_failed(const struct ctl *c, int ret) {
	return ctl_fail(
		c, EXIT_UNREACHABLE, "kedge-relay at %s: %s", c->config->relay.control_socket, why(ret));
}

int ctl_open_relay(const struct ctl *c, struct relay_observer **out) {
	int ret = relay_observer_open(c->config->relay.control_socket, CTL_TIMEOUT_MS, out);

	return ret < 0 ? ctl_relay_failed(c, ret) : EXIT_OK;
}

int ctl_open_stats(const struct ctl *c, struct stats_map **out) {
	struct relay_observer *o;
	int status = ctl_open_relay(c, &o), ret;

	if (status != EXIT_OK)
		return status;
	ret = relay_observer_stats(o, out);
	relay_observer_close(o);
	return ret < 0 ? ctl_relay_failed(c, ret) : EXIT_OK;
}

int ctl_ask_quietly(
	const struct ctl *c, json_t *request, bool (*fn)(void *ctx, const json_t *row), void *ctx, int *ret) {
	struct control_answer answer;

	*ret = control_client_ask(c->config->control.socket, CTL_TIMEOUT_MS, request, fn, ctx, &answer);
	if (*ret < 0)
		return EXIT_UNREACHABLE;
	if (answer.status != EXIT_OK)
		return ctl_fail(c, EXIT_REFUSED, "kedge-control: %s", answer.error);
	return EXIT_OK;
}

int ctl_ask(const struct ctl *c, json_t *request, bool (*fn)(void *ctx, const json_t *row), void *ctx) {
	int ret, status = ctl_ask_quietly(c, request, fn, ctx, &ret);

	if (ret < 0)
		return ctl_fail(c, status, "kedge-control at %s: %s", c->config->control.socket, why(ret));
	return status;
}
