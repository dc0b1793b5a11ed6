// Any messages on any connections, while the worker polls when it likes. What must hold after each step: every session is
// found by its id, slots, ports and next hops add up; and once all have left and time has passed, nothing is held.
#include "relay/core.h"
#include "tests/unit/relay_fixture.h"

enum { SESSIONS = 8, CONNS = 4 };

#define S 1000000000ull

struct input {
	const uint8_t *next, *end;
};

static uint8_t take(struct input *in) {
	return in->next < in->end ? *in->next++ : 0;
}

static struct fixture *f;
static struct server_conn *conns[CONNS];

#define CHECK(x) \
	do { \
		if (!(x)) { \
			fprintf(stderr, "does not hold: %s (line %d)\n", #x, __LINE__); \
			abort(); \
		} \
	} while (0)

static void check_ports(void) {
	unsigned used[RELAY_MEDIA_MAX] = {0};
	const struct outbox *o = &f->r->outbox;

	for (uint32_t slot = 0; slot < SESSIONS; slot++) {
		const struct session *s = &f->r->store.sessions[slot];

		for (unsigned i = 0; i < 2 && (s->state == SESSION_LIVE || s->state == SESSION_CLEARING);
			i++) {
			const struct port_pool *pool = &f->r->pools[s->side[i].media];

			CHECK(port_pool_has(pool, s->side[i].port));
			CHECK(pool->pairs[(s->side[i].port - pool->first) / 2].state == PAIR_USED);
			used[s->side[i].media]++;
		}
	}
	for (uint32_t i = 0; i < o->n_releases; i++)
		if (o->releases[(o->first_release + i) % OUTBOX_RELEASES].port != 0)
			used[o->releases[(o->first_release + i) % OUTBOX_RELEASES].media]++;
	for (unsigned i = 0; i < f->params.n_media; i++) {
		const struct port_pool *pool = &f->r->pools[i];

		CHECK(used[i] + port_pool_free(pool) + pool->resting.n == pool->n_pairs);
	}
}

static void check_hops(void) {
	const struct outbox *o = &f->r->outbox;
	unsigned n = 0;

	for (uint32_t slot = 0; slot < SESSIONS; slot++)
		for (unsigned i = 0; i < COMPONENTS; i++)
			n += f->r->store.sessions[slot].hop[i] != 0;
	for (uint32_t i = 0; i < o->n_releases; i++)
		n += o->releases[(o->first_release + i) % OUTBOX_RELEASES].port == 0;
	CHECK(n == fix_hops_used(f));
}

static void check_store(void) {
	const struct session_store *s = &f->r->store;
	uint32_t live = 0, taken = 0, owned = 0;

	for (uint32_t slot = 0; slot < SESSIONS; slot++) {
		CHECK((s->ids[slot] != 0) == (s->sessions[slot].state == SESSION_LIVE));
		if (s->ids[slot] != 0) {
			CHECK(session_store_find(s, s->ids[slot]) == slot);
			CHECK(s->ids[slot] >> 48 >= 1 && s->ids[slot] >> 48 <= 3);
		}
		live += s->sessions[slot].state == SESSION_LIVE;
		taken += s->sessions[slot].state != SESSION_FREE;
	}
	for (unsigned i = 0; i < OWNERS_MAX; i++)
		owned += f->r->watch.owners[i].n_sessions;
	CHECK(s->n == live && owned == live && s->n_free == SESSIONS - taken);
	check_ports();
	check_hops();
}

static void open_conn(unsigned i, bool controller) {
	if (conns[i] == NULL)
		conns[i] = fix_open(f, NULL, controller);
}

static void close_conn(unsigned i) {
	relay_conn_close(f->r, conns[i], f->now);
	conns[i] = NULL;
}

static void take_endpoint(struct input *in, struct endpoint *e) {
	uint8_t what = take(in);

	if (what & 0x80)
		*e = endpoint_v4(htonl(0xc0000200 | (what & 3)), (uint16_t)(4000 + (what >> 2 & 3)));
	else if (what == 1)
		e->family = IP_V6;
	else if (what == 2)
		e->family = 77;
}

static void take_side(struct input *in, struct proto_side *side) {
	static const char *const realms[] = {"access", "core", "edge", "none"};
	static const char *const locals[] = {"203.0.113.1", "203.0.113.3", "198.51.100.1", "203.0.113.2"};
	uint8_t what = take(in), local = take(in);

	snprintf(side->realm, PROTO_NAME, "%s", realms[what & 3]);
	side->latch = what >> 2 & 3;
	side->latch_epoch = what >> 4 & 3;
	if (local & 0x80)
		side->local = fix_endpoint(locals[local & 3], 0);
	if (local & 0x40)
		side->local.port =
			(uint16_t)((local & 3) == 1 ? 20000 + (local >> 2 & 3) : 16384 + (local >> 2 & 15));
	for (unsigned i = 0; i < 2 && what & 0x40; i++) {
		take_endpoint(in, &side->remote[i]);
		take_endpoint(in, &side->learnt[i]);
	}
	take_endpoint(in, &side->vouched);
}

static uint64_t take_id(struct input *in) {
	uint8_t what = take(in);

	return (uint64_t)(what >> 6) << 48 | (what & 15);
}

static bool take_item(struct input *in, uint16_t type, struct proto_writer *w) {
	struct proto_hello hello = {0};
	struct proto_session session = {0};
	struct proto_session_ref ref = {0};
	struct proto_list list = {0};

	switch (type) {
	case PROTO_HELLO:
		hello.role = take(in) & 3;
		hello.owner_id = take(in) & 3;
		return proto_write_item(w, &hello, sizeof(hello));
	case PROTO_SESSION_PUT:
		session.session_id = take_id(in);
		session.media_timeout_ms = take(in) * 1000u;
		take_side(in, &session.side[0]);
		take_side(in, &session.side[1]);
		return proto_write_item(w, &session, sizeof(session));
	case PROTO_SESSION_LIST:
		list.limit = take(in);
		list.after = take_id(in);
		return proto_write_item(w, &list, sizeof(list));
	default:
		ref.session_id = take_id(in);
		return proto_write_item(w, &ref, sizeof(ref));
	}
}

static size_t take_message(struct input *in, uint8_t *buf, size_t size) {
	uint8_t type = take(in), n = take(in) & 7, spoils;
	struct proto_writer w;
	size_t len;

	proto_write_begin(&w, buf, size, type & 0x80 ? type : type % (PROTO_STATS + 2), type, 0);
	while (n-- > 0)
		take_item(in, type & 0x80 ? type : type % (PROTO_STATS + 2), &w);
	len = proto_write_end(&w);
	for (spoils = take(in) & 3; spoils > 0; spoils--) {
		uint8_t at = take(in);

		buf[at % len] = take(in);
	}
	return len;
}

static void send_message(struct input *in, unsigned i) {
	static uint8_t buf[8192];
	uint8_t *exact;
	size_t len = take_message(in, buf, sizeof(buf));

	if (conns[i] == NULL)
		return;
	exact = malloc(len); // of its own, so that reading beyond it is seen
	if (exact == NULL)
		abort();
	memcpy(exact, buf, len);
	if (relay_conn_message(f->r, conns[i], exact, len, f->now) < 0)
		close_conn(i);
	free(exact);
}

static void step(struct input *in) {
	uint8_t what = take(in);
	unsigned i = what >> 3 & (CONNS - 1);

	switch (what & 7) {
	case 0:
		open_conn(i, what & 0x80);
		break;
	case 1:
		close_conn(i);
		break;
	case 2:
		relay_worker_poll(f->w, f->now);
		break;
	case 3:
		f->now += (uint64_t)take(in) * 100000000;
		relay_tick(f->r, f->now);
		break;
	case 4:
		f->send_result = (const int[]){0, 0, -EAGAIN, -EPIPE}[what >> 6];
		break;
	case 5:
		fix_media(f, "192.0.2.1", (uint16_t)(4000 + (what >> 6)),
			&(struct endpoint){
				.addr = {203, 0, 113, 1}, .family = IP_V4, .port = (uint16_t)(16384 + 2 * i)},
			0, false);
		break;
	default:
		send_message(in, i);
	}
}

static void end(void) {
	f->send_result = 0;
	for (unsigned i = 0; i < CONNS; i++)
		close_conn(i);
	for (unsigned i = 0; i < 3; i++) { // nobody is here: an hour on, nothing is
		f->now += 3700 * S;
		fix_settle(f);
	}
	check_store();
	CHECK(relay_sessions(f->r) == 0 && f->r->store.n_free == SESSIONS && fix_hops_used(f) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	struct input in = {data, data + size};

	if (f == NULL) { // one relay for all runs: each ends with nothing held
		f = fix_create(SESSIONS);
		relay_conn_close(f->r, f->c, f->now);
	}
	open_conn(0, true);
	for (unsigned n = 0; in.next < in.end && n < 500; n++) {
		step(&in);
		check_store();
		fix_forget(f);
	}
	end();
	return 0;
}
