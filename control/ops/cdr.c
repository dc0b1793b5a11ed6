#include "control/ops/cdr.h"

#include "config/log.h"
#include "control/ops/call_json.h"
#include "control/ops/row.h"

#include <inttypes.h>

// Longest text of one value; the essential ones together stay well below a log line's 4 KiB.
enum { VALUE_MAX = 200, LINE_MAX_BYTES = 4000 };

static bool is_plain(char c) {
	return c > ' ' && c < 0x7f && c != '"' && c != '\\' && c != '=';
}

static void put_text(struct sink *out, const char *key, const char *text) {
	struct span value = span_of(text);
	bool plain = value.len > 0;

	if (value.len > VALUE_MAX)
		value.len = VALUE_MAX;
	for (size_t i = 0; i < value.len; i++)
		plain = plain && is_plain(value.data[i]);
	sink_format(out, " %s=", key);
	if (plain || text == NULL) {
		sink_span(out, text == NULL ? span_of("-") : value);
		return;
	}
	sink_text(out, "\"");
	for (size_t i = 0; i < value.len; i++) {
		if (value.data[i] == '"' || value.data[i] == '\\')
			sink_text(out, "\\");
		sink_put(out, &value.data[i], 1);
	}
	sink_text(out, "\"");
}

static void put_u64(struct sink *out, const char *key, uint64_t value) {
	sink_format(out, " %s=%" PRIu64, key, value);
}

static void put_parties(struct sink *out, const struct call_view *v) {
	put_text(out, "from", v->from);
	put_text(out, "to", v->to);
	put_text(out, "from_realm", v->leg[0].realm);
	put_text(out, "to_realm", v->leg[1].realm);
	put_text(out, "from_trunk", v->leg[0].trunk);
	put_text(out, "trunk", v->leg[1].trunk);
	put_text(out, "call_id_a", v->leg[0].call_id);
	put_text(out, "call_id_b", v->leg[1].call_id);
}

static void put_times(struct sink *out, const struct call_view *v) {
	uint64_t up_to = v->answered_wall_ms != 0 ? v->answered_wall_ms : v->ended_wall_ms;
	char created[ROW_TIME_TEXT], answered[ROW_TIME_TEXT], ended[ROW_TIME_TEXT];

	put_text(out, "created", row_format_time(v->created_wall_ms, created));
	put_text(out, "answered",
		v->answered_wall_ms == 0 ? NULL : row_format_time(v->answered_wall_ms, answered));
	put_text(out, "ended", v->ended_wall_ms == 0 ? NULL : row_format_time(v->ended_wall_ms, ended));
	put_u64(out, "setup_ms", call_json_span_ms(v->created_wall_ms, up_to));
	put_u64(out, "ring_ms", call_json_span_ms(v->ringing_wall_ms, up_to));
	put_u64(out, "talk_ms", call_json_span_ms(v->answered_wall_ms, v->ended_wall_ms));
}

static void put_media(struct sink *out, const struct call_view *v) {
	uint64_t packets[2] = {0}, drops[2] = {0};

	for (unsigned i = 0; i < v->n_final; i++) {
		for (unsigned side = 0; side < 2; side++) {
			const struct component_slot *c = &v->final[i].component[side][0].counters;

			packets[side] += c->forwarded;
			for (unsigned verdict = VERDICT_FORWARDED + 1; verdict < COMPONENT_VERDICTS;
				verdict++)
				drops[side] += c->drops[verdict];
		}
	}
	put_u64(out, "packets_a", packets[0]);
	put_u64(out, "packets_b", packets[1]);
	put_u64(out, "drops_a", drops[0]);
	put_u64(out, "drops_b", drops[1]);
}

void cdr_format(const struct call_view *v, struct sink *out) {
	char id[ROW_ID_TEXT];

	sink_format(out, "call id=%s end", row_format_id(v->id, id));
	put_text(out, "cause", v->end_cause);
	put_text(out, "by", v->end_by);
	put_u64(out, "status", v->status);
	put_parties(out, v);
	put_times(out, v);
	put_u64(out, "branches", v->n_branches);
	put_media(out, v);
}

void cdr_log(const struct call_view *v) {
	char text[LINE_MAX_BYTES];
	struct sink out = sink_over(text, sizeof(text));

	cdr_format(v, &out);
	log_info(SPAN_FMT, SPAN_ARG(sink_result(&out)));
}
