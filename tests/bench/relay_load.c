// relay_load: a controller that holds many sessions in a relay, and says how fast that went.
//
//	relay_load [OPTION]… -s SIDE -s SIDE STEP…
//
// SIDE: see load_plan.h. Options: -c SOCKET, -n SESSIONS (1000), -f FIRST counter of the ids (1), -o OWNER id (99),
// -b sessions a PUT (as many as fit), -w requests under way (16), -m MAC of the relay's ports (02:00:00:00:00:0a), -p FRAMES
// of a capture file (one a session), -l PAYLOAD bytes of an RTP packet (160), -e FILE with endpoints to make frames from, as
// another relay chose them (it has the form of what endpoints= writes).
//
// Steps, in the order given, over one connection that is opened by the first that needs it:
//
//	put            put all sessions
//	list           list them in pages: all there, and each once
//	count          find them in the shared counters
//	delete         delete them: all were there
//	endpoints=FILE a line a session: ours and the peer's RTP endpoint of side 0, the same of side 1
//	frames0=FILE   RTP of all sessions in turn, as side 0's peers send it (frames1: side 1's), as a pcap file
//	hold           print "holding" and wait for SIGTERM, SIGINT
//
// Sessions outlive the connection; with another HELLO of the same owner they have 30 s to be put or deleted. Prints a figure a
// line: name, value, unit. Exit status: 0, 1 something does not add up or was refused, 2 usage, 3 no relay.
#include "tests/bench/load_client.h"
#include "dpdk_app/clock.h"
#include "tests/bench/load_frames.h"

#include "control/ops/relay_observer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { ROUND_TRIP_MS = 10000 };

struct load {
	struct load_plan plan;
	const char *socket_path, *endpoints_path;
	uint32_t batch, n_frames;
	unsigned window, n_sides;
	uint16_t payload_bytes;
	uint8_t mac[6];

	struct load_client *client;
	struct endpoint *locals[2]; // a session each, as the relay chose; NULL before put
	uint64_t forwarded; // packets, by the final counters
	uint32_t n_taken; // sessions of the replies so far
};

static void show_rate(const char *name, uint64_t n, const char *unit, uint64_t since_ns) {
	printf("%s %.0f %s/s\n", name, (double)n * 1e9 / (double)(clock_now_ns() - since_ns), unit);
}

static int connected(struct load *l) {
	if (l->client != NULL)
		return 0;
	if (l->socket_path == NULL)
		return -EDESTADDRREQ;
	return load_client_open(l->socket_path, l->plan.owner_id, &l->client);
}

// A reply's session must be the one asked for.
static int taken(struct load *l, uint32_t i, uint64_t session_id) {
	if (i >= l->plan.n || session_id != load_plan_session_id(&l->plan, i))
		return -EBADMSG;
	l->n_taken++;
	return 0;
}

// ---- put ----

static void make_put(void *ctx, uint32_t index, struct proto_writer *w) {
	const struct load *l = ctx;

	for (uint32_t i = index * l->batch; i < l->plan.n && i < (index + 1) * l->batch; i++) {
		const struct proto_session s = load_plan_session(&l->plan, i);

		proto_write_item(w, &s, sizeof(s));
	}
}

static int took_put(void *ctx, uint32_t index, struct proto_reader *items) {
	struct load *l = ctx;
	struct proto_put_result result;
	int ret = 0;

	for (uint32_t i = index * l->batch;
		ret == 0 && proto_read_item(items, &result, sizeof(result), sizeof(result)); i++) {
		ret = taken(l, i, result.session_id);
		for (unsigned side = 0; side < 2 && ret == 0; side++)
			l->locals[side][i] = result.local[side];
	}
	return ret;
}

static bool make_locals(struct load *l) {
	for (unsigned side = 0; side < 2; side++) {
		if (l->locals[side] == NULL)
			l->locals[side] = calloc(l->plan.n, sizeof(**l->locals));
		if (l->locals[side] == NULL)
			return false;
	}
	return true;
}

// All requests of one type, per_request sessions each; rate is the figure's name.
static int run(struct load *l, struct load_work *work, uint32_t per_request, const char *rate) {
	const uint64_t start = clock_now_ns();
	uint32_t n_again = 0;
	int ret;

	work->n = (l->plan.n + per_request - 1) / per_request;
	work->window = l->window;
	work->ctx = l;
	l->n_taken = 0;
	ret = load_client_run(l->client, work, &n_again);
	if (ret < 0)
		return ret;
	show_rate(rate, l->plan.n, "sessions", start);
	if (n_again > 0)
		printf("%s_again %u requests\n", rate, n_again);
	return l->n_taken == l->plan.n ? 0 : -ENODATA;
}

static int put(struct load *l, const char *file) {
	struct load_work work = {.type = PROTO_SESSION_PUT, .make = make_put, .took = took_put};
	int ret = connected(l);

	(void)file;
	if (!make_locals(l))
		return -ENOMEM;
	return ret < 0 ? ret : run(l, &work, l->batch, "put_rate");
}

// ---- delete ----

static void make_delete(void *ctx, uint32_t index, struct proto_writer *w) {
	const struct load *l = ctx;

	for (uint32_t i = index * PROTO_STATES_MAX; i < l->plan.n && i < (index + 1) * PROTO_STATES_MAX;
		i++) {
		const struct proto_session_ref ref = {.session_id = load_plan_session_id(&l->plan, i)};

		proto_write_item(w, &ref, sizeof(ref));
	}
}

static int took_delete(void *ctx, uint32_t index, struct proto_reader *items) {
	struct load *l = ctx;
	struct proto_session_state state;
	int ret = 0;

	for (uint32_t i = index * PROTO_STATES_MAX;
		ret == 0 && proto_read_item(items, &state, sizeof(state), sizeof(state)); i++) {
		ret = state.slot == UINT32_MAX ? -ENOENT : taken(l, i, state.wanted.session_id);
		for (unsigned component = 0; component < 4; component++)
			l->forwarded += state.component[component / 2][component % 2].counters.forwarded;
	}
	return ret;
}

static int delete_all(struct load *l, const char *file) {
	struct load_work work = {.type = PROTO_SESSION_DELETE, .make = make_delete, .took = took_delete};
	int ret = connected(l);

	(void)file;
	l->forwarded = 0;
	if (ret == 0)
		ret = run(l, &work, PROTO_STATES_MAX, "delete_rate");
	if (ret == 0)
		printf("forwarded %" PRIu64 " packets\n", l->forwarded);
	return ret;
}

// ---- what an observer sees ----

static bool on_listed(void *ctx, const struct proto_session_state *state) {
	struct load *l = ctx;

	return taken(l, l->n_taken, state->wanted.session_id) == 0;
}

static int list_all(struct load *l, const char *file) {
	struct relay_observer *observer;
	uint64_t start;
	int ret = relay_observer_open(l->socket_path, ROUND_TRIP_MS, &observer);

	(void)file;
	if (ret < 0)
		return ret;
	start = clock_now_ns();
	l->n_taken = 0;
	ret = relay_observer_list(observer, 0, on_listed, l);
	show_rate("list_rate", l->n_taken, "sessions", start);
	show_rate("list_pages", l->n_taken / PROTO_STATES_MAX + 1, "pages", start);
	printf("listed %u sessions\n", l->n_taken);
	relay_observer_close(observer);
	return ret == 0 && l->n_taken != l->plan.n ? -ENODATA : ret;
}

// Each component of a session has a slot that carries its id.
static int count_slots(struct load *l, const struct stats_map *map) {
	const uint64_t first = load_plan_session_id(&l->plan, 0);
	struct component_slot slot;
	struct stats_header header;
	uint32_t n = 0;

	stats_map_header(map, &header);
	for (uint32_t i = 0; stats_map_component(map, i, &slot); i++)
		n += slot.session_id >= first && slot.session_id < first + l->plan.n;
	printf("sessions %" PRIu64 " sessions\n", header.sessions);
	printf("counted %u components\n", n);
	return n == 4 * l->plan.n && header.sessions >= l->plan.n ? 0 : -ENODATA;
}

static int count(struct load *l, const char *file) {
	struct relay_observer *observer;
	struct stats_map *map;
	int ret = relay_observer_open(l->socket_path, ROUND_TRIP_MS, &observer);

	(void)file;
	if (ret < 0)
		return ret;
	ret = relay_observer_stats(observer, &map);
	relay_observer_close(observer);
	if (ret < 0)
		return ret;
	ret = count_slots(l, map);
	stats_map_close(map);
	return ret;
}

// ---- files ----

static struct endpoint local_of(const struct load *l, unsigned side, uint32_t i) {
	return l->locals[side] != NULL ? l->locals[side][i] : load_range_at(&l->plan.side[side].local, i);
}

static int write_endpoints(struct load *l, const char *path) {
	char ours[ENDPOINT_TEXT], theirs[ENDPOINT_TEXT];
	FILE *file = fopen(path, "w");

	if (file == NULL)
		return -errno;
	for (uint32_t i = 0; i < l->plan.n; i++)
		for (unsigned side = 0; side < 2; side++) {
			const struct endpoint local = local_of(l, side, i);
			const struct endpoint remote = load_range_at(&l->plan.side[side].remote, i);

			fprintf(file, "%s %s%c", endpoint_format(&local, ours),
				endpoint_format(&remote, theirs), side == 0 ? ' ' : '\n');
		}
	return fclose(file) == 0 ? 0 : -errno;
}

static int write_frames(const struct load *l, unsigned side, const char *path) {
	struct load_frames frames = {
		.plan = &l->plan, .side = side, .payload_bytes = l->payload_bytes, .locals = l->locals[side]};

	if (frames.locals == NULL && l->plan.side[side].local.addr == 0)
		return -EDESTADDRREQ; // nobody has chosen yet
	memcpy(frames.mac, l->mac, sizeof(frames.mac));
	frames.n = l->n_frames > 0 ? l->n_frames : l->plan.n;
	return load_frames_write(&frames, path);
}

static int write_frames0(struct load *l, const char *path) {
	return write_frames(l, 0, path);
}

static int write_frames1(struct load *l, const char *path) {
	return write_frames(l, 1, path);
}

// ---- steps ----

static int hold(struct load *l, const char *file) {
	sigset_t ends;
	int which;

	(void)l, (void)file;
	puts("holding");
	fflush(stdout);
	sigemptyset(&ends);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGINT);
	sigprocmask(SIG_BLOCK, &ends, NULL);
	return -sigwait(&ends, &which);
}

static const struct step {
	const char *name;
	bool takes_file;
	int (*run)(struct load *l, const char *file);
} steps[] = {
	{"put", false, put},
	{"list", false, list_all},
	{"count", false, count},
	{"delete", false, delete_all},
	{"endpoints", true, write_endpoints},
	{"frames0", true, write_frames0},
	{"frames1", true, write_frames1},
	{"hold", false, hold},
};

static const struct step *step_find(const char *text) {
	const size_t len = strcspn(text, "=");

	for (unsigned i = 0; i < sizeof(steps) / sizeof(*steps); i++)
		if (strlen(steps[i].name) == len && strncmp(steps[i].name, text, len) == 0 &&
			steps[i].takes_file == (text[len] == '='))
			return &steps[i];
	return NULL;
}

static int run_steps(struct load *l, char **texts) {
	for (; *texts != NULL; texts++) {
		const struct step *step = step_find(*texts);
		int ret = step->run(l, step->takes_file ? strchr(*texts, '=') + 1 : NULL);

		fflush(stdout);
		if (ret < 0) {
			fprintf(stderr, "relay_load: %s: %s\n", *texts, strerror(-ret));
			return ret == -ENOENT || ret == -ECONNREFUSED ? 3 : 1;
		}
	}
	return 0;
}

// Of each line of a file of endpoints only ours are taken: the peers' are the plan's.
static bool read_endpoints(struct load *l, const char *path) {
	unsigned ours[2][4], port[2];
	FILE *file = fopen(path, "r");
	uint32_t i = 0;

	if (file == NULL || !make_locals(l))
		return false;
	for (; i < l->plan.n; i++) {
		if (fscanf(file, "%u.%u.%u.%u:%u %*s %u.%u.%u.%u:%u %*s", &ours[0][0], &ours[0][1],
			    &ours[0][2], &ours[0][3], &port[0], &ours[1][0], &ours[1][1], &ours[1][2],
			    &ours[1][3], &port[1]) != 10)
			break;
		for (unsigned side = 0; side < 2; side++)
			l->locals[side][i] = endpoint_v4(htonl(ours[side][0] << 24 | ours[side][1] << 16 |
								 ours[side][2] << 8 | ours[side][3]),
				(uint16_t)port[side]);
	}
	fclose(file);
	return i == l->plan.n;
}

static bool parse_mac(const char *text, uint8_t mac[6]) {
	return sscanf(text, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx", &mac[0], &mac[1], &mac[2], &mac[3],
		       &mac[4], &mac[5]) == 6;
}

static bool parse_option(struct load *l, int option) {
	const unsigned long n = strtoul(optarg, NULL, 10);

	switch (option) {
	case 'c':
		l->socket_path = optarg;
		return true;
	case 's':
		return l->n_sides < 2 && load_plan_parse_side(optarg, &l->plan.side[l->n_sides++]) == 0;
	case 'm':
		return parse_mac(optarg, l->mac);
	case 'e':
		l->endpoints_path = optarg;
		return true;
	case 'n':
		l->plan.n = (uint32_t)n;
		break;
	case 'f':
		l->plan.first = n;
		break;
	case 'o':
		l->plan.owner_id = (uint16_t)n;
		break;
	case 'b':
		l->batch = (uint32_t)n;
		return n >= 1 && n <= PROTO_PUTS_MAX;
	case 'w':
		l->window = (unsigned)n;
		return n >= 1 && n <= PROTO_OUTSTANDING_MAX;
	case 'p':
		l->n_frames = (uint32_t)n;
		break;
	case 'l':
		l->payload_bytes = (uint16_t)n;
		return n <= 1400;
	default:
		return false;
	}
	return n > 0;
}

static bool parse(struct load *l, int argc, char **argv) {
	int option;

	while ((option = getopt(argc, argv, "c:s:n:f:o:b:w:m:p:l:e:")) != -1)
		if (!parse_option(l, option))
			return false;
	for (int i = optind; i < argc; i++)
		if (step_find(argv[i]) == NULL)
			return false;
	if (l->n_sides != 2 || optind == argc)
		return false;
	return l->endpoints_path == NULL || read_endpoints(l, l->endpoints_path);
}

int main(int argc, char **argv) {
	struct load l = {
		.plan = {.owner_id = 99, .first = 1, .n = 1000},
		.batch = PROTO_PUTS_MAX,
		.window = 16,
		.payload_bytes = 160,
		.mac = {2, 0, 0, 0, 0, 0xa},
	};
	int status;

	if (!parse(&l, argc, argv)) {
		fprintf(stderr,
			"usage: relay_load [-c SOCKET] [-n SESSIONS] [-f FIRST] [-o OWNER] [-b BATCH] [-w WINDOW] "
			"[-m MAC] [-p FRAMES] [-l PAYLOAD] [-e FILE] -s SIDE -s SIDE STEP…\n");
		return 2;
	}
	status = run_steps(&l, argv + optind);
	load_client_close(l.client);
	free(l.locals[0]);
	free(l.locals[1]);
	return status;
}
