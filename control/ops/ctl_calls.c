// The commands that only kedge-control answers: calls, trunks.
#include "control/ops/ctl.h"

#include "control/ops/row.h"

#define N_COLUMNS(a) (sizeof(a) / sizeof((a)[0]))

static const struct print_column live_columns[] = {
	{"ID", "id", 16, PRINT_PLAIN},
	{"STATE", "state", 10, PRINT_PLAIN},
	{"FROM", "from", 14, PRINT_PLAIN},
	{"TO", "to", 14, PRINT_PLAIN},
	{"REALM", "from_realm", 8, PRINT_PLAIN},
	{"TO REALM", "to_realm", 8, PRINT_PLAIN},
	{"TRUNK", "to_trunk", 8, PRINT_PLAIN},
	{"AGE", "age_ms", 12, PRINT_MS},
	{"TALK", "talk_ms", 12, PRINT_MS},
	{"CALL-ID", "call_id_a", 0, PRINT_PLAIN},
};

static const struct print_column ended_columns[] = {
	{"ID", "id", 16, PRINT_PLAIN},
	{"ENDED", "ended", 24, PRINT_PLAIN},
	{"FROM", "from", 14, PRINT_PLAIN},
	{"TO", "to", 14, PRINT_PLAIN},
	{"REALM", "from_realm", 8, PRINT_PLAIN},
	{"TRUNK", "to_trunk", 8, PRINT_PLAIN},
	{"STATUS", "status", 6, PRINT_NUMBER},
	{"CAUSE", "end_cause", 14, PRINT_PLAIN},
	{"BY", "end_by", 6, PRINT_PLAIN},
	{"TALK", "talk_ms", 12, PRINT_MS},
	{"CALL-ID", "call_id_a", 0, PRINT_PLAIN},
};

struct listing {
	const struct ctl *ctl;
	const struct print_column *columns;
	unsigned n_columns;
};

static bool show_row(void *ctx, const json_t *row) {
	const struct listing *l = ctx;

	if (l->ctl->json)
		print_json(l->ctl->out, row);
	else
		print_row(l->ctl->out, l->columns, l->n_columns, row);
	return ferror(l->ctl->out) == 0;
}

static json_t *list_request(const struct ctl_options *o) {
	struct row r;

	row_begin(&r);
	row_text(&r, "command", "calls");
	row_bool(&r, "ended", o->ended);
	if (o->filter != NULL)
		row_text(&r, "filter", o->filter);
	if (o->limit > 0)
		row_u64(&r, "limit", o->limit);
	return row_end(&r);
}

int ctl_calls(struct ctl *c) {
	struct listing l = {.ctl = c, .columns = live_columns, .n_columns = N_COLUMNS(live_columns)};

	if (c->options.ended) {
		l.columns = ended_columns;
		l.n_columns = N_COLUMNS(ended_columns);
	}
	if (!c->json)
		print_header(c->out, l.columns, l.n_columns);
	return ctl_ask(c, list_request(&c->options), show_row, &l);
}

// ---- trunks ----

static const struct print_column trunk_columns[] = {
	{"TRUNK", "name", 22, PRINT_PLAIN},
	{"REALM", "realm", 10, PRINT_PLAIN},
	{"CALLS", "calls", 6, PRINT_NUMBER},
	{"ATTEMPTS", "attempts", 9, PRINT_NUMBER},
	{"ANSWERED", "answered", 9, PRINT_NUMBER},
	{"REFUSED", "refused", 9, PRINT_NUMBER},
	{"FAILOVERS", "failovers", 9, PRINT_NUMBER},
	{"EXHAUSTED", "exhausted", 9, PRINT_NUMBER},
};

static void show_peer(FILE *out, const json_t *peer) {
	char host[PRINT_TEXT], address[PRINT_TEXT], name[2 * PRINT_TEXT];
	uint64_t port = print_find_u64(peer, "port");

	print_value(print_find(peer, "host"), host);
	if (port == 0)
		snprintf(name, sizeof(name), "  %s", host);
	else
		snprintf(name, sizeof(name), "  %s:%d", host, (int)port);
	fprintf(out, "%-22s  %-10s  %6s  %9d  %9d  %9s  %9d    %s\n", name, "", "",
		(int)print_find_u64(peer, "attempts"), (int)print_find_u64(peer, "answered"), "",
		(int)print_find_u64(peer, "failovers"), print_value(print_find(peer, "address"), address));
}

static bool show_trunk(void *ctx, const json_t *row) {
	const struct ctl *c = ctx;
	const json_t *peers = print_find(row, "peers");
	json_t *peer;
	size_t i;

	if (c->json) {
		print_json(c->out, row);
		return true;
	}
	print_row(c->out, trunk_columns, N_COLUMNS(trunk_columns), row);
	json_array_foreach(peers, i, peer) {
		show_peer(c->out, peer);
	}
	return ferror(c->out) == 0;
}

int ctl_trunks(struct ctl *c) {
	struct row r;

	row_begin(&r);
	row_text(&r, "command", "trunks");
	if (!c->json)
		print_header(c->out, trunk_columns, N_COLUMNS(trunk_columns));
	return ctl_ask(c, row_end(&r), show_trunk, c);
}
