// A relay that only answers observers, in a process of its own, as well or as badly as a test wants. Blocking; one
// connection at a time; ends with the test that started it.
#pragma once

#include "config/unix_socket.h"
#include "relay/next_hop.h"
#include "relay/protocol.h"

#include <check.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum fake_relay_fault {
	RELAY_GOOD,
	RELAY_STRAYS, // events and replies to others before each reply
	RELAY_ONLY_STRAYS, // and never the reply
	RELAY_OTHER_VERSION,
	RELAY_BAD_SIZE, // header's length is not the message's
	RELAY_SHORT_ITEM,
	RELAY_REFUSES, // status EPERM
	RELAY_BAD_STATUS, // a status that is no errno
	RELAY_HANGS_UP,
	RELAY_SILENT,
	RELAY_ENDLESS_LIST, // the same page again and again
	RELAY_NO_MEMFD,
	RELAY_MANY_MEMFDS, // three, where one is asked for
	RELAY_BAD_MEMFD, // not sealed
};

enum { FAKE_SESSIONS = 5, FAKE_PAGE = 2, FAKE_WORKERS = 2, FAKE_SLOTS = 8 };

// Session n (from 1) belongs to call 0x1000 + n: the calls of fake_control.h.
static inline struct proto_session_state fake_session(uint64_t n) {
	struct proto_session_state s = {.slot = (uint32_t)n, .created_ns = 1000000000, .now_ns = 61000000000};

	s.wanted.length = sizeof(s.wanted);
	s.wanted.session_id = (uint64_t)1 << 48 | n;
	s.wanted.call_id = 0x1000 + n;
	for (unsigned side = 0; side < 2; side++) {
		struct component_slot *c = &s.component[side][0].counters;

		snprintf(s.wanted.side[side].realm, PROTO_NAME, side == 0 ? "access" : "core");
		s.wanted.side[side].local = endpoint_v4(htobe32(side == 0 ? 0xcb007101 : 0xc6336401), 16384);
		s.wanted.side[side].remote[0] =
			endpoint_v4(htobe32(side == 0 ? 0x0a000002 : 0xc6336402), side == 0 ? 4000 : 20000);
		s.wanted.side[side].latch = side == 0 ? LATCH_ADDRESS : LATCH_OFF;
		*c = (struct component_slot){.session_id = s.wanted.session_id,
			.forwarded = 3000 + side,
			.forwarded_bytes = 516000,
			.first_in_ns = 1100000000,
			.last_in_ns = 60980000000};
		s.component[side][0].next_hop_state = NEXT_HOP_REACHABLE;
		memcpy(s.component[side][0].mac, "\x02\x00\x00\x00\x00\x01", 6);
	}
	s.component[0][0].counters.events = EVENT_LATCHED;
	s.component[0][0].counters.learnt = endpoint_v4(htobe32(0xcb007105), 40000);
	s.component[1][0].counters.drops[VERDICT_WAITING] = 9;
	return s;
}

// ---- the shared counters ----

struct fake_stats {
	struct stats_header header;
	struct stats_worker workers[FAKE_WORKERS];
	struct stats_port ports[2]; // one shared by AF_XDP, one taken
	struct stats_realm realm;
	struct component_slot slots[FAKE_SLOTS];
};

static inline struct fake_stats fake_stats_good(void) {
	struct fake_stats s = {
		.header = {.magic = STATS_MAGIC,
			.length = sizeof(struct stats_header),
			.version = 1,
			.boot_id = 0xb007,
			.total_bytes = sizeof(s),
			.n_workers = FAKE_WORKERS,
			.worker_offset = offsetof(struct fake_stats, workers),
			.worker_stride = sizeof(struct stats_worker),
			.n_ports = 2,
			.port_offset = offsetof(struct fake_stats, ports),
			.port_stride = sizeof(struct stats_port),
			.n_realms = 1,
			.realm_offset = offsetof(struct fake_stats, realm),
			.realm_stride = sizeof(struct stats_realm),
			.n_slots = FAKE_SLOTS,
			.slot_offset = offsetof(struct fake_stats, slots),
			.slot_stride = sizeof(struct component_slot),
			.n_verdicts = VERDICT_COUNT,
			.sessions = 5,
			.sessions_max = 1000,
			.buffers = 4096,
			.buffers_free = 4000,
			.buffers_free_lowest = 3900,
			.next_hops = {0, 1, 2, 0},
			.controller_connected = 1},
		.ports = {{.name = "access",
				  .device = "af_xdp:eth0",
				  .rx = 100,
				  .tx = 90,
				  .link_up = 1,
				  .queues = 1,
				  .xdp = {[XDP_CLASS_MEDIA] = 100, [XDP_CLASS_NOT_IP] = 3}},
			{.name = "core",
				.device = "pci:0000:3b:00.0",
				.rx = 400,
				.queues = 2,
				.kernel_if = "coretap",
				.punted = {[PUNT_ARP] = 11, [PUNT_UDP] = 222},
				.punt_limited = {[PUNT_ICMP] = 3333},
				.from_kernel = 44,
				.from_kernel_dropped = 5,
				.kernel_refused = 6}},
		.realm = {.name = "access",
			.media_ports_used = 5,
			.media_ports_resting = 1,
			.media_ports_free = 8186},
		.slots = {[FAKE_SLOTS - 1] = {.session_id = 7, .drops = {[VERDICT_BAD_SOURCE] = 9}}},
	};

	for (unsigned i = 0; i < FAKE_WORKERS; i++) {
		s.workers[i] = (struct stats_worker){.in = 100, .out = 90, .busy_ns = 1000, .cpu = i + 1};
		s.workers[i].verdicts[VERDICT_FORWARDED] = 90;
		s.workers[i].verdicts[VERDICT_BAD_SOURCE] = 4;
		s.workers[i].verdicts[VERDICT_NO_SESSION] = 6;
	}
	return s;
}

static inline int fake_memfd(const void *data, size_t len, int seals) {
	int fd = memfd_create("fake-stats", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0 || write(fd, data, len) != (ssize_t)len || fcntl(fd, F_ADD_SEALS, seals) < 0)
		abort();
	return fd;
}

// ---- its server ----

struct fake_relay {
	enum fake_relay_fault fault;
	int fd; // of the connection
	const struct proto_header *request;
	const void *item;
};

static inline void fake_relay_send(
	const struct fake_relay *r, const void *message, size_t len, const int *fds, size_t n) {
	struct iovec part = {.iov_base = (void *)(uintptr_t)message, .iov_len = len};
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(4 * sizeof(int))] = {0};
	struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1};

	if (n > 0) {
		struct cmsghdr *h = (struct cmsghdr *)(void *)control;

		m.msg_control = control;
		m.msg_controllen = CMSG_SPACE(n * sizeof(int));
		h->cmsg_level = SOL_SOCKET;
		h->cmsg_type = SCM_RIGHTS;
		h->cmsg_len = CMSG_LEN(n * sizeof(int));
		memcpy(CMSG_DATA(h), fds, n * sizeof(int));
	}
	(void)sendmsg(r->fd, &m, MSG_NOSIGNAL);
}

static inline void fake_relay_strays(const struct fake_relay *r, int n) {
	uint8_t buf[512];
	struct proto_writer w;

	for (int i = 0; i < n; i++) {
		bool event = i % 2 == 0; // else the reply to a request that was given up
		struct proto_event e = {0};

		proto_write_begin(&w, buf, sizeof(buf), event ? PROTO_EVENTS : r->request->type | PROTO_REPLY,
			event ? 0 : r->request->id + 1000, 0);
		if (event)
			proto_write_item(&w, &e, sizeof(e));
		fake_relay_send(r, buf, proto_write_end(&w), NULL, 0);
	}
}

static inline void fake_relay_list(const struct fake_relay *r, struct proto_writer *w) {
	struct proto_list list;
	unsigned n = 0;

	memcpy(&list, r->item, sizeof(list));
	if (r->fault == RELAY_ENDLESS_LIST)
		list.after = 0;
	for (uint64_t i = 1; i <= FAKE_SESSIONS && n < FAKE_PAGE; i++) {
		struct proto_session_state s = fake_session(i);

		if (s.wanted.session_id <= list.after ||
			(list.call_id != 0 && s.wanted.call_id != list.call_id))
			continue;
		proto_write_item(w, &s, sizeof(s));
		n++;
	}
}

static inline void fake_relay_get(const struct fake_relay *r, struct proto_writer *w) {
	struct proto_session_ref ref;
	struct proto_session_state s = fake_session(3);

	memcpy(&ref, r->item, sizeof(ref));
	if (ref.session_id == s.wanted.session_id)
		proto_write_item(w, &s, sizeof(s));
	else
		proto_write_begin(w, w->buf, w->size, r->request->type | PROTO_REPLY, r->request->id, ENOENT);
}

static inline void fake_relay_reply(const struct fake_relay *r) {
	static uint8_t buf[PROTO_MESSAGE_MAX];
	struct fake_stats stats = fake_stats_good();
	struct proto_welcome welcome = {
		.boot_id = stats.header.boot_id, .sessions = FAKE_SESSIONS, .sessions_max = 1000};
	int fds[3];
	size_t n_fds = 0, len;
	struct proto_writer w;
	bool is_hello = r->request->type == PROTO_HELLO;
	uint32_t status = is_hello	       ? 0
		: r->fault == RELAY_REFUSES    ? EPERM
		: r->fault == RELAY_BAD_STATUS ? 0x80000001u
					       : 0;

	proto_write_begin(&w, buf, sizeof(buf), r->request->type | PROTO_REPLY, r->request->id, status);
	if (is_hello)
		proto_write_item(&w, &welcome, r->fault == RELAY_SHORT_ITEM ? 8 : sizeof(welcome));
	else if (r->request->type == PROTO_SESSION_LIST && status == 0)
		fake_relay_list(r, &w);
	else if (r->request->type == PROTO_SESSION_GET && status == 0)
		fake_relay_get(r, &w);
	if (r->request->type == PROTO_STATS && r->fault != RELAY_NO_MEMFD)
		n_fds = r->fault == RELAY_MANY_MEMFDS ? 3 : 1;
	for (size_t i = 0; i < n_fds; i++)
		fds[i] = fake_memfd(
			&stats, sizeof(stats), r->fault == RELAY_BAD_MEMFD ? 0 : F_SEAL_SHRINK | F_SEAL_GROW);
	len = proto_write_end(&w);
	if (r->fault == RELAY_OTHER_VERSION)
		((struct proto_header *)(void *)buf)->major = 9;
	if (r->fault == RELAY_BAD_SIZE)
		((struct proto_header *)(void *)buf)->length += 8;
	fake_relay_send(r, buf, len, fds, n_fds);
	for (size_t i = 0; i < n_fds; i++)
		close(fds[i]);
}

static inline void fake_relay_serve(struct fake_relay *r) {
	static _Alignas(8) uint8_t buf[PROTO_MESSAGE_MAX];
	ssize_t n;

	while ((n = recv(r->fd, buf, sizeof(buf), 0)) > 0) {
		if (proto_check(buf, (size_t)n) < 0)
			abort(); // what the client sends must be good
		r->request = (const struct proto_header *)(const void *)buf;
		r->item = buf + sizeof(*r->request);
		if (r->fault == RELAY_HANGS_UP)
			return;
		if (r->fault == RELAY_SILENT)
			continue;
		if (r->fault == RELAY_STRAYS || r->fault == RELAY_ONLY_STRAYS)
			fake_relay_strays(r, r->fault == RELAY_STRAYS ? 10 : 80);
		if (r->fault != RELAY_ONLY_STRAYS)
			fake_relay_reply(r);
	}
}

// Listen at path from now on. Gives the process, to be ended with fake_process_end.
static inline pid_t fake_relay_start(const char *path, enum fake_relay_fault fault) {
	int listener = unix_socket_listen(path, SOCK_SEQPACKET, NULL);
	pid_t pid;

	ck_assert_int_ge(listener, 0);
	ck_assert_int_eq(fcntl(listener, F_SETFL, 0), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid > 0) {
		close(listener);
		return pid;
	}
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		struct fake_relay r = {.fault = fault, .fd = accept(listener, NULL, NULL)};

		if (r.fd < 0)
			_exit(1);
		fake_relay_serve(&r);
		close(r.fd);
	}
}

static inline void fake_process_end(pid_t pid) {
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}
