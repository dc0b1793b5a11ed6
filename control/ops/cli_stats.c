#include "control/ops/cli_stats.h"

#include "config/log.h"
#include "control/ops/row.h"

typedef const char *name_fn(unsigned index);

static const char *call_name(unsigned i) {
	return call_counter_name((enum call_counter)i);
}

static const char *sip_name(unsigned i) {
	return sip_counter_name((enum sip_counter)i);
}

static const char *fault_name(unsigned i) {
	return sip_fault_name((enum sip_fault)i);
}

static const char *media_name(unsigned i) {
	return media_counter_name((enum media_counter)i);
}

static json_t *counters_json(const uint64_t *values, unsigned first, unsigned end, name_fn *name) {
	struct row r;

	row_begin(&r);
	for (unsigned i = first; i < end; i++)
		row_u64(&r, name(i), values[i]);
	return row_end(&r);
}

json_t *cli_stats_json(const struct cli_sources *s) {
	struct row r;

	row_begin_line(&r, "control_stats");
	row_text(&r, "node", s->config->node);
	row_u64(&r, "uptime_ms", loop_now_ms(s->loop) - s->started_ms);
	row_u64(&r, "calls_now", calls_now(s->calls));
	row_bool(&r, "draining", calls_are_draining(s->calls));
	row_bool(&r, "relay_connected", media_is_connected(s->media));
	row_u64(&r, "pairings", media_count(s->media));
	row_u64(&r, "transactions", sip_stack_transactions(s->stack));
	row_u64(&r, "log_lines_dropped", log_dropped());
	row_u64(&r, "records_kept", records_kept(s->records));
	row_u64(&r, "records_lost", records_lost(s->records));
	row_take(&r, "calls", counters_json(calls_counters(s->calls), 0, CALL_COUNTERS, call_name));
	row_take(&r, "sip", counters_json(sip_stack_counters(s->stack), 0, SIP_COUNTERS, sip_name));
	row_take(&r, "sip_faults",
		counters_json(sip_stack_faults(s->stack), SIP_FAULT_NONE + 1, SIP_FAULT_KINDS, fault_name));
	row_take(&r, "media", counters_json(media_counters(s->media), 0, MEDIA_COUNTERS, media_name));
	return row_end(&r);
}
