#include "config/log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

// A pipe takes up to PIPE_BUF (4096) bytes whole or not at all; so no line is longer.
enum { LINE = 4096, PROGRAM = 32 };

static const char *const level_names[] = {"error", "warning", "info", "debug"};

// How lines leave, decided by log_init. Until then: write to stderr after asking poll.
static struct {
	char program[PROGRAM];
	enum log_level level;
	int fd;
	bool is_socket, never_blocks;
	bool torn; // the last line went out in part: end it first
} sink = {.level = LOG_LEVEL_INFO, .fd = STDERR_FILENO};

static _Atomic(uint64_t) dropped;

// Our own open file description of stderr, so that O_NONBLOCK is not forced upon whoever shares it (a shell's
// terminal). Regular files never block and keep theirs, with its offset; sockets have MSG_DONTWAIT.
static void sink_open(void) {
	struct stat st;
	int fd;

	if (sink.fd != STDERR_FILENO)
		close(sink.fd);
	sink.fd = STDERR_FILENO;
	sink.torn = false;
	if (fstat(STDERR_FILENO, &st) < 0)
		return;
	sink.is_socket = S_ISSOCK(st.st_mode);
	sink.never_blocks = S_ISREG(st.st_mode);
	if (!S_ISFIFO(st.st_mode) && !S_ISCHR(st.st_mode))
		return;
	fd = open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd >= 0)
		sink.fd = fd;
}

void log_init(const char *program, enum log_level level) {
	snprintf(sink.program, sizeof(sink.program), "%s", program);
	sink.level = level;
	sink_open();
}

void log_set_level(enum log_level level) {
	sink.level = level;
}

bool log_enabled(enum log_level level) {
	return level <= sink.level;
}

uint64_t log_dropped(void) {
	return atomic_load_explicit(&dropped, memory_order_relaxed);
}

static ssize_t sink_write(const char *line, size_t len) {
	if (sink.is_socket)
		return send(STDERR_FILENO, line, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (sink.fd == STDERR_FILENO && !sink.never_blocks) { // maybe a blocking one: ask first
		struct pollfd p = {.fd = sink.fd, .events = POLLOUT};

		if (poll(&p, 1, 0) != 1 || (p.revents & POLLOUT) == 0)
			return -1;
	}
	return write(sink.fd, line, len);
}

// One write a line. buf has a byte in front of the line for the newline that ends a torn one.
static void sink_put(char *buf, size_t len) {
	const char *line = buf + 1;
	ssize_t n;

	if (sink.torn) {
		buf[0] = '\n';
		line = buf;
		len++;
	}
	n = sink_write(line, len);
	if (n > 0)
		sink.torn = (size_t)n < len;
	if (n != (ssize_t)len)
		atomic_fetch_add_explicit(&dropped, 1, memory_order_relaxed);
}

// "2026-03-14T15:09:26.535Z program level ". Returns its length.
static size_t format_head(char *out, size_t size, enum log_level level) {
	struct timespec now;
	struct tm tm;
	int n;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	n = snprintf(out, size, "%04d-%02d-%02dT%02d:%02d:%02d.%03ldZ %s%s%s ", tm.tm_year + 1900,
		tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, now.tv_nsec / 1000000,
		sink.program, sink.program[0] != '\0' ? " " : "", level_names[level]);
	return n > 0 && (size_t)n < size ? (size_t)n : 0;
}

// Copies text into out, printable ASCII as it is and the rest as \xNN. Returns bytes written; what doesn't fit whole
// is left out.
static size_t escape(char *out, size_t size, const char *text) {
	static const char hex[] = "0123456789abcdef";
	size_t n = 0;

	for (const unsigned char *p = (const unsigned char *)text; *p != '\0'; p++) {
		bool plain = *p >= 0x20 && *p < 0x7f;

		if (n + (plain ? 1 : 4) > size)
			break;
		if (plain) {
			out[n++] = (char)*p;
			continue;
		}
		out[n++] = '\\';
		out[n++] = 'x';
		out[n++] = hex[*p >> 4];
		out[n++] = hex[*p & 15];
	}
	return n;
}

void log_vline(enum log_level level, const char *format, va_list args) {
	char text[LINE], buf[LINE];
	size_t n = 1; // see sink_put
	int saved = errno;

	if (!log_enabled(level))
		return;
	if (vsnprintf(text, sizeof(text), format, args) < 0)
		strcpy(text, "(bad log format)");
	n += format_head(buf + n, sizeof(buf) - n, level);
	n += escape(buf + n, sizeof(buf) - 1 - n, text);
	buf[n++] = '\n';
	sink_put(buf, n - 1);
	errno = saved;
}

void log_line(enum log_level level, const char *format, ...) {
	va_list args;

	va_start(args, format);
	log_vline(level, format, args);
	va_end(args);
}

bool log_gate_open(struct log_gate *g, const char *what, uint64_t now_ns, uint32_t burst) {
	uint64_t second = now_ns / 1000000000u;

	if (second != g->second) {
		if (g->muted > 0)
			log_warning("%s muted=%u", what, g->muted);
		*g = (struct log_gate){.second = second};
	}
	if (g->passed < burst) {
		g->passed++;
		return true;
	}
	g->muted++;
	return false;
}
