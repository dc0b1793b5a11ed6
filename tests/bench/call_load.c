// call_load: both phones of very many calls, a caller and a callee in one process but in two network namespaces, so that
// what lies between them is measured by one clock.
//
//	call_load NAMESPACE,ADDRESS NAMESPACE,ADDRESS EDGE_ADDRESS:PORT CALLS_AT_MOST
//
// First the caller's, then the callee's; both use ADDRESS and the seven that follow it for media. Takes steps from standard input,
// a line each, and ends with it:
//
//	hold N RATE       set up calls until N are up, RATE a second
//	run SECONDS RATE  calls that last a second, beside those that are up
//	end RATE          end all calls
//	gap MS            media of the first and the last call in both directions, a packet each millisecond, until each way
//	                  had a silence of MS and packets again
//
// The next step is to be given only when the one before is done. After each come its figures, "name value unit", and then "done". The delay of an INVITE is from before it is sent until
// the kernel has it at the callee's socket, so it holds nothing of what the phones do. Exit status: 0, 1 a call failed or is
// missing 5 s after it should have been over, 2 usage.
#include "tests/bench/load_call.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SECOND 1000000000ull

enum { ADDRESSES = 8, BUFFER = 16 << 20, DELAYS_MAX = 1 << 20, BATCH = 32 };

struct load {
	struct load_network network;
	char ns[2][128];
	int fd[2]; // SIP of caller and callee
	struct load_call *calls;
	uint32_t max, n_up; // calls 0 to n_up - 1 are held
	uint64_t moved_ns; // when a call last got on

	// The running step.
	uint32_t n_begun, n_answered, n_ended, n_failed;
	uint64_t *delays_ns;
	uint32_t n_delays;
};

static _Noreturn void die(const char *what) {
	fprintf(stderr, "call_load: %s: %s\n", what, strerror(errno));
	exit(1);
}

// The clock of the kernel's stamps on what arrives.
static uint64_t realtime_ns(void) {
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * SECOND + (uint64_t)t.tv_nsec;
}

static int open_socket(const char *ns, struct sockaddr_in local) {
	const int size = BUFFER, on = 1;
	char path[160];
	int fd, ns_fd;

	snprintf(path, sizeof(path), "/run/netns/%s", ns);
	ns_fd = open(path, O_RDONLY | O_CLOEXEC);
	if (ns_fd < 0 || setns(ns_fd, CLONE_NEWNET) < 0)
		die(path);
	close(ns_fd);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0 ||
		setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) < 0 ||
		setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on)) < 0 ||
		bind(fd, (const struct sockaddr *)&local, sizeof(local)) < 0)
		die("socket");
	return fd;
}

static void send_to(int fd, const void *message, size_t len, const struct sockaddr_in *to) {
	if (sendto(fd, message, len, 0, (const struct sockaddr *)to, sizeof(*to)) < 0)
		die("sendto");
}

// ---- what arrives ----

static uint64_t arrival_ns(struct msghdr *m) {
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR(m, c)) {
		struct timespec t;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_TIMESTAMPNS)
			continue;
		memcpy(&t, CMSG_DATA(c), sizeof(t));
		return (uint64_t)t.tv_sec * SECOND + (uint64_t)t.tv_nsec;
	}
	return realtime_ns();
}

static void take_invite(struct load *l, struct load_call *c, const char *message, uint64_t at_ns) {
	if (c->has_arrived) // again
		return;
	c->has_arrived = true;
	c->media[LOAD_CALLEE] = load_call_sdp_media(message);
	if (l->n_delays < DELAYS_MAX)
		l->delays_ns[l->n_delays++] = at_ns - c->invited_ns;
}

static void at_callee(struct load *l, const char *message, const struct sockaddr_in *from, uint64_t at_ns) {
	const bool is_invite = strncmp(message, "INVITE ", 7) == 0;
	char out[LOAD_MESSAGE];
	uint32_t index, turn;

	if (strncmp(message, "ACK ", 4) == 0 || strncmp(message, "SIP/2.0", 7) == 0)
		return;
	if (!is_invite) {
		send_to(l->fd[LOAD_CALLEE], out, load_call_answer(&l->network, NULL, message, out), from);
		return;
	}
	if (!load_call_index(message, &index, &turn) || index >= l->max) {
		l->n_failed++;
		return;
	}
	take_invite(l, &l->calls[index], message, at_ns);
	send_to(l->fd[LOAD_CALLEE], out, load_call_answer(&l->network, &l->calls[index], message, out), from);
}

static void take_invite_response(struct load *l, struct load_call *c, const char *message, unsigned status) {
	char out[LOAD_MESSAGE];

	if (status < 200)
		return;
	if (status >= 300 || (!c->is_answered && !load_call_learn(c, message))) {
		l->n_failed += !c->is_ended; // once
		c->is_ended = true;
		return;
	}
	if (!c->is_answered) {
		c->is_answered = true;
		c->media[LOAD_CALLER] = load_call_sdp_media(message);
		l->n_answered++;
	}
	send_to(l->fd[LOAD_CALLER], out, load_call_ack(&l->network, c, out), &l->network.edge);
}

static void at_caller(struct load *l, const char *message) {
	const char *cseq;
	uint32_t index, turn;
	unsigned status;
	size_t len;
	struct load_call *c;

	if (sscanf(message, "SIP/2.0 %3u", &status) != 1 || !load_call_index(message, &index, &turn) ||
		index >= l->max || turn != l->calls[index].turn)
		return; // of a call before
	c = &l->calls[index];
	cseq = load_call_header(message, "CSeq", &len);
	if (cseq != NULL && strstr(cseq, "INVITE") == cseq + len - strlen("INVITE")) {
		take_invite_response(l, c, message, status);
	} else if (status == 200 && !c->is_ended) {
		c->is_ended = true;
		l->n_ended++;
	}
}

// All that waits at a party's socket.
static void receive(struct load *l, enum load_party party) {
	static char buffers[BATCH][LOAD_MESSAGE];
	char control[BATCH][CMSG_SPACE(sizeof(struct timespec))];
	struct sockaddr_in from[BATCH];
	struct iovec parts[BATCH];
	struct mmsghdr m[BATCH];
	int n;

	do {
		memset(m, 0, sizeof(m));
		for (unsigned i = 0; i < BATCH; i++) {
			parts[i] = (struct iovec){buffers[i], LOAD_MESSAGE - 1};
			m[i].msg_hdr = (struct msghdr){.msg_name = &from[i],
				.msg_namelen = sizeof(from[i]),
				.msg_iov = &parts[i],
				.msg_iovlen = 1,
				.msg_control = control[i],
				.msg_controllen = sizeof(control[i])};
		}
		n = recvmmsg(l->fd[party], m, BATCH, 0, NULL);
		if (n < 0 && errno != EAGAIN)
			die("recvmmsg");
		for (int i = 0; i < n; i++) {
			buffers[i][m[i].msg_len] = '\0';
			l->moved_ns = realtime_ns();
			if (party == LOAD_CALLEE)
				at_callee(l, buffers[i], &from[i], arrival_ns(&m[i].msg_hdr));
			else
				at_caller(l, buffers[i]);
		}
	} while (n == BATCH);
}

static void wait_until(struct load *l, uint64_t ns) {
	struct pollfd fds[2] = {{.fd = l->fd[0], .events = POLLIN}, {.fd = l->fd[1], .events = POLLIN}};
	const uint64_t now = realtime_ns(), wait = ns > now ? ns - now : 0;
	const struct timespec t = {(time_t)(wait / SECOND), (long)(wait % SECOND)};

	if (ppoll(fds, 2, &t, NULL) < 0 && errno != EINTR)
		die("ppoll");
	receive(l, LOAD_CALLEE);
	receive(l, LOAD_CALLER);
}

// ---- steps ----

static void begin_call(struct load *l, uint32_t index) {
	struct load_call *c = &l->calls[index];
	char out[LOAD_MESSAGE];
	size_t len;

	*c = (struct load_call){.index = index, .turn = c->turn + 1};
	len = load_call_invite(&l->network, c, out);
	c->invited_ns = realtime_ns();
	send_to(l->fd[LOAD_CALLER], out, len, &l->network.edge);
	l->n_begun++;
}

static void end_call(struct load *l, uint32_t index) {
	char out[LOAD_MESSAGE];

	if (!l->calls[index].is_answered)
		return;
	send_to(l->fd[LOAD_CALLER], out, load_call_bye(&l->network, &l->calls[index], out), &l->network.edge);
}

static void begin_step(struct load *l) {
	l->n_begun = l->n_answered = l->n_ended = l->n_failed = l->n_delays = 0;
	l->moved_ns = realtime_ns();
}

// Until all have come as far as n says, or nothing moves any more.
static bool wait_for(struct load *l, const uint32_t *value, uint32_t n) {
	while (*value < n) {
		if (realtime_ns() - l->moved_ns > 5 * SECOND)
			return false;
		wait_until(l, realtime_ns() + SECOND / 10);
	}
	return true;
}

// Until the i-th of a steady rate is due.
static void pace(struct load *l, uint64_t start_ns, uint64_t i, uint32_t rate) {
	const uint64_t due = start_ns + i * SECOND / rate;

	do
		wait_until(l, due);
	while (realtime_ns() < due);
}

static int compare(const void *a, const void *b) {
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void show_delays(struct load *l) {
	const uint32_t n = l->n_delays;

	if (n == 0)
		return;
	qsort(l->delays_ns, n, sizeof(*l->delays_ns), compare);
	printf("delay_p50 %.0f us\n", (double)l->delays_ns[n / 2] / 1e3);
	printf("delay_p99 %.0f us\n", (double)l->delays_ns[(uint32_t)((uint64_t)n * 99 / 100)] / 1e3);
	printf("delay_max %.0f us\n", (double)l->delays_ns[n - 1] / 1e3);
}

static bool hold(struct load *l, uint32_t n, uint32_t rate) {
	const uint64_t start = realtime_ns();

	if (n > l->max || rate == 0)
		return false;
	for (uint32_t i = 0; l->n_up + i < n; i++) {
		pace(l, start, i, rate);
		begin_call(l, l->n_up + i);
	}
	if (!wait_for(l, &l->n_answered, l->n_begun))
		return false;
	printf("held %u calls\n", n);
	l->n_up = n;
	return true;
}

// Calls above the held ones, each ended a second after it began.
static bool run(struct load *l, uint32_t seconds, uint32_t rate) {
	const uint64_t start = realtime_ns();
	const uint32_t n = seconds * rate, span = l->max - l->n_up;

	if (rate == 0 || n == 0 || span < 2 * rate)
		return false;
	for (uint32_t i = 0; i < n + rate; i++) {
		pace(l, start, i, rate);
		if (i >= rate)
			end_call(l, l->n_up + (i - rate) % span);
		if (i < n)
			begin_call(l, l->n_up + i % span);
	}
	if (!wait_for(l, &l->n_ended, n))
		return false;
	printf("calls %u calls\n", n);
	printf("seconds %.3f s\n", (double)(realtime_ns() - start) / 1e9);
	show_delays(l);
	return true;
}

static bool end(struct load *l, uint32_t rate) {
	const uint64_t start = realtime_ns();

	if (rate == 0)
		return false;
	for (uint32_t i = 0; i < l->n_up; i++) {
		pace(l, start, i, rate);
		end_call(l, i);
	}
	if (!wait_for(l, &l->n_ended, l->n_up))
		return false;
	l->n_up = 0;
	return true;
}

// ---- media that stops and comes back ----

// One direction of one call.
struct way {
	int from, to;
	struct sockaddr_in target;
	uint64_t last_ns, gap_ns; // of the last packet; the first silence that was long enough
};

static void send_rtp(const struct way *w, uint16_t sequence) {
	uint8_t packet[172] = {0x80, 0, (uint8_t)(sequence >> 8), (uint8_t)sequence, [11] = 1};

	send_to(w->from, packet, sizeof(packet), &w->target);
}

static void look_at_way(struct way *w, uint64_t silence_ns) {
	uint8_t packet[256];

	while (recv(w->to, packet, sizeof(packet), 0) > 0) {
		const uint64_t now = realtime_ns();

		if (w->last_ns != 0 && w->gap_ns == 0 && now - w->last_ns >= silence_ns)
			w->gap_ns = now - w->last_ns;
		w->last_ns = now;
	}
}

static bool gap(struct load *l, uint32_t silence_ms) {
	const uint32_t calls[2] = {0, l->n_up - 1};
	uint64_t limit = realtime_ns() + 60 * SECOND, next = realtime_ns();
	struct way ways[4] = {0};
	bool missing = true, said = false;

	if (l->n_up < 2)
		return false;
	for (unsigned i = 0; i < 4; i += 2) {
		const struct load_call *c = &l->calls[calls[i / 2]];
		int fd[2];

		for (unsigned party = 0; party < 2; party++)
			fd[party] = open_socket(l->ns[party], load_call_media(&l->network, c, party));
		ways[i] = (struct way){fd[0], fd[1], c->media[0], 0, 0};
		ways[i + 1] = (struct way){fd[1], fd[0], c->media[1], 0, 0};
	}
	for (uint16_t sequence = 0; missing && realtime_ns() < limit; sequence++) {
		bool flows = true;

		next += SECOND / 1000;
		wait_until(l, next);
		missing = false;
		for (unsigned i = 0; i < 4; i++) {
			send_rtp(&ways[i], sequence);
			look_at_way(&ways[i], silence_ms * SECOND / 1000);
			missing |= ways[i].gap_ns == 0;
			flows &= ways[i].last_ns != 0;
		}
		if (flows && !said)
			puts("flows");
		said |= flows;
	}
	for (unsigned i = 0; i < 4; i++) {
		printf("gap %.1f ms\n", (double)ways[i].gap_ns / 1e6);
		if (i % 2 == 0) {
			close(ways[i].from);
			close(ways[i].to);
		}
	}
	return !missing;
}

// The next step, given when the one before is done. Phones answer meanwhile. False: there is none.
static bool next_line(struct load *l, char *line, int size) {
	struct pollfd fds[3] = {{.fd = l->fd[0], .events = POLLIN}, {.fd = l->fd[1], .events = POLLIN},
		{.fd = STDIN_FILENO, .events = POLLIN}};

	while (fds[2].revents == 0) {
		if (poll(fds, 3, -1) < 0 && errno != EINTR)
			die("poll");
		receive(l, LOAD_CALLEE);
		receive(l, LOAD_CALLER);
	}
	return fgets(line, size, stdin) != NULL;
}

static bool step(struct load *l, const char *line) {
	uint32_t a, b;

	begin_step(l);
	if (sscanf(line, "hold %u %u", &a, &b) == 2)
		return hold(l, a, b);
	if (sscanf(line, "run %u %u", &a, &b) == 2)
		return run(l, a, b);
	if (sscanf(line, "end %u", &a) == 1)
		return end(l, a);
	if (sscanf(line, "gap %u", &a) == 1)
		return gap(l, a);
	return false;
}

// "NAMESPACE,ADDRESS"
static bool parse_party(struct load *l, enum load_party party, const char *text) {
	const char *comma = strchr(text, ',');

	if (comma == NULL || (size_t)(comma - text) >= sizeof(l->ns[party]))
		return false;
	memcpy(l->ns[party], text, (size_t)(comma - text));
	return inet_pton(AF_INET, comma + 1, &l->network.phone[party]) == 1;
}

static bool parse_edge(struct load *l, const char *text) {
	char address[INET_ADDRSTRLEN];
	unsigned port;

	l->network.edge.sin_family = AF_INET;
	if (sscanf(text, "%15[0-9.]:%u", address, &port) != 2 || port > UINT16_MAX)
		return false;
	l->network.edge.sin_port = htons((uint16_t)port);
	return inet_pton(AF_INET, address, &l->network.edge.sin_addr) == 1;
}

int main(int argc, char **argv) {
	static struct load l = {.network.n_addresses = ADDRESSES};
	char line[256];

	prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0);
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc != 5 || !parse_party(&l, LOAD_CALLER, argv[1]) || !parse_party(&l, LOAD_CALLEE, argv[2]) ||
		!parse_edge(&l, argv[3]) || (l.max = (uint32_t)atoi(argv[4])) == 0) {
		fputs("usage: call_load NAMESPACE,ADDRESS NAMESPACE,ADDRESS EDGE_ADDRESS:PORT CALLS_AT_MOST\n",
			stderr);
		return 2;
	}
	l.calls = calloc(l.max, sizeof(*l.calls));
	l.delays_ns = calloc(DELAYS_MAX, sizeof(*l.delays_ns));
	if (l.calls == NULL || l.delays_ns == NULL)
		die("memory");
	for (unsigned party = 0; party < 2; party++)
		l.fd[party] = open_socket(
			l.ns[party], (struct sockaddr_in){AF_INET, htons(5060), l.network.phone[party], {0}});
	while (next_line(&l, line, sizeof(line))) {
		if (!step(&l, line) || l.n_failed > 0) {
			fprintf(stderr, "call_load: begun %u answered %u ended %u failed %u: %s", l.n_begun,
				l.n_answered, l.n_ended, l.n_failed, line);
			return 1;
		}
		puts("done");
	}
	return 0;
}
