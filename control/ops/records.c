#include "control/ops/records.h"

#include "control/ops/cdr.h"
#include "control/ops/row.h"
#include "control/ops/view_copy.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

// Made into JSON only when somebody asks: most never are.
struct entry {
	struct call_view *view;
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

static void drop_oldest(struct records *r) {
	struct entry *e = entry_at(r, r->first++);

	r->bytes -= e->bytes;
	free(e->view);
	*e = (struct entry){0};
}

void records_destroy(struct records *r) {
	if (r == NULL)
		return;
	while (r->first <= r->last)
		drop_oldest(r);
	free(r->entries);
	free(r);
}

void records_add(struct records *r, const struct call_view *v) {
	size_t max_bytes = (size_t)r->size * RECORDS_BYTES_A_CALL;
	struct entry e;

	cdr_log(v);
	if (r->size == 0)
		return;
	e.view = view_copy(v, &e.bytes);
	if (e.view == NULL) {
		r->lost++;
		return;
	}
	while (r->last + 1 - r->first == r->size || (r->first <= r->last && r->bytes + e.bytes > max_bytes))
		drop_oldest(r);
	r->bytes += e.bytes;
	*entry_at(r, ++r->last) = e;
}

// The cursor is the number of the record shown last; those that were overwritten meanwhile are simply gone.
const struct call_view *records_next(const struct records *r, uint64_t *cursor) {
	uint64_t number = *cursor == 0 || *cursor > r->last ? r->last : *cursor - 1;

	if (number < r->first)
		return NULL;
	*cursor = number;
	return entry_at(r, number)->view;
}

static bool is_named(const struct call_view *v, const char *id) {
	char own[CALL_ID_TEXT];

	snprintf(own, sizeof(own), "%016" PRIx64, v->id);
	if (strcmp(own, id) == 0)
		return true;
	for (unsigned i = 0; i < 2; i++)
		if (v->leg[i].call_id != NULL && strncmp(v->leg[i].call_id, id, ROW_TEXT_MAX) == 0)
			return true;
	return false;
}

const struct call_view *records_find(const struct records *r, const char *id) {
	if (id[0] == '\0')
		return NULL;
	for (uint64_t number = r->last; number >= r->first; number--) {
		const struct call_view *v = entry_at(r, number)->view;

		if (is_named(v, id))
			return v;
	}
	return NULL;
}

uint32_t records_kept(const struct records *r) {
	return (uint32_t)(r->last + 1 - r->first);
}

uint64_t records_lost(const struct records *r) {
	return r->lost;
}
