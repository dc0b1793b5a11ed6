// Log lines on stderr for both processes: one line, key=value, subject first. Never blocks the caller: what stderr
// does not take at once is dropped and counted.
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

void log_init(const char *program, enum log_level level);
void log_set_level(enum log_level level);
bool log_enabled(enum log_level level);
uint64_t log_dropped(void); // lines that stderr did not take

// Control characters and non-ASCII bytes in the formatted text are escaped as \xNN: peers can't forge lines.
void log_line(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));
void log_vline(enum log_level level, const char *format, va_list args) __attribute__((format(printf, 2, 0)));

#define log_error(...) log_line(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...) log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)

// A gate for what repeats: lets `burst` lines a second through, then says once a second how many it muted.
// One gate a kind of line, owned by the caller, zero-initialised.
struct log_gate {
	uint64_t second;
	uint32_t passed, muted;
};
// True if a line may be written now (now_ns: any monotonic clock). When it opens again, logs "… muted=N" itself with `what`.
bool log_gate_open(struct log_gate *g, const char *what, uint64_t now_ns, uint32_t burst);
