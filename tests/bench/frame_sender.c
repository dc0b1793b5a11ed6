// frame_sender: sends the RTP frames of a capture file out of a device, at a steady rate.
//
//	frame_sender DEVICE FILE PACKETS_A_SECOND SECONDS
//
// The file (pcap, Ethernet, IPv4, UDP, RTP) is sent again and again, as streams that go on: sequence numbers and timestamps of
// each pass continue the one before, checksums follow (RFC 1624). What is due goes out every 100 µs, so that packets come spread
// over time as those of many phones do. Past the queueing discipline and without sockets: a sender costs little.
// A sender that was kept from sending for more than 1 ms does not make up for it: a burst would lose what the rate does not.
// Prints "sent N" and "rate N", what it achieved.
#include "dpdk_app/clock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { UDP_CHECKSUM = 40, SEQUENCE = 44, TIMESTAMP = 46, FRAME_MIN = 54, SAMPLES = 160 };
enum { TICK_NS = 100000, LATE_NS = 1000000, BATCH = 64, SEND_BUFFER = 8 << 20 };

struct frame {
	uint8_t *data;
	size_t length;
};

struct sender {
	int fd;
	struct frame *frames;
	size_t n, next;
	uint16_t turns; // packets of a stream in the file
	uint64_t sent;
};

static _Noreturn void die(const char *what) {
	fprintf(stderr, "frame_sender: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint16_t get16(const uint8_t *p) {
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t get32(const uint8_t *p) {
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static void put16(uint8_t *p, uint16_t v) {
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static bool read_frame(FILE *file, struct frame *out) {
	uint32_t record[4]; // seconds, microseconds, bytes here, bytes in all
	struct frame f;

	if (fread(record, sizeof(record), 1, file) != 1)
		return false;
	f.length = record[2];
	f.data = malloc(f.length + 1);
	if (f.length < FRAME_MIN || f.data == NULL || fread(f.data, f.length, 1, file) != 1)
		die("not a file of RTP frames");
	*out = f;
	return true;
}

static void read_frames(struct sender *s, const char *path) {
	FILE *file = fopen(path, "r");
	uint32_t header[6], streams = 0;

	if (file == NULL || fread(header, sizeof(header), 1, file) != 1)
		die(path);
	for (size_t room = 0;; s->n++) {
		if (s->n == room) {
			room = room * 2 + 1024;
			s->frames = realloc(s->frames, room * sizeof(*s->frames));
			if (s->frames == NULL)
				die("frames");
		}
		if (!read_frame(file, &s->frames[s->n]))
			break;
		streams += get16(s->frames[s->n].data + SEQUENCE) == get16(s->frames[0].data + SEQUENCE);
	}
	fclose(file);
	if (s->n == 0 || s->n % streams != 0)
		die("streams of different lengths");
	s->turns = (uint16_t)(s->n / streams);
}

static void open_device(struct sender *s, const char *device) {
	struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex(device)};
	const int on = 1, buffer = SEND_BUFFER;

	s->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (s->fd < 0 || address.sll_ifindex == 0 ||
		setsockopt(s->fd, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof(on)) < 0 ||
		setsockopt(s->fd, SOL_SOCKET, SO_SNDBUFFORCE, &buffer, sizeof(buffer)) < 0 ||
		bind(s->fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		die(device);
}

// A 16-bit word at an even place of the UDP datagram changes: the checksum with it.
static void change(uint8_t *frame, unsigned at, uint16_t to) {
	const uint16_t was = get16(frame + at), checksum = get16(frame + UDP_CHECKSUM);
	uint32_t sum = (uint32_t)(uint16_t)~checksum + (uint16_t)~was + to;

	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	put16(frame + at, to);
	put16(frame + UDP_CHECKSUM, (uint16_t)~sum != 0 ? (uint16_t)~sum : 0xffff);
}

// Make a frame that was sent the one that its stream sends in the next pass.
static void go_on(const struct sender *s, uint8_t *frame) {
	const uint32_t timestamp = get32(frame + TIMESTAMP) + (uint32_t)s->turns * SAMPLES;

	change(frame, SEQUENCE, (uint16_t)(get16(frame + SEQUENCE) + s->turns));
	change(frame, TIMESTAMP, (uint16_t)(timestamp >> 16));
	change(frame, TIMESTAMP + 2, (uint16_t)timestamp);
}

static void send_some(struct sender *s, unsigned n) {
	struct mmsghdr messages[BATCH] = {0};
	struct iovec parts[BATCH];
	int taken;

	for (unsigned i = 0; i < n; i++) {
		const struct frame *f = &s->frames[(s->next + i) % s->n];

		parts[i] = (struct iovec){.iov_base = f->data, .iov_len = f->length};
		messages[i].msg_hdr = (struct msghdr){.msg_iov = &parts[i], .msg_iovlen = 1};
	}
	taken = sendmmsg(s->fd, messages, n, 0);
	if (taken < 0 && errno != ENOBUFS && errno != EAGAIN)
		die("sendmmsg");
	for (int i = 0; i < taken; i++) {
		go_on(s, s->frames[s->next].data);
		s->next = (s->next + 1) % s->n;
	}
	s->sent += taken > 0 ? (uint64_t)taken : 0;
}

static uint64_t sleep_until(uint64_t ns) {
	const struct timespec until = {(time_t)(ns / 1000000000), (long)(ns % 1000000000)};

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
	return clock_now_ns();
}

static void run(struct sender *s, double rate, double seconds) {
	const uint64_t began = clock_now_ns(), all = (uint64_t)(rate * seconds);
	uint64_t start = began, wake = began;

	prctl(PR_SET_TIMERSLACK, 1ul); // ns
	while (s->sent < all) {
		uint64_t now, due;

		wake += TICK_NS;
		now = sleep_until(wake);
		if (now - wake > LATE_NS) {
			start += now - wake;
			wake = now;
		}
		due = (uint64_t)((double)(now - start) * rate / 1e9);
		due = due < all ? due : all;
		while (s->sent < due)
			send_some(s, due - s->sent < BATCH ? (unsigned)(due - s->sent) : BATCH);
	}
	printf("sent %" PRIu64 "\n", s->sent);
	printf("rate %.0f\n", (double)s->sent * 1e9 / (double)(clock_now_ns() - began));
}

int main(int argc, char **argv) {
	struct sender s = {0};
	double rate, seconds;

	if (argc != 5 || (rate = atof(argv[3])) <= 0 || (seconds = atof(argv[4])) <= 0) {
		fprintf(stderr, "usage: frame_sender DEVICE FILE PACKETS_A_SECOND SECONDS\n");
		return 2;
	}
	read_frames(&s, argv[2]);
	open_device(&s, argv[1]);
	run(&s, rate, seconds);
	return 0;
}
