// hostile_client: a client of the relay's control protocol that misbehaves.
//
//	hostile_client SOCKET CASE
//
// Prints what came of it: "closed" (the relay ended the connection), "status N" (the errno of the reply), "open" (neither
// within a second). A case that only makes noise prints "done", one that stays "here", and is to be ended.
#include "relay/protocol.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { WAIT_MS = 1000, SILENCE_MS = 10000, FLOOD = 20000, CONNECTIONS = 200 };

static const char *socket_path;

static int open_connection(void) {
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	snprintf(a.sun_path, sizeof(a.sun_path), "%s", socket_path);
	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0) {
		perror(socket_path);
		exit(3);
	}
	return fd;
}

// A message of one item. Gives its length.
static size_t make(void *buf, uint16_t type, const void *item, size_t size) {
	struct proto_header h = {
		.length = (uint32_t)(sizeof(h) + size), .major = PROTO_MAJOR, .type = type, .id = 7};

	h.n_items = size > 0;
	memcpy(buf, &h, sizeof(h));
	if (size > 0)
		memcpy((uint8_t *)buf + sizeof(h), item, size);
	return sizeof(h) + size;
}

static void send_item(int fd, uint16_t type, const void *item, size_t size) {
	uint8_t buf[PROTO_MESSAGE_MAX];

	if (send(fd, buf, make(buf, type, item, size), MSG_NOSIGNAL) < 0)
		perror("send");
}

static void say_outcome_within(int fd, int wait_ms) {
	struct pollfd p = {.fd = fd, .events = POLLIN};
	uint8_t buf[PROTO_MESSAGE_MAX];
	struct proto_header h;
	ssize_t n;

	if (poll(&p, 1, wait_ms) <= 0) {
		puts("open");
		return;
	}
	n = recv(fd, buf, sizeof(buf), 0);
	if (n < (ssize_t)sizeof(h)) {
		puts("closed");
		return;
	}
	memcpy(&h, buf, sizeof(h));
	printf("status %u\n", h.status);
}

static void say_outcome(int fd) {
	say_outcome_within(fd, WAIT_MS);
}

static int hello(enum proto_role role, uint32_t owner_id) {
	struct proto_hello item = {.length = sizeof(item), .role = role, .owner_id = owner_id};
	int fd = open_connection();

	send_item(fd, PROTO_HELLO, &item, sizeof(item));
	return fd;
}

// After HELLO and its reply.
static int welcomed(enum proto_role role, uint32_t owner_id) {
	uint8_t buf[PROTO_MESSAGE_MAX];
	int fd = hello(role, owner_id);

	if (recv(fd, buf, sizeof(buf), 0) <= 0) {
		puts("not welcome");
		exit(1);
	}
	return fd;
}

static void send_raw(const void *bytes, size_t n) {
	int fd = open_connection();

	if (send(fd, bytes, n, MSG_NOSIGNAL) < 0)
		perror("send");
	say_outcome(fd);
	close(fd);
}

// ---- cases ----

static void half(void) {
	uint8_t buf[256];
	struct proto_hello item = {.length = sizeof(item), .role = PROTO_OBSERVER};

	send_raw(buf, make(buf, PROTO_HELLO, &item, sizeof(item)) / 2);
}

static void wrong_length(void) {
	struct proto_header h = {.length = 60000, .major = PROTO_MAJOR, .type = PROTO_HELLO, .n_items = 1};

	send_raw(&h, sizeof(h));
}

static void wrong_item(void) {
	struct proto_hello item = {.length = 5000, .role = PROTO_OBSERVER};
	uint8_t buf[256];

	send_raw(buf, make(buf, PROTO_HELLO, &item, sizeof(item)));
}

static void other_major(void) {
	struct proto_header h = {.length = sizeof(h), .major = PROTO_MAJOR + 1, .type = PROTO_HELLO};

	send_raw(&h, sizeof(h));
}

static void no_hello(void) {
	struct proto_session_ref item = {.length = sizeof(item), .session_id = 1};
	uint8_t buf[256];

	send_raw(buf, make(buf, PROTO_SESSION_DELETE, &item, sizeof(item)));
}

static void second_controller(void) {
	int fd = hello(PROTO_CONTROLLER, 1);

	say_outcome(fd);
}

static void silence(void) {
	say_outcome_within(open_connection(), SILENCE_MS);
}

static void controller(void) {
	say_outcome(hello(PROTO_CONTROLLER, 77));
}

static void observer(void) {
	say_outcome(hello(PROTO_OBSERVER, 0));
}

static void observer_deletes(void) {
	struct proto_session_ref item = {.length = sizeof(item), .session_id = 1ull << 48 | 1};
	int fd = welcomed(PROTO_OBSERVER, 0);

	send_item(fd, PROTO_SESSION_DELETE, &item, sizeof(item));
	say_outcome(fd);
}

static void unknown_type(void) {
	int fd = welcomed(PROTO_OBSERVER, 0);

	send_item(fd, 4711, NULL, 0);
	say_outcome(fd);
}

static void foreign_session(void) { // of another owner id than its own
	struct proto_session_ref item = {.length = sizeof(item), .session_id = 1ull << 48 | 1};
	int fd = welcomed(PROTO_CONTROLLER, 77);

	send_item(fd, PROTO_CLAIM, &item, sizeof(item));
	say_outcome(fd);
}

static void absurd_session(void) {
	struct proto_session item = {.length = sizeof(item), .session_id = 77ull << 48 | 1};
	int fd = welcomed(PROTO_CONTROLLER, 77);

	memset(&item.side, 0xff,
		sizeof(item.side)); // a name without its end, families and modes that don't exist
	send_item(fd, PROTO_SESSION_PUT, &item, sizeof(item));
	say_outcome(fd);
}

// Asks without ever reading an answer, then dies.
static void flood(void) {
	struct proto_list item = {.length = sizeof(item)};
	int fd = welcomed(PROTO_OBSERVER, 0);
	uint8_t buf[256];
	const size_t n = make(buf, PROTO_SESSION_LIST, &item, sizeof(item));

	for (int i = 0; i < FLOOD; i++) {
		if (send(fd, buf, n, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 && errno != EAGAIN)
			break;
	}
	puts("done");
}

static void noise(void) {
	uint8_t buf[4096];

	srand(1);
	for (int i = 0; i < 2000; i++) {
		const size_t n = 1 + (size_t)rand() % sizeof(buf);
		int fd = i % 2 == 0 ? open_connection() : welcomed(PROTO_OBSERVER, 0);

		for (size_t k = 0; k < n; k++)
			buf[k] = (uint8_t)rand();
		if (i % 4 > 1) { // believable up to the type
			const struct proto_header h = {.length = (uint32_t)n,
				.major = PROTO_MAJOR,
				.type = (uint16_t)(rand() % 10),
				.n_items = (uint32_t)(rand() % 4)};

			memcpy(buf, &h, n < sizeof(h) ? n : sizeof(h));
		}
		(void)!send(fd, buf, n, MSG_NOSIGNAL);
		close(fd);
	}
	puts("done");
}

// As many connections as it may have; says how many of them are of any use.
static void crowd(void) {
	struct pollfd p[CONNECTIONS];
	unsigned answered = 0;

	for (int i = 0; i < CONNECTIONS; i++)
		p[i] = (struct pollfd){.fd = hello(PROTO_OBSERVER, 0), .events = POLLIN};
	for (int i = 0; i < CONNECTIONS; i++) {
		uint8_t buf[256];

		answered += poll(&p[i], 1, 100) > 0 && recv(p[i].fd, buf, sizeof(buf), 0) > 0;
	}
	fprintf(stderr, "%u of %d connections were welcomed\n", answered, CONNECTIONS);
	puts("done");
}

static void stay(void) {
	puts("here");
	fflush(stdout);
	for (;;)
		pause();
}

// Each connection that it may have is taken, and kept as long as the relay lets it.
static void silent_crowd(void) {
	for (int i = 0; i < CONNECTIONS; i++)
		(void)open_connection();
	stay();
}

static void observing_crowd(void) {
	for (int i = 0; i < CONNECTIONS; i++)
		(void)hello(PROTO_OBSERVER, 0);
	stay();
}

static const struct {
	const char *name;
	void (*run)(void);
} cases[] = {
	{"half", half},
	{"wrong_length", wrong_length},
	{"wrong_item", wrong_item},
	{"other_major", other_major},
	{"no_hello", no_hello},
	{"second_controller", second_controller},
	{"silence", silence},
	{"controller", controller},
	{"observer", observer},
	{"observer_deletes", observer_deletes},
	{"unknown_type", unknown_type},
	{"foreign_session", foreign_session},
	{"absurd_session", absurd_session},
	{"flood", flood},
	{"noise", noise},
	{"crowd", crowd},
	{"silent_crowd", silent_crowd},
	{"observing_crowd", observing_crowd},
};

int main(int argc, char **argv) {
	for (size_t i = 0; argc == 3 && i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (strcmp(argv[2], cases[i].name) == 0) {
			socket_path = argv[1];
			cases[i].run();
			return 0;
		}
	}
	fprintf(stderr, "usage: hostile_client SOCKET CASE\n");
	return 2;
}
