#include "control/ops/relay_report.h"

#include "control/ops/row.h"
#include "control/ops/session_json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

// A worker adds a burst's verdicts one by one; a copy taken in between is off by some packets. So often we look again.
enum { SETTLE_TRIES = 200 };

static uint64_t sum_verdicts(const struct stats_worker *w) {
	uint64_t sum = 0;

	for (unsigned v = 0; v < STATS_VERDICTS; v++)
		sum += w->verdicts[v];
	return sum;
}

static bool is_settled(const struct stats_worker *w) {
	return w->in == sum_verdicts(w) && w->out == w->verdicts[VERDICT_FORWARDED];
}

static void take_worker(const struct stats_map *m, uint32_t index, struct stats_worker *out) {
	for (int i = 0; i < SETTLE_TRIES; i++) {
		if (!stats_map_worker(m, index, out) || is_settled(out))
			return;
	}
}

int relay_sample_take(const struct stats_map *m, struct relay_sample *out) {
	struct relay_sample s = {0};
	struct timespec now;

	stats_map_header(m, &s.header);
	s.n_workers = s.header.n_workers;
	s.workers = calloc(s.n_workers + 1, sizeof(*s.workers));
	if (s.workers == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < s.n_workers; i++)
		take_worker(m, i, &s.workers[i]);
	clock_gettime(CLOCK_MONOTONIC, &now);
	s.at_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
	*out = s;
	return 0;
}

void relay_sample_fini(struct relay_sample *s) {
	free(s->workers);
	*s = (struct relay_sample){0};
}

void relay_sample_sum(const struct relay_sample *s, struct relay_sums *out) {
	*out = (struct relay_sums){0};
	for (uint32_t i = 0; i < s->n_workers; i++) {
		const struct stats_worker *w = &s->workers[i];

		out->in += w->in;
		out->out += w->out;
		out->busy_ns += w->busy_ns;
		out->ring_drops += w->ring_drops;
		out->starved += w->starved;
		for (unsigned v = 0; v < STATS_VERDICTS; v++)
			out->verdicts[v] += w->verdicts[v];
		out->drops += sum_verdicts(w) - w->verdicts[VERDICT_FORWARDED];
	}
}

const char *relay_report_verdict(unsigned verdict, char buf[static RELAY_REPORT_NAME]) {
	if (verdict < VERDICT_COUNT)
		return verdict_name((enum verdict)verdict);
	snprintf(buf, RELAY_REPORT_NAME, "verdict_%u", verdict);
	return buf;
}

static json_t *drops_json(const struct relay_sample *s, const struct relay_sums *sums) {
	uint32_t n = s->header.n_verdicts < STATS_VERDICTS ? s->header.n_verdicts : STATS_VERDICTS;
	char name[RELAY_REPORT_NAME];
	struct row r;

	row_begin(&r);
	for (unsigned v = VERDICT_FORWARDED + 1; v < n; v++)
		row_u64(&r, relay_report_verdict(v, name), sums->verdicts[v]);
	return row_end(&r);
}

static json_t *next_hops_json(const struct stats_header *h) {
	struct row r;

	row_begin(&r);
	for (unsigned state = 0; state < NEXT_HOP_STATES; state++)
		row_u64(&r, session_json_next_hop(state), h->next_hops[state]);
	return row_end(&r);
}

static json_t *realm_json(const struct stats_realm *realm) {
	struct row r;

	row_begin(&r);
	row_text(&r, "name", realm->name);
	row_u64(&r, "media_ports_used", realm->media_ports_used);
	row_u64(&r, "media_ports_resting", realm->media_ports_resting);
	row_u64(&r, "media_ports_free", realm->media_ports_free);
	return row_end(&r);
}

static json_t *punts_json(const uint64_t counts[static PUNT_CLASS_COUNT]) {
	struct row r;

	row_begin(&r);
	for (unsigned c = 0; c < PUNT_CLASS_COUNT; c++)
		row_u64(&r, punt_class_name((enum punt_class)c), counts[c]);
	return row_end(&r);
}

static void put_kernel(struct row *r, const struct stats_port *p) {
	row_text(r, "kernel_if", p->kernel_if[0] != '\0' ? p->kernel_if : NULL);
	row_take(r, "punted_packets", punts_json(p->punted));
	row_take(r, "punt_limited_packets", punts_json(p->punt_limited));
	row_u64(r, "kernel_refused_packets", p->kernel_refused);
	row_u64(r, "from_kernel_packets", p->from_kernel);
	row_u64(r, "from_kernel_dropped_packets", p->from_kernel_dropped);
}

json_t *relay_report_port(const struct stats_port *p) {
	json_t *xdp;
	struct row r;

	row_begin(&r);
	for (unsigned c = 0; c < XDP_CLASS_COUNT; c++)
		row_u64(&r, xdp_class_name((enum xdp_class)c), p->xdp[c]);
	xdp = row_end(&r);
	row_begin_line(&r, "port");
	row_text(&r, "name", p->name);
	row_text(&r, "device", p->device);
	row_bool(&r, "link_up", p->link_up != 0);
	row_u64(&r, "queues", p->queues);
	row_u64(&r, "rx_packets", p->rx);
	row_u64(&r, "tx_packets", p->tx);
	row_u64(&r, "rx_dropped_packets", p->rx_dropped);
	row_take(&r, "xdp_packets", xdp);
	put_kernel(&r, p);
	return row_end(&r);
}

static void put_sessions(struct row *r, const struct stats_header *h) {
	row_u64(r, "sessions", h->sessions);
	row_u64(r, "sessions_max", h->sessions_max);
	row_u64(r, "sessions_put", h->sessions_put);
	row_u64(r, "sessions_deleted", h->sessions_deleted);
	row_u64(r, "sessions_timed_out", h->sessions_timed_out);
	row_u64(r, "sessions_swept", h->sessions_swept);
	row_u64(r, "sessions_refused", h->sessions_refused);
	row_u64(r, "buffers", h->buffers);
	row_u64(r, "buffers_free", h->buffers_free);
	row_u64(r, "buffers_free_lowest", h->buffers_free_lowest);
	row_u64(r, "control_messages", h->control_messages);
	row_u64(r, "control_refused", h->control_refused);
}

// in = out + drops: what rx_burst gave is what tx_burst took and what was dropped for a reason.
static void put_packets(struct row *r, const struct relay_sample *s) {
	struct relay_sums sums;

	relay_sample_sum(s, &sums);
	row_u64(r, "packets_in", sums.in);
	row_u64(r, "packets_out", sums.out);
	row_u64(r, "packets_dropped", sums.drops);
	row_bool(r, "packet_sums_hold", sums.in == sums.out + sums.drops);
	row_take(r, "packets_missing", json_integer((json_int_t)(sums.in - sums.out - sums.drops)));
	row_u64(r, "ring_drops", sums.ring_drops);
	row_u64(r, "starved_turns", sums.starved);
	row_take(r, "drops", drops_json(s, &sums));
}

static json_t *totals_json(const struct stats_worker *w) {
	struct row r;

	row_begin(&r);
	row_u64(&r, "cpu", w->cpu);
	row_u64(&r, "in", w->in);
	row_u64(&r, "out", w->out);
	row_u64(&r, "handed", w->handed);
	row_u64(&r, "ring_drops", w->ring_drops);
	row_u64(&r, "busy_ns", w->busy_ns);
	return row_end(&r);
}

static void put_workers(struct row *r, const struct relay_sample *s) {
	json_t *workers = json_array();

	for (uint32_t i = 0; i < s->n_workers; i++)
		row_append(r, workers, totals_json(&s->workers[i]));
	row_take(r, "workers", workers);
}

static void put_groups(struct row *r, const struct stats_map *m) {
	json_t *ports = json_array(), *realms = json_array();
	struct stats_port port;
	struct stats_realm realm;

	for (uint32_t i = 0; stats_map_port(m, i, &port); i++)
		row_append(r, ports, relay_report_port(&port));
	for (uint32_t i = 0; stats_map_realm(m, i, &realm); i++)
		row_append(r, realms, realm_json(&realm));
	row_take(r, "ports", ports);
	row_take(r, "realms", realms);
}

json_t *relay_report_stats(const struct stats_map *m, const struct relay_sample *s) {
	const struct stats_header *h = &s->header;
	struct row r;

	row_begin_line(&r, "relay_stats");
	row_id(&r, "boot_id", h->boot_id);
	row_bool(&r, "controller_connected", h->controller_connected != 0);
	put_workers(&r, s);
	put_packets(&r, s);
	put_sessions(&r, h);
	row_take(&r, "next_hops", next_hops_json(h));
	put_groups(&r, m);
	return row_end(&r);
}

static double per_s(uint64_t before, uint64_t after, uint64_t ns) {
	return ns == 0 || after < before ? 0 : (double)(after - before) * 1e9 / (double)ns;
}

// Of the packets between two samples; null: there were none.
static void put_residence(struct row *r, const char *key, const struct stats_worker *a,
	const struct stats_worker *b, uint64_t rare) {
	const uint64_t longest = residence_bound_ns(RESIDENCE_STEPS - 2); // or longer
	uint64_t packets[RESIDENCE_STEPS], ns;

	for (unsigned i = 0; i < RESIDENCE_STEPS; i++)
		packets[i] = b->residence[i] < a->residence[i] ? 0 : b->residence[i] - a->residence[i];
	ns = residence_percentile_ns(packets, rare);
	if (ns == 0)
		row_take(r, key, json_null());
	else
		row_double(r, key, (double)(ns == UINT64_MAX ? longest : ns) / 1000);
}

json_t *relay_report_worker(
	const struct relay_sample *before, const struct relay_sample *after, uint32_t index) {
	const struct stats_worker *a = &before->workers[index], *b = &after->workers[index];
	uint64_t ns = after->at_ns - before->at_ns, drops = sum_verdicts(b) - b->verdicts[VERDICT_FORWARDED];
	struct row r;

	row_begin_line(&r, "worker");
	row_u64(&r, "worker", index);
	row_u64(&r, "cpu", b->cpu);
	row_u64(&r, "interval_ms", ns / 1000000);
	row_double(&r, "busy_percent", per_s(a->busy_ns, b->busy_ns, ns) / 1e7);
	row_double(&r, "packets_in_per_s", per_s(a->in, b->in, ns));
	row_double(&r, "packets_out_per_s", per_s(a->out, b->out, ns));
	row_u64(&r, "packets_in", b->in);
	row_u64(&r, "packets_out", b->out);
	row_u64(&r, "packets_dropped", drops);
	row_u64(&r, "packets_handed", b->handed);
	row_u64(&r, "ring_drops", b->ring_drops);
	row_u64(&r, "loops", b->loops);
	row_u64(&r, "busy_loops", b->busy_loops);
	row_u64(&r, "starved_turns", b->starved);
	put_residence(&r, "residence_p99_us", a, b, 100);
	put_residence(&r, "residence_p999_us", a, b, 1000);
	return row_end(&r);
}
