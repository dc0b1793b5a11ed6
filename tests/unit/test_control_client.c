// What kedgectl makes of lines longer than it had room for, and without memory; the server is a child of the test's.
#include "control/ops/control_client.h"

#include "config/unix_socket.h"
#include "tests/unit/fail_alloc.h"
#include "tests/unit/run_suite.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LONG = 200000 }; // more than the first two sizes of the client's buffer

static char folder[] = "/tmp/kedge-client-XXXXXX", path[64];
static pid_t server;

static void answer(int fd) {
	static char text[LONG + 1];
	char request[4096];

	memset(text, 'x', LONG);
	if (read(fd, request, sizeof(request)) > 0)
		dprintf(fd,
			"{\"version\":1,\"type\":\"call\",\"text\":\"%s\"}\n"
			"{\"version\":1,\"type\":\"call\",\"text\":\"short\"}\n"
			"{\"version\":1,\"type\":\"end\",\"status\":0}\n",
			text);
	close(fd);
}

static void setup(void) {
	int fd;

	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/control.sock", folder);
	fd = unix_socket_listen(path, SOCK_STREAM, NULL);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fcntl(fd, F_SETFL, 0), 0); // blocking
	signal(SIGPIPE, SIG_IGN);
	server = fork();
	ck_assert_int_ge(server, 0);
	if (server == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			answer(accept(fd, NULL, NULL));
	}
	close(fd);
}

static void teardown(void) {
	kill(server, SIGKILL);
	ck_assert_int_eq(waitpid(server, NULL, 0), server);
	unlink(path);
	ck_assert_int_eq(rmdir(folder), 0);
}

static bool count(void *ctx, const json_t *row) {
	size_t *n_bytes = ctx;

	*n_bytes += json_string_length(json_object_get(row, "text"));
	return true;
}

static int ask(size_t *n_bytes) {
	json_t *request = json_pack("{s:s}", "command", "calls");
	struct control_answer end;

	*n_bytes = 0;
	return control_client_ask(path, 5000, request, count, n_bytes, &end);
}

START_TEST(long_lines) {
	size_t n_bytes;

	ck_assert_int_eq(ask(&n_bytes), 0);
	ck_assert_uint_eq(n_bytes, LONG + strlen("short"));
}
END_TEST

START_TEST(each_allocation_may_fail) {
	size_t n_bytes;
	unsigned k;

	for (k = 1;; k++) {
		int ret;

		fail_alloc_at(k);
		ret = ask(&n_bytes);
		if (!fail_alloc_end()) {
			ck_assert_int_eq(ret, 0);
			break;
		}
		ck_assert_int_eq(ret, -ENOMEM);
		ck_assert_uint_eq(n_bytes, 0); // a page is handed out whole
	}
	ck_assert_uint_eq(k, 4);
	ck_assert_uint_eq(n_bytes, LONG + strlen("short"));
}
END_TEST

int main(void) {
	Suite *s = suite_create("control_client");
	TCase *t = tcase_create("control_client");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, long_lines);
	tcase_add_test(t, each_allocation_may_fail);
	suite_add_tcase(s, t);
	return run_suite(s);
}
