#include "control/ops/records.h"

#include "control/ops/call_json.h"
#include "control/ops/cdr.h"
#include "control/ops/row.h"

#include <errno.h>
#include <stdlib.h>

enum { RECORD_IDS = 3 };

struct entry {
	char *full, *row, *search;
	size_t bytes;
};

// Records are numbered from 1; number n stands at (n - 1) % size while first <= n <= last.
struct records {
	const struct config *config;
	struct entry *entries;
	uint32_t size;
	uint64_t first, last;
	size_t bytes;
	uint64_t lost;
};

int records_create(const struct config *config, struct records **out) {
	struct records *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return -ENOMEM;
	r->config = config;
	r->size = config->control.ended_calls > 0 ? (uint32_t)config->control.ended_calls : 0;
	r->first = 1;
	r->entries = calloc(r->size + 1, sizeof(*r->entries));
	if (r->entries == NULL) {
		records_destroy(r);
		return -ENOMEM;
	}
	*out = r;
	return 0;
}

static struct entry *entry_at(const struct records *r, uint64_t number) {
	return &r->entries[(number - 1) % r->size];
}

static void entry_fini(struct entry *e) {
	free(e->full);
	free(e->row);
	free(e->search);
	*e = (struct entry){0};
}

static void drop_oldest(struct records *r) {
	struct entry *e = entry_at(r, r->first++);

	r->bytes -= e->bytes;
	entry_fini(e);
}

void records_destroy(struct records *r) {
	if (r == NULL)
		return;
	while (r->first <= r->last)
		drop_oldest(r);
	free(r->entries);
	free(r);
}

// Owns json, which may be NULL. The text is the caller's; *bytes grows by its size.
static char *dump(json_t *json, size_t *bytes) {
	size_t n = json == NULL ? 0 : json_dumpb(json, NULL, 0, ROW_DUMP);
	char *text = n == 0 ? NULL : malloc(n + 1);

	if (text != NULL && json_dumpb(json, text, n, ROW_DUMP) == n) {
		text[n] = '\0';
		*bytes += n + 1;
	} else {
		free(text);
		text = NULL;
	}
	json_decref(json);
	return text;
}

static char *search_text(const struct call_view *v, size_t *bytes) {
	char text[CALL_JSON_SEARCH_TEXT];
	struct sink sink = sink_over(text, sizeof(text));

	call_json_search_text(v, &sink);
	*bytes += sink.len + 1;
	return span_dup(sink_result(&sink));
}

static int entry_init(struct entry *e, const struct call_view *v, const struct config *config) {
	*e = (struct entry){0};
	e->full = dump(call_json_full(v, config), &e->bytes);
	e->row = dump(call_json_row(v), &e->bytes);
	e->search = search_text(v, &e->bytes);
	if (e->full != NULL && e->row != NULL && e->search != NULL)
		return 0;
	entry_fini(e);
	return -ENOMEM;
}

void records_add(struct records *r, const struct call_view *v) {
	size_t max_bytes = (size_t)r->size * RECORDS_BYTES_A_CALL;
	struct entry e;

	cdr_log(v);
	if (r->size == 0)
		return;
	if (entry_init(&e, v, r->config) < 0) {
		r->lost++;
		return;
	}
	while (r->last + 1 - r->first == r->size || (r->first <= r->last && r->bytes + e.bytes > max_bytes))
		drop_oldest(r);
	r->bytes += e.bytes;
	*entry_at(r, ++r->last) = e;
}

static void fill(const struct entry *e, struct record *out) {
	*out = (struct record){.full = e->full, .row = e->row, .search = e->search};
}

// The cursor is the number of the record shown last; those that were overwritten meanwhile are simply gone.
bool records_next(const struct records *r, uint64_t *cursor, struct record *out) {
	uint64_t number = *cursor == 0 || *cursor > r->last ? r->last : *cursor - 1;

	if (number < r->first)
		return false;
	*cursor = number;
	fill(entry_at(r, number), out);
	return true;
}

// Our id and the Call-IDs are the first lines of the search text.
static bool is_named(const struct entry *e, struct span id) {
	struct span rest = span_of(e->search);

	for (unsigned i = 0; i < RECORD_IDS; i++) {
		if (span_equal(span_cut(&rest, '\n'), id))
			return true;
	}
	return false;
}

bool records_find(const struct records *r, const char *id, struct record *out) {
	struct span wanted = {id, strnlen(id, ROW_TEXT_MAX)};

	if (span_is_empty(wanted))
		return false;
	for (uint64_t number = r->last; number >= r->first; number--) {
		const struct entry *e = entry_at(r, number);

		if (!is_named(e, wanted))
			continue;
		fill(e, out);
		return true;
	}
	return false;
}

uint32_t records_kept(const struct records *r) {
	return (uint32_t)(r->last + 1 - r->first);
}

uint64_t records_lost(const struct records *r) {
	return r->lost;
}
