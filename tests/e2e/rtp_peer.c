// rtp_peer: the media half of many simulated phones, exact about what it sent and what arrived.
//
//	rtp_peer ADDRESS FIRST_PORT N_PHONES COMMANDS REPORT
//
// Phone i, counted from 1, has RTP on FIRST_PORT + 4 (i - 1), which is SIPp's [auto_media_port] of its i-th call, and
// RTCP one above. COMMANDS is a FIFO of lines:
//
//	send PHONE TO_ADDRESS TO_PORT N  N RTP packets of 20 ms (0: until stop), an RTCP report every 50
//	stop PHONE
//	report                           write REPORT (by rename): a JSON object a line, for each phone that saw packets
//
// Every packet says in its payload which phone sent it and its place in the stream, so that the receiver knows about
// each loss, repetition, reordering and changed byte. A report names its sender by its address, as phones do, which must
// not arrive. Ends with SIGTERM.
#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum {
	RTP_HEADER = 12,
	PAYLOAD = 160,
	SENDER_REPORT = 28,
	NAME = 21, // "40002@203.0.113.100.."
	RTCP_SIZE = SENDER_REPORT + 10 + NAME + 1,
	INTERVAL_MS = 20,
	RTCP_EVERY = 50,
	PORT_STEP = 4,
	SOURCES = 4
};
enum { FIRST_SEQ = 65500 }; // wraps within a short call

struct packet {
	uint8_t header[RTP_HEADER];
	uint32_t index; // what follows repeats it, so that a changed byte shows
	uint8_t fill[PAYLOAD - sizeof(uint32_t)];
};
static_assert(sizeof(struct packet) == RTP_HEADER + PAYLOAD);
static_assert(RTCP_SIZE % 4 == 0);

struct phone {
	uint16_t port;
	int rtp_fd, rtcp_fd;

	struct sockaddr_in to;
	uint32_t left;
	bool endless;
	uint64_t next_ns;
	uint64_t sent, rtcp_sent, send_errors;

	uint64_t received, rtcp_received, bad, lost, late;
	uint32_t next_index, ssrc;
	unsigned senders; // changes of the SSRC
	uint32_t reporter, reported; // the SSRC of the last report, and its count of packets
	uint64_t last_ns, longest_gap_ns;
	struct sockaddr_in sources[SOURCES];
	unsigned n_sources;
};

struct peer {
	struct in_addr address;
	struct phone *phones;
	unsigned n_phones, first_port;
	const char *report_path;
	int epoll_fd, timer_fd, command_fd;
	char line[512];
	size_t line_len;
};

static uint64_t now_ns(void) {
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static _Noreturn void die(const char *what) {
	fprintf(stderr, "rtp_peer: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void put16(uint8_t *p, unsigned v) {
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v) {
	put16(p, v >> 16);
	put16(p + 2, v & 0xffff);
}

static uint32_t get32(const uint8_t *p) {
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

// The index-th packet of a sender; a receiver builds it again to compare.
static void packet_make(struct packet *p, uint32_t ssrc, uint32_t index) {
	p->header[0] = 0x80;
	p->header[1] = 0; // PCMU
	put16(p->header + 2, (FIRST_SEQ + index) & 0xffff);
	put32(p->header + 4, index * PAYLOAD);
	put32(p->header + 8, ssrc);
	p->index = htonl(index);
	for (size_t i = 0; i < sizeof(p->fill); i++)
		p->fill[i] = (uint8_t)(ssrc + index + i);
}

// The address' last two bytes and the port: no two phones of a test share it.
static uint32_t phone_ssrc(const struct peer *peer, const struct phone *p) {
	return (ntohl(peer->address.s_addr) & 0xffff) << 16 | p->port;
}

// A sender report without blocks, and a source description (RFC 3550 §6.4.1, §6.5).
static void make_report(const struct peer *peer, const struct phone *p, uint8_t report[static RTCP_SIZE]) {
	const char *address = inet_ntoa(peer->address);
	uint8_t *sdes = report + SENDER_REPORT;
	char name[64];

	memset(report, 0, RTCP_SIZE);
	report[0] = 0x80;
	report[1] = 200;
	report[3] = SENDER_REPORT / 4 - 1;
	put32(report + 4, phone_ssrc(peer, p));
	put32(report + 20, (uint32_t)p->sent);
	sdes[0] = 0x81;
	sdes[1] = 202;
	sdes[3] = (RTCP_SIZE - SENDER_REPORT) / 4 - 1;
	put32(sdes + 4, phone_ssrc(peer, p));
	sdes[8] = 1; // CNAME
	sdes[9] = NAME;
	snprintf(name, sizeof(name), "%u@%s..............", p->port, address);
	memcpy(sdes + 10, name, NAME);
}

// A report whose name was masked, of the stream that is heard, that tells of more packets than the one before.
static bool is_report(struct phone *p, const uint8_t *report, size_t len) {
	const uint8_t *sdes = report + SENDER_REPORT;
	uint32_t ssrc = get32(report + 4), count = get32(report + 20);

	if (len != RTCP_SIZE || report[1] != 200 || sdes[1] != 202 || sdes[8] != 1 || sdes[9] != NAME ||
		memchr(sdes + 10, '@', NAME) != NULL)
		return false;
	if (get32(sdes + 4) != ssrc || (p->senders > 0 && ssrc != p->ssrc) ||
		(ssrc == p->reporter && count <= p->reported))
		return false;
	p->reporter = ssrc;
	p->reported = count;
	return true;
}

static void send_rtcp(const struct peer *peer, struct phone *p) {
	uint8_t report[RTCP_SIZE];
	struct sockaddr_in to = p->to;

	to.sin_port = htons((uint16_t)(ntohs(to.sin_port) + 1));
	make_report(peer, p, report);
	if (sendto(p->rtcp_fd, report, sizeof(report), 0, (struct sockaddr *)&to, sizeof(to)) < 0)
		p->send_errors++;
	else
		p->rtcp_sent++;
}

static void send_rtp(const struct peer *peer, struct phone *p) {
	struct packet packet;

	packet_make(&packet, phone_ssrc(peer, p), (uint32_t)p->sent);
	if (sendto(p->rtp_fd, &packet, sizeof(packet), 0, (struct sockaddr *)&p->to, sizeof(p->to)) < 0)
		p->send_errors++; // an ICMP error of an earlier packet; this one was not sent
	else
		p->sent++;
	if (p->sent % RTCP_EVERY == 1)
		send_rtcp(peer, p);
}

static void send_due(struct peer *peer) {
	const uint64_t now = now_ns();

	for (unsigned i = 0; i < peer->n_phones; i++) {
		struct phone *p = &peer->phones[i];

		while ((p->endless || p->left > 0) && p->next_ns <= now) {
			send_rtp(peer, p);
			p->next_ns += INTERVAL_MS * 1000000ull;
			if (!p->endless)
				p->left--;
		}
	}
}

static void note_source(struct phone *p, const struct sockaddr_in *from) {
	for (unsigned i = 0; i < p->n_sources; i++) {
		if (p->sources[i].sin_addr.s_addr == from->sin_addr.s_addr &&
			p->sources[i].sin_port == from->sin_port)
			return;
	}
	if (p->n_sources < SOURCES)
		p->sources[p->n_sources++] = *from;
}

static void note_index(struct phone *p, uint32_t ssrc, uint32_t index) {
	if (p->senders == 0 || p->ssrc != ssrc) {
		p->ssrc = ssrc;
		p->senders++;
		p->next_index = index; // media before our answer was anchored is not ours to count
	}
	if (index < p->next_index) {
		p->late++;
		return;
	}
	p->lost += index - p->next_index;
	p->next_index = index + 1;
}

static void receive_rtp(struct phone *p) {
	const uint64_t now = now_ns();
	struct sockaddr_in from;
	uint8_t buf[2048];
	struct packet want;

	for (;;) {
		socklen_t from_len = sizeof(from);
		ssize_t n = recvfrom(
			p->rtp_fd, buf, sizeof(buf), MSG_DONTWAIT, (struct sockaddr *)&from, &from_len);

		if (n < 0)
			return;
		p->received++;
		note_source(p, &from);
		if (p->last_ns != 0 && now - p->last_ns > p->longest_gap_ns)
			p->longest_gap_ns = now - p->last_ns;
		p->last_ns = now;
		if (n == sizeof(want))
			packet_make(&want, get32(buf + 8), get32(buf + RTP_HEADER));
		if (n != sizeof(want) || memcmp(buf, &want, sizeof(want)) != 0)
			p->bad++;
		else
			note_index(p, get32(buf + 8), get32(buf + RTP_HEADER));
	}
}

static void receive_rtcp(struct phone *p) {
	uint8_t buf[2048];
	ssize_t n;

	while ((n = recv(p->rtcp_fd, buf, sizeof(buf), MSG_DONTWAIT)) >= 0) {
		if (is_report(p, buf, (size_t)n))
			p->rtcp_received++;
		else
			p->bad++;
	}
}

static void report_phone(FILE *out, const struct peer *peer, const struct phone *p) {
	fprintf(out, "{\"ssrc\":%u,\"heard_ssrc\":%u,", phone_ssrc(peer, p), p->ssrc);
	fprintf(out, "\"port\":%u,\"sent\":%" PRIu64 ",\"rtcp_sent\":%" PRIu64 ",\"send_errors\":%" PRIu64,
		p->port, p->sent, p->rtcp_sent, p->send_errors);
	fprintf(out, ",\"received\":%" PRIu64 ",\"rtcp_received\":%" PRIu64 ",\"bad\":%" PRIu64, p->received,
		p->rtcp_received, p->bad);
	fprintf(out, ",\"lost\":%" PRIu64 ",\"late\":%" PRIu64 ",\"senders\":%u", p->lost, p->late,
		p->senders);
	fprintf(out, ",\"longest_gap_ms\":%" PRIu64 ",\"sources\":[", p->longest_gap_ns / 1000000);
	for (unsigned i = 0; i < p->n_sources; i++)
		fprintf(out, "%s\"%s:%u\"", i > 0 ? "," : "", inet_ntoa(p->sources[i].sin_addr),
			ntohs(p->sources[i].sin_port));
	fprintf(out, "]}\n");
}

static void report(const struct peer *peer) {
	char temporary[4096];
	FILE *out;

	snprintf(temporary, sizeof(temporary), "%s.new", peer->report_path);
	out = fopen(temporary, "w");
	if (out == NULL)
		die(temporary);
	for (unsigned i = 0; i < peer->n_phones; i++) {
		const struct phone *p = &peer->phones[i];

		if (p->sent + p->received + p->rtcp_received + p->send_errors > 0)
			report_phone(out, peer, p);
	}
	if (fclose(out) != 0 || rename(temporary, peer->report_path) < 0)
		die(peer->report_path);
}

static struct phone *phone_at(struct peer *peer, unsigned number) {
	return number >= 1 && number <= peer->n_phones ? &peer->phones[number - 1] : NULL;
}

static void command(struct peer *peer, const char *line) {
	char address[INET_ADDRSTRLEN];
	unsigned number, to_port, n;
	struct phone *p;

	if (strcmp(line, "report") == 0) {
		report(peer);
	} else if (sscanf(line, "stop %u", &number) == 1 && (p = phone_at(peer, number)) != NULL) {
		p->endless = false;
		p->left = 0;
	} else if (sscanf(line, "send %u %15s %u %u", &number, address, &to_port, &n) == 4 &&
		(p = phone_at(peer, number)) != NULL && inet_pton(AF_INET, address, &p->to.sin_addr) == 1) {
		p->to.sin_family = AF_INET;
		p->to.sin_port = htons((uint16_t)to_port);
		p->left = n;
		p->endless = n == 0;
		p->next_ns = now_ns();
	} else {
		fprintf(stderr, "rtp_peer: not a command: %s\n", line);
	}
}

static void read_commands(struct peer *peer) {
	char buf[4096];
	ssize_t n = read(peer->command_fd, buf, sizeof(buf));

	for (ssize_t i = 0; i < n; i++) {
		if (buf[i] != '\n') {
			if (peer->line_len < sizeof(peer->line) - 1)
				peer->line[peer->line_len++] = buf[i];
			continue;
		}
		peer->line[peer->line_len] = '\0';
		if (peer->line_len > 0)
			command(peer, peer->line);
		peer->line_len = 0;
	}
}

static void watch(struct peer *peer, int fd, uint32_t tag) {
	struct epoll_event e = {.events = EPOLLIN, .data.u32 = tag};

	if (epoll_ctl(peer->epoll_fd, EPOLL_CTL_ADD, fd, &e) < 0)
		die("epoll_ctl");
}

static int open_udp(const struct peer *peer, unsigned port) {
	const struct sockaddr_in local = {
		.sin_family = AF_INET, .sin_addr = peer->address, .sin_port = htons((uint16_t)port)};
	const int buffer = 1 << 20;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		die("socket");
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof(buffer)) < 0)
		die("SO_RCVBUF");
	if (bind(fd, (const struct sockaddr *)&local, sizeof(local)) < 0)
		die("bind");
	return fd;
}

// Events' tags: 0 commands, 1 timer, then two a phone.
static void open_all(struct peer *peer, const char *commands) {
	const struct itimerspec each_ms = {.it_interval.tv_nsec = 1000000, .it_value.tv_nsec = 1000000};
	struct rlimit files;

	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	peer->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	peer->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	// Read and write, so that the FIFO outlives its writers.
	peer->command_fd = open(commands, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (peer->epoll_fd < 0 || peer->timer_fd < 0 || peer->command_fd < 0)
		die(commands);
	timerfd_settime(peer->timer_fd, 0, &each_ms, NULL);
	watch(peer, peer->command_fd, 0);
	watch(peer, peer->timer_fd, 1);
	for (unsigned i = 0; i < peer->n_phones; i++) {
		struct phone *p = &peer->phones[i];

		p->port = (uint16_t)(peer->first_port + i * PORT_STEP);
		p->rtp_fd = open_udp(peer, p->port);
		p->rtcp_fd = open_udp(peer, p->port + 1u);
		watch(peer, p->rtp_fd, 2 + 2 * i);
		watch(peer, p->rtcp_fd, 3 + 2 * i);
	}
}

static void run(struct peer *peer) {
	struct epoll_event events[64];
	uint64_t expirations;

	for (;;) {
		int n = epoll_wait(peer->epoll_fd, events, 64, -1);

		for (int i = 0; i < n; i++) {
			const uint32_t tag = events[i].data.u32;

			if (tag == 0)
				read_commands(peer);
			else if (tag == 1 && read(peer->timer_fd, &expirations, sizeof(expirations)) > 0)
				send_due(peer);
			else if (tag >= 2 && tag % 2 == 0)
				receive_rtp(&peer->phones[(tag - 2) / 2]);
			else if (tag >= 2)
				receive_rtcp(&peer->phones[(tag - 2) / 2]);
		}
	}
}

int main(int argc, char **argv) {
	struct peer peer = {0};

	if (argc != 6 || inet_pton(AF_INET, argv[1], &peer.address) != 1) {
		fprintf(stderr, "usage: rtp_peer ADDRESS FIRST_PORT N_PHONES COMMANDS REPORT\n");
		return 2;
	}
	peer.first_port = (unsigned)strtoul(argv[2], NULL, 10);
	peer.n_phones = (unsigned)strtoul(argv[3], NULL, 10);
	peer.report_path = argv[5];
	peer.phones = calloc(peer.n_phones, sizeof(*peer.phones));
	if (peer.phones == NULL)
		die("calloc");
	open_all(&peer, argv[4]);
	printf("ready\n");
	fflush(stdout);
	run(&peer);
}
