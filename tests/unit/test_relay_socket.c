// The link over a real Unix socket, in a directory of the test's own.
#include "control/media/relay_client.h"
#include "control/media/relay_socket.h"
#include "tests/unit/fail_alloc.h"
#include "tests/unit/run_suite.h"

#include <check.h>
#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static char directory[] = "/tmp/test_relay_socket.XXXXXX", path[64];
static struct loop *loop;
static struct relay_socket *link_socket;
static struct relay_client *client;
static int listener, peer;
static unsigned n_up, n_down, n_answers, n_late;
static int last_status;

static void on_up(void *ctx, uint64_t boot_id) {
	(void)ctx, (void)boot_id;
	n_up++;
}

static void on_down(void *ctx) {
	(void)ctx;
	n_down++;
}

static void on_events(void *ctx, struct proto_reader *items) {
	(void)ctx, (void)items;
}

static void on_lost(void *ctx) {
	(void)ctx;
}

static void on_answer(void *ctx, uint64_t ref, int status, struct proto_reader *items) {
	(void)ctx, (void)ref, (void)items;
	n_answers++;
	n_late += status == -ETIMEDOUT;
	last_status = status;
}

// One turn of libevent, in which something must happen.
static void turn(void) {
	ck_assert_int_eq(event_base_loop(loop_base(loop), EVLOOP_ONCE), 0);
}

static void listen_here(void) {
	struct sockaddr_un name = {.sun_family = AF_UNIX};

	snprintf(name.sun_path, sizeof(name.sun_path), "%s", path);
	listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	ck_assert_int_ge(listener, 0);
	ck_assert_int_eq(bind(listener, (const struct sockaddr *)&name, sizeof(name)), 0);
	ck_assert_int_eq(listen(listener, 1), 0);
}

static void start_with(uint64_t deadline_ms) {
	struct relay_client_params p = {.name = path,
		.owner_id = 7,
		.deadline_ms = deadline_ms,
		.user = {NULL, on_up, on_down, on_events, on_lost}};

	ck_assert_ptr_nonnull(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/relay.sock", directory);
	listener = peer = -1;
	ck_assert_int_eq(loop_create(&loop), 0);
	ck_assert_int_eq(relay_socket_create(loop, path, &link_socket), 0);
	p.loop = loop;
	p.link = relay_socket_link(link_socket);
	ck_assert_int_eq(relay_client_create(&p, &client), 0);
}

static void start(void) {
	start_with(60000);
}

static void stop(void) {
	relay_client_destroy(client);
	relay_socket_destroy(link_socket);
	loop_destroy(loop);
	if (peer >= 0)
		close(peer);
	if (listener >= 0)
		close(listener);
	unlink(path);
	rmdir(directory);
}

static struct proto_header hear(void) {
	uint8_t message[PROTO_MESSAGE_MAX];
	struct proto_header h = {0};
	ssize_t n = recv(peer, message, sizeof(message), MSG_DONTWAIT);

	if (n > 0) {
		ck_assert_int_eq(proto_check(message, (size_t)n), 0);
		memcpy(&h, message, sizeof(h));
	}
	return h;
}

static void say(uint16_t type, uint32_t id, const void *item, size_t size) {
	uint8_t message[256];
	struct proto_writer w;
	size_t len;

	proto_write_begin(&w, message, sizeof(message), type, id, 0);
	if (item != NULL)
		proto_write_item(&w, item, size);
	len = proto_write_end(&w);
	ck_assert_int_eq(send(peer, message, len, 0), (ssize_t)len);
}

static void take_connection(void) {
	while ((peer = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) < 0)
		turn(); // the client's timer
}

static void greet(void) {
	struct proto_welcome welcome = {.boot_id = 1};
	struct proto_header h;

	take_connection();
	h = hear();
	ck_assert_uint_eq(h.type, PROTO_HELLO);
	say(PROTO_HELLO | PROTO_REPLY, h.id, &welcome, sizeof(welcome));
	turn();
	ck_assert_uint_eq(n_up, 1);
	h = hear();
	ck_assert_uint_eq(h.type, PROTO_SUBSCRIBE);
	say(PROTO_SUBSCRIBE | PROTO_REPLY, h.id, NULL, 0);
	turn();
}

static void ask(unsigned n_items) {
	static struct proto_session_ref items[2000];

	ck_assert_int_eq(relay_client_send(client,
				 &(struct relay_request){.type = PROTO_CLAIM,
					 .n = n_items,
					 .items = items,
					 .item_size = sizeof(items[0]),
					 .fn = on_answer}),
		0);
}

START_TEST(connects_and_talks) {
	struct proto_header h;

	start();
	listen_here();
	greet();
	ask(1);
	loop_end_turn(loop);
	h = hear();
	ck_assert_uint_eq(h.type, PROTO_CLAIM);
	say(PROTO_CLAIM | PROTO_REPLY, h.id, NULL, 0);
	turn();
	ck_assert_uint_eq(n_answers, 1);
	ck_assert_int_eq(last_status, 0);
	stop();
}
END_TEST

START_TEST(waits_for_a_relay_that_is_not_there) {
	start();
	turn(); // fails
	ck_assert_uint_eq(n_up, 0);
	listen_here();
	greet();
	stop();
}
END_TEST

START_TEST(notices_the_end) {
	start();
	listen_here();
	greet();
	ask(1);
	loop_end_turn(loop);
	close(peer);
	peer = -1;
	while (n_down == 0)
		turn();
	ck_assert_int_eq(last_status, -ENOTCONN);
	ck_assert_uint_eq(n_answers, 1);
	stop();
}
END_TEST

START_TEST(refuses_what_is_too_long) {
	static uint8_t message[PROTO_MESSAGE_MAX + 1];

	start();
	listen_here();
	greet();
	ck_assert_int_eq(send(peer, message, sizeof(message), 0), (ssize_t)sizeof(message));
	while (n_down == 0)
		turn();
	stop();
}
END_TEST

// More than the socket takes: the rest follows when it has room, in order, nothing lost.
START_TEST(goes_on_when_there_is_room_again) {
	enum { N = 100 };
	uint32_t last = 0;
	unsigned n = 0;

	start();
	listen_here();
	greet();
	for (int i = 0; i < N; i++)
		ask(2000);
	loop_end_turn(loop);
	while (n < N) {
		struct proto_header h = hear();

		if (h.type == 0) {
			turn();
			continue;
		}
		ck_assert(n == 0 || h.id == last + 1);
		last = h.id;
		say(PROTO_CLAIM | PROTO_REPLY, h.id, NULL, 0);
		n++;
	}
	while (n_answers < N)
		turn();
	ck_assert_uint_eq(n_down, 0);
	stop();
}
END_TEST

// A turn that took longer than the relay may, whoever held it up: what the relay said meanwhile is no less in time.
START_TEST(a_turn_that_took_long_makes_no_reply_late) {
	enum { N = 100, DEADLINE_MS = 200 }; // more than a turn reads, less than the socket holds
	struct proto_header h = {0};

	start_with(DEADLINE_MS);
	listen_here();
	greet();
	for (int i = 0; i < N; i++)
		ask(1);
	loop_end_turn(loop);
	for (int i = 0; i < N; i++) {
		h = hear();
		ck_assert_uint_eq(h.type, PROTO_CLAIM);
		say(PROTO_CLAIM | PROTO_REPLY, h.id, NULL, 0);
	}
	usleep(DEADLINE_MS * 1000);
	while (n_answers < N)
		turn();
	ck_assert_uint_eq(n_late, 0);
	// Without a reply it is late.
	ask(1);
	loop_end_turn(loop);
	while (n_answers < N + 1)
		turn();
	ck_assert_uint_eq(n_late, 1);
	stop();
}
END_TEST

START_TEST(refuses_a_path_that_is_too_long) {
	char long_path[200];
	struct relay_socket *s;
	struct loop *manual;

	memset(long_path, 'x', sizeof(long_path) - 1);
	long_path[sizeof(long_path) - 1] = '\0';
	start();
	ck_assert_int_eq(relay_socket_create(loop, long_path, &s), -ENAMETOOLONG);
	ck_assert_int_eq(loop_create_manual(&manual), 0);
	ck_assert_int_eq(relay_socket_create(manual, path, &s), -EINVAL);
	loop_destroy(manual);
	fail_alloc_at(1);
	last_status = relay_socket_create(loop, path, &s);
	ck_assert(fail_alloc_end());
	ck_assert_int_eq(last_status, -ENOMEM);
	relay_socket_destroy(NULL);
	stop();
}
END_TEST

int main(void) {
	Suite *suite = suite_create("relay_socket");
	TCase *tcase = tcase_create("all");

	suite_add_tcase(suite, tcase);
	tcase_add_test(tcase, connects_and_talks);
	tcase_add_test(tcase, waits_for_a_relay_that_is_not_there);
	tcase_add_test(tcase, notices_the_end);
	tcase_add_test(tcase, refuses_what_is_too_long);
	tcase_add_test(tcase, goes_on_when_there_is_room_again);
	tcase_add_test(tcase, a_turn_that_took_long_makes_no_reply_late);
	tcase_add_test(tcase, refuses_a_path_that_is_too_long);
	return run_suite(suite);
}
