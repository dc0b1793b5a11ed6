// A setting is a row: its name, type, range, default and where it is stored. The rows are in config_rows.c.
#pragma once

#include "config/config_loader.h"

enum setting_type {
	SETTING_INT, // int
	SETTING_PORT, // uint16_t
	SETTING_BOOL, // bool
	SETTING_CHOICE, // an enum, by its name
	SETTING_TEXT, // char *, checked by value
	SETTING_VALUE, // a text that value turns into a field
	SETTING_REF, // int: index of the port, realm or trunk of that name; -1 without
	SETTING_RANGE, // uint16_t[2]: [ FIRST, LAST ]
	SETTING_ITEMS, // an array of what the item row says
	SETTING_GROUP, // a struct, by schema
	SETTING_GROUPS, // an array of structs, by schema
	SETTING_LATER, // not available yet, whatever its value
};

enum setting_ref { REF_PORT, REF_REALM, REF_TRUNK };

struct setting {
	const char *name;
	enum setting_type type;
	bool required;
	bool no_defaults; // GROUP: zeros stand for what is inherited
	size_t offset;

	int min, max; // INT, PORT: the value; ITEMS, GROUPS: how many
	int initial; // INT, PORT, CHOICE

	const char *allowed; // in words; INT, CHOICE and REF make their own
	const char *const *choices; // NULL-terminated, in the enum's order
	const char *const *later; // CHOICE: those that are not available yet, or NULL
	config_value_fn *value;
	enum setting_ref ref;

	size_t n_offset, item_bytes; // ITEMS, GROUPS: where the count is
	const struct setting *item;
	const struct schema *group;
};

struct schema {
	const struct setting *rows;
	size_t n_rows;
};

extern const struct schema config_root_schema;

enum { CONFIG_ALLOWED = 400 };

// The path of what is being read: go down by a name or an index, and back to where it was.
size_t config_enter(struct loader *l, const char *name);
size_t config_enter_index(struct loader *l, int index);
void config_leave(struct loader *l, size_t before);

// ---- config_scalar.c ----

// What a row allows, in words, maybe built in buf.
const char *config_describe(
	const struct loader *l, const struct setting *row, char buf[static CONFIG_ALLOWED]);
// Append a word to a comma-separated list.
void config_word_add(char buf[static CONFIG_ALLOWED], const char *word, const char *quote);
const char *config_type_name(const config_setting_t *s);
void config_wrong_type(struct loader *l, const config_setting_t *s, const struct setting *row);
// Read one value, of any type but ITEMS, GROUP and GROUPS, into its field.
void config_scalar_read(struct loader *l, const config_setting_t *s, const struct setting *row, void *field);

// ---- config_unknown.c ----

// Report each setting of a group that the schema doesn't have.
void config_unknown_find(struct loader *l, const config_setting_t *from, const struct schema *schema);
