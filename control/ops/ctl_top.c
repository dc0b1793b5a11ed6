// `top`: what changes, sample after sample. Each sample connects anew, so that either process may come and go.
#include "control/ops/ctl.h"

#include "control/ops/relay_report.h"
#include "control/ops/row.h"

#include <errno.h>
#include <inttypes.h>
#include <time.h>

struct moment {
	uint64_t at_ns;
	bool has_relay, has_control;
	struct relay_sample relay;
	json_t *control; // control_stats
};

static void moment_fini(struct moment *m) {
	relay_sample_fini(&m->relay);
	json_decref(m->control);
	*m = (struct moment){0};
}

static uint64_t now_ns(void) {
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static bool keep_row(void *ctx, const json_t *row) {
	struct moment *m = ctx;

	m->control = json_deep_copy(row);
	m->has_control = m->control != NULL;
	return false;
}

static void take_relay(const struct ctl *c, struct moment *m) {
	struct relay_observer *o;
	struct stats_map *map;

	if (relay_observer_open(c->config->relay.control_socket, CTL_TIMEOUT_MS, &o) < 0)
		return;
	if (relay_observer_stats(o, &map) == 0) {
		m->has_relay = relay_sample_take(map, &m->relay) == 0;
		stats_map_close(map);
	}
	relay_observer_close(o);
}

static void take_control(const struct ctl *c, struct moment *m) {
	struct row r;
	int ret;

	row_begin(&r);
	row_text(&r, "command", "stats");
	(void)ctl_ask_quietly(c, row_end(&r), keep_row, m, &ret);
}

static struct moment moment_take(const struct ctl *c) {
	struct moment m = {.at_ns = now_ns()};

	take_relay(c, &m);
	take_control(c, &m);
	return m;
}

// ---- one sample as JSON ----

static double per_s(uint64_t before, uint64_t after, uint64_t ns) {
	return ns == 0 || after < before ? 0 : (double)(after - before) * 1e9 / (double)ns;
}

static void put_control(struct row *r, const struct moment *a, const struct moment *b) {
	uint64_t before = print_find_u64(a->control, "calls.attempts"),
		 after = print_find_u64(b->control, "calls.attempts");

	row_u64(r, "calls_now", print_find_u64(b->control, "calls_now"));
	row_double(r, "calls_per_s", a->has_control ? per_s(before, after, b->at_ns - a->at_ns) : 0);
}

// Rates of the relay, those of one boot only.
static void put_relay(struct row *r, const struct moment *a, const struct moment *b) {
	bool same = a->has_relay && a->relay.header.boot_id == b->relay.header.boot_id;
	const struct relay_sample *from = same ? &a->relay : &b->relay;
	uint64_t ns = same ? b->relay.at_ns - from->at_ns : 0;
	struct relay_sums before, after;
	uint32_t n = b->relay.n_workers;

	relay_sample_sum(from, &before);
	relay_sample_sum(&b->relay, &after);
	row_u64(r, "sessions", b->relay.header.sessions);
	row_double(r, "packets_in_per_s", per_s(before.in, after.in, ns));
	row_double(r, "packets_out_per_s", per_s(before.out, after.out, ns));
	row_double(r, "drops_per_s", per_s(before.drops, after.drops, ns));
	row_double(r, "ring_drops_per_s", per_s(before.ring_drops, after.ring_drops, ns));
	row_double(r, "busy_percent", n == 0 ? 0 : per_s(before.busy_ns, after.busy_ns, ns) / 1e7 / n);
}

static json_t *sample_json(const struct moment *a, const struct moment *b) {
	struct timespec wall;
	struct row r;

	clock_gettime(CLOCK_REALTIME, &wall);
	row_begin_line(&r, "top");
	row_time(&r, "time", (uint64_t)wall.tv_sec * 1000 + (uint64_t)wall.tv_nsec / 1000000);
	row_u64(&r, "interval_ms", (b->at_ns - a->at_ns) / 1000000);
	row_bool(&r, "control_reached", b->has_control);
	row_bool(&r, "relay_reached", b->has_relay);
	if (b->has_control)
		put_control(&r, a, b);
	if (b->has_relay)
		put_relay(&r, a, b);
	return row_end(&r);
}

// ---- showing it ----

static const struct print_column columns[] = {
	{"TIME", "time", 24, PRINT_PLAIN},
	{"CALLS", "calls_now", 7, PRINT_NUMBER},
	{"CALLS/S", "calls_per_s", 8, PRINT_NUMBER},
	{"SESSIONS", "sessions", 8, PRINT_NUMBER},
	{"IN/S", "packets_in_per_s", 11, PRINT_NUMBER},
	{"OUT/S", "packets_out_per_s", 11, PRINT_NUMBER},
	{"DROPS/S", "drops_per_s", 9, PRINT_NUMBER},
	{"BUSY %", "busy_percent", 6, PRINT_NUMBER},
};
enum { COLUMNS = sizeof(columns) / sizeof(columns[0]) };

static void draw_workers(FILE *out, const struct moment *a, const struct moment *b) {
	if (!b->has_relay || !a->has_relay || a->relay.header.boot_id != b->relay.header.boot_id)
		return;
	fprintf(out, "\n%-8s %4s %7s %11s %11s\n", "WORKER", "CPU", "BUSY %", "IN/S", "OUT/S");
	for (uint32_t i = 0; i < b->relay.n_workers && i < a->relay.n_workers; i++) {
		json_t *row = relay_report_worker(&a->relay, &b->relay, i);

		fprintf(out, "%-8" PRIu32 " %4" PRIu64 " %7.1f %11.1f %11.1f\n", i,
			print_find_u64(row, "cpu"), json_real_value(print_find(row, "busy_percent")),
			json_real_value(print_find(row, "packets_in_per_s")),
			json_real_value(print_find(row, "packets_out_per_s")));
		json_decref(row);
	}
}

static void draw_drops(FILE *out, const struct moment *a, const struct moment *b) {
	struct relay_sums before, after;
	char name[RELAY_REPORT_NAME];

	if (!b->has_relay || !a->has_relay || a->relay.header.boot_id != b->relay.header.boot_id)
		return;
	relay_sample_sum(&a->relay, &before);
	relay_sample_sum(&b->relay, &after);
	fprintf(out, "\n%-16s %11s %12s\n", "DROPS", "/S", "IN ALL");
	for (unsigned v = VERDICT_FORWARDED + 1; v < STATS_VERDICTS; v++) {
		if (after.verdicts[v] > 0)
			fprintf(out, "%-16s %11.1f %12" PRIu64 "\n", relay_report_verdict(v, name),
				per_s(before.verdicts[v], after.verdicts[v], b->relay.at_ns - a->relay.at_ns),
				after.verdicts[v]);
	}
}

static void draw(const struct ctl *c, const struct moment *a, const struct moment *b, const json_t *sample) {
	fputs("\033[H\033[2J", c->out); // home, clear
	print_header(c->out, columns, COLUMNS);
	print_row(c->out, columns, COLUMNS, sample);
	if (!b->has_control)
		fputs("kedge-control can't be reached\n", c->out);
	if (!b->has_relay)
		fputs("kedge-relay can't be reached\n", c->out);
	draw_workers(c->out, a, b);
	draw_drops(c->out, a, b);
}

static int show(const struct ctl *c, const struct moment *a, const struct moment *b) {
	json_t *sample = sample_json(a, b);

	if (sample == NULL)
		return ctl_fail(c, EXIT_REFUSED, "out of memory");
	if (c->json)
		print_json(c->out, sample);
	else if (c->terminal)
		draw(c, a, b, sample);
	else
		print_row(c->out, columns, COLUMNS, sample);
	json_decref(sample);
	return fflush(c->out) == 0 ? EXIT_OK : EXIT_REFUSED;
}

// ---- until Ctrl-C ----

static void on_signal(int signal_number) {
	(void)signal_number;
	ctl_interrupted = 1;
}

static void wait_until(uint64_t ns) {
	struct timespec t = {.tv_sec = (time_t)(ns / 1000000000u), .tv_nsec = (long)(ns % 1000000000u)};

	while (!ctl_interrupted && clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR)
		;
}

static int missing(const struct ctl *c, const struct moment *m) {
	if (!m->has_relay)
		(void)ctl_fail(c, 0, "kedge-relay at %s can't be reached", c->config->relay.control_socket);
	if (!m->has_control)
		(void)ctl_fail(c, 0, "kedge-control at %s can't be reached", c->config->control.socket);
	return m->has_relay && m->has_control ? EXIT_OK : EXIT_UNREACHABLE;
}

int ctl_top(struct ctl *c) {
	const struct sigaction action = {.sa_handler = on_signal};
	struct moment before = moment_take(c);
	int status = before.has_relay || before.has_control ? EXIT_OK : missing(c, &before);

	(void)sigaction(SIGINT, &action, NULL);
	(void)sigaction(SIGTERM, &action, NULL);
	if (status == EXIT_OK && !c->json && !c->terminal)
		print_header(c->out, columns, COLUMNS);
	for (uint64_t n = 0; status == EXIT_OK && (c->options.count == 0 || n < c->options.count); n++) {
		struct moment now;

		wait_until(before.at_ns + c->options.interval_ms * 1000000);
		if (ctl_interrupted)
			break;
		now = moment_take(c);
		status = show(c, &before, &now);
		moment_fini(&before);
		before = now;
	}
	if (status == EXIT_OK)
		status = missing(c, &before);
	moment_fini(&before);
	return status;
}
