#include "config/config_schema.h"

#include <stdlib.h>
#include <string.h>

static void read_group(
	struct loader *l, const config_setting_t *from, const struct schema *schema, void *object);

static void *field_of(void *object, const struct setting *row) {
	return (char *)object + row->offset;
}

// ---- the path of what is being read ----

size_t config_enter(struct loader *l, const char *name) {
	size_t n = strlen(l->at);

	snprintf(l->at + n, sizeof(l->at) - n, "%s%s", n > 0 ? "." : "", name);
	return n;
}

size_t config_enter_index(struct loader *l, int index) {
	size_t n = strlen(l->at);

	snprintf(l->at + n, sizeof(l->at) - n, "[%d]", index);
	return n;
}

void config_leave(struct loader *l, size_t n) {
	l->at[n] = '\0';
}

// ---- aggregates ----

static void init_row(const struct setting *row, void *object) {
	void *field = field_of(object, row);

	switch (row->type) {
	case SETTING_INT:
	case SETTING_CHOICE:
		*(int *)field = row->initial;
		break;
	case SETTING_PORT:
		*(uint16_t *)field = (uint16_t)row->initial;
		break;
	case SETTING_REF:
		*(int *)field = -1;
		break;
	case SETTING_GROUP:
		for (size_t i = 0; i < row->group->n_rows && !row->no_defaults; i++)
			init_row(&row->group->rows[i], field);
		break;
	default: // the rest starts as zeros
		break;
	}
}

static void init_object(const struct schema *schema, void *object) {
	for (size_t i = 0; i < schema->n_rows; i++)
		init_row(&schema->rows[i], object);
}

// Allocates the array for s in object. Returns its items, or NULL (mistakes are reported, memory is flagged).
static char *make_items(
	struct loader *l, const config_setting_t *s, const struct setting *row, void *object) {
	int n = config_setting_length(s);
	char allowed[CONFIG_ALLOWED], *items;

	if (n < row->min || n > row->max)
		config_mistake(l, l->at, config_describe(l, row, allowed), "it holds %d", n);
	if (n == 0 || n > row->max)
		return NULL;
	items = calloc((size_t)n, row->item_bytes);
	if (items == NULL) {
		l->no_memory = true;
		return NULL;
	}
	memcpy(field_of(object, row), &items, sizeof(items));
	*(int *)((char *)object + row->n_offset) = n;
	return items;
}

static void read_items(struct loader *l, const config_setting_t *s, const struct setting *row, void *object) {
	char *items;

	if (!config_setting_is_array(s) && !config_setting_is_list(s)) {
		config_wrong_type(l, s, row);
		return;
	}
	items = make_items(l, s, row, object);
	for (int i = 0; items != NULL && i < config_setting_length(s); i++) {
		size_t n = config_enter_index(l, i);

		init_row(row->item, items + (size_t)i * row->item_bytes);
		config_scalar_read(l, config_setting_get_elem((config_setting_t *)s, (unsigned)i), row->item,
			items + (size_t)i * row->item_bytes);
		config_leave(l, n);
	}
}

static void read_groups(
	struct loader *l, const config_setting_t *s, const struct setting *row, void *object) {
	char *items;

	if (!config_setting_is_list(s)) {
		config_wrong_type(l, s, row);
		return;
	}
	items = make_items(l, s, row, object);
	for (int i = 0; items != NULL && i < config_setting_length(s); i++) {
		config_setting_t *from = config_setting_get_elem((config_setting_t *)s, (unsigned)i);
		size_t n = config_enter_index(l, i);

		init_object(row->group, items + (size_t)i * row->item_bytes);
		if (config_setting_is_group(from))
			read_group(l, from, row->group, items + (size_t)i * row->item_bytes);
		else
			config_mistake(l, l->at, "a group { NAME = VALUE; ... }", "it is %s",
				config_type_name(from));
		config_leave(l, n);
	}
}

static void read_row(struct loader *l, const config_setting_t *s, const struct setting *row, void *object) {
	switch (row->type) {
	case SETTING_ITEMS:
		read_items(l, s, row, object);
		break;
	case SETTING_GROUPS:
		read_groups(l, s, row, object);
		break;
	case SETTING_GROUP:
		if (config_setting_is_group(s))
			read_group(l, s, row->group, field_of(object, row));
		else
			config_wrong_type(l, s, row);
		break;
	case SETTING_LATER:
		config_mistake(l, l->at, row->allowed, "it is not available yet");
		break;
	default:
		config_scalar_read(l, s, row, field_of(object, row));
	}
}

static void read_group(
	struct loader *l, const config_setting_t *from, const struct schema *schema, void *object) {
	char allowed[CONFIG_ALLOWED];

	for (size_t i = 0; i < schema->n_rows && !l->no_memory; i++) {
		const struct setting *row = &schema->rows[i];
		config_setting_t *s = config_setting_get_member((config_setting_t *)from, row->name);
		size_t n = config_enter(l, row->name);

		if (s != NULL)
			read_row(l, s, row, object);
		else if (row->required)
			config_mistake(l, l->at, config_describe(l, row, allowed), "it is missing");
		config_leave(l, n);
	}
	config_unknown_find(l, from, schema);
}

void config_schema_read(struct loader *l) {
	init_object(&config_root_schema, l->config);
	read_group(l, config_root_setting(&l->tree), &config_root_schema, l->config);
}

// ---- freeing ----

static void *pointer_of(const void *object, const struct setting *row) {
	void *p;

	memcpy(&p, (const char *)object + row->offset, sizeof(p));
	return p;
}

static void free_object(const struct schema *schema, void *object);

static void free_groups(const struct setting *row, void *object) {
	char *items = pointer_of(object, row);
	int n = *(int *)((char *)object + row->n_offset);

	for (int i = 0; i < n; i++)
		free_object(row->group, items + (size_t)i * row->item_bytes);
	free(items);
}

static void free_object(const struct schema *schema, void *object) {
	for (size_t i = 0; i < schema->n_rows; i++) {
		const struct setting *row = &schema->rows[i];

		if (row->type == SETTING_TEXT || row->type == SETTING_ITEMS) // no item owns anything
			free(pointer_of(object, row));
		else if (row->type == SETTING_GROUP)
			free_object(row->group, field_of(object, row));
		else if (row->type == SETTING_GROUPS)
			free_groups(row, object);
	}
}

void config_schema_free(struct config *c) {
	free_object(&config_root_schema, c);
}
