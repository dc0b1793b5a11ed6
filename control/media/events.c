#include "control/media/internal.h"

#include <errno.h>

static void learn(struct stream *s, int side, int component, const struct endpoint *e) {
	if (endpoint_is_set(e))
		s->learnt[side][component] = *e;
}

static bool is_silent(const struct stream *s) {
	return (s->events[0] & EVENT_MEDIA_TIMEOUT) != 0;
}

// All streams that ought to carry something are; and there is one.
static bool all_are_silent(const struct pairing *p) {
	unsigned n = 0;

	for (unsigned i = 0; i < p->n_streams; i++) {
		const struct stream *s = p->streams[i];

		if (s->session_id == 0 || s->now.session.media_timeout_ms == 0)
			continue;
		if (!is_silent(s))
			return false;
		n++;
	}
	return n > 0;
}

// Tells the user of those bits that are new. Of silence, which comes and goes with every stream, only that there is no other.
static void raise_events(
	struct media *m, const struct pairing *p, struct stream *s, const uint32_t events[2]) {
	uint32_t new[2];

	for (unsigned side = 0; side < 2; side++) {
		new[side] = events[side] & ~s->events[side] & ~(uint32_t)EVENT_MEDIA_BACK;
		if ((events[side] & EVENT_MEDIA_BACK) != 0)
			s->events[side] &= ~(uint32_t)EVENT_MEDIA_TIMEOUT;
		s->events[side] |= events[side] & ~(uint32_t)EVENT_MEDIA_BACK;
	}
	for (unsigned side = 0; side < 2 && !all_are_silent(p); side++)
		new[side] &= ~(uint32_t)EVENT_MEDIA_TIMEOUT;
	if ((new[0] | new[1]) != 0)
		m->user.on_event(m->user.ctx, p->owner, new);
}

void events_take(void *ctx, struct proto_reader *items) {
	struct media *m = ctx;
	struct proto_event e;

	while (proto_read_item(items, &e, sizeof(e), sizeof(e))) {
		struct pairing *p;
		uint64_t handle;
		struct stream *s = pairing_find_session(m, e.session_id, &handle, &p);

		if (s == NULL)
			continue; // deleted meanwhile
		for (int side = 0; side < 2; side++) {
			for (int c = 0; c < 2 && (e.events[side] & EVENT_LATCHED) != 0; c++)
				learn(s, side, c, &e.learnt[side][c]);
			s->events[side] &=
				~e.events[side]; // the relay tells each only once: it is new, though known
		}
		raise_events(m, p, s, e.events);
	}
	if (items->left > 0)
		relay_client_break(m->client, "malformed event");
}

// One session of the list: what its events would have told.
static void take_state(struct media *m, const struct proto_session_state *state) {
	struct pairing *p;
	uint64_t handle;
	struct stream *s = pairing_find_session(m, state->wanted.session_id, &handle, &p);

	if (s == NULL)
		return;
	for (int side = 0; side < 2; side++)
		for (int c = 0; c < 2; c++)
			learn(s, side, c, &state->component[side][c].counters.learnt);
	raise_events(m, p, s, state->events);
}

static void ask_page(struct media *m, uint64_t after);

static void on_page(void *ctx, uint64_t ref, int status, struct proto_reader *items) {
	struct proto_session_state state;
	struct media *m = ctx;
	uint64_t last = 0;

	(void)ref;
	if (status < 0) {
		if (status != -ENOTCONN)
			relay_client_break(m->client, "no list of sessions");
		return;
	}
	while (proto_read_item(items, &state, sizeof(state), sizeof(state))) {
		last = state.wanted.session_id;
		take_state(m, &state);
	}
	if (items->left > 0)
		relay_client_break(m->client, "malformed list of sessions");
	else if (last > ref)
		ask_page(m, last);
}

static void ask_page(struct media *m, uint64_t after) {
	struct proto_list list = {.after = after};

	// Where it fails the connection is lost, and with the next one comes another list.
	(void)relay_client_send(m->client,
		&(struct relay_request){.type = PROTO_SESSION_LIST,
			.n = 1,
			.items = &list,
			.item_size = sizeof(list),
			.fn = on_page,
			.ref = after});
}

void events_list(void *ctx) {
	struct media *m = ctx;

	media_count_up(m, MEDIA_COUNTER_EVENTS_LOST, 1);
	ask_page(m, 0);
}
