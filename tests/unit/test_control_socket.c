// The relay's control socket, over a real path and a relay of the test's; without memory it refuses and goes on.
#include "dpdk_app/control_socket.h"

#include "config/unix_socket.h"
#include "tests/unit/fail_alloc.h"
#include "tests/unit/relay_fixture.h"
#include "tests/unit/run_suite.h"

#include <check.h>
#include <grp.h>
#include <unistd.h>

static char folder[] = "/tmp/kedge-socket-XXXXXX", path[64];
static const char *group; // ours
static struct fixture *f;
static struct poller poller;

static void setup(void) {
	const struct group *g = getgrgid(getgid());

	log_init("test", LOG_LEVEL_ERROR);
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/relay.sock", folder);
	group = g == NULL ? NULL : g->gr_name;
	f = fix_create(4);
	ck_assert_int_eq(poller_open(&poller), 0);
}

static void teardown(void) {
	poller_close(&poller);
	fix_destroy(f);
	ck_assert_int_eq(rmdir(folder), 0); // nothing is left in it
}

static int open_socket(const char *group_name, struct control_socket **out) {
	const struct config config = {.group = (char *)(uintptr_t)group_name, .relay.control_socket = path};

	return control_socket_open(&config, f->r, &poller, -1, out);
}

// All that is ready is served.
static void turn(void) {
	ck_assert_int_eq(poller_wait(&poller, 0), 0);
}

static int connect_to(void) {
	int fd = unix_socket_connect(path, SOCK_SEQPACKET, 1000);

	ck_assert_int_ge(fd, 0);
	return fd;
}

static struct proto_header greet(int fd) {
	const struct proto_hello hello = {.role = PROTO_CONTROLLER, .owner_id = FIX_OWNER};
	uint8_t message[PROTO_MESSAGE_MAX];
	struct proto_header h = {0};
	struct proto_writer w;
	size_t len;

	proto_write_begin(&w, message, sizeof(message), PROTO_HELLO, 1, 0);
	proto_write_item(&w, &hello, sizeof(hello));
	len = proto_write_end(&w);
	ck_assert_int_eq(send(fd, message, len, 0), (ssize_t)len);
	turn();
	if (recv(fd, message, sizeof(message), MSG_DONTWAIT) > 0)
		memcpy(&h, message, sizeof(h));
	return h;
}

START_TEST(a_controller_is_welcome) {
	struct control_socket *s;
	int fd;

	ck_assert_int_eq(open_socket(group, &s), 0);
	fd = connect_to();
	turn();
	ck_assert_uint_eq(greet(fd).type, PROTO_HELLO | PROTO_REPLY);
	close(fd);
	turn();
	control_socket_close(s);
	control_socket_close(NULL);
}
END_TEST

START_TEST(no_such_group) {
	struct control_socket *s = NULL;

	ck_assert_int_eq(open_socket("no such group", &s), -EINVAL);
	ck_assert_ptr_null(s);
}
END_TEST

START_TEST(each_allocation_of_the_start_may_fail) {
	struct control_socket *s = NULL;
	unsigned k;

	for (k = 1;; k++) {
		int ret;

		fail_alloc_at(k);
		ret = open_socket(group, &s);
		if (!fail_alloc_end()) {
			ck_assert_int_eq(ret, 0);
			break;
		}
		ck_assert_int_eq(ret, -ENOMEM);
		ck_assert_ptr_null(s);
		ck_assert_int_ne(access(path, F_OK), 0);
	}
	ck_assert_uint_eq(k, group == NULL ? 2 : 3);
	control_socket_close(s);
}
END_TEST

// Who comes then is sent away; the place is free for the next.
START_TEST(each_allocation_of_a_connection_may_fail) {
	struct control_socket *s;
	bool failed;
	unsigned k;
	char byte;
	int fd, ret;

	ck_assert_int_eq(open_socket(NULL, &s), 0);
	for (k = 1;; k++) {
		fd = connect_to();
		fail_alloc_at(k);
		ret = poller_wait(&poller, 0); // not turn(): Check allocates too
		failed = fail_alloc_end();
		ck_assert_int_eq(ret, 0);
		if (!failed)
			break;
		ck_assert_int_eq(recv(fd, &byte, 1, MSG_DONTWAIT), 0); // closed
		close(fd);
	}
	ck_assert_uint_eq(k, 3);
	ck_assert_uint_eq(greet(fd).type, PROTO_HELLO | PROTO_REPLY);
	close(fd);
	control_socket_close(s);
}
END_TEST

int main(void) {
	Suite *s = suite_create("control_socket");
	TCase *t = tcase_create("control_socket");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_controller_is_welcome);
	tcase_add_test(t, no_such_group);
	tcase_add_test(t, each_allocation_of_the_start_may_fail);
	tcase_add_test(t, each_allocation_of_a_connection_may_fail);
	suite_add_tcase(s, t);
	return run_suite(s);
}
