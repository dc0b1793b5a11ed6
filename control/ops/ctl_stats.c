#include "control/ops/ctl.h"

#include "control/ops/relay_report.h"
#include "control/ops/row.h"

#include <inttypes.h>
#include <string.h>

// Lines of "name value" pairs end here.
enum { LINE_WIDTH = 100, HEAD_WIDTH = 11 };

// ---- human ----

// "head       name 12  name 3", wrapped; zeros are left out if that is asked for.
static void print_counters(FILE *out, const char *head, const json_t *counters, bool all) {
	size_t column = LINE_WIDTH;
	const char *name;
	json_t *value;
	bool first = true;

	json_object_foreach((json_t *)(uintptr_t)counters, name, value) {
		char shown[PRINT_TEXT], key[64], pair[PRINT_TEXT + 80];

		if (!all && json_integer_value(value) == 0)
			continue;
		snprintf(pair, sizeof(pair), "%s %s", print_escape(name, key, sizeof(key)),
			print_value(value, shown));
		if (column + strlen(pair) > LINE_WIDTH) {
			fprintf(out, "%s%-*s", first ? "" : "\n", HEAD_WIDTH, first ? head : "");
			column = HEAD_WIDTH;
		}
		fprintf(out, "%s%s", column > HEAD_WIDTH ? "  " : "", pair);
		column += strlen(pair) + 2;
		first = false;
	}
	fprintf(out, first ? "%-*snone\n" : "\n", HEAD_WIDTH, head);
}

static const char *help_of(const char *verdict) {
	for (unsigned v = 0; v < VERDICT_COUNT; v++) {
		if (strcmp(verdict_name((enum verdict)v), verdict) == 0)
			return verdict_help((enum verdict)v);
	}
	return "";
}

static void print_drops(FILE *out, const json_t *drops) {
	const char *head = "drops", *name;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)drops, name, value) {
		char key[64];

		if (json_integer_value(value) == 0)
			continue;
		fprintf(out, "%-*s%-14s %10" JSON_INTEGER_FORMAT "  %s\n", HEAD_WIDTH, head,
			print_escape(name, key, sizeof(key)), json_integer_value(value), help_of(name));
		head = "";
	}
}

static void print_packets(FILE *out, const json_t *s) {
	fprintf(out, "%-*sin %" PRIu64 "  out %" PRIu64 "  dropped %" PRIu64 "  ring drops %" PRIu64 "\n",
		HEAD_WIDTH, "packets", print_find_u64(s, "packets_in"), print_find_u64(s, "packets_out"),
		print_find_u64(s, "packets_dropped"), print_find_u64(s, "ring_drops"));
	if (json_is_true(print_find(s, "packet_sums_hold")))
		fprintf(out, "%-*sin = out + drops: holds\n", HEAD_WIDTH, "check");
	else
		fprintf(out, "%-*sin = out + drops: %" JSON_INTEGER_FORMAT " packets missing\n", HEAD_WIDTH,
			"check", json_integer_value(print_find(s, "packets_missing")));
	print_drops(out, print_find(s, "drops"));
}

static void print_port(FILE *out, const json_t *port) {
	char name[PRINT_TEXT], device[PRINT_TEXT];

	fprintf(out, "port %s  %s  link %s  rx %" PRIu64 "  tx %" PRIu64 "  rx dropped %" PRIu64 "\n",
		print_value(print_find(port, "name"), name), print_value(print_find(port, "device"), device),
		json_is_true(print_find(port, "link_up")) ? "up" : "down", print_find_u64(port, "rx_packets"),
		print_find_u64(port, "tx_packets"), print_find_u64(port, "rx_dropped_packets"));
	if (json_is_null(print_find(port, "kernel_if"))) {
		print_counters(out, "  xdp", print_find(port, "xdp_packets"), true);
		return;
	}
	print_counters(out, "  punted", print_find(port, "punted_packets"), true);
	print_counters(out, "  limited", print_find(port, "punt_limited_packets"), true);
	fprintf(out, "%-*skernel_if %s  refused %" PRIu64 "  sent %" PRIu64 "  dropped %" PRIu64 "\n",
		HEAD_WIDTH, "  kernel", print_value(print_find(port, "kernel_if"), name),
		print_find_u64(port, "kernel_refused_packets"), print_find_u64(port, "from_kernel_packets"),
		print_find_u64(port, "from_kernel_dropped_packets"));
}

static void print_realm(FILE *out, const json_t *realm) {
	char name[PRINT_TEXT];

	fprintf(out, "realm %s  media port pairs: used %" PRIu64 "  resting %" PRIu64 "  free %" PRIu64 "\n",
		print_value(print_find(realm, "name"), name), print_find_u64(realm, "media_ports_used"),
		print_find_u64(realm, "media_ports_resting"), print_find_u64(realm, "media_ports_free"));
}

static void print_groups(FILE *out, const json_t *s) {
	const json_t *ports = print_find(s, "ports"), *realms = print_find(s, "realms");
	json_t *item;
	size_t i;

	json_array_foreach(ports, i, item) {
		print_port(out, item);
	}
	json_array_foreach(realms, i, item) {
		print_realm(out, item);
	}
}

static void print_relay(FILE *out, const json_t *s) {
	char boot[PRINT_TEXT];

	fprintf(out, "%-*sboot %s  %s\n", HEAD_WIDTH, "relay", print_value(print_find(s, "boot_id"), boot),
		json_is_true(print_find(s, "controller_connected")) ? "controlled" : "no controller");
	print_packets(out, s);
	fprintf(out,
		"%-*snow %" PRIu64 " of %" PRIu64 "  put %" PRIu64 "  deleted %" PRIu64 "  timed out %" PRIu64
		"  swept %" PRIu64 "  refused %" PRIu64 "\n",
		HEAD_WIDTH, "sessions", print_find_u64(s, "sessions"), print_find_u64(s, "sessions_max"),
		print_find_u64(s, "sessions_put"), print_find_u64(s, "sessions_deleted"),
		print_find_u64(s, "sessions_timed_out"), print_find_u64(s, "sessions_swept"),
		print_find_u64(s, "sessions_refused"));
	fprintf(out, "%-*sfree %" PRIu64 " of %" PRIu64 "  lowest %" PRIu64 "  starved turns %" PRIu64 "\n",
		HEAD_WIDTH, "buffers", print_find_u64(s, "buffers_free"), print_find_u64(s, "buffers"),
		print_find_u64(s, "buffers_free_lowest"), print_find_u64(s, "starved_turns"));
	print_counters(out, "next hops", print_find(s, "next_hops"), true);
	print_groups(out, s);
}

static void print_control(FILE *out, const json_t *s) {
	char node[PRINT_TEXT], up[PRINT_DURATION];

	fprintf(out, "%-*snode %s  up %s  calls %" PRIu64 "  relay %s%s\n", HEAD_WIDTH, "control",
		print_value(print_find(s, "node"), node), print_duration(print_find_u64(s, "uptime_ms"), up),
		print_find_u64(s, "calls_now"),
		json_is_true(print_find(s, "relay_connected")) ? "connected" : "not connected",
		json_is_true(print_find(s, "draining")) ? "  draining" : "");
	print_counters(out, "calls", print_find(s, "calls"), true);
	print_counters(out, "sip", print_find(s, "sip"), true);
	print_counters(out, "sip faults", print_find(s, "sip_faults"), false);
	print_counters(out, "media", print_find(s, "media"), true);
	fprintf(out,
		"%-*stransactions %" PRIu64 "  pairings %" PRIu64 "  log lines dropped %" PRIu64
		"  records kept %" PRIu64 "  lost %" PRIu64 "\n",
		HEAD_WIDTH, "other", print_find_u64(s, "transactions"), print_find_u64(s, "pairings"),
		print_find_u64(s, "log_lines_dropped"), print_find_u64(s, "records_kept"),
		print_find_u64(s, "records_lost"));
}

// ---- both processes, one after the other ----

static int show_relay(struct ctl *c) {
	struct relay_sample sample = {0};
	struct stats_map *map;
	int status = ctl_open_stats(c, &map);
	json_t *line;

	if (status != EXIT_OK)
		return status;
	line = relay_sample_take(map, &sample) < 0 ? NULL : relay_report_stats(map, &sample);
	if (line == NULL)
		status = ctl_fail(c, EXIT_REFUSED, "out of memory");
	else if (c->json)
		print_json(c->out, line);
	else
		print_relay(c->out, line);
	json_decref(line);
	relay_sample_fini(&sample);
	stats_map_close(map);
	return status;
}

static bool show_control(void *ctx, const json_t *row) {
	const struct ctl *c = ctx;

	if (c->json) {
		print_json(c->out, row);
	} else {
		fputc('\n', c->out);
		print_control(c->out, row);
	}
	return true;
}

int ctl_stats(struct ctl *c) {
	struct row r;
	int relay = show_relay(c), control;

	row_begin(&r);
	row_text(&r, "command", "stats");
	control = ctl_ask(c, row_end(&r), show_control, c);
	return relay > control ? relay : control;
}
