// The commands that only the relay answers: workers, ports, sessions.
#include "control/ops/ctl.h"

#include "control/ops/relay_report.h"
#include "control/ops/row.h"
#include "control/ops/session_json.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#define N_COLUMNS(a) (sizeof(a) / sizeof((a)[0]))

static int no_memory(const struct ctl *c) {
	return ctl_fail(c, EXIT_REFUSED, "out of memory");
}

// ---- workers ----

static const struct print_column worker_columns[] = {
	{"WORKER", "worker", 6, PRINT_NUMBER},
	{"CPU", "cpu", 4, PRINT_NUMBER},
	{"BUSY %", "busy_percent", 6, PRINT_NUMBER},
	{"IN/S", "packets_in_per_s", 10, PRINT_NUMBER},
	{"OUT/S", "packets_out_per_s", 10, PRINT_NUMBER},
	{"IN", "packets_in", 12, PRINT_NUMBER},
	{"OUT", "packets_out", 12, PRINT_NUMBER},
	{"DROPS", "packets_dropped", 10, PRINT_NUMBER},
	{"HANDED", "packets_handed", 12, PRINT_NUMBER},
	{"RING DROPS", "ring_drops", 10, PRINT_NUMBER},
	{"P99 US", "residence_p99_us", 7, PRINT_NUMBER},
	{"P99.9 US", "residence_p999_us", 8, PRINT_NUMBER},
};

static int print_workers(
	const struct ctl *c, const struct relay_sample *before, const struct relay_sample *after) {
	if (!c->json) {
		fprintf(c->out, "busy: time in loops that carried packets, measured over %.1f s\n",
			(double)(after->at_ns - before->at_ns) / 1e9);
		print_header(c->out, worker_columns, N_COLUMNS(worker_columns));
	}
	for (uint32_t i = 0; i < after->n_workers && i < before->n_workers; i++) {
		json_t *row = relay_report_worker(before, after, i);

		if (row == NULL)
			return no_memory(c);
		if (c->json)
			print_json(c->out, row);
		else
			print_row(c->out, worker_columns, N_COLUMNS(worker_columns), row);
		json_decref(row);
	}
	return EXIT_OK;
}

static void wait_ms(uint64_t ms) {
	struct timespec t = {.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000};

	while (nanosleep(&t, &t) < 0 && errno == EINTR)
		;
}

int ctl_workers(struct ctl *c) {
	struct relay_sample before = {0}, after = {0};
	struct stats_map *map;
	int status = ctl_open_stats(c, &map);

	if (status != EXIT_OK)
		return status;
	if (relay_sample_take(map, &before) < 0)
		goto out_of_memory;
	wait_ms(c->options.interval_ms);
	if (relay_sample_take(map, &after) < 0)
		goto out_of_memory;
	status = print_workers(c, &before, &after);
	goto end;
out_of_memory:
	status = no_memory(c);
end:
	relay_sample_fini(&before);
	relay_sample_fini(&after);
	stats_map_close(map);
	return status;
}

// ---- ports ----

static const struct print_column port_columns[] = {
	{"PORT", "name", 10, PRINT_PLAIN},
	{"DEVICE", "device", 20, PRINT_PLAIN},
	{"LINK", "link_up", 4, PRINT_PLAIN},
	{"QUEUES", "queues", 6, PRINT_NUMBER},
	{"RX", "rx_packets", 10, PRINT_NUMBER},
	{"TX", "tx_packets", 10, PRINT_NUMBER},
	{"RX DROPS", "rx_dropped_packets", 8, PRINT_NUMBER},
	{"MEDIA", "xdp_packets.media", 10, PRINT_NUMBER},
	{"DROPPED", "xdp_packets.dropped", 8, PRINT_NUMBER},
	{"NOT IP", "xdp_packets.not_ip", 8, PRINT_NUMBER},
	{"OTHER", "xdp_packets.other", 8, PRINT_NUMBER},
	{"FRAGMENT", "xdp_packets.fragment", 8, PRINT_NUMBER},
	{"OPTIONS", "xdp_packets.options", 8, PRINT_NUMBER},
	{"UDP", "xdp_packets.udp", 8, PRINT_NUMBER},
};

// Of ports that the relay took from the kernel and shares with it by a TAP.
static const struct print_column kernel_columns[] = {
	{"PORT", "name", 10, PRINT_PLAIN},
	{"KERNEL IF", "kernel_if", 15, PRINT_PLAIN},
#define PUNT_CLASS(NAME, text, packets_per_s, help) {#NAME, "punted_packets." text, 8, PRINT_NUMBER},
#include "relay/punt_class.def"
#undef PUNT_CLASS
	{"REFUSED", "kernel_refused_packets", 8, PRINT_NUMBER},
	{"SENT", "from_kernel_packets", 8, PRINT_NUMBER},
	{"DROPPED", "from_kernel_dropped_packets", 8, PRINT_NUMBER},
#define PUNT_CLASS(NAME, text, packets_per_s, help) \
	{"-" #NAME, "punt_limited_packets." text, 8, PRINT_NUMBER},
#include "relay/punt_class.def"
#undef PUNT_CLASS
};

// Every port, or those that have a TAP.
static int print_ports(const struct ctl *c, const struct stats_map *map, const struct print_column *columns,
	size_t n_columns, bool with_tap) {
	struct stats_port port;

	for (uint32_t i = 0; stats_map_port(map, i, &port); i++) {
		json_t *row;

		if (with_tap && port.kernel_if[0] == '\0')
			continue;
		row = relay_report_port(&port);
		if (row == NULL)
			return no_memory(c);
		if (c->json)
			print_json(c->out, row);
		else
			print_row(c->out, columns, n_columns, row);
		json_decref(row);
	}
	return EXIT_OK;
}

static bool any_tap(const struct stats_map *map) {
	struct stats_port port;

	for (uint32_t i = 0; stats_map_port(map, i, &port); i++) {
		if (port.kernel_if[0] != '\0')
			return true;
	}
	return false;
}

int ctl_ports(struct ctl *c) {
	struct stats_map *map;
	int status = ctl_open_stats(c, &map);

	if (status != EXIT_OK)
		return status;
	if (!c->json) {
		fprintf(c->out,
			"MEDIA to UDP: what the XDP program saw; it took MEDIA, dropped DROPPED, gave the kernel the rest\n");
		print_header(c->out, port_columns, N_COLUMNS(port_columns));
	}
	status = print_ports(c, map, port_columns, N_COLUMNS(port_columns), false);
	if (status == EXIT_OK && !c->json && any_tap(map)) {
		fprintf(c->out,
			"\nARP to OTHER: what the relay gave to the kernel, -ARP to -OTHER: held back over the limit (punt_pps);\n"
			"REFUSED: given, but the TAP didn't take it; SENT by the kernel, DROPPED: of that, the relay was behind\n");
		print_header(c->out, kernel_columns, N_COLUMNS(kernel_columns));
		status = print_ports(c, map, kernel_columns, N_COLUMNS(kernel_columns), true);
	}
	stats_map_close(map);
	return status;
}

// ---- sessions ----

// Two rows a session: one a side, its RTP component. RTCP is in --json and in `call ID`.
static const struct print_column session_columns[] = {
	{"SESSION", "session_id", 16, PRINT_PLAIN},
	{"CALL", "call_id", 16, PRINT_PLAIN},
	{"SIDE", "side", 6, PRINT_PLAIN},
	{"REALM", "realm", 8, PRINT_PLAIN},
	{"LOCAL", "local", 21, PRINT_PLAIN},
	{"SIGNALLED", "signalled", 21, PRINT_PLAIN},
	{"LEARNT", "learnt", 21, PRINT_PLAIN},
	{"PACKETS", "packets", 9, PRINT_NUMBER},
	{"DROPS", "drops", 7, PRINT_NUMBER},
	{"LAST", "last_packet_age_ms", 8, PRINT_MS},
};

struct listing {
	struct ctl *ctl;
	uint64_t shown;
	bool no_memory;
};

static json_t *side_row(const struct proto_session_state *s, unsigned side) {
	const struct proto_side *wanted = &s->wanted.side[side];
	const struct component_slot *counters = &s->component[side][0].counters;
	uint64_t drops = 0;
	struct row r;

	for (unsigned v = VERDICT_FORWARDED + 1; v < COMPONENT_VERDICTS; v++)
		drops += counters->drops[v];
	row_begin(&r);
	row_id(&r, "session_id", s->wanted.session_id);
	row_id(&r, "call_id", s->wanted.call_id);
	row_text(&r, "side", session_json_role(side));
	row_span(&r, "realm", (struct span){wanted->realm, strnlen(wanted->realm, sizeof(wanted->realm))});
	row_endpoint(&r, "local", &wanted->local);
	row_endpoint(&r, "signalled", &wanted->remote[0]);
	row_endpoint(&r, "learnt", &counters->learnt);
	row_u64(&r, "packets", counters->forwarded);
	row_u64(&r, "drops", drops);
	if (counters->last_in_ns != 0)
		row_u64(&r, "last_packet_age_ms", session_json_age_ms(s->now_ns, counters->last_in_ns));
	return row_end(&r);
}

static bool show_sides(const struct ctl *c, const struct proto_session_state *s) {
	for (unsigned side = 0; side < 2; side++) {
		json_t *row = side_row(s, side);

		if (row == NULL)
			return false;
		print_row(c->out, session_columns, N_COLUMNS(session_columns), row);
		json_decref(row);
	}
	return true;
}

static bool show_json(const struct ctl *c, const struct proto_session_state *s) {
	struct row r;
	json_t *session = session_json(s, false), *line;

	row_begin_line(&r, "session");
	if (session == NULL || json_object_update(r.object, session) < 0)
		r.failed = true;
	json_decref(session);
	line = row_end(&r);
	if (line == NULL)
		return false;
	print_json(c->out, line);
	json_decref(line);
	return true;
}

static bool show_session(void *ctx, const struct proto_session_state *s) {
	struct listing *l = ctx;
	const struct ctl *c = l->ctl;

	if (!(c->json ? show_json(c, s) : show_sides(c, s))) {
		l->no_memory = true;
		return false;
	}
	l->shown++;
	return c->options.limit == 0 || l->shown < c->options.limit;
}

static bool parse_id(const char *text, uint64_t *out) {
	if (strlen(text) != ROW_ID_TEXT - 1 || strspn(text, "0123456789abcdefABCDEF") != ROW_ID_TEXT - 1)
		return false;
	*out = strtoull(text, NULL, 16);
	return *out != 0;
}

int ctl_sessions(struct ctl *c) {
	struct listing l = {.ctl = c};
	struct relay_observer *o;
	uint64_t call_id = 0;
	int status, ret;

	if (c->options.call != NULL && !parse_id(c->options.call, &call_id))
		return ctl_fail(c, EXIT_USAGE, "--call %s: not 16 hex digits", c->options.call);
	status = ctl_open_relay(c, &o);
	if (status != EXIT_OK)
		return status;
	if (!c->json)
		print_header(c->out, session_columns, N_COLUMNS(session_columns));
	ret = relay_observer_list(o, call_id, show_session, &l);
	relay_observer_close(o);
	if (l.no_memory)
		return no_memory(c);
	if (ret < 0)
		return ctl_relay_failed(c, ret);
	return call_id != 0 && l.shown == 0 ? EXIT_REFUSED : EXIT_OK;
}
