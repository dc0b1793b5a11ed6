#include "config/log.h"
#include "tests/unit/run_suite.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <regex.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int reader; // what was written to stderr comes out here

static void take_stderr(const int fds[2]) {
	ck_assert_int_eq(dup2(fds[1], STDERR_FILENO), STDERR_FILENO);
	close(fds[1]);
	reader = fds[0];
	ck_assert_int_eq(fcntl(reader, F_SETFL, O_NONBLOCK), 0);
	log_init("kedge-test", LOG_LEVEL_INFO);
}

static void with_pipe(void) {
	int fds[2];

	ck_assert_int_eq(pipe(fds), 0);
	take_stderr(fds);
}

// Everything written so far, NUL-terminated.
static const char *written(void) {
	static char buf[1 << 20];
	ssize_t n = 0, total = 0;

	while ((n = read(reader, buf + total, sizeof(buf) - 1 - (size_t)total)) > 0)
		total += n;
	buf[total] = '\0';
	return buf;
}

START_TEST(lines_have_time_program_and_level) {
	static const char *const levels[] = {"error", "warning", "info"};
	regex_t re;

	with_pipe();
	for (int i = 0; i < 3; i++) {
		char pattern[128];
		const char *line;

		snprintf(pattern, sizeof(pattern),
			"^2[0-9]{3}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-6][0-9]\\.[0-9]{3}Z kedge-test %s "
			"call id=7\n$",
			levels[i]);
		ck_assert_int_eq(regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB), 0);
		log_line((enum log_level)i, "call id=%d", 7);
		line = written();
		ck_assert_msg(regexec(&re, line, 0, NULL, 0) == 0, "%s", line);
		regfree(&re);
	}
}
END_TEST

START_TEST(levels_below_are_silent) {
	with_pipe();
	log_debug("debug");
	ck_assert_str_eq(written(), "");
	ck_assert(!log_enabled(LOG_LEVEL_DEBUG));
	log_set_level(LOG_LEVEL_DEBUG);
	log_debug("debug");
	ck_assert_ptr_nonnull(strstr(written(), " debug debug\n"));
	log_set_level(LOG_LEVEL_ERROR);
	log_warning("warning");
	ck_assert_str_eq(written(), "");
}
END_TEST

START_TEST(peers_cant_forge_lines) {
	static const struct {
		const char *text, *line;
	} cases[] = {
		{"a\r\nb", " a\\x0d\\x0ab\n"},
		{"\x1b[31m", " \\x1b[31m\n"},
		{"J\xc3\xb6rg\x7f", " J\\xc3\\xb6rg\\x7f\n"},
		{"tab\there", " tab\\x09here\n"},
		{" ~", "  ~\n"},
	};

	with_pipe();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *line;

		log_info("%s", cases[i].text);
		line = written();
		ck_assert_msg(strlen(line) >= strlen(cases[i].line) &&
				strcmp(line + strlen(line) - strlen(cases[i].line), cases[i].line) == 0,
			"%s", line);
	}
}
END_TEST

START_TEST(long_lines_are_cut) {
	static char text[10000];
	const char *line;

	with_pipe();
	memset(text, '\n', sizeof(text) - 1);
	log_info("%s", text);
	line = written();
	ck_assert_uint_le(strlen(line), 4096);
	ck_assert_uint_gt(strlen(line), 4000);
	ck_assert_ptr_eq(strchr(line, '\n'), line + strlen(line) - 1);
	ck_assert_str_eq(line + strlen(line) - 5, "\\x0a\n"); // no escape is cut in two
}
END_TEST

// Writes until nothing more is taken. Returns lines dropped; a blocking writer would never come back.
static uint64_t fill(void) {
	uint64_t before = log_dropped();

	for (int i = 0; i < 100000 && log_dropped() < before + 10; i++)
		log_info("line %d", i);
	return log_dropped() - before;
}

START_TEST(a_full_pipe_drops_lines) {
	with_pipe();
	ck_assert_uint_eq(fill(), 10);
	written();
	log_info("again");
	ck_assert_ptr_nonnull(strstr(written(), " again\n"));
	ck_assert_uint_eq(log_dropped(), 10);
}
END_TEST

START_TEST(a_full_socket_drops_lines) {
	int fds[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	take_stderr(fds);
	ck_assert_uint_ge(fill(), 10);
	written();
	log_info("again");
	ck_assert_ptr_nonnull(strstr(written(), " again\n"));
}
END_TEST

START_TEST(without_init_nothing_blocks_either) {
	int fds[2];

	ck_assert_int_eq(pipe(fds), 0);
	ck_assert_int_eq(dup2(fds[1], STDERR_FILENO), STDERR_FILENO);
	ck_assert_uint_eq(fill(), 10);
}
END_TEST

START_TEST(the_shared_pipe_stays_blocking) {
	with_pipe();
	log_info("x");
	ck_assert_int_eq(fcntl(STDERR_FILENO, F_GETFL) & O_NONBLOCK, 0);
}
END_TEST

START_TEST(a_reader_that_is_gone_is_no_harm) {
	with_pipe();
	signal(SIGPIPE, SIG_IGN);
	close(reader);
	errno = EBADF;
	log_info("x");
	ck_assert_int_eq(errno, EBADF);
	ck_assert_uint_eq(log_dropped(), 1);
}
END_TEST

START_TEST(gates_mute_and_say_so) {
	struct log_gate g = {0};
	const uint64_t second = 1000000000;

	with_pipe();
	for (int i = 0; i < 3; i++)
		ck_assert(log_gate_open(&g, "sip refused", 5 * second, 3));
	for (int i = 0; i < 4; i++)
		ck_assert(!log_gate_open(&g, "sip refused", 6 * second - 1, 3));
	ck_assert_str_eq(written(), "");
	ck_assert(log_gate_open(&g, "sip refused", 6 * second, 3));
	ck_assert_ptr_nonnull(strstr(written(), " warning sip refused muted=4\n"));
	ck_assert(log_gate_open(&g, "sip refused", 9 * second, 3));
	ck_assert_str_eq(written(), "");
}
END_TEST

int main(void) {
	Suite *s = suite_create("log");
	TCase *t = tcase_create("log");

	tcase_add_test(t, lines_have_time_program_and_level);
	tcase_add_test(t, levels_below_are_silent);
	tcase_add_test(t, peers_cant_forge_lines);
	tcase_add_test(t, long_lines_are_cut);
	tcase_add_test(t, a_full_pipe_drops_lines);
	tcase_add_test(t, a_full_socket_drops_lines);
	tcase_add_test(t, without_init_nothing_blocks_either);
	tcase_add_test(t, the_shared_pipe_stays_blocking);
	tcase_add_test(t, a_reader_that_is_gone_is_no_harm);
	tcase_add_test(t, gates_mute_and_say_so);
	suite_add_tcase(s, t);
	return run_suite(s);
}
