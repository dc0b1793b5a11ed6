#include "control/ops/cli_server.h"

#include "config/unix_socket.h"
#include "control/ops/print.h"
#include "tests/unit/fail_alloc.h"
#include "tests/unit/fake_control.h"
#include "tests/unit/run_suite.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { RECEIVED = 16 << 20 };

static char folder[] = "/tmp/kedge-cli-XXXXXX", path[64];
static struct config_realm realms[] = {{.name = "access"}, {.name = "core"}};
static struct config config = {
	.node = "edge1", .realms = realms, .n_realms = 2, .control = {.ended_calls = 10, .socket = path}};
static struct records *records;
static struct cli_sources sources = {.config = &config};
static struct cli_server *server;
static char *received; // what a client got, NUL-terminated
static size_t n_received;

static void setup(void) {
	struct event_config *c = event_config_new();

	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/control.sock", folder);
	fake.base = event_base_new_with_config(c);
	event_config_free(c);
	ck_assert_int_eq(records_create(&config, &records), 0);
	sources.records = records;
	ck_assert_int_eq(cli_server_create(&sources, &server), 0);
	received = malloc(RECEIVED);
}

static void teardown(void) {
	cli_server_destroy(server);
	records_destroy(records);
	event_base_free(fake.base);
	free(received);
	unlink(path);
	ck_assert_int_eq(rmdir(folder), 0);
}

static int connect_client(void) {
	int fd = unix_socket_connect(path, SOCK_STREAM, 1000);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	fake_run();
	return fd;
}

static void tell(int fd, const char *text) {
	ck_assert_int_eq(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
	fake_run();
}

// Take what is there. Returns false at the end of the connection.
static bool take(int fd) {
	ssize_t n = recv(fd, received + n_received, RECEIVED - 1 - n_received, 0);

	ck_assert(n >= 0 || errno == EAGAIN || errno == ECONNRESET);
	if (n > 0)
		n_received += (size_t)n;
	received[n_received] = '\0';
	return n > 0 || (n < 0 && errno == EAGAIN);
}

// Everything that comes until nothing more comes. Returns false if the server closed the connection.
static bool take_all(int fd) {
	size_t before;

	n_received = 0;
	do {
		before = n_received;
		if (!take(fd))
			return false;
		fake_run();
	} while (n_received != before);
	return true;
}

// The n-th line (from the end if negative), parsed.
static json_t *line(int n) {
	const char *at = received, *end;
	unsigned lines = 0;
	json_t *json;

	for (const char *p = received; *p != '\0'; p++)
		lines += *p == '\n';
	if (n < 0)
		n += (int)lines;
	for (int i = 0; i < n; i++)
		at = strchr(at, '\n') + 1;
	end = strchr(at, '\n');
	json = json_loadb(at, (size_t)(end - at), JSON_REJECT_DUPLICATES, NULL);
	ck_assert_msg(json != NULL, "%.200s", at);
	ck_assert_uint_eq(print_find_u64(json, "version"), 1);
	return json;
}

static unsigned n_lines(void) {
	unsigned n = 0;

	for (const char *p = received; *p != '\0'; p++)
		n += *p == '\n';
	return n;
}

static void check_end(int status, const char *error) {
	json_t *end = line(-1);

	ck_assert_str_eq(print_find_text(end, "type"), "end");
	ck_assert_int_eq((int)print_find_u64(end, "status"), status);
	if (error != NULL)
		ck_assert_msg(strstr(print_find_text(end, "error"), error) != NULL, "%s",
			print_find_text(end, "error"));
	else
		ck_assert_ptr_null(print_find(end, "error"));
	json_decref(end);
}

static const char *text_of(int n, const char *where) {
	static char text[PRINT_TEXT];
	json_t *json = line(n);

	print_value(print_find(json, where), text);
	json_decref(json);
	return text;
}

static void add_record(uint64_t number) {
	struct call_view v;

	fake_call(number, &v);
	v.ended_wall_ms = v.answered_wall_ms + 1000;
	v.end_cause = "bye";
	v.end_by = "caller";
	records_add(records, &v);
}

// ---- requests ----

static const struct {
	const char *request;
	int status;
	unsigned rows;
	const char *error;
} requests[] = {
	{"{\"version\":1,\"command\":\"stats\"}\n", 0, 1, NULL},
	{"{\"version\":1,\"command\":\"trunks\"}\n", 0, 1, NULL},
	{"{\"version\":1,\"command\":\"calls\"}\n", 0, 20, NULL},
	{"{\"version\":1,\"command\":\"calls\",\"ended\":false}\n", 0, 20, NULL},
	{"{\"version\":1,\"command\":\"calls\",\"ended\":true}\n", 0, 3, NULL},
	{"{\"version\":1,\"command\":\"calls\",\"limit\":7}\n", 0, 7, NULL},
	{"{\"version\":1,\"command\":\"calls\",\"limit\":0}\n", 0, 20, NULL},
	{"{\"version\":1,\"command\":\"calls\",\"after\":\"0000000000000012\"}\n", 0, 2, NULL},
	{"{\"version\":1,\"command\":\"calls\",\"filter\":\"1017\"}\n", 0, 1, NULL},
	{"{\"version\":1,\"command\":\"calls\",\"filter\":\"carrier\"}\n", 0, 20, NULL},
	{"{\"version\":1,\"command\":\"calls\",\"filter\":\"nobody\"}\n", 0, 0, NULL},
	{"{\"version\":1,\"command\":\"calls\",\"ended\":true,\"filter\":\"b-101\"}\n", 0, 1, NULL},
	{"{\"version\":1,\"command\":\"call\",\"id\":\"0000000000001003\"}\n", 0, 1, NULL},
	{"{\"version\":1,\"command\":\"call\",\"id\":\"b-3\"}\n", 0, 1, NULL},
	{"{\"version\":1,\"command\":\"call\",\"id\":\"b-101\"}\n", 0, 1, NULL}, // an ended one
	{"{\"version\":1,\"command\":\"calls\",\"unheard_of\":[{}]}\n", 0, 20, NULL}, // keys may be added
	{"{\"version\":1,\"command\":\"call\",\"id\":\"b-999\"}\n", 1, 0, "not found"},
	{"{\"version\":1,\"command\":\"call\"}\n", 1, 0, "not found"},
	{"{\"version\":1,\"command\":\"call\",\"id\":3}\n", 2, 0, "texts"},
	{"{\"version\":1,\"command\":\"shutdown\"}\n", 2, 0, "unknown command"},
	{"{\"version\":1,\"command\":7}\n", 2, 0, "unknown command"},
	{"{\"version\":1}\n", 2, 0, "unknown command"},
	{"{\"version\":2,\"command\":\"calls\"}\n", 2, 0, "version"},
	{"{\"version\":\"1\",\"command\":\"calls\"}\n", 2, 0, "version"},
	{"{\"command\":\"calls\"}\n", 2, 0, "version"},
	{"{\"version\":1,\"command\":\"calls\",\"limit\":-1}\n", 2, 0, "limit"},
	{"{\"version\":1,\"command\":\"calls\",\"limit\":\"9\"}\n", 2, 0, "limit"},
	{"{\"version\":1,\"command\":\"calls\",\"ended\":1}\n", 2, 0, "ended"},
	{"{\"version\":1,\"command\":\"calls\",\"after\":\"12\"}\n", 2, 0, "after"},
	{"{\"version\":1,\"command\":\"calls\",\"after\":\"000000000000001g\"}\n", 2, 0, "after"},
	{"{\"version\":1,\"command\":\"calls\",\"filter\":null}\n", 2, 0, "texts"},
	{"{\"version\":1,\"version\":1,\"command\":\"calls\"}\n", 2, 0, "not JSON"},
	{"{\"version\":1,\"command\":\"calls\"\n", 2, 0, "not JSON"},
	{"[1,\"calls\"]\n", 2, 0, "not a JSON object"},
	{"calls\n", 2, 0, "not JSON"},
	{"\n", 2, 0, "not JSON"},
	{"\x80\xff\n", 2, 0, "not JSON"},
	{"{\"version\":1,\"command\":\"calls\",\"filter\":\"a\\u0000b\"}\n", 2, 0, "not JSON"},
};

START_TEST(requests_are_answered) {
	int fd;

	fake.n_calls = 20;
	for (uint64_t i = 101; i <= 103; i++)
		add_record(i);
	fd = connect_client();
	tell(fd, requests[_i].request);
	ck_assert(take_all(fd));
	check_end(requests[_i].status, requests[_i].error);
	ck_assert_uint_eq(n_lines() - 1, requests[_i].rows);
	// Whatever it was, the next request is understood.
	tell(fd, "{\"version\":1,\"command\":\"stats\"}\n");
	ck_assert(take_all(fd));
	ck_assert_uint_eq(n_lines(), 2);
	check_end(0, NULL);
	close(fd);
	fake_run();
	ck_assert_uint_eq(cli_server_clients(server), 0);
}
END_TEST

START_TEST(stats_have_every_counter) {
	static const struct {
		const char *path, *value;
	} fields[] = {{"type", "control_stats"}, {"node", "edge1"}, {"uptime_ms", "5000"}, {"calls_now", "3"},
		{"draining", "no"}, {"relay_connected", "yes"}, {"pairings", "3"}, {"transactions", "7"},
		{"log_lines_dropped", "0"}, {"records_kept", "1"}, {"calls.attempts", "1"},
		{"calls.answered", "2"}, {"sip.received", "1"}, {"sip_faults.not_sip", "2"},
		{"sip_faults.none", "-"}, {"media.puts", "1"}};
	int fd;

	fake.n_calls = 3;
	add_record(1);
	fake.now_ms = 5000;
	fd = connect_client();
	tell(fd, "{\"version\":1,\"command\":\"stats\"}\n");
	ck_assert(take_all(fd));
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		ck_assert_str_eq(text_of(0, fields[i].path), fields[i].value);
	close(fd);
}
END_TEST

START_TEST(pages_join_without_gap) {
	char request[200], after[64] = "";
	unsigned rows = 0;
	int fd;

	fake.n_calls = 100;
	fd = connect_client();
	do {
		snprintf(request, sizeof(request),
			"{\"version\":1,\"command\":\"calls\",\"limit\":30%s%s%s}\n",
			after[0] == '\0' ? "" : ",\"after\":\"", after, after[0] == '\0' ? "" : "\"");
		tell(fd, request);
		ck_assert(take_all(fd));
		for (unsigned i = 0; i + 1 < n_lines(); i++) {
			char id[32];

			snprintf(id, sizeof(id), "%016x", 0x1000 + rows++);
			ck_assert_str_eq(text_of((int)i, "id"), id);
		}
		snprintf(after, sizeof(after), "%s", text_of(-1, "after"));
	} while (strcmp(after, "-") != 0);
	ck_assert_uint_eq(rows, 100);
	close(fd);
}
END_TEST

START_TEST(requests_may_come_together_and_in_pieces) {
	int fd;

	fake.n_calls = 2;
	fd = connect_client();
	tell(fd, "{\"version\":1,\"command\":\"calls\"}\n{\"version\":1,\"comm");
	tell(fd, "and\":\"trunks\"}\n{\"version\":1,\"command\":\"stats\"}\n");
	ck_assert(take_all(fd));
	ck_assert_uint_eq(n_lines(), 3 + 2 + 2);
	ck_assert_str_eq(text_of(3, "type"), "trunk");
	ck_assert_str_eq(text_of(5, "type"), "control_stats");
	close(fd);
}
END_TEST

START_TEST(a_half_closed_client_gets_its_answer) {
	int fd;

	fake.n_calls = 2000;
	fd = connect_client();
	ck_assert_int_gt(send(fd, "{\"version\":1,\"command\":\"calls\"}\n", 32, 0), 0);
	ck_assert_int_eq(shutdown(fd, SHUT_WR), 0);
	fake_run();
	ck_assert(!take_all(fd)); // closed behind the last line
	ck_assert_uint_eq(n_lines(), 2001);
	check_end(0, NULL);
	ck_assert_uint_eq(cli_server_clients(server), 0);
	close(fd);
}
END_TEST

// ---- hard clients ----

START_TEST(a_slow_reader_costs_no_memory_and_holds_nobody_up) {
	size_t most = 0, rows;
	uint64_t views;
	int slow, quick;

	fake.n_calls = 10000;
	slow = connect_client();
	tell(slow, "{\"version\":1,\"command\":\"calls\"}\n");
	views = fake.views;
	ck_assert_uint_lt(views, 1000); // no more rows than socket and buffer take
	ck_assert_uint_lt(cli_server_buffered(server), CLI_BUFFER_MARK + 2048);
	fake_run();
	ck_assert_uint_eq(fake.views, views); // and it stands still

	fake.n_calls = 3;
	quick = connect_client();
	tell(quick, "{\"version\":1,\"command\":\"trunks\"}\n");
	ck_assert(take_all(quick));
	ck_assert_uint_eq(n_lines(), 2);
	fake.n_calls = 10000;

	n_received = 0;
	for (rows = 0; rows < 10001;) { // now it reads, a little at a time
		ssize_t n = recv(slow, received + n_received, 9000, 0);

		ck_assert_int_gt(n, 0);
		for (ssize_t i = 0; i < n; i++)
			rows += received[n_received + (size_t)i] == '\n';
		n_received += (size_t)n;
		fake_run();
		most = cli_server_buffered(server) > most ? cli_server_buffered(server) : most;
	}
	received[n_received] = '\0';
	ck_assert_uint_lt(most, CLI_BUFFER_MARK + 2048);
	check_end(0, NULL);
	close(slow);
	close(quick);
}
END_TEST

START_TEST(a_filter_that_nothing_passes_takes_turns) {
	uint64_t turns;
	int fd;

	fake.n_calls = 10000;
	fd = connect_client();
	turns = fake.turns;
	tell(fd, "{\"version\":1,\"command\":\"calls\",\"filter\":\"nobody\"}\n");
	ck_assert_uint_ge(fake.turns - turns, 10000 / CLI_STEPS_A_TURN);
	ck_assert(take_all(fd));
	ck_assert_uint_eq(n_lines(), 1);
	close(fd);
}
END_TEST

START_TEST(a_line_without_end_is_refused) {
	char text[CLI_REQUEST_MAX + 1];
	int fd = connect_client();

	memset(text, 'x', sizeof(text));
	ck_assert_int_eq(send(fd, text, CLI_REQUEST_MAX - 1, 0), CLI_REQUEST_MAX - 1);
	fake_run();
	ck_assert(take_all(fd));
	ck_assert_uint_eq(n_received, 0);
	ck_assert_int_eq(send(fd, text, 2, 0), 2);
	fake_run();
	ck_assert(!take_all(fd));
	check_end(2, "too long");
	ck_assert_uint_eq(cli_server_clients(server), 0);
	close(fd);
}
END_TEST

START_TEST(one_client_too_many_is_told) {
	int fds[CLI_CLIENTS_MAX + 1];

	for (int i = 0; i < CLI_CLIENTS_MAX; i++)
		fds[i] = connect_client();
	fds[CLI_CLIENTS_MAX] = connect_client();
	ck_assert_uint_eq(cli_server_clients(server), CLI_CLIENTS_MAX);
	ck_assert(!take_all(fds[CLI_CLIENTS_MAX]));
	check_end(1, "too many");
	close(fds[0]); // makes room
	close(fds[CLI_CLIENTS_MAX]);
	fake_run();
	fds[0] = connect_client();
	tell(fds[0], "{\"version\":1,\"command\":\"stats\"}\n");
	ck_assert(take_all(fds[0]));
	check_end(0, NULL);
	for (int i = 0; i < CLI_CLIENTS_MAX; i++)
		close(fds[i]);
}
END_TEST

START_TEST(idle_clients_are_closed) {
	int idle = connect_client(), dripping = connect_client(), working = connect_client();

	for (uint64_t ms = 0; ms < CLI_IDLE_MS; ms += 1000) {
		fake_advance(1000);
		if (ms < 4000)
			tell(dripping, "{"); // bytes are not requests
		if (ms == 20000)
			tell(working, "{\"version\":1,\"command\":\"stats\"}\n");
	}
	ck_assert_uint_eq(cli_server_clients(server), 1);
	ck_assert(!take_all(idle));
	ck_assert(!take_all(dripping));
	ck_assert(take_all(working));
	fake_advance(CLI_IDLE_MS);
	ck_assert_uint_eq(cli_server_clients(server), 0);
	close(idle);
	close(dripping);
	close(working);
}
END_TEST

START_TEST(a_reader_that_stops_is_closed) {
	int fd;

	fake.n_calls = 10000;
	fd = connect_client();
	tell(fd, "{\"version\":1,\"command\":\"calls\"}\n");
	fake_advance(CLI_IDLE_MS - 1);
	fake_run();
	ck_assert_uint_eq(cli_server_clients(server), 1);
	fake_advance(1);
	ck_assert_uint_eq(cli_server_clients(server), 0);
	close(fd);
}
END_TEST

START_TEST(a_client_that_dies_in_mid_answer_is_forgotten) {
	int fd;

	fake.n_calls = 10000;
	fd = connect_client();
	tell(fd, "{\"version\":1,\"command\":\"calls\"}\n");
	close(fd);
	fake_run();
	ck_assert_uint_eq(cli_server_clients(server), 0);
}
END_TEST

START_TEST(destroy_closes_clients_and_path) {
	int fd = connect_client();

	fake.n_calls = 10000;
	tell(fd, "{\"version\":1,\"command\":\"calls\"}\n");
	cli_server_destroy(server);
	server = NULL;
	ck_assert_int_eq(access(path, F_OK), -1);
	ck_assert(!take_all(fd));
	for (int i = 0; i < FAKE_TIMERS; i++)
		ck_assert_ptr_null(fake.timers[i]);
	close(fd);
}
END_TEST

// ---- the path ----

START_TEST(the_socket_is_the_groups) {
	struct stat st;

	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_int_eq((int)(st.st_mode & 07777), 0660);
}
END_TEST

START_TEST(a_stale_socket_is_replaced) {
	char stale[80];
	struct cli_server *second;

	snprintf(stale, sizeof(stale), "%s.new", path); // of a start that was killed between bind and rename
	ck_assert_int_ge(close(open(stale, O_CREAT | O_WRONLY, 0600)), 0);
	ck_assert_int_eq(cli_server_create(&sources, &second), 0);
	ck_assert_int_eq(access(stale, F_OK), -1);
	close(connect_client());
	cli_server_destroy(second);
}
END_TEST

START_TEST(one_instance_holds_the_lock) {
	char name[80];
	int lock = instance_lock(path);

	ck_assert_int_ge(lock, 0);
	ck_assert_int_eq(instance_lock(path), -EBUSY);
	close(lock);
	lock = instance_lock(path);
	ck_assert_int_ge(lock, 0);
	close(lock);
	snprintf(name, sizeof(name), "%s.lock", path);
	ck_assert_int_eq(unlink(name), 0);
}
END_TEST

START_TEST(bad_places_are_refused) {
	char long_path[200];

	memset(long_path, 'x', sizeof(long_path));
	long_path[sizeof(long_path) - 1] = '\0';
	ck_assert_int_eq(unix_socket_listen(long_path, SOCK_STREAM, NULL), -ENAMETOOLONG);
	ck_assert_int_eq(instance_lock(long_path), -ENAMETOOLONG);
	ck_assert_int_eq(unix_socket_connect(long_path, SOCK_STREAM, 1), -ENAMETOOLONG);
	ck_assert_int_eq(unix_socket_listen("/nonexistent/folder/x", SOCK_STREAM, NULL), -ENOENT);
	ck_assert_int_eq(unix_socket_connect("/nonexistent/folder/x", SOCK_STREAM, 1), -ENOENT);
	ck_assert_int_eq(unix_socket_listen(path, SOCK_STREAM, "no-such-group-here"), -EINVAL);
	ck_assert_int_eq(access(path, F_OK), 0); // the one that stands is untouched
}
END_TEST

START_TEST(each_allocation_of_a_start_may_fail) {
	unsigned k;

	for (k = 1;; k++) {
		struct cli_server *s = NULL;
		int ret;

		fail_alloc_at(k);
		ret = cli_server_create(&sources, &s);
		if (!fail_alloc_end()) {
			cli_server_destroy(s);
			break;
		}
		ck_assert_int_eq(ret, -ENOMEM);
	}
	ck_assert_uint_gt(k, 1);
}
END_TEST

START_TEST(a_client_without_memory_is_closed) {
	int fd = unix_socket_connect(path, SOCK_STREAM, 1000);

	fail_alloc_at(1);
	fake_run();
	ck_assert(fail_alloc_end());
	ck_assert_uint_eq(cli_server_clients(server), 0);
	close(fd);
}
END_TEST

int main(void) {
	Suite *s = suite_create("cli");
	TCase *t = tcase_create("cli");

	log_init("test", LOG_LEVEL_ERROR);
	suite_add_tcase(s, t);
	tcase_set_timeout(t, 55); // for a busy machine
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, requests_are_answered, 0, sizeof(requests) / sizeof(requests[0]));
	tcase_add_test(t, stats_have_every_counter);
	tcase_add_test(t, pages_join_without_gap);
	tcase_add_test(t, requests_may_come_together_and_in_pieces);
	tcase_add_test(t, a_half_closed_client_gets_its_answer);
	tcase_add_test(t, a_slow_reader_costs_no_memory_and_holds_nobody_up);
	tcase_add_test(t, a_filter_that_nothing_passes_takes_turns);
	tcase_add_test(t, a_line_without_end_is_refused);
	tcase_add_test(t, one_client_too_many_is_told);
	tcase_add_test(t, idle_clients_are_closed);
	tcase_add_test(t, a_reader_that_stops_is_closed);
	tcase_add_test(t, a_client_that_dies_in_mid_answer_is_forgotten);
	tcase_add_test(t, destroy_closes_clients_and_path);
	tcase_add_test(t, the_socket_is_the_groups);
	tcase_add_test(t, a_stale_socket_is_replaced);
	tcase_add_test(t, one_instance_holds_the_lock);
	tcase_add_test(t, bad_places_are_refused);
	tcase_add_test(t, each_allocation_of_a_start_may_fail);
	tcase_add_test(t, a_client_without_memory_is_closed);
	return run_suite(s);
}
