// The punt thread between workers, played by the test, and TAPs, played by sockets.
#include "dpdk_app/clock.h"
#include "dpdk_app/punt.h"
#include "tests/unit/fail_alloc.h"
#include "tests/unit/run_suite.h"

#include <check.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ARP_BYTES = 42, MANY = 20000, RING = 512 };
static const uint64_t S = 1000000000;

static struct punt *p;
static struct punt_params params;
static int kernel[2]; // the kernel's ends of the two TAPs; port 2 has none

static void setup(void) {
	params = (struct punt_params){.n_workers = 2, .n_ports = 3};
	for (unsigned i = 0; i < 2; i++) {
		int ends[2];

		ck_assert_int_eq(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
		kernel[i] = ends[0];
		params.ports[i].tap_fd = ends[1];
		params.ports[i].sender = i;
		for (unsigned class = 0; class < PUNT_CLASS_COUNT; class ++)
			params.ports[i].pps[class] = 1000000;
	}
	params.ports[0].pps[PUNT_ICMP] = 20; // two at once
	params.ports[2].tap_fd = -1;
	ck_assert_int_eq(punt_open(&params, &p), 0);
}

static void teardown(void) {
	punt_close(p);
	for (unsigned i = 0; i < 2; i++) {
		close(kernel[i]);
		close(params.ports[i].tap_fd);
	}
}

// A frame that says its number, of the class of this Ethernet type.
static void make(uint8_t *frame, uint32_t length, unsigned type, uint32_t number) {
	memset(frame, 0, length);
	frame[12] = (uint8_t)(type >> 8);
	frame[13] = (uint8_t)type;
	memcpy(frame + length - sizeof(number), &number, sizeof(number));
}

static struct relay_packet packet(uint8_t *frame, uint32_t length, uint16_t port) {
	return (struct relay_packet){
		.data = frame, .length = length, .port = port, .verdict = VERDICT_NOT_MEDIA};
}

static bool wait_readable(int fd) {
	struct pollfd f = {.fd = fd, .events = POLLIN};

	return poll(&f, 1, 10000) == 1;
}

// The next frame that the kernel gets of a port.
static size_t kernel_reads(unsigned port, uint8_t buf[static FRAME_BYTES]) {
	ssize_t n;

	ck_assert(wait_readable(kernel[port]));
	n = read(kernel[port], buf, FRAME_BYTES);
	ck_assert_int_gt(n, 0);
	return (size_t)n;
}

// The next frame that a worker is to send; the thread hands it over within a moment.
static const struct frame *worker_waits(unsigned worker) {
	const uint64_t end = clock_now_ns() + 10 * S;
	const struct frame *f;

	while ((f = punt_first(punt_worker(p, worker))) == NULL && clock_now_ns() < end)
		;
	ck_assert_ptr_nonnull(f);
	return f;
}

static struct stats_port counted(unsigned port) {
	struct stats_port s = {0};

	punt_count(p, port, &s);
	return s;
}

START_TEST(what_is_not_media_reaches_the_kernel_unchanged) {
	static const uint32_t lengths[] = {ARP_BYTES, 60, 1514, FRAME_BYTES};
	uint8_t frame[FRAME_BYTES], got[FRAME_BYTES];

	for (uint32_t i = 0; i < 8; i++) {
		const uint32_t length = lengths[i / 2];
		struct relay_packet packets[3];

		make(frame, length, 0x0806, i);
		packets[0] = packet(frame, length, 0);
		packets[0].verdict = VERDICT_NO_SESSION; // media: not the kernel's
		packets[1] = packet(frame, length, i % 2);
		packets[2] = packet(frame, length, 2); // no TAP
		punt_push(punt_worker(p, i % 2), packets, 3, S);
		ck_assert_int_eq(packets[0].verdict, VERDICT_NO_SESSION);
		ck_assert_int_eq(packets[1].verdict, VERDICT_PUNTED);
		ck_assert_int_eq(packets[2].verdict, VERDICT_NOT_MEDIA);
		ck_assert_uint_eq(kernel_reads(i % 2, got), length);
		ck_assert_mem_eq(got, frame, length);
	}
	ck_assert_uint_eq(counted(0).punted[PUNT_ARP], 4);
	ck_assert_uint_eq(counted(1).punted[PUNT_ARP], 4);
}
END_TEST

// The core looks at a tagged frame from behind the tag on; the kernel wants it whole.
START_TEST(a_tag_is_kept) {
	uint8_t frame[64], got[FRAME_BYTES];
	struct relay_packet one;

	make(frame, sizeof(frame), 0x8100, 7);
	frame[16] = 0x08;
	frame[17] = 0x06;
	one = packet(frame + 4, sizeof(frame) - 4, 0);
	one.tag = 4;
	punt_push(punt_worker(p, 0), &one, 1, S);
	ck_assert_int_eq(one.verdict, VERDICT_PUNTED);
	ck_assert_uint_eq(kernel_reads(0, got), sizeof(frame));
	ck_assert_mem_eq(got, frame, sizeof(frame));
	ck_assert_uint_eq(counted(0).punted[PUNT_ARP], 1);
}
END_TEST

START_TEST(a_class_has_its_limit) {
	uint8_t frame[64];
	struct stats_port s;
	unsigned passed = 0;

	make(frame, sizeof(frame), 0x0800, 0);
	frame[23] = 1; // ICMP
	for (unsigned i = 0; i < 50; i++) {
		struct relay_packet one = packet(frame, sizeof(frame), 0);

		punt_push(punt_worker(p, 0), &one, 1, S);
		passed += one.verdict == VERDICT_PUNTED;
		ck_assert(one.verdict == VERDICT_PUNTED || one.verdict == VERDICT_PUNT_LIMIT);
	}
	ck_assert_uint_eq(passed, 2);
	s = counted(0);
	ck_assert_uint_eq(s.punted[PUNT_ICMP], 2);
	ck_assert_uint_eq(s.punt_limited[PUNT_ICMP], 48);
	ck_assert_uint_eq(s.punt_limited[PUNT_ARP], 0);
}
END_TEST

// Longer than anything that the port's MTU lets through.
START_TEST(giants_stay_out) {
	static uint8_t frame[FRAME_BYTES + 1];
	struct relay_packet one = packet(frame, sizeof(frame), 0);

	punt_push(punt_worker(p, 0), &one, 1, S);
	ck_assert_int_eq(one.verdict, VERDICT_PUNT_LIMIT);
	ck_assert_uint_eq(counted(0).punt_limited[PUNT_OTHER], 1);
}
END_TEST

START_TEST(the_kernels_frames_reach_the_port_s_sender) {
	uint8_t frame[FRAME_BYTES - 1];

	for (unsigned port = 0; port < 2; port++) {
		const struct frame *f;

		make(frame, sizeof(frame), 0x0800, port);
		ck_assert_int_eq(write(kernel[port], frame, sizeof(frame)), sizeof(frame));
		f = worker_waits(port);
		ck_assert_uint_eq(f->port, port);
		ck_assert_uint_eq(f->length, sizeof(frame));
		ck_assert_mem_eq(f->data, frame, sizeof(frame));
		punt_pop(punt_worker(p, port));
		ck_assert_ptr_null(punt_first(punt_worker(p, port)));
		ck_assert_uint_eq(counted(port).from_kernel, 1);
	}
}
END_TEST

static void *write_many(void *arg) {
	uint8_t frame[60];

	(void)arg;
	for (uint32_t i = 0; i < MANY; i++) {
		make(frame, sizeof(frame), 0x0800, i);
		while (write(kernel[0], frame, sizeof(frame)) < 0)
			ck_assert_int_eq(errno, EAGAIN);
	}
	return NULL;
}

// The sender keeps up: in order, whole, none missing but those that are counted.
START_TEST(many_from_the_kernel) {
	uint32_t number, next = 0, n = 0;
	pthread_t writer;

	ck_assert_int_eq(pthread_create(&writer, NULL, write_many, NULL), 0);
	while (n + counted(0).from_kernel_dropped < MANY) {
		const struct frame *f = punt_first(punt_worker(p, 0));

		if (f == NULL)
			continue;
		ck_assert_uint_eq(f->length, 60);
		memcpy(&number, f->data + 56, sizeof(number));
		ck_assert_uint_ge(number, next);
		next = number + 1;
		n++;
		punt_pop(punt_worker(p, 0));
	}
	pthread_join(writer, NULL);
	ck_assert_uint_eq(counted(0).from_kernel, n);
}
END_TEST

// A sender that stands still holds up neither the thread nor the other port.
START_TEST(a_worker_that_stands) {
	uint8_t frame[60], got[FRAME_BYTES];
	struct relay_packet one;
	const uint64_t end = clock_now_ns() + 10 * S;

	make(frame, sizeof(frame), 0x0806, 1);
	for (unsigned i = 0; i < RING + 100; i++)
		while (write(kernel[0], frame, sizeof(frame)) < 0)
			ck_assert_int_eq(errno, EAGAIN);
	while (counted(0).from_kernel_dropped < 100 && clock_now_ns() < end)
		;
	ck_assert_uint_eq(counted(0).from_kernel, RING);
	ck_assert_uint_eq(counted(0).from_kernel_dropped, 100);
	one = packet(frame, sizeof(frame), 1);
	punt_push(punt_worker(p, 0), &one, 1, S);
	ck_assert_uint_eq(kernel_reads(1, got), sizeof(frame));
}
END_TEST

// Both workers at once, for the thread sanitizer: every packet that was punted comes out, or is counted as refused.
static void *push_many(void *arg) {
	struct punt_worker *w = arg;
	uint8_t frame[60];

	for (uint32_t i = 0; i < MANY; i++) {
		struct relay_packet one = packet(frame, sizeof(frame), i % 2);

		make(frame, sizeof(frame), 0x0806, i);
		punt_push(w, &one, 1, clock_now_ns());
	}
	return NULL;
}

static uint64_t read_all(unsigned port) {
	uint8_t got[FRAME_BYTES];
	uint64_t n = 0;

	while (read(kernel[port], got, sizeof(got)) > 0)
		n++;
	return n;
}

START_TEST(two_workers) {
	const uint64_t end = clock_now_ns() + 20 * S;
	pthread_t workers[2];
	uint64_t got = 0, punted = UINT64_MAX, refused = 0;
	bool done = false;

	for (unsigned i = 0; i < 2; i++)
		ck_assert_int_eq(pthread_create(&workers[i], NULL, push_many, punt_worker(p, i)), 0);
	while (got + refused < punted && clock_now_ns() < end) {
		got += read_all(0) + read_all(1);
		if (!done) {
			const struct stats_port a = counted(0), b = counted(1);

			done = a.punted[PUNT_ARP] + a.punt_limited[PUNT_ARP] + b.punted[PUNT_ARP] +
					b.punt_limited[PUNT_ARP] ==
				2 * MANY;
			if (done)
				punted = a.punted[PUNT_ARP] + b.punted[PUNT_ARP];
		}
		refused = counted(0).kernel_refused + counted(1).kernel_refused;
	}
	for (unsigned i = 0; i < 2; i++)
		pthread_join(workers[i], NULL);
	ck_assert_uint_eq(got + refused, punted);
	ck_assert_uint_gt(got, 0);
}
END_TEST

// A TAP that is deleted: no noise, and the other goes on.
START_TEST(a_tap_that_goes) {
	uint8_t frame[60], got[FRAME_BYTES];
	struct relay_packet one;
	const uint64_t end = clock_now_ns() + 10 * S;

	make(frame, sizeof(frame), 0x0806, 1);
	shutdown(params.ports[0].tap_fd, SHUT_RDWR);
	one = packet(frame, sizeof(frame), 0);
	punt_push(punt_worker(p, 0), &one, 1, S);
	while (counted(0).kernel_refused < 1 && clock_now_ns() < end)
		;
	ck_assert_uint_eq(counted(0).kernel_refused, 1);
	one = packet(frame, sizeof(frame), 1);
	punt_push(punt_worker(p, 0), &one, 1, S);
	ck_assert_uint_eq(kernel_reads(1, got), sizeof(frame));
}
END_TEST

START_TEST(without_taps_nothing_changes) {
	uint8_t frame[60];
	struct relay_packet one = packet(frame, sizeof(frame), 0);

	punt_push(NULL, &one, 1, S);
	ck_assert_int_eq(one.verdict, VERDICT_NOT_MEDIA);
	punt_close(NULL);
}
END_TEST

START_TEST(each_allocation_may_fail) {
	for (unsigned k = 1;; k++) {
		struct punt *other = NULL;
		int ret;

		fail_alloc_at(k);
		ret = punt_open(&params, &other);
		if (ret == 0)
			punt_close(other);
		if (!fail_alloc_end()) {
			ck_assert_uint_eq(k, 1 + 2 * 3 + 1);
			break;
		}
		ck_assert_int_eq(ret, -ENOMEM);
	}
}
END_TEST

int main(void) {
	Suite *s = suite_create("punt");
	TCase *t = tcase_create("punt");

	suite_add_tcase(s, t);
	tcase_set_timeout(t, 40); // for a busy machine under a sanitizer
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, what_is_not_media_reaches_the_kernel_unchanged);
	tcase_add_test(t, a_tag_is_kept);
	tcase_add_test(t, a_class_has_its_limit);
	tcase_add_test(t, giants_stay_out);
	tcase_add_test(t, the_kernels_frames_reach_the_port_s_sender);
	tcase_add_test(t, many_from_the_kernel);
	tcase_add_test(t, a_worker_that_stands);
	tcase_add_test(t, two_workers);
	tcase_add_test(t, a_tap_that_goes);
	tcase_add_test(t, without_taps_nothing_changes);
	tcase_add_test(t, each_allocation_may_fail);
	return run_suite(s);
}
