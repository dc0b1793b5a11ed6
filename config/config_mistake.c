#include "config/config_loader.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { MESSAGE = 1024, NAME = 128 };

// One step of a path, "name" or "[index]", from *p on. Returns NULL if the tree has no such setting.
static const config_setting_t *step(const config_setting_t *from, const char **p) {
	char name[NAME];
	size_t n;

	if (**p == '[') {
		char *end;
		unsigned long index = strtoul(*p + 1, &end, 10);

		*p = *end == ']' ? end + 1 : end;
		if (!config_setting_is_aggregate(from) || index >= (unsigned)config_setting_length(from))
			return NULL;
		return config_setting_get_elem((config_setting_t *)from, (unsigned)index);
	}
	n = strcspn(*p, ".[");
	if (n >= sizeof(name))
		return NULL;
	memcpy(name, *p, n);
	name[n] = '\0';
	*p += n;
	return config_setting_is_group(from) ? config_setting_get_member((config_setting_t *)from, name)
					     : NULL;
}

// The deepest setting of the path that the tree has; *whole says if that is the path's end.
static const config_setting_t *walk(const struct loader *l, const char *path, bool *whole) {
	const config_setting_t *s = config_root_setting(&l->tree);

	*whole = true;
	while (s != NULL && *path != '\0') {
		const config_setting_t *next = step(s, &path);

		if (next == NULL) {
			*whole = false;
			break;
		}
		s = next;
		path += *path == '.';
	}
	return s;
}

const config_setting_t *config_find(const struct loader *l, const char *path) {
	bool whole;
	const config_setting_t *s = walk(l, path, &whole);

	return whole ? s : NULL;
}

const char *config_path(char buf[static CONFIG_PATH], const char *format, ...) {
	va_list args;

	va_start(args, format);
	vsnprintf(buf, CONFIG_PATH, format, args);
	va_end(args);
	return buf;
}

// Values from the file stand in messages: nothing in them may end the line or talk to a terminal.
static void put_text(FILE *f, const char *text) {
	for (const unsigned char *p = (const unsigned char *)text; *p != '\0'; p++)
		fprintf(f, isprint(*p) ? "%c" : "\\x%02x", *p);
}

static void put(struct loader *l, const char *file, unsigned line, const char *setting, const char *what,
	const char *tail) {
	char text[MESSAGE];

	if (file != NULL) {
		fprintf(l->errors, "%s/", l->dir);
		put_text(l->errors, file);
	} else {
		fputs(l->path, l->errors);
	}
	fprintf(l->errors, ":%u: ", line > 0 ? line : 1);
	snprintf(text, sizeof(text), "%s: %s%s", setting, what, tail);
	put_text(l->errors, text);
	fputc('\n', l->errors);
}

__attribute__((format(printf, 6, 0))) static void put_mistake(struct loader *l, const char *file,
	unsigned line, const char *setting, const char *allowed, const char *format, va_list args) {
	char what[MESSAGE / 2], tail[MESSAGE / 2];

	vsnprintf(what, sizeof(what), format, args);
	snprintf(tail, sizeof(tail), "; allowed: %s", allowed);
	put(l, file, line, setting, what, tail);
	l->n_mistakes++;
}

void config_mistake(struct loader *l, const char *path, const char *allowed, const char *format, ...) {
	bool whole;
	const config_setting_t *s = walk(l, path, &whole);
	va_list args;

	va_start(args, format);
	put_mistake(l, s != NULL ? config_setting_source_file(s) : NULL,
		s != NULL ? config_setting_source_line(s) : 0, path, allowed, format, args);
	va_end(args);
}

void config_mistake_at(struct loader *l, const char *file, unsigned line, const char *setting,
	const char *allowed, const char *format, ...) {
	va_list args;

	va_start(args, format);
	put_mistake(l, file, line, setting, allowed, format, args);
	va_end(args);
}

void config_warning(struct loader *l, const char *path, const char *format, ...) {
	bool whole;
	const config_setting_t *s = walk(l, path, &whole);
	char setting[CONFIG_PATH + 16], what[MESSAGE / 2];
	va_list args;

	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	snprintf(setting, sizeof(setting), "warning: %s", path);
	put(l, s != NULL ? config_setting_source_file(s) : NULL,
		s != NULL ? config_setting_source_line(s) : 0, setting, what, "");
}
