#include "relay/watch.h"

#include "relay/clock.h"
#include "relay/core.h"
#include "relay/counter.h"
#include "relay/learnt.h"

#define SCAN_NS 1000000000ull
#define FLOWS_NS 3000000000ull // a packet within this: media flows
#define ONE_WAY_NS 10000000000ull
#define SYNC_NS 30000000000ull
#define AWAY_NS 3600000000000ull

enum { SLICE = 4096 };

struct owner *watch_owner(struct relay *r, uint32_t id) {
	struct owner *free_one = NULL;

	for (unsigned i = 0; i < OWNERS_MAX; i++) {
		struct owner *o = &r->watch.owners[i];

		if (o->id == id)
			return o;
		if (free_one == NULL && (o->id == 0 || (o->conn == NULL && o->n_sessions == 0)))
			free_one = o;
	}
	if (free_one != NULL)
		*free_one = (struct owner){.id = id};
	return free_one;
}

void watch_owner_came(struct owner *o, struct server_conn *c, uint64_t now_ns) {
	o->conn = c;
	o->generation++;
	o->hello_ns = now_ns;
	o->synced = o->sweeping = false;
}

void watch_owner_left(struct owner *o, uint64_t now_ns) {
	o->conn = NULL;
	o->gone_ns = now_ns;
	o->sweeping = false; // what the next one wants is not known yet
}

void watch_sweep(struct owner *o) {
	o->synced = o->sweeping = true;
	o->sweep_next = 0;
}

void watch_session_ended(struct relay *r, uint64_t session_id) {
	watch_owner(r, (uint32_t)(session_id >> 48))->n_sessions--;
}

// New event bits by side, told to subscribers.
static void tell(struct relay *r, uint32_t slot, const uint32_t events[2]) {
	struct session *s = &r->store.sessions[slot];
	struct proto_event e = {
		.length = sizeof(e),
		.session_id = r->store.ids[slot],
		.call_id = r->store.call_ids[slot],
		.events = {events[0], events[1]},
	};

	if ((events[0] | events[1]) == 0)
		return;
	for (unsigned i = 0; i < COMPONENTS; i++) {
		s->events[i / 2] |= events[i / 2];
		learnt_read(counters_component(r->stats, slot * COMPONENTS + i), &e.learnt[i / 2][i % 2]);
	}
	server_tell(r, &e);
}

static void look_at(struct relay *r, uint32_t slot) {
	struct session *s = &r->store.sessions[slot];
	uint32_t events[2] = {0, 0};
	struct endpoint learnt;

	for (unsigned i = 0; i < COMPONENTS; i++) {
		const struct component_slot *c = counters_component(r->stats, slot * COMPONENTS + i);
		uint32_t seq, bits;

		if (counter_read32(&c->generation) != s->generation)
			return; // the slot's last tenant
		bits = counter_read32(&c->events);
		seq = learnt_read(c, &learnt);
		events[i / 2] |= bits & ~s->events[i / 2];
		if ((bits & EVENT_LATCHED) && seq != s->latch_seq[i])
			events[i / 2] |= EVENT_LATCHED;
		s->latch_seq[i] = seq;
	}
	session_aim(r, slot);
	tell(r, slot, events);
}

static void look_at_word(struct relay *r, struct relay_worker *w, uint32_t word) {
	uint64_t bits = worker_take_dirty(w, word);

	while (bits != 0) {
		uint32_t slot = word * 64 + (uint32_t)__builtin_ctzll(bits);

		if (!outbox_has_room(r, 1)) {
			worker_set_dirty(w, word, bits);
			r->watch.look_again = true;
			return;
		}
		bits &= bits - 1;
		if (r->store.sessions[slot].state == SESSION_LIVE)
			look_at(r, slot);
	}
}

static void look_at_worker(struct relay *r, unsigned worker, bool again) {
	struct relay_worker *w = r->workers[worker];
	// Acquire: the dirty bits that the number counts are visible.
	uint64_t seq = atomic_load_explicit(&w->event_seq, memory_order_acquire);

	if (seq == r->watch.event_seq[worker] && !again)
		return;
	r->watch.event_seq[worker] = seq;
	for (uint32_t word = 0; word < (r->store.max + 63) / 64; word++)
		look_at_word(r, w, word);
}

void watch_events(struct relay *r) {
	bool again = r->watch.look_again;

	r->watch.look_again = false;
	for (unsigned i = 0; i < r->params.n_workers; i++)
		look_at_worker(r, i, again);
}

static uint64_t latest(uint64_t a, uint64_t b) {
	return a > b ? a : b;
}

static uint32_t check_one_way(const struct relay *r, uint32_t slot, unsigned silent, uint64_t now_ns) {
	const struct component_slot *flowing =
		counters_component(r->stats, slot * COMPONENTS + 2 * (1 - silent));
	uint64_t last = session_last_in(r, slot, 2 * (1 - silent)), since;

	if (last == 0 || clock_since(now_ns, last) > FLOWS_NS)
		return 0;
	since = latest(session_last_in(r, slot, 2 * silent), counter_read(&flowing->first_in_ns));
	since = latest(since, r->store.sessions[slot].quiet_ns);
	return clock_since(now_ns, since) >= ONE_WAY_NS ? EVENT_ONE_WAY : 0;
}

static uint64_t last_in_of_any(const struct relay *r, uint32_t slot) {
	uint64_t last = 0;

	for (unsigned i = 0; i < COMPONENTS; i++)
		last = latest(last, session_last_in(r, slot, i));
	return last;
}

static bool is_timed_out(const struct relay *r, uint32_t slot, uint64_t now_ns) {
	const struct session *s = &r->store.sessions[slot];

	return s->media_timeout_ms != 0 &&
		clock_since(now_ns, latest(s->quiet_ns, last_in_of_any(r, slot))) >=
		(uint64_t)s->media_timeout_ms * 1000000;
}

// What is to be told of both sides' silence. It is counted anew from when it was told.
static uint32_t check_silence(struct relay *r, uint32_t slot, bool timed_out, uint64_t now_ns) {
	struct session *s = &r->store.sessions[slot];
	const bool was_silent = (s->events[0] & EVENT_MEDIA_TIMEOUT) != 0;

	if (!timed_out && !(was_silent && last_in_of_any(r, slot) > s->quiet_ns))
		return 0;
	for (unsigned i = 0; i < 2; i++)
		s->events[i] &= ~(uint32_t)EVENTS_SILENCE;
	if (!timed_out)
		return EVENT_MEDIA_BACK;
	s->quiet_ns = now_ns;
	return EVENT_MEDIA_TIMEOUT;
}

static bool has_failed_hop(const struct relay *r, const struct session *s, unsigned side) {
	for (unsigned i = 2 * side; i < 2 * side + 2; i++)
		if (s->hop[i] != 0 &&
			next_hop_state(atomic_load_explicit(&r->params.next_hop_words[s->hop[i]],
				memory_order_relaxed)) == NEXT_HOP_FAILED)
			return true;
	return false;
}

static bool has_missed_link(const struct relay *r, const struct session *s, unsigned side) {
	return r->watch.link_missed[r->params.realms[s->side[side].realm].port];
}

static void check_events(struct relay *r, uint32_t slot, bool timed_out, uint64_t now_ns) {
	const struct session *s = &r->store.sessions[slot];
	const uint32_t silence = check_silence(r, slot, timed_out, now_ns);
	uint32_t events[2];

	for (unsigned i = 0; i < 2; i++) {
		events[i] = silence;
		if (s->media_timeout_ms != 0)
			events[i] |= check_one_way(r, slot, i, now_ns);
		if (has_failed_hop(r, s, i))
			events[i] |= EVENT_NEIGHBOUR_FAILED;
		if (has_missed_link(r, s, i))
			events[i] |= EVENT_LINK_DOWN;
		events[i] &= ~s->events[i];
	}
	tell(r, slot, events);
}

// A next hop could not be had when it was asked for.
static bool lacks_hop(const struct session *s) {
	for (unsigned i = 0; i < COMPONENTS; i++)
		if (s->hop_addr_be[i] != 0 && s->hop[i] == 0)
			return true;
	return false;
}

static void check_session(struct relay *r, uint32_t slot, uint64_t now_ns) {
	const struct owner *o = watch_owner(r, (uint32_t)(r->store.ids[slot] >> 48));
	const struct session *s = &r->store.sessions[slot];
	const bool timed_out = is_timed_out(r, slot, now_ns);

	check_events(r, slot, timed_out, now_ns);
	if (o->conn == NULL && (timed_out || clock_since(now_ns, o->gone_ns) >= AWAY_NS)) {
		core_log(r, NULL, RELAY_LINE_SESSION, "session id=%016llx ended=%s controller=away",
			(unsigned long long)r->store.ids[slot], timed_out ? "media_timeout" : "owner_gone");
		counter_add(&r->stats->sessions_timed_out, 1);
		session_end(r, slot);
	} else if (lacks_hop(s) && outbox_has_room(r, 1)) {
		session_aim(r, slot);
	}
}

static void begin_scan(struct watch *w, uint64_t now_ns) {
	w->scan_next = 0;
	w->next_scan_ns = now_ns + SCAN_NS;
	for (unsigned i = 0; i < RELAY_PORTS_MAX; i++) {
		w->link_missed[i] = w->link_is_down[i] || w->link_fell[i];
		w->link_fell[i] = false;
	}
}

static void scan(struct relay *r, uint64_t now_ns) {
	struct watch *w = &r->watch;
	uint32_t end;

	if (w->scan_next == r->store.max && now_ns < w->next_scan_ns)
		return;
	if (w->scan_next == 0 || w->scan_next == r->store.max)
		begin_scan(w, now_ns);
	end = r->store.max - w->scan_next < SLICE ? r->store.max : w->scan_next + SLICE;

	for (; w->scan_next < end; w->scan_next++)
		if (r->store.ids[w->scan_next] != 0)
			check_session(r, w->scan_next, now_ns);
}

static void sweep(struct relay *r, struct owner *o) {
	uint32_t end = r->store.max - o->sweep_next < SLICE ? r->store.max : o->sweep_next + SLICE;

	for (; o->sweep_next < end; o->sweep_next++) {
		uint32_t slot = o->sweep_next;

		if (r->store.ids[slot] >> 48 != o->id || r->store.sessions[slot].claimed == o->generation)
			continue;
		counter_add(&r->stats->sessions_swept, 1);
		session_end(r, slot);
	}
	o->sweeping = end < r->store.max;
}

void watch_time(struct relay *r, uint64_t now_ns) {
	for (unsigned i = 0; i < OWNERS_MAX; i++) {
		struct owner *o = &r->watch.owners[i];

		if (o->conn != NULL && !o->synced && clock_since(now_ns, o->hello_ns) >= SYNC_NS) {
			core_log(r, NULL, RELAY_LINE_SYNC, "owner id=%u sync=overdue: sweeping", o->id);
			watch_sweep(o);
		}
		if (o->sweeping)
			sweep(r, o);
	}
	scan(r, now_ns);
}

void relay_next_hop_failed(struct relay *r, uint32_t id) {
	(void)id; // its word says so: the next scan, due now, sees it at whoever uses it
	r->watch.next_scan_ns = 0;
}

void relay_port_link(struct relay *r, unsigned port, bool up) {
	struct watch *w = &r->watch;

	if (!up && !w->link_is_down[port]) {
		w->link_fell[port] = true;
		w->next_scan_ns = 0;
	}
	w->link_is_down[port] = !up;
}
