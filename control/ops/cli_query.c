#include "control/ops/cli_query.h"

#include "control/ops/call_json.h"
#include "control/ops/cli_stats.h"
#include "control/ops/row.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct cli_command {
	const char *name;
	enum cli_step (*step)(struct cli_query *q, const struct cli_sources *s, struct evbuffer *out);
};

int cli_query_line(json_t *json, struct evbuffer *out) {
	char *text = json == NULL ? NULL : json_dumps(json, ROW_DUMP);
	int ret = text == NULL ? -ENOMEM : 0;

	json_decref(json);
	if (ret == 0 && (evbuffer_add(out, text, strlen(text)) < 0 || evbuffer_add(out, "\n", 1) < 0))
		ret = -ENOMEM;
	free(text);
	return ret;
}

static enum cli_step add_json(json_t *json, struct evbuffer *out) {
	return cli_query_line(json, out) < 0 ? CLI_NO_MEMORY : CLI_ROW;
}

// ---- commands ----

static enum cli_step step_stats(struct cli_query *q, const struct cli_sources *s, struct evbuffer *out) {
	if (q->n_rows > 0)
		return CLI_DONE;
	return add_json(cli_stats_json(s), out);
}

static bool passes(const struct call_view *v, const char *filter) {
	char text[CALL_JSON_SEARCH_TEXT];
	struct sink sink = sink_over(text, sizeof(text) - 1);

	if (filter[0] == '\0')
		return true;
	call_json_search_text(v, &sink);
	text[sink.len] = '\0';
	return strstr(text, filter) != NULL;
}

// The next call of the list. NULL: there is no more.
static const struct call_view *next_call(
	struct cli_query *q, const struct cli_sources *s, struct call_view *live) {
	if (q->ended)
		return records_next(s->records, &q->cursor);
	return calls_view_next(s->calls, &q->cursor, live) ? live : NULL;
}

static enum cli_step step_calls(struct cli_query *q, const struct cli_sources *s, struct evbuffer *out) {
	struct call_view live;
	const struct call_view *v = next_call(q, s, &live);

	if (v == NULL)
		return CLI_DONE;
	return passes(v, q->filter) ? add_json(call_json_row(v), out) : CLI_SKIPPED;
}

static enum cli_step step_call(struct cli_query *q, const struct cli_sources *s, struct evbuffer *out) {
	struct call_view live;
	const struct call_view *v = &live;

	if (q->n_rows > 0)
		return CLI_DONE;
	if (q->id[0] == '\0')
		return CLI_NOT_FOUND;
	if (!calls_view_find(s->calls, q->id, &live))
		v = records_find(s->records, q->id);
	return v == NULL ? CLI_NOT_FOUND : add_json(call_json_full(v, s->config), out);
}

static enum cli_step step_trunks(struct cli_query *q, const struct cli_sources *s, struct evbuffer *out) {
	unsigned index = (unsigned)q->cursor;
	struct trunk_view v;

	if (q->cursor > UINT16_MAX || !calls_trunk_view(s->calls, index, &v))
		return CLI_DONE;
	q->cursor++;
	return add_json(call_json_trunk(s->calls, index, &v), out);
}

static const struct cli_command commands[] = {
	{"stats", step_stats},
	{"calls", step_calls},
	{"call", step_call},
	{"trunks", step_trunks},
};

enum cli_step cli_query_step(struct cli_query *q, const struct cli_sources *s, struct evbuffer *out) {
	enum cli_step step = q->command->step(q, s, out);

	if (step == CLI_ROW)
		q->n_rows++;
	return step;
}

int cli_query_end(const struct cli_query *q, bool cut, int status, const char *error, struct evbuffer *out) {
	char cursor[ROW_ID_TEXT];
	struct row r;

	row_begin_line(&r, "end");
	row_u64(&r, "status", (uint64_t)status);
	if (error != NULL)
		row_text(&r, "error", error);
	if (cut)
		row_text(&r, "after", row_format_id(q->cursor, cursor));
	return cli_query_line(row_end(&r), out);
}

// ---- requests ----

static const struct cli_command *find_command(const char *name) {
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	}
	return NULL;
}

// An absent text stays empty. Texts with NUL bytes inside were refused by the parser.
static bool take_text(const json_t *request, const char *key, char out[static CLI_TEXT]) {
	const json_t *value = json_object_get(request, key);

	if (value == NULL)
		return true;
	if (!json_is_string(value) || json_string_length(value) >= CLI_TEXT)
		return false;
	memcpy(out, json_string_value(value), json_string_length(value) + 1);
	return true;
}

static bool take_cursor(const json_t *request, uint64_t *out) {
	char text[CLI_TEXT] = "", *end;

	if (!take_text(request, "after", text))
		return false;
	if (text[0] == '\0')
		return true;
	if (strlen(text) != ROW_ID_TEXT - 1 || strspn(text, "0123456789abcdef") != ROW_ID_TEXT - 1)
		return false;
	*out = strtoull(text, &end, 16);
	return true;
}

static bool take_limit(const json_t *request, uint64_t *out) {
	const json_t *value = json_object_get(request, "limit");

	if (value == NULL)
		return true;
	if (!json_is_integer(value) || json_integer_value(value) < 0)
		return false;
	*out = (uint64_t)json_integer_value(value);
	return true;
}

static bool take_flag(const json_t *request, const char *key, bool *out) {
	const json_t *value = json_object_get(request, key);

	if (value == NULL)
		return true;
	*out = json_is_true(value);
	return json_is_boolean(value);
}

static const char *read_request(const json_t *request, struct cli_query *q) {
	const json_t *version = json_object_get(request, "version");
	const char *name = json_string_value(json_object_get(request, "command"));

	if (!json_is_object(request))
		return "not a JSON object";
	if (!json_is_integer(version) || json_integer_value(version) != ROW_VERSION)
		return "another version: this is 1";
	if (!take_flag(request, "ended", &q->ended))
		return "ended is a boolean";
	if (!take_cursor(request, &q->cursor))
		return "after is 16 hex digits that an earlier answer gave";
	if (!take_limit(request, &q->limit))
		return "limit is a number of rows";
	if (!take_text(request, "filter", q->filter) || !take_text(request, "id", q->id))
		return "filter and id are texts of less than 1024 bytes";
	q->command = name == NULL ? NULL : find_command(name);
	return q->command == NULL ? "unknown command" : NULL;
}

int cli_query_parse(const char *line, size_t len, struct cli_query *q, const char **wrong) {
	json_t *request = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);
	const char *why;

	*q = (struct cli_query){0};
	why = request == NULL ? "not JSON" : read_request(request, q);
	json_decref(request);
	if (why == NULL)
		return 0;
	q->command = NULL;
	*wrong = why;
	return -EINVAL;
}
