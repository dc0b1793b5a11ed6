// The UDP transport over real sockets of 127.0.0.x, driven by the real loop without waiting: datagrams on loopback are
// there at once.
#include "control/sip/udp.h"

#include "control/sip/udp_queue.h"
#include "tests/unit/fail_alloc.h"
#include "tests/unit/stack_fixture.h"
#include "tests/unit/run_suite.h"

#include <arpa/inet.h>
#include <event2/event.h>
#include <unistd.h>

static struct loop *loop;
static struct transport udp;
static uint64_t counters[SIP_COUNTERS];
static char heard[8192];
static struct flow from; // of the latest datagram
static uint64_t refused;
static int peer; // a socket of ours at 127.0.0.77
static struct endpoint peer_at;

static void on_datagram(void *ctx, char *data, size_t len, const struct flow *flow) {
	(void)ctx;
	snprintf(heard + strlen(heard), sizeof(heard) - strlen(heard), "%.*s ", (int)len, data);
	from = *flow;
}

static void on_refused(void *ctx, uint64_t ref) {
	(void)ctx;
	refused = ref;
}

static void on_icmp(void *ctx, const struct flow *to, struct span quoted) {
	(void)ctx;
	snprintf(heard + strlen(heard), sizeof(heard) - strlen(heard), "icmp:%u:" SPAN_FMT " ",
		to->remote.port, SPAN_ARG(quoted));
}

static int open_peer(void) {
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = inet_addr("127.0.0.77")};
	socklen_t len = sizeof(in);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&in, sizeof(in)), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&in, &len), 0);
	peer_at = endpoint_v4(in.sin_addr.s_addr, ntohs(in.sin_port));
	return fd;
}

static uint16_t free_port(void) {
	int fd = open_peer();
	uint16_t port = peer_at.port;

	close(fd);
	return port;
}

static int try_open(void) {
	struct transport_user user = {NULL, on_datagram, on_refused, on_icmp};

	return udp_open(loop, &f.config, user, counters, &udp);
}

static void setup(void) {
	memset(&f, 0, sizeof(f));
	fixture_config();
	f.sip[0].address = endpoint_of("127.0.0.75", free_port());
	f.sip[1].address = endpoint_of("127.0.0.76", free_port());
	ck_assert_int_eq(loop_create(&loop), 0);
	memset(counters, 0, sizeof(counters));
	heard[0] = '\0';
	refused = 0;
	peer = open_peer();
	ck_assert_int_eq(try_open(), 0);
}

static void teardown(void) {
	udp.close(udp.ctx);
	loop_destroy(loop);
	close(peer);
}

static void turn(void) {
	event_base_loop(loop_base(loop), EVLOOP_NONBLOCK);
	loop_end_turn(loop);
}

static void send_to(const struct endpoint *to, const char *text) {
	struct sockaddr_in in = {.sin_family = AF_INET,
		.sin_port = htons(to->port),
		.sin_addr.s_addr = endpoint_v4_addr_be(to)};

	ck_assert_int_ge(sendto(peer, text, strlen(text), 0, (struct sockaddr *)&in, sizeof(in)), 0);
}

static void queue(const char *text, const struct endpoint *to, uint16_t realm, uint64_t ref) {
	struct flow flow = {.remote = *to, .realm = realm};

	udp.send(udp.ctx, &flow, span_of(text), ref);
}

static const char *receive(struct endpoint *source) {
	static char text[65536];
	struct sockaddr_in in = {0};
	socklen_t len = sizeof(in);
	ssize_t n = recvfrom(peer, text, sizeof(text) - 1, 0, (struct sockaddr *)&in, &len);

	text[n < 0 ? 0 : n] = '\0';
	*source = endpoint_v4(in.sin_addr.s_addr, ntohs(in.sin_port));
	return text;
}

START_TEST(carries_both_ways) {
	struct endpoint source;

	send_to(&f.sip[1].address, "hello");
	turn();
	ck_assert_str_eq(heard, "hello ");
	ck_assert(endpoint_equal(&from.remote, &peer_at));
	ck_assert_uint_eq(from.realm, 1);
	queue("one", &peer_at, 1, 0);
	queue("two", &peer_at, 0, 0);
	ck_assert_str_eq(receive(&source), ""); // not before the end of the turn
	turn();
	ck_assert_str_eq(receive(&source), "two"); // listeners in order
	ck_assert(endpoint_equal(&source, &f.sip[0].address));
	ck_assert_str_eq(receive(&source), "one");
	ck_assert(endpoint_equal(&source, &f.sip[1].address));
	ck_assert_uint_eq(counters[SIP_COUNTER_SENT], 2);
}
END_TEST

START_TEST(reads_in_bounded_bursts) {
	for (int i = 0; i < 100; i++)
		send_to(&f.sip[0].address, "x");
	event_base_loop(loop_base(loop), EVLOOP_NONBLOCK | EVLOOP_ONCE);
	ck_assert_uint_eq(strlen(heard), 2 * 64);
	turn();
	ck_assert_uint_eq(strlen(heard), 2 * 100);
}
END_TEST

START_TEST(sends_many_and_long_ones) {
	static char text[65001];
	struct endpoint source;

	memset(text, 'x', sizeof(text) - 1);
	queue(text, &peer_at, 0, 0);
	turn();
	ck_assert_uint_eq(strlen(receive(&source)), sizeof(text) - 1);
	for (int i = 0; i < 200; i++)
		queue("y", &peer_at, 0, 0);
	turn();
	for (int i = 0; i < 200; i++)
		ck_assert_str_eq(receive(&source), "y");
	ck_assert_uint_eq(counters[SIP_COUNTER_SENT], 201);
}
END_TEST

// One that can't be sent takes none of the others with it, and only its own sender hears of it.
START_TEST(one_error_loses_no_other) {
	struct endpoint nowhere = endpoint_of("255.255.255.255", 5060), source; // EACCES without SO_BROADCAST

	queue("a", &peer_at, 0, 1);
	queue("b", &nowhere, 0, 2);
	queue("c", &peer_at, 0, 3);
	turn();
	ck_assert_str_eq(receive(&source), "a");
	ck_assert_str_eq(receive(&source), "c");
	ck_assert_uint_eq(refused, 2);
	ck_assert_uint_eq(counters[SIP_COUNTER_SEND_FAILED], 1);
	ck_assert_uint_eq(counters[SIP_COUNTER_SENT], 2);
}
END_TEST

// A closed port on loopback answers at once. The error comes up at the next call on the socket, whatever that sends.
START_TEST(icmp_errors_name_their_datagram) {
	struct endpoint closed = peer_at, source;
	char want[64];

	closed.port = free_port();
	peer_at.port = 0;
	close(peer);
	peer = open_peer();
	queue("INVITE lost", &closed, 0, 9);
	loop_end_turn(loop);
	queue("fine", &peer_at, 0, 8);
	loop_end_turn(loop);
	ck_assert_str_eq(receive(&source), "fine");
	turn();
	snprintf(want, sizeof(want), "icmp:%u:INVITE lost ", closed.port);
	ck_assert_str_eq(heard, want);
	ck_assert_uint_eq(refused, 0);
	send_to(&f.sip[0].address, "hello");
	turn();
	strcat(want, "hello ");
	ck_assert_str_eq(heard, want);
}
END_TEST

START_TEST(other_family_is_not_sent) {
	struct endpoint v6 = endpoint_of("::1", 5060);

	queue("x", &v6, 0, 0);
	turn();
	ck_assert_uint_eq(counters[SIP_COUNTER_SEND_FAILED], 1);
}
END_TEST

START_TEST(closing_sends_what_waits) {
	struct endpoint source;

	queue("last", &peer_at, 0, 0);
	udp.close(udp.ctx);
	ck_assert_str_eq(receive(&source), "last");
	ck_assert_int_eq(try_open(), 0);
}
END_TEST

START_TEST(refuses_what_cannot_be_bound) {
	struct transport first = udp;

	ck_assert_int_eq(try_open(), -EADDRINUSE);
	ck_assert_ptr_eq(udp.ctx, first.ctx);
	f.sip[1].address = endpoint_of("192.0.2.1", 5060); // not on this host
	f.sip[0].address = endpoint_of("127.0.0.75", free_port());
	ck_assert_int_eq(try_open(), -EADDRNOTAVAIL);
}
END_TEST

START_TEST(survives_failing_allocations) {
	udp.close(udp.ctx);
	for (unsigned k = 1;; k++) {
		fail_alloc_at(k);
		int ret = try_open();

		if (!fail_alloc_end()) {
			ck_assert_int_eq(ret, 0);
			break;
		}
		ck_assert_int_eq(ret, -ENOMEM);
	}
	for (unsigned k = 1; k < 3; k++) {
		fail_alloc_at(k);
		queue("x", &peer_at, 0, 1);
		ck_assert(fail_alloc_end());
	}
	ck_assert_uint_eq(counters[SIP_COUNTER_SEND_FAILED], 2);
}
END_TEST

START_TEST(queue_is_bounded) {
	struct udp_queue q = {0};
	char text[1000];
	int n = 0;

	memset(text, 'x', sizeof(text));
	while (udp_queue_add(&q, &peer_at, (struct span){text, sizeof(text)}, 0) == 0)
		n++;
	ck_assert_int_eq(n, 16384);
	for (int i = 0; i < n; i++)
		udp_queue_shift(&q);
	ck_assert_uint_eq(q.n_items, 0);
	ck_assert_int_eq(udp_queue_add(&q, &peer_at, (struct span){text, sizeof(text)}, 0), 0);
	udp_queue_fini(&q);
}
END_TEST

// A socket that always leaves something waiting: those that are gone take no room.
START_TEST(queue_that_is_never_empty) {
	struct udp_queue q = {0};
	char text[100];

	for (unsigned i = 0; i < 100000; i++) {
		int len = snprintf(text, sizeof(text), "datagram %u", i);

		ck_assert_int_eq(udp_queue_add(&q, &peer_at, (struct span){text, (size_t)len}, i), 0);
		if (i < 100)
			continue;
		snprintf(text, sizeof(text), "datagram %u", i - 100);
		ck_assert_uint_eq(q.items[q.first].ref, i - 100);
		ck_assert_uint_eq(q.items[q.first].len, strlen(text));
		ck_assert_mem_eq(q.data + q.items[q.first].offset, text, strlen(text));
		udp_queue_shift(&q);
	}
	ck_assert_uint_eq(q.n_items - q.first, 100);
	ck_assert_uint_le(q.n_max, 1024);
	udp_queue_fini(&q);
}
END_TEST

int main(void) {
	Suite *s = suite_create("stack_udp");
	TCase *c = tcase_create("udp");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, carries_both_ways);
	tcase_add_test(c, reads_in_bounded_bursts);
	tcase_add_test(c, sends_many_and_long_ones);
	tcase_add_test(c, one_error_loses_no_other);
	tcase_add_test(c, icmp_errors_name_their_datagram);
	tcase_add_test(c, other_family_is_not_sent);
	tcase_add_test(c, closing_sends_what_waits);
	tcase_add_test(c, refuses_what_cannot_be_bound);
	tcase_add_test(c, survives_failing_allocations);
	tcase_add_test(c, queue_is_bounded);
	tcase_add_test(c, queue_that_is_never_empty);
	suite_add_tcase(s, c);
	return run_suite(s);
}
