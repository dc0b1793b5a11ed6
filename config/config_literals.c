// libconfig 1.5 reads "4294967297" as 1, lets "\x00" cut a string short, and ends the process when an @include names a
// directory. So the text is looked over first, with just enough of its grammar to name what is wrong and where.
#include "config/config_loader.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH = 16, INCLUDES = 8, NAME = 64 };

// One open bracket: the setting it belongs to, and how many commas were seen in it.
struct frame {
	char name[NAME];
	unsigned index;
	bool is_list; // ( or [
};

struct scanner {
	struct loader *l;
	const char *file; // relative to l->dir; NULL: the main file
	const char *p, *end;
	unsigned line, includes;
	char name[NAME]; // the last name seen, "" after its value's end
	struct frame frames[DEPTH];
	unsigned depth; // may exceed DEPTH: what lies deeper isn't named
	bool fatal;
};

static bool is_name_start(char c) {
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '*';
}

static bool is_digit(char c) {
	return c >= '0' && c <= '9';
}

static bool is_name(char c) {
	return is_name_start(c) || is_digit(c) || c == '-' || c == '_';
}

static void path_add(char buf[static CONFIG_PATH], const char *format, ...)
	__attribute__((format(printf, 2, 3)));
static void path_add(char buf[static CONFIG_PATH], const char *format, ...) {
	size_t n = strlen(buf);
	va_list args;

	va_start(args, format);
	vsnprintf(buf + n, CONFIG_PATH - n, format, args);
	va_end(args);
}

static void complain(struct scanner *s, const char *allowed, const char *what) {
	char path[CONFIG_PATH] = "";

	for (unsigned i = 0; i < s->depth && i < DEPTH; i++) {
		if (s->frames[i].name[0] != '\0')
			path_add(path, "%s%s", path[0] != '\0' ? "." : "", s->frames[i].name);
		if (s->frames[i].is_list)
			path_add(path, "[%u]", s->frames[i].index);
	}
	if (s->name[0] != '\0')
		path_add(path, "%s%s", path[0] != '\0' ? "." : "", s->name);
	config_mistake_at(s->l, s->file, s->line, path[0] != '\0' ? path : "file", allowed, "%s", what);
}

static void scan_name(struct scanner *s) {
	size_t n = 0;

	while (s->p < s->end && is_name(*s->p)) {
		if (n < sizeof(s->name) - 1)
			s->name[n++] = *s->p;
		s->p++;
	}
	s->name[n] = '\0';
}

static void scan_open(struct scanner *s, bool is_list) {
	if (s->depth < DEPTH) {
		struct frame *f = &s->frames[s->depth];

		*f = (struct frame){.is_list = is_list};
		memcpy(f->name, s->name, sizeof(f->name));
	}
	s->depth++;
	s->name[0] = '\0';
}

static void scan_close(struct scanner *s) {
	if (s->depth > 0)
		s->depth--;
	s->name[0] = '\0';
}

static void scan_comma(struct scanner *s) {
	if (s->depth > 0 && s->depth <= DEPTH)
		s->frames[s->depth - 1].index++;
	s->name[0] = '\0';
}

static void skip_line(struct scanner *s) {
	while (s->p < s->end && *s->p != '\n')
		s->p++;
}

static void skip_comment(struct scanner *s) {
	for (s->p += 2; s->p < s->end; s->p++) {
		if (*s->p == '\n')
			s->line++;
		if (*s->p == '*' && s->p + 1 < s->end && s->p[1] == '/') {
			s->p += 2;
			return;
		}
	}
}

static void scan_string(struct scanner *s) {
	for (s->p++; s->p < s->end && *s->p != '"'; s->p++) {
		if (*s->p == '\n')
			s->line++;
		if (*s->p != '\\' || s->p + 1 >= s->end)
			continue;
		if (s->end - s->p >= 4 && memcmp(s->p, "\\x00", 4) == 0)
			complain(s, "texts without NUL characters", "the text holds a NUL character");
		s->p++;
		if (*s->p == '\n')
			s->line++;
	}
	s->p += s->p < s->end;
}

// A number as libconfig's scanner would take it. Only whole numbers matter: [+-]digits or 0xdigits, L or LL behind.
static void scan_number(struct scanner *s) {
	const char *start = s->p;
	char text[NAME], *end;
	long long value;
	size_t n;

	while (s->p < s->end && (is_name(*s->p) || *s->p == '.' || *s->p == '+'))
		s->p++;
	n = (size_t)(s->p - start);
	if (n >= sizeof(text))
		n = sizeof(text) - 1; // so many digits are too large all the same
	memcpy(text, start, n);
	text[n] = '\0';
	errno = 0;
	value = strtoll(text, &end, strncasecmp(text, "0x", 2) == 0 ? 16 : 10);
	if (*end == 'L' && errno == 0) // 64 bits, which libconfig reads well
		return;
	end += strspn(end, "L");
	if (*end != '\0') // a float, or a syntax error that libconfig will name
		return;
	if (errno == ERANGE || value > INT_MAX || value < INT_MIN)
		complain(s, "integers from -2147483648 to 2147483647", "the integer has more than 32 bits");
}

static void scan_text(
	struct loader *l, const char *file, const char *text, size_t len, unsigned includes, bool *fatal);

// The name of an included file as libconfig has it, relative to the main file's directory.
static void include(struct scanner *s, const char *name) {
	char path[PATH_MAX], *text;
	size_t len;
	int n = snprintf(path, sizeof(path), "%s/%s", s->l->dir, name);
	int ret = n < 0 || (size_t)n >= sizeof(path) ? -ENAMETOOLONG : 0;

	if (ret == 0 && s->includes >= INCLUDES)
		ret = -ELOOP;
	if (ret == 0)
		ret = config_text_read(path, true, &text, &len);
	if (ret == 0) {
		scan_text(s->l, name, text, len, s->includes + 1, &s->fatal);
		free(text);
		return;
	}
	if (ret == -ENOMEM)
		s->l->no_memory = true;
	config_mistake_at(s->l, s->file, s->line, "@include",
		"readable regular files of at most 1 MiB, relative to this file's directory, nested 8 deep",
		"cannot include \"%s\": %s", name, ret == -EINVAL ? "not a regular file" : strerror(-ret));
	s->fatal = true;
}

static void scan_include(struct scanner *s) {
	static const char word[] = "@include";
	char name[PATH_MAX];
	const char *start;
	size_t n;

	if ((size_t)(s->end - s->p) < sizeof(word) || memcmp(s->p, word, sizeof(word) - 1) != 0) {
		s->p++;
		return;
	}
	s->p += sizeof(word) - 1;
	s->p += strspn(s->p, " \t");
	if (*s->p != '"')
		return; // libconfig calls it a syntax error
	start = s->p + 1;
	n = strcspn(start, "\"\n");
	snprintf(name, sizeof(name), "%.*s", (int)n, start);
	include(s, name);
	s->p = start + n + (start[n] == '"');
}

static void scan_token(struct scanner *s) {
	char c = *s->p, next = s->p[1]; // the text ends with a NUL

	if (c == '#' || (c == '/' && next == '/'))
		skip_line(s);
	else if (c == '/' && next == '*')
		skip_comment(s);
	else if (c == '"')
		scan_string(s);
	else if (c == '@')
		scan_include(s);
	else if (is_name_start(c))
		scan_name(s);
	else if (is_digit(c) || c == '-' || c == '+')
		scan_number(s);
	else
		s->p++;
	if (c == '\n')
		s->line++;
	else if (c == '{' || c == '(' || c == '[')
		scan_open(s, c != '{');
	else if (c == '}' || c == ')' || c == ']')
		scan_close(s);
	else if (c == ',')
		scan_comma(s);
	else if (c == ';')
		s->name[0] = '\0';
}

static void scan_text(
	struct loader *l, const char *file, const char *text, size_t len, unsigned includes, bool *fatal) {
	struct scanner s = {
		.l = l, .file = file, .p = text, .end = text + len, .line = 1, .includes = includes};

	if (memchr(text, '\0', len) != NULL) {
		config_mistake_at(l, file, 1, "file", "plain text", "it holds NUL bytes");
		*fatal = true;
		return;
	}
	while (s.p < s.end && !l->no_memory)
		scan_token(&s);
	*fatal |= s.fatal;
}

int config_literals_scan(struct loader *l, size_t len) {
	bool fatal = false;

	scan_text(l, NULL, l->text, len, 0, &fatal);
	return fatal ? -EINVAL : 0;
}
