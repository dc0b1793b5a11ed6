#include "config/config_schema.h"

#include <string.h>

static bool is_close(const char *a, const char *b) {
	enum { MOST = 24 };
	size_t n = strlen(a), m = strlen(b);
	unsigned row[MOST + 1];

	if (n > MOST || m > MOST)
		return false;
	for (size_t j = 0; j <= m; j++)
		row[j] = (unsigned)j;
	for (size_t i = 1; i <= n; i++) { // Levenshtein distance, a row at a time
		unsigned diagonal = row[0]++;

		for (size_t j = 1; j <= m; j++) {
			unsigned best = diagonal + (a[i - 1] != b[j - 1]);

			diagonal = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[m] == 1 || (row[m] == 2 && m > 4);
}

// "password" and the like are asked for as files, wherever they stand.
static bool is_secret(const char *name, const struct schema *schema) {
	static const char *const words[] = {
		"password", "passwd", "secret", "passphrase", "private_key", "token_key"};
	size_t n = strlen(name);

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(name, words[i]) == 0)
			return true;
	}
	for (size_t i = 0; i < schema->n_rows; i++) {
		if (strncmp(schema->rows[i].name, name, n) == 0 &&
			strcmp(schema->rows[i].name + n, "_file") == 0)
			return true;
	}
	return false;
}

static void unknown_setting(struct loader *l, const char *name, const struct schema *schema) {
	char allowed[CONFIG_ALLOWED] = "";
	const char *close = NULL;

	for (size_t i = 0; i < schema->n_rows; i++) {
		if (schema->rows[i].type == SETTING_LATER)
			continue;
		config_word_add(allowed, schema->rows[i].name, "");
		if (close == NULL && is_close(name, schema->rows[i].name))
			close = schema->rows[i].name;
	}
	if (is_secret(name, schema))
		config_mistake(l, l->at, "the name of a file, in a setting whose name ends in _file",
			"secrets don't stand in this file");
	else if (close != NULL)
		config_mistake(l, l->at, allowed, "unknown setting, \"%s\" is close", close);
	else
		config_mistake(l, l->at, allowed, "unknown setting");
}

static bool is_known(const struct schema *schema, const char *name) {
	for (size_t i = 0; i < schema->n_rows; i++) {
		if (strcmp(schema->rows[i].name, name) == 0)
			return true;
	}
	return false;
}

void config_unknown_find(struct loader *l, const config_setting_t *from, const struct schema *schema) {
	for (int i = 0; i < config_setting_length(from); i++) {
		const char *name =
			config_setting_name(config_setting_get_elem((config_setting_t *)from, (unsigned)i));

		if (!is_known(schema, name)) {
			size_t n = config_enter(l, name);

			unknown_setting(l, name, schema);
			config_leave(l, n);
		}
	}
}
