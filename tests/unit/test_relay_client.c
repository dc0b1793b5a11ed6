#include "control/media/relay_client.h"
#include "config/log.h"
#include "tests/unit/fail_alloc.h"
#include "tests/unit/run_suite.h"

#include <assert.h>
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { DEADLINE_MS = 500, LOG_MAX = 10000 };

struct answer {
	uint64_t ref;
	int status;
};

// A relay of the test's: what was sent to it is taken down, what it says the test says.
struct fixture {
	struct loop *loop;
	struct relay_client *c;
	int open_result, send_result;
	unsigned n_opened, n_closed;
	unsigned sends_left; // before send_result
	struct proto_header sent[LOG_MAX];
	unsigned n_sent;
	struct answer answers[LOG_MAX];
	unsigned n_answers, n_up, n_down, n_events, n_lost;
	uint64_t boot_id;
	bool asks_again; // from within every answer
	int again_result;
};

static struct fixture f;

static int link_open(void *ctx, struct relay_client *c) {
	(void)ctx, (void)c;
	f.n_opened++;
	return f.open_result;
}

static int link_send(void *ctx, const void *message, size_t len) {
	struct proto_header h;

	(void)ctx;
	assert(proto_check(message, len) == 0); // not Check's: it allocates
	memcpy(&h, message, sizeof(h));
	if (f.sends_left == 0 && f.send_result < 0)
		return f.send_result;
	f.sends_left -= f.sends_left > 0;
	assert(f.n_sent < LOG_MAX);
	f.sent[f.n_sent++] = h;
	return 0;
}

static void link_close(void *ctx) {
	(void)ctx;
	f.n_closed++;
}

static void on_answer(void *ctx, uint64_t ref, int status, struct proto_reader *items);

static int ask(uint64_t ref) {
	struct proto_session_ref item = {.session_id = ref};

	return relay_client_send(f.c,
		&(struct relay_request){.type = PROTO_CLAIM,
			.n = 1,
			.items = &item,
			.item_size = sizeof(item),
			.fn = on_answer,
			.ref = ref});
}

static void on_answer(void *ctx, uint64_t ref, int status, struct proto_reader *items) {
	(void)ctx;
	ck_assert((items != NULL) == (status != -ENOTCONN && status != -ETIMEDOUT));
	f.answers[f.n_answers++] = (struct answer){ref, status};
	if (f.asks_again)
		f.again_result = ask(ref + 1000);
}

static void on_up(void *ctx, uint64_t boot_id) {
	(void)ctx;
	f.n_up++;
	f.boot_id = boot_id;
}

static void on_down(void *ctx) {
	(void)ctx;
	f.n_down++;
}

static void on_events(void *ctx, struct proto_reader *items) {
	(void)ctx, (void)items;
	f.n_events++;
}

static void on_lost(void *ctx) {
	(void)ctx;
	f.n_lost++;
}

static const struct relay_client_params params = {
	.name = "test",
	.link = {NULL, link_open, link_send, link_close},
	.owner_id = 7,
	.deadline_ms = DEADLINE_MS,
	.user = {NULL, on_up, on_down, on_events, on_lost},
};

static void start(void) {
	struct relay_client_params p = params;

	memset(&f, 0, sizeof(f));
	ck_assert_int_eq(loop_create_manual(&f.loop), 0);
	p.loop = f.loop;
	ck_assert_int_eq(relay_client_create(&p, &f.c), 0);
}

static void stop(void) {
	relay_client_destroy(f.c);
	loop_destroy(f.loop);
}

static void run(uint64_t ms) {
	loop_advance(f.loop, ms);
}

// The relay says something; then a turn ends.
static void say(uint16_t type, uint32_t id, uint32_t status, const void *item, size_t size) {
	uint8_t message[1024];
	struct proto_writer w;

	proto_write_begin(&w, message, sizeof(message), type, id, status);
	if (item != NULL)
		proto_write_item(&w, item, size);
	relay_client_on_message(f.c, message, proto_write_end(&w));
	run(0);
}

static void reply(unsigned i, uint32_t status) {
	say(f.sent[i].type | PROTO_REPLY, f.sent[i].id, status, NULL, 0);
}

static void welcome(void) {
	struct proto_welcome item = {.boot_id = 99};

	say(PROTO_HELLO | PROTO_REPLY, f.sent[f.n_sent - 1].id, 0, &item, sizeof(item));
}

// Connected, greeted, subscribed: HELLO and SUBSCRIBE are sent[0] and sent[1].
static void start_up(void) {
	start();
	run(0);
	welcome();
	ck_assert_uint_eq(f.n_sent, 2);
	reply(1, 0);
	ck_assert(relay_client_is_up(f.c));
}

START_TEST(greets_and_subscribes) {
	start();
	ck_assert_int_eq(ask(1), -ENOTCONN);
	ck_assert_uint_eq(f.n_opened, 0);
	run(0);
	ck_assert_uint_eq(f.n_sent, 1);
	ck_assert_uint_eq(f.sent[0].type, PROTO_HELLO);
	ck_assert_int_eq(ask(1), -ENOTCONN);
	welcome();
	ck_assert_uint_eq(f.n_up, 1);
	ck_assert_uint_eq(f.boot_id, 99);
	ck_assert_uint_eq(f.sent[1].type, PROTO_SUBSCRIBE);
	reply(1, 0);
	say(PROTO_EVENTS, 0, 0, NULL, 0);
	say(PROTO_EVENTS_LOST, 0, 0, NULL, 0);
	ck_assert_uint_eq(f.n_events, 1);
	ck_assert_uint_eq(f.n_lost, 1);
	ck_assert(relay_client_is_up(f.c));
	stop();
}
END_TEST

START_TEST(gives_replies_to_who_asked) {
	start_up();
	for (uint64_t ref = 1; ref <= 3; ref++)
		ck_assert_int_eq(ask(ref), 0);
	ck_assert_uint_eq(f.n_sent, 2); // not before the turn ends
	run(0);
	ck_assert_uint_eq(f.n_sent, 5);
	reply(2, 0);
	reply(3, ENOSPC);
	reply(4, 100000);
	ck_assert_uint_eq(f.n_answers, 3);
	ck_assert(f.answers[0].ref == 1 && f.answers[0].status == 0);
	ck_assert(f.answers[1].ref == 2 && f.answers[1].status == -ENOSPC);
	ck_assert(f.answers[2].ref == 3 && f.answers[2].status == -EIO);
	run(10 * DEADLINE_MS);
	ck_assert_uint_eq(f.n_answers, 3);
	ck_assert(relay_client_is_up(f.c));
	stop();
}
END_TEST

START_TEST(says_when_a_reply_is_late_and_drops_it) {
	start_up();
	ck_assert_int_eq(ask(1), 0);
	run(DEADLINE_MS / 2);
	ck_assert_int_eq(ask(2), 0);
	run(DEADLINE_MS / 2 - 1);
	ck_assert_uint_eq(f.n_answers, 0);
	run(1);
	ck_assert_uint_eq(f.n_answers, 1);
	ck_assert(f.answers[0].ref == 1 && f.answers[0].status == -ETIMEDOUT);
	reply(2, 0);
	ck_assert_uint_eq(f.n_answers, 1);
	reply(3, 0); // in time
	ck_assert(f.answers[1].ref == 2 && f.answers[1].status == 0);
	run(10 * DEADLINE_MS);
	ck_assert_uint_eq(f.n_answers, 2);
	ck_assert(relay_client_is_up(f.c));
	stop();
}
END_TEST

START_TEST(fails_all_requests_once_when_the_relay_goes) {
	start_up();
	ck_assert_int_eq(ask(1), 0);
	run(DEADLINE_MS); // late
	ck_assert_int_eq(ask(2), 0);
	run(0);
	ck_assert_int_eq(ask(3), 0); // never leaves
	relay_client_on_end(f.c, 0);
	ck_assert_int_eq(ask(4), -ENOTCONN);
	ck_assert_uint_eq(f.n_answers, 1); // not from within
	f.asks_again = true;
	run(0);
	ck_assert_uint_eq(f.n_answers, 3);
	ck_assert(f.answers[1].ref == 2 && f.answers[1].status == -ENOTCONN);
	ck_assert(f.answers[2].ref == 3 && f.answers[2].status == -ENOTCONN);
	ck_assert_int_eq(f.again_result, -ENOTCONN);
	ck_assert_uint_eq(f.n_down, 1);
	ck_assert_uint_eq(f.n_closed, 1);
	run(10000);
	ck_assert_uint_eq(f.n_answers, 3);
	stop();
}
END_TEST

// 50 ms, then twice as long each time, at most a second; anew after a success.
START_TEST(comes_back_ever_slower) {
	static const uint64_t waits_ms[] = {50, 100, 200, 400, 800, 1000, 1000};

	start();
	f.open_result = -ECONNREFUSED;
	run(0);
	for (unsigned i = 0; i < sizeof(waits_ms) / sizeof(waits_ms[0]); i++) {
		ck_assert_uint_eq(f.n_opened, i + 1);
		run(waits_ms[i] - 1);
		ck_assert_uint_eq(f.n_opened, i + 1);
		run(1);
	}
	f.open_result = 0;
	run(1000);
	welcome();
	ck_assert_uint_eq(f.n_up, 1);
	f.n_opened = 0;
	relay_client_on_end(f.c, -ECONNRESET);
	run(49);
	ck_assert_uint_eq(f.n_opened, 0);
	run(1);
	ck_assert_uint_eq(f.n_opened, 1);
	welcome();
	ck_assert_uint_eq(f.n_up, 2);
	ck_assert_int_eq(ask(5), 0);
	run(0);
	reply(f.n_sent - 2, 0); // SUBSCRIBE's
	reply(f.n_sent - 1, 0);
	ck_assert(f.n_answers == 1 && f.answers[0].ref == 5 && f.answers[0].status == 0);
	stop();
}
END_TEST

static void say_version(void) {
	struct proto_header h = {.length = sizeof(h), .major = PROTO_MAJOR + 1, .type = PROTO_EVENTS};

	relay_client_on_message(f.c, &h, sizeof(h));
}

static void say_half(void) {
	struct proto_header h = {.length = sizeof(h), .major = PROTO_MAJOR, .type = PROTO_EVENTS};

	relay_client_on_message(f.c, &h, sizeof(h) - 1);
}

static void say_wrong_id(void) {
	say(PROTO_CLAIM | PROTO_REPLY, f.sent[2].id + 1, 0, NULL, 0);
}

static void say_wrong_type(void) {
	say(PROTO_SESSION_PUT | PROTO_REPLY, f.sent[2].id, 0, NULL, 0);
}

static void say_twice(void) {
	reply(2, 0);
	reply(2, 0);
}

static void say_early(void) {
	f.send_result = -EAGAIN; // queued, not sent
	ask(2);
	reply(2, 0);
	say(PROTO_CLAIM | PROTO_REPLY, f.sent[2].id + 1, 0, NULL, 0);
}

static void say_request(void) {
	say(PROTO_HELLO, 1, 0, NULL, 0);
}

static void say_end(void) {
	relay_client_on_end(f.c, -EIO);
}

static void refuse_to_take(void) {
	f.send_result = -EPIPE;
	ask(2);
}

static void user_breaks(void) {
	relay_client_break(f.c, "test");
	relay_client_break(f.c, "test");
}

static void (*const faults[])(void) = {say_version, say_half, say_wrong_id, say_wrong_type, say_twice,
	say_early, say_request, say_end, refuse_to_take, user_breaks};

START_TEST(breaks_with_one_that_breaks_the_protocol) {
	start_up();
	ck_assert_int_eq(ask(1), 0);
	run(0);
	faults[_i]();
	run(0);
	ck_assert(!relay_client_is_up(f.c));
	ck_assert_uint_eq(f.n_down, 1);
	ck_assert_uint_eq(f.n_closed, 1);
	ck_assert_uint_ge(f.n_answers, 1); // nobody waits for ever
	f.send_result = 0;
	run(50);
	ck_assert_uint_eq(f.n_opened, 2);
	welcome();
	ck_assert(relay_client_is_up(f.c));
	stop();
}
END_TEST

START_TEST(a_greeting_may_fail) {
	struct proto_welcome half = {.boot_id = 1};
	uint32_t length = 8;

	start();
	run(0);
	if (_i == 0)
		reply(0, EBUSY);
	else if (_i == 1)
		say(PROTO_HELLO | PROTO_REPLY, f.sent[0].id, 0, &half, length);
	else if (_i == 2)
		say(PROTO_HELLO | PROTO_REPLY, f.sent[0].id, 0, NULL, 0);
	else if (_i == 3)
		say(PROTO_EVENTS, 0, 0, NULL, 0);
	else
		run(DEADLINE_MS);
	ck_assert_uint_eq(f.n_closed, 1);
	ck_assert_uint_eq(f.n_up + f.n_down + f.n_events, 0);
	run(50);
	ck_assert_uint_eq(f.n_opened, 2);
	stop();
}
END_TEST

// The line names who is not let in, and what an operator may change.
START_TEST(one_that_may_not_control_says_so) {
	const int log_fd = memfd_create("log", MFD_CLOEXEC);
	char text[512] = "", why[80];

	ck_assert_int_eq(dup2(log_fd, STDERR_FILENO), STDERR_FILENO);
	log_init("test", LOG_LEVEL_WARNING);
	start();
	run(0);
	reply(0, EPERM);
	ck_assert_uint_eq(f.n_closed, 1);
	run(50);
	reply(1, EPERM); // again: it was said
	ck_assert_int_gt(pread(log_fd, text, sizeof(text) - 1, 0), 0);
	snprintf(why, sizeof(why), "why=\"uid=%u may not control it: setting control.user\"\n", geteuid());
	ck_assert_msg(strstr(text, why) != NULL && strchr(text, '\n')[1] == '\0', "%s", text);
	stop();
}
END_TEST

START_TEST(without_events_it_is_of_no_use) {
	start();
	run(0);
	welcome();
	reply(1, EPERM);
	ck_assert_uint_eq(f.n_down, 1);
	stop();
}
END_TEST

START_TEST(keeps_the_order_through_a_full_socket) {
	start_up();
	f.send_result = -EAGAIN;
	f.sends_left = 2;
	for (uint64_t ref = 1; ref <= 5; ref++)
		ck_assert_int_eq(ask(ref), 0);
	run(0);
	ck_assert_uint_eq(f.n_sent, 4);
	run(1); // not tried before the link says so
	f.send_result = 0;
	run(1);
	ck_assert_uint_eq(f.n_sent, 4);
	relay_client_on_writable(f.c);
	run(0);
	ck_assert_uint_eq(f.n_sent, 7);
	for (unsigned i = 2; i < 7; i++) {
		ck_assert_uint_eq(f.sent[i].id, f.sent[2].id + i - 2);
		reply(i, 0);
		ck_assert_uint_eq(f.answers[i - 2].ref, i - 1);
	}
	stop();
}
END_TEST

START_TEST(never_has_more_under_way_than_the_relay_takes) {
	start_up();
	for (uint64_t ref = 1; ref <= PROTO_OUTSTANDING_MAX + 10; ref++)
		ck_assert_int_eq(ask(ref), 0);
	run(0);
	ck_assert_uint_eq(f.n_sent, 2 + PROTO_OUTSTANDING_MAX);
	reply(2, 0);
	ck_assert_uint_eq(f.n_sent, 2 + PROTO_OUTSTANDING_MAX + 1);
	stop();
}
END_TEST

// A relay that takes nothing and says nothing: in the end the connection is given up, every request is answered once.
START_TEST(is_bounded) {
	uint64_t ref = 0;

	start_up();
	f.send_result = -EAGAIN;
	while (ask(ref + 1) == 0)
		ck_assert_uint_lt(++ref, LOG_MAX);
	ck_assert(!relay_client_is_up(f.c));
	ck_assert_uint_eq(f.n_answers, 0);
	run(0);
	ck_assert_uint_eq(f.n_answers, ref);
	ck_assert_uint_eq(f.n_down, 1);
	stop();
}
END_TEST

START_TEST(may_ask_from_within_an_answer) {
	start_up();
	f.asks_again = true;
	ck_assert_int_eq(ask(1), 0);
	run(0);
	reply(2, 0);
	ck_assert_int_eq(f.again_result, 0);
	ck_assert_uint_eq(f.n_sent, 4);
	ck_assert_int_eq(ask(2), 0);
	run(DEADLINE_MS);
	ck_assert_uint_eq(f.n_answers, 3);
	ck_assert_uint_eq(f.answers[1].ref, 1001);
	ck_assert_int_eq(f.answers[1].status, -ETIMEDOUT);
	stop();
}
END_TEST

START_TEST(survives_failing_allocations) {
	for (unsigned k = 1;; k++) {
		struct relay_client_params p = params;
		bool failed;
		int ret;

		memset(&f, 0, sizeof(f));
		ck_assert_int_eq(loop_create_manual(&f.loop), 0);
		p.loop = f.loop;
		fail_alloc_at(k);
		ret = relay_client_create(&p, &f.c);
		run(0); // HELLO needs a buffer; without one the next attempt gets it
		failed = fail_alloc_end();
		if (ret < 0) {
			ck_assert_int_eq(ret, -ENOMEM);
			loop_destroy(f.loop);
			continue;
		}
		run(50);
		welcome();
		ck_assert(relay_client_is_up(f.c));
		stop();
		if (!failed)
			break;
	}
}
END_TEST

int main(void) {
	Suite *suite = suite_create("relay_client");
	TCase *tcase = tcase_create("all");

	suite_add_tcase(suite, tcase);
	tcase_add_test(tcase, greets_and_subscribes);
	tcase_add_test(tcase, gives_replies_to_who_asked);
	tcase_add_test(tcase, says_when_a_reply_is_late_and_drops_it);
	tcase_add_test(tcase, fails_all_requests_once_when_the_relay_goes);
	tcase_add_test(tcase, comes_back_ever_slower);
	tcase_add_loop_test(
		tcase, breaks_with_one_that_breaks_the_protocol, 0, sizeof(faults) / sizeof(faults[0]));
	tcase_add_loop_test(tcase, a_greeting_may_fail, 0, 5);
	tcase_add_test(tcase, one_that_may_not_control_says_so);
	tcase_add_test(tcase, without_events_it_is_of_no_use);
	tcase_add_test(tcase, keeps_the_order_through_a_full_socket);
	tcase_add_test(tcase, never_has_more_under_way_than_the_relay_takes);
	tcase_add_test(tcase, is_bounded);
	tcase_add_test(tcase, may_ask_from_within_an_answer);
	tcase_add_test(tcase, survives_failing_allocations);
	return run_suite(suite);
}
