#include "config/config_schema.h"

#include <string.h>

// ---- words for mistakes ----

void config_word_add(char buf[static CONFIG_ALLOWED], const char *word, const char *quote) {
	size_t n = strlen(buf);

	snprintf(buf + n, CONFIG_ALLOWED - n, "%s%s%s%s", n > 0 ? ", " : "", quote, word, quote);
}

static int n_named(const struct config *c, enum setting_ref ref) {
	return ref == REF_PORT ? c->relay.n_ports : ref == REF_REALM ? c->n_realms : c->n_trunks;
}

static const char *named(const struct config *c, enum setting_ref ref, int i) {
	return ref == REF_PORT	   ? c->relay.ports[i].name
		: ref == REF_REALM ? c->realms[i].name
				   : c->trunks[i].name;
}

static const char *const ref_lists[] = {"relay.ports", "realms", "trunks"};

static const char *describe_names(
	const struct config *c, enum setting_ref ref, char buf[static CONFIG_ALLOWED]) {
	buf[0] = '\0';
	for (int i = 0; i < n_named(c, ref); i++) {
		if (named(c, ref, i)[0] != '\0') // else a mistake of its own
			config_word_add(buf, named(c, ref, i), "\"");
	}
	if (buf[0] == '\0')
		snprintf(buf, CONFIG_ALLOWED, "a name in %s", ref_lists[ref]);
	return buf;
}

// What the row allows, in words.
const char *config_describe(
	const struct loader *l, const struct setting *row, char buf[static CONFIG_ALLOWED]) {
	buf[0] = '\0';
	if (row->allowed != NULL)
		return row->allowed;
	switch (row->type) {
	case SETTING_INT:
	case SETTING_PORT:
		snprintf(buf, CONFIG_ALLOWED, "integers from %d to %d", row->min, row->max);
		break;
	case SETTING_BOOL:
		return "true, false";
	case SETTING_CHOICE:
		for (const char *const *c = row->choices; *c != NULL; c++)
			config_word_add(buf, *c, "\"");
		break;
	case SETTING_REF:
		return describe_names(l->config, row->ref, buf);
	case SETTING_ITEMS:
		snprintf(buf, CONFIG_ALLOWED, "an array [ ... ] of %d to %d values", row->min, row->max);
		break;
	case SETTING_GROUP:
		return "a group { NAME = VALUE; ... }";
	case SETTING_GROUPS:
		snprintf(buf, CONFIG_ALLOWED, "a list ( { ... }, ... ) of %d to %d groups", row->min,
			row->max);
		break;
	default:
		break;
	}
	return buf;
}

const char *config_type_name(const config_setting_t *s) {
	switch (config_setting_type(s)) {
	case CONFIG_TYPE_GROUP:
		return "a group { }";
	case CONFIG_TYPE_INT:
	case CONFIG_TYPE_INT64:
		return "an integer";
	case CONFIG_TYPE_FLOAT:
		return "a number with a fraction";
	case CONFIG_TYPE_STRING:
		return "a text";
	case CONFIG_TYPE_BOOL:
		return "a truth value";
	case CONFIG_TYPE_ARRAY:
		return "an array [ ]";
	default:
		return "a list ( )";
	}
}

void config_wrong_type(struct loader *l, const config_setting_t *s, const struct setting *row) {
	char allowed[CONFIG_ALLOWED];

	config_mistake(l, l->at, config_describe(l, row, allowed), "it is %s", config_type_name(s));
}

// ---- scalars ----

// Returns false (reported) unless s is an integer within [min, max].
static bool read_integer(
	struct loader *l, const config_setting_t *s, const struct setting *row, int min, int max, int *out) {
	char allowed[CONFIG_ALLOWED];
	long long value;

	if (config_setting_type(s) != CONFIG_TYPE_INT && config_setting_type(s) != CONFIG_TYPE_INT64) {
		config_wrong_type(l, s, row);
		return false;
	}
	value = config_setting_type(s) == CONFIG_TYPE_INT ? config_setting_get_int(s)
							  : config_setting_get_int64(s);
	if (value < min || value > max) {
		config_mistake(l, l->at, config_describe(l, row, allowed), "%lld is out of range", value);
		return false;
	}
	*out = (int)value;
	return true;
}

static const char *read_text(struct loader *l, const config_setting_t *s, const struct setting *row) {
	if (config_setting_type(s) == CONFIG_TYPE_STRING)
		return config_setting_get_string(s);
	config_wrong_type(l, s, row);
	return NULL;
}

static void read_bool(struct loader *l, const config_setting_t *s, const struct setting *row, bool *out) {
	if (config_setting_type(s) == CONFIG_TYPE_BOOL)
		*out = config_setting_get_bool(s) == CONFIG_TRUE;
	else
		config_wrong_type(l, s, row);
}

// The index of text in a NULL-terminated list (NULL: an empty one), or -1.
static int find_word(const char *const *words, const char *text) {
	for (int i = 0; words != NULL && words[i] != NULL; i++) {
		if (strcmp(text, words[i]) == 0)
			return i;
	}
	return -1;
}

static void read_choice(struct loader *l, const config_setting_t *s, const struct setting *row, int *out) {
	const char *text = read_text(l, s, row);
	char allowed[CONFIG_ALLOWED];
	int i;

	if (text == NULL)
		return;
	i = find_word(row->choices, text);
	if (i >= 0)
		*out = i;
	else
		config_mistake(l, l->at, config_describe(l, row, allowed), "\"%s\" is not %s", text,
			find_word(row->later, text) >= 0 ? "available yet" : "known");
}

static void read_ref(struct loader *l, const config_setting_t *s, const struct setting *row, int *out) {
	const char *text = read_text(l, s, row);
	char allowed[CONFIG_ALLOWED];

	if (text == NULL)
		return;
	for (int i = 0; i < n_named(l->config, row->ref); i++) {
		if (strcmp(text, named(l->config, row->ref, i)) == 0) {
			*out = i;
			return;
		}
	}
	config_mistake(l, l->at, config_describe(l, row, allowed), "there is no \"%s\" in %s", text,
		ref_lists[row->ref]);
}

static void read_value(struct loader *l, const config_setting_t *s, const struct setting *row, void *field) {
	const char *text = read_text(l, s, row);
	char allowed[CONFIG_ALLOWED], wrong[CONFIG_WRONG];

	if (text != NULL && !row->value(text, field, wrong))
		config_mistake(l, l->at, config_describe(l, row, allowed), "\"%s\" %s", text, wrong);
}

static void read_owned_text(
	struct loader *l, const config_setting_t *s, const struct setting *row, char **out) {
	const char *text = read_text(l, s, row);
	char allowed[CONFIG_ALLOWED], wrong[CONFIG_WRONG];

	if (text == NULL)
		return;
	if (!row->value(text, NULL, wrong)) {
		config_mistake(l, l->at, config_describe(l, row, allowed), "\"%s\" %s", text, wrong);
		return;
	}
	*out = strdup(text);
	if (*out == NULL)
		l->no_memory = true;
}

static void read_range(
	struct loader *l, const config_setting_t *s, const struct setting *row, uint16_t out[2]) {
	int first, last;

	if (!config_setting_is_array(s) || config_setting_length(s) != 2) {
		config_mistake(l, l->at, row->allowed, "it is not an array of two integers");
		return;
	}
	if (!read_integer(l, config_setting_get_elem((config_setting_t *)s, 0), row, 1024, 65535, &first) ||
		!read_integer(l, config_setting_get_elem((config_setting_t *)s, 1), row, 1024, 65535, &last))
		return;
	if (first % 2 != 0 || last % 2 != 1)
		config_mistake(
			l, l->at, row->allowed, "%d to %d cuts a pair of RTP and RTCP ports", first, last);
	else if (last < first)
		config_mistake(l, l->at, row->allowed, "%d to %d is reversed", first, last);
	else {
		out[0] = (uint16_t)first;
		out[1] = (uint16_t)last;
	}
}

void config_scalar_read(struct loader *l, const config_setting_t *s, const struct setting *row, void *field) {
	int value;

	switch (row->type) {
	case SETTING_INT:
		(void)!read_integer(l, s, row, row->min, row->max, field);
		break;
	case SETTING_PORT:
		if (read_integer(l, s, row, row->min, row->max, &value))
			*(uint16_t *)field = (uint16_t)value;
		break;
	case SETTING_BOOL:
		read_bool(l, s, row, field);
		break;
	case SETTING_CHOICE:
		read_choice(l, s, row, field);
		break;
	case SETTING_TEXT:
		read_owned_text(l, s, row, field);
		break;
	case SETTING_VALUE:
		read_value(l, s, row, field);
		break;
	case SETTING_REF:
		read_ref(l, s, row, field);
		break;
	case SETTING_RANGE:
		read_range(l, s, row, field);
		break;
	default:
		break;
	}
}
