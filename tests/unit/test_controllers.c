// Who comes to the control socket: who may control, who gets a place, and what all of them can make the log say. The socket is a
// real one in a directory of the test's own; who a peer is is made up.
#include "dpdk_app/control_socket.h"
#include "config/log.h"
#include "dpdk_app/clock.h"
#include "dpdk_app/controllers.h"
#include "tests/unit/relay_fixture.h"
#include "tests/unit/run_suite.h"

#include <check.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

enum { FLOOD = 500, LINES_A_SECOND = 5, CONTROL_UID = 4711, STRANGER_UID = 4712 };

static char directory[] = "/tmp/test_controllers.XXXXXX", path[64];
static struct fixture *f;
static struct poller poller;
static struct control_socket *control;
static int log_fd;
static uid_t peer_uid; // of whoever connects

// Before glibc's: another user would need root's help to come.
int getsockopt(int fd, int level, int option, void *restrict value, socklen_t *restrict length) {
	const struct ucred peer = {.pid = 1, .uid = peer_uid};

	if (level != SOL_SOCKET || option != SO_PEERCRED)
		return (int)syscall(SYS_getsockopt, fd, level, option, value, length);
	memcpy(value, &peer, sizeof(peer));
	return 0;
}

// ---- the log ----

static void take_log(void) {
	log_fd = memfd_create("log", MFD_CLOEXEC);
	ck_assert_int_ge(log_fd, 0);
	ck_assert_int_eq(dup2(log_fd, STDERR_FILENO), STDERR_FILENO);
	log_init("test", LOG_LEVEL_INFO);
}

static const char *logged(void) {
	static char text[1 << 20];
	ssize_t n = pread(log_fd, text, sizeof(text) - 1, 0);

	ck_assert_int_ge(n, 0);
	text[n] = '\0';
	return text;
}

static unsigned count_logged(const char *what) {
	unsigned n = 0;

	for (const char *p = logged(); (p = strstr(p, what)) != NULL; p++)
		n++;
	return n;
}

// ---- relay and peers ----

static void setup(void) {
	const struct config config = {
		.relay.control_socket = path, .control.user = {.name = "control", .uid = CONTROL_UID}};

	take_log();
	ck_assert_ptr_nonnull(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/relay.sock", directory);
	f = fix_create(10);
	relay_conn_close(f->r, f->c, f->now);
	ck_assert_int_eq(poller_open(&poller), 0);
	ck_assert_int_eq(control_socket_open(&config, f->r, &poller, -1, &control), 0);
}

static void teardown(void) {
	control_socket_close(control);
	poller_close(&poller);
	fix_destroy(f);
	ck_assert_int_eq(rmdir(directory), 0);
}

static void turn(unsigned n) {
	while (n-- > 0)
		ck_assert_int_eq(poller_wait(&poller, 0), 0);
	relay_tick(f->r, clock_now_ns());
}

static int come(uid_t uid) {
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	snprintf(name.sun_path, sizeof(name.sun_path), "%s", path);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(connect(fd, (const struct sockaddr *)&name, sizeof(name)), 0);
	peer_uid = uid;
	turn(2);
	return fd;
}

static void leave(int fd) {
	close(fd);
	turn(4);
}

static void say(int fd, uint16_t major, uint16_t type, const void *item, size_t size) {
	uint8_t message[256];
	struct proto_writer w;
	size_t len;

	proto_write_begin(&w, message, sizeof(message), type, 1, 0);
	if (size > 0)
		proto_write_item(&w, item, size);
	len = proto_write_end(&w);
	memcpy(message + offsetof(struct proto_header, major), &major, sizeof(major));
	ck_assert_int_eq(send(fd, message, len, MSG_NOSIGNAL), (ssize_t)len);
	turn(4);
}

// The status of the reply that is there, or -1: there is none.
static int64_t status(int fd) {
	uint8_t message[PROTO_MESSAGE_MAX];
	struct proto_header h;
	ssize_t n = recv(fd, message, sizeof(message), MSG_DONTWAIT);

	if (n < (ssize_t)sizeof(h))
		return -1;
	memcpy(&h, message, sizeof(h));
	return h.status;
}

static bool is_closed(int fd) {
	char byte;

	return recv(fd, &byte, 1, MSG_DONTWAIT) == 0;
}

static int64_t hello(int fd, enum proto_role role, uint32_t owner_id) {
	const struct proto_hello item = {.length = sizeof(item), .role = role, .owner_id = owner_id};

	say(fd, PROTO_MAJOR, PROTO_HELLO, &item, sizeof(item));
	return status(fd);
}

// ---- who may control ----

START_TEST(controllers_are_root_ourselves_and_the_user_of_control) {
	const uid_t uids[] = {0, geteuid(), CONTROL_UID};

	for (unsigned i = 0; i < sizeof(uids) / sizeof(uids[0]); i++) {
		int fd = come(uids[i]);

		ck_assert_int_eq(hello(fd, PROTO_CONTROLLER, 7), 0);
		leave(fd);
	}
}
END_TEST

START_TEST(others_may_look) {
	int fd = come(STRANGER_UID);

	ck_assert_int_eq(hello(fd, PROTO_CONTROLLER, 7), EPERM);
	ck_assert_uint_eq(
		count_logged("control pid=1 uid=4712 owner id=7 refused=not_allowed: setting control.user"),
		1);
	ck_assert_int_eq(hello(fd, PROTO_OBSERVER, 0), 0);
	say(fd, PROTO_MAJOR, PROTO_SUBSCRIBE, NULL, 0);
	ck_assert_int_eq(status(fd), 0);
	say(fd, PROTO_MAJOR, PROTO_SYNC_DONE, NULL, 0);
	ck_assert_int_eq(status(fd), EPERM);
	leave(fd);
}
END_TEST

START_TEST(the_log_says_who_may_control) {
	char line[64];

	snprintf(line, sizeof(line), geteuid() == 0 ? "controllers=0,%u\n" : "controllers=0,%u,%u\n",
		geteuid() == 0 ? CONTROL_UID : geteuid(), CONTROL_UID);
	ck_assert_msg(count_logged(line) == 1, "no %s in %s", line, logged());
}
END_TEST

// Without the setting: whose own group it is, by the file's fourth field; who was added to it is in another file.
START_TEST(the_sockets_group_names_them) {
	static const char text[] = "root:x:0:0:root:/root:/bin/bash\n"
				   "kedge:x:105:112:Kedge,,,:/nonexistent:/usr/sbin/nologin\n"
				   "broken\n"
				   "alice:x:1000:1000::/home/alice:/bin/bash\n"
				   "second:x:106:112::/:/bin/false";
	static const struct {
		const char *what;
		gid_t gid;
		uid_t user; // of the setting, 0: none
		const char *uids;
	} cases[] = {
		{"a group's two", 112, 0, "0,105,106"},
		{"root's group", 0, 0, "0"},
		{"a group that is nobody's own", 113, 0, "0"},
		{"the setting alone", 112, 1000, "0,1000"},
	};
	char passwd[80];
	FILE *file;

	snprintf(passwd, sizeof(passwd), "%s/passwd", directory);
	file = fopen(passwd, "w");
	ck_assert_ptr_nonnull(file);
	fputs(text, file);
	fclose(file);
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct config_user user = {
			.name = {cases[i].user != 0 ? 'u' : '\0'}, .uid = cases[i].user};
		char uids[CONTROLLERS_TEXT];
		struct controllers c;

		ck_assert_int_eq(controllers_find(0, &user, cases[i].gid, passwd, &c), 0);
		ck_assert_str_eq(controllers_format(&c, uids), cases[i].uids);
		ck_assert(controllers_have(&c, 0) && !controllers_have(&c, 4711));
	}
	unlink(passwd);
}
END_TEST

START_TEST(there_are_only_so_many) {
	char passwd[80], uids[CONTROLLERS_TEXT];
	struct controllers c;
	FILE *file;

	snprintf(passwd, sizeof(passwd), "%s/passwd", directory);
	ck_assert_int_eq(controllers_find(9, &(struct config_user){0}, 1, passwd, &c), -ENOENT);
	ck_assert_str_eq(controllers_format(&c, uids), "0,9"); // they need no file
	file = fopen(passwd, "w");
	ck_assert_ptr_nonnull(file);
	for (unsigned i = 0; i < 2 * CONTROLLERS_MAX; i++)
		fprintf(file, "u%u:x:%u:1::/:/bin/false\n", i, UINT32_MAX - 100 + i);
	fclose(file);
	ck_assert_int_eq(controllers_find(9, &(struct config_user){0}, 1, passwd, &c), -E2BIG);
	ck_assert_uint_eq(c.n, CONTROLLERS_MAX);
	ck_assert(controllers_have(&c, UINT32_MAX - 100) &&
		!controllers_have(&c, UINT32_MAX - 100 + CONTROLLERS_MAX));
	ck_assert_uint_lt(strlen(controllers_format(&c, uids)), CONTROLLERS_TEXT - 1);
	unlink(passwd);
}
END_TEST

// ---- places ----

enum { PLACES = 64, KEPT = 8, SILENCE_NS = 2000000000 };

static int crowd[2 * PLACES];

static unsigned count_closed(unsigned n) {
	unsigned closed = 0;

	for (unsigned i = 0; i < n; i++)
		closed += is_closed(crowd[i]);
	return closed;
}

static void disperse(unsigned n) {
	for (unsigned i = 0; i < n; i++)
		leave(crowd[i]);
}

START_TEST(a_crowd_leaves_places_for_controllers) {
	int controllers[KEPT + 1];

	for (unsigned i = 0; i < 2 * PLACES; i++)
		crowd[i] = come(STRANGER_UID);
	ck_assert_uint_eq(count_closed(2 * PLACES), PLACES + KEPT);
	ck_assert_uint_ge(count_logged("refused: too many"), 1);
	ck_assert_uint_le(count_logged("refused: too many"), 3 * LINES_A_SECOND);
	for (unsigned i = 0; i <= KEPT; i++)
		controllers[i] = come(CONTROL_UID);
	for (unsigned i = 0; i < KEPT; i++)
		ck_assert_int_eq(hello(controllers[i], PROTO_CONTROLLER, i + 1), 0);
	ck_assert(is_closed(controllers[KEPT])); // there is an end to it
	for (unsigned i = 0; i <= KEPT; i++)
		leave(controllers[i]);
	disperse(2 * PLACES);
}
END_TEST

START_TEST(a_silent_crowd_is_sent_away) {
	int fd;

	for (unsigned i = 0; i < PLACES; i++)
		crowd[i] = come(STRANGER_UID);
	ck_assert_uint_eq(count_closed(PLACES), KEPT);
	relay_tick(f->r, clock_now_ns() + SILENCE_NS);
	turn(PLACES);
	ck_assert_uint_eq(count_closed(PLACES), PLACES);
	ck_assert_uint_ge(count_logged("uid=4712 refused=silent"), 1);
	ck_assert_uint_le(count_logged("uid=4712 refused=silent"), 2 * LINES_A_SECOND);
	fd = come(STRANGER_UID);
	ck_assert_int_eq(hello(fd, PROTO_OBSERVER, 0), 0);
	leave(fd);
	disperse(PLACES);
}
END_TEST

START_TEST(observers_that_stay_keep_no_controller_out) {
	int fd;

	for (unsigned i = 0; i < PLACES; i++) {
		crowd[i] = come(STRANGER_UID);
		if (i < PLACES - KEPT)
			ck_assert_int_eq(hello(crowd[i], PROTO_OBSERVER, 0), 0);
	}
	relay_tick(f->r, clock_now_ns() + SILENCE_NS);
	turn(PLACES);
	ck_assert_uint_eq(count_closed(PLACES), KEPT);
	fd = come(CONTROL_UID);
	ck_assert_int_eq(hello(fd, PROTO_CONTROLLER, 7), 0);
	leave(fd);
	disperse(PLACES);
}
END_TEST

// ---- what peers can make the relay say ----

// At most so many of a kind may be there, had the clock's second changed that often; each second has one more that says how many
// were muted in the one before.
static unsigned most_lines(uint64_t since_ns) {
	return (LINES_A_SECOND + 1) * (unsigned)((clock_now_ns() - since_ns) / 1000000000 + 2);
}

START_TEST(a_flood_of_versions_is_a_few_lines) {
	const uint64_t start_ns = clock_now_ns();

	for (unsigned i = 0; i < FLOOD; i++) {
		int fd = come(0);

		say(fd, PROTO_MAJOR + 1, PROTO_HELLO, NULL, 0);
		ck_assert_int_eq(status(fd), EPROTO);
		ck_assert(is_closed(fd));
		leave(fd);
	}
	ck_assert_uint_ge(count_logged("refused=version major="), 1);
	ck_assert_uint_le(count_logged("refused=version major="), most_lines(start_ns));
	ck_assert_uint_ge(relay_stats(f->r)->control_refused, FLOOD);
}
END_TEST

START_TEST(a_flood_of_strangers_is_a_few_lines) {
	const uint64_t start_ns = clock_now_ns();
	int fd = come(STRANGER_UID);

	for (unsigned i = 0; i < FLOOD; i++)
		ck_assert_int_eq(hello(fd, PROTO_CONTROLLER, 7), EPERM);
	ck_assert_uint_ge(count_logged("refused=not_allowed"), 1);
	ck_assert_uint_le(count_logged("refused=not_allowed"), most_lines(start_ns));
	leave(fd);
}
END_TEST

START_TEST(controllers_that_come_and_go_are_a_few_lines) {
	const uint64_t start_ns = clock_now_ns();

	for (unsigned i = 0; i < FLOOD; i++) {
		int fd = come(0);

		ck_assert_int_eq(hello(fd, PROTO_CONTROLLER, 7), 0);
		leave(fd);
	}
	ck_assert_uint_ge(count_logged("owner id=7 state=connected"), 1);
	ck_assert_uint_le(count_logged("owner id=7 state="), most_lines(start_ns));
}
END_TEST

// One kind's flood hides no other's line.
START_TEST(each_kind_of_line_has_its_gate) {
	int fd;

	for (unsigned i = 0; i < 10 * LINES_A_SECOND; i++) {
		fd = come(0);
		say(fd, PROTO_MAJOR + 1, PROTO_HELLO, NULL, 0);
		leave(fd);
	}
	fd = come(0);
	ck_assert_int_eq(hello(fd, PROTO_CONTROLLER, 7), 0);
	ck_assert_uint_eq(count_logged("owner id=7 state=connected"), 1);
	leave(fd);
	ck_assert_uint_eq(count_logged("owner id=7 state=disconnected"), 1);
}
END_TEST

int main(void) {
	Suite *suite = suite_create("controllers");
	TCase *tcase = tcase_create("all");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, controllers_are_root_ourselves_and_the_user_of_control);
	tcase_add_test(tcase, others_may_look);
	tcase_add_test(tcase, the_log_says_who_may_control);
	tcase_add_test(tcase, the_sockets_group_names_them);
	tcase_add_test(tcase, there_are_only_so_many);
	tcase_add_test(tcase, a_crowd_leaves_places_for_controllers);
	tcase_add_test(tcase, a_silent_crowd_is_sent_away);
	tcase_add_test(tcase, observers_that_stay_keep_no_controller_out);
	tcase_add_test(tcase, a_flood_of_strangers_is_a_few_lines);
	tcase_add_test(tcase, a_flood_of_versions_is_a_few_lines);
	tcase_add_test(tcase, controllers_that_come_and_go_are_a_few_lines);
	tcase_add_test(tcase, each_kind_of_line_has_its_gate);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
