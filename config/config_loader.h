// Inside the config loader only.
//
//	file → config_literals (what libconfig would get wrong silently) → libconfig's tree
//	     → config_schema (rows: types, ranges, defaults, references) → struct config → config_check (one against another)
//
// A mistake is named by its path, "realms[0].media[1].ports"; its line is found by walking that path through the tree.
#pragma once

#include "config/config.h"

#include <libconfig.h>
#include <stdarg.h>

enum { CONFIG_PATH = 256, CONFIG_WRONG = 160 };

struct loader {
	const char *path; // as given by the user; names the file in mistakes
	const char *dir; // the file's own directory, where @include looks
	const char *text; // the file, NUL-terminated
	FILE *errors;
	config_t tree;
	struct config *config;
	unsigned n_mistakes;
	bool no_memory;
	char at[CONFIG_PATH]; // path of the setting being read
};

// ---- config_mistake.c ----

// Write "FILE:LINE: SETTING: what is wrong; allowed: …" for the setting at path, on the line where it, or else the nearest
// group around it, stands.
void config_mistake(struct loader *l, const char *path, const char *allowed, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
// The same with file (relative to l->dir, as libconfig has it; NULL: the main one) and line known.
void config_mistake_at(struct loader *l, const char *file, unsigned line, const char *setting,
	const char *allowed, const char *format, ...) __attribute__((format(printf, 6, 7)));
// Write "FILE:LINE: warning: SETTING: …".
void config_warning(struct loader *l, const char *path, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
// Borrows the setting at path, NULL if the file doesn't have it.
const config_setting_t *config_find(const struct loader *l, const char *path);
// "a.b[3].c" with printf's ways, into buf. Returns buf.
const char *config_path(char buf[static CONFIG_PATH], const char *format, ...)
	__attribute__((format(printf, 2, 3)));

// ---- config_text.c ----

// Read a file of at most 1 MiB, adding a NUL. Gives *out. Returns 0, -ENOMEM, -EFBIG or open's and read's errno;
// only_regular: -EINVAL for pipes and devices.
[[nodiscard]] int config_text_read(const char *path, bool only_regular, char **out, size_t *len);

// ---- config_literals.c ----

// Find integers of more than 32 bits, NUL bytes and bad @include files in the text and report them.
// Returns 0 if libconfig may read it, or -EINVAL if it must not.
[[nodiscard]] int config_literals_scan(struct loader *l, size_t len);

// ---- config_schema.c ----

void config_schema_read(struct loader *l);
void config_schema_free(struct config *c);

// ---- config_values.c: what a text may be ----

// Parse text into field (NULL: check only). Returns false with what is wrong in words after the quoted value.
typedef bool config_value_fn(const char *text, void *field, char wrong[static CONFIG_WRONG]);

config_value_fn config_value_name, config_value_address, config_value_sip_advertise, config_value_network,
	config_value_host, config_value_pattern, config_value_contact, config_value_socket,
	config_value_key_file, config_value_user;

// ---- config_device.c ----

// Both leave field alone on failure. A device fills a struct config_device.
config_value_fn config_value_device, config_value_interface;

// ---- config_check.c ----

void config_check(struct loader *l);
