#include "control/media/internal.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

enum { EXCHANGES_A_PAIRING = 8 };

static void on_up(void *ctx, uint64_t boot_id) {
	restore_begin(ctx, boot_id);
}

static void on_down(void *ctx) {
	struct media *m = ctx;

	restore_stop(m);
	media_count_up(m, MEDIA_COUNTER_RELAY_LOST, 1);
}

static int fill_random(void *out, size_t len) {
	return getrandom(out, len, 0) == (ssize_t)len ? 0 : -EIO;
}

// owner << 48 | counter. The counter begins at the time in seconds, so that ids of an earlier start don't come again as
// long as fewer than 65,536 sessions a second are made.
static int first_id(struct media *m) {
	uint16_t noise;
	int ret = fill_random(&noise, sizeof(noise));

	if (ret < 0)
		return ret;
	m->next_id = (uint64_t)m->config->node_id << 48 |
		((loop_wall_ms(m->loop) / 1000 & 0xffffffff) << 16) | noise | 1;
	return 0;
}

static int open_client(struct media *m, const struct relay_link *link) {
	struct relay_client_params params = {
		.loop = m->loop,
		.name = m->config->relay.control_socket,
		.owner_id = (uint16_t)m->config->node_id,
		.deadline_ms = (uint64_t)m->config->control.relay_deadline_ms,
		.user = {m, on_up, on_down, events_take, events_list},
	};
	int ret;

	if (link == NULL) {
		ret = relay_socket_create(m->loop, m->config->relay.control_socket, &m->socket);
		if (ret < 0)
			return ret;
		params.link = relay_socket_link(m->socket);
	} else {
		params.link = *link;
	}
	return relay_client_create(&params, &m->client);
}

int media_create_over(struct loop *loop, const struct config *config, const struct media_user *user,
	const struct relay_link *link, struct media **out) {
	struct media *m = calloc(1, sizeof(*m));
	int ret = -ENOMEM;

	if (m == NULL)
		return ret;
	m->loop = loop;
	m->config = config;
	m->user = *user;
	ret = first_id(m);
	if (ret == 0) // deleted pairings stay for a moment, for their final counters
		ret = pool_create(
			sizeof(struct pairing), (uint32_t)config->control.max_calls * 2 + 64, &m->pairings);
	if (ret == 0)
		ret = map_create(&m->sessions);
	if (ret == 0)
		ret = open_client(m, link);
	if (ret < 0) {
		media_destroy(m);
		return ret;
	}
	*out = m;
	return 0;
}

int media_create(
	struct loop *loop, const struct config *config, const struct media_user *user, struct media **out) {
	return media_create_over(loop, config, user, NULL, out);
}

void media_destroy(struct media *m) {
	uint64_t handle = 0;
	struct pairing *p;

	if (m == NULL)
		return;
	while (m->pairings != NULL && (p = pool_next(m->pairings, 0, &handle)) != NULL)
		pairing_free(m, handle, p);
	relay_client_destroy(m->client);
	relay_socket_destroy(m->socket);
	map_destroy(m->sessions);
	pool_destroy(m->pairings);
	free(m);
}

// Queue an exchange of a pairing and see that it is worked off. Returns 0, -ENOSPC or -ENOMEM.
static int queue(
	struct media *m, uint64_t handle, struct pairing *p, const struct exchange *what, struct span sdp) {
	// A longer one is refused whatever it says: its beginning is enough to tell.
	size_t len = sdp.len <= SDP_MAX_BYTES ? sdp.len : SDP_MAX_BYTES + 1;
	struct exchange *x;

	if (p->n_exchanges == EXCHANGES_A_PAIRING)
		return -ENOSPC;
	x = malloc(sizeof(*x) + len);
	if (x == NULL || loop_defer(m->loop, exchange_run, m, handle) < 0) {
		free(x);
		return -ENOMEM;
	}
	*x = *what;
	x->len = len;
	if (len > 0)
		memcpy(x->text, sdp.data, len);
	if (p->last == NULL)
		p->first = x;
	else
		p->last->next = x;
	p->last = x;
	p->n_exchanges++;
	return 0;
}

static struct exchange describe_exchange(
	uint32_t request, unsigned from, bool is_answer, const struct media_party party[2]) {
	assert(from < 2);
	return (struct exchange){.request = request,
		.from = (uint8_t)from,
		.is_answer = is_answer,
		.party = {pairing_party(&party[0]), pairing_party(&party[1])}};
}

static int make_pairing(
	struct media *m, uint64_t owner, uint64_t call_id, uint64_t *handle, struct pairing **out) {
	uint64_t origin_ids[2];
	struct pairing *p;
	int ret = fill_random(origin_ids, sizeof(origin_ids));

	if (ret < 0)
		return -ENOMEM;
	if (m->n_alive >= (uint32_t)m->config->control.max_calls)
		return -ENOSPC;
	p = pool_add(m->pairings, handle);
	if (p == NULL)
		return -ENOSPC;
	p->owner = owner;
	p->call_id = call_id;
	for (int i = 0; i < 2; i++)
		p->origin_id[i] = (origin_ids[i] >> 12) | 1; // 52 bits: no reader's arithmetic loses any
	*out = p;
	return 0;
}

static bool parties_are_known(const struct media *m, const struct media_party party[2]) {
	return party[0].realm < m->config->n_realms && party[1].realm < m->config->n_realms;
}

int media_offer(struct media *m, uint64_t *handle, uint64_t owner, uint64_t call_id, uint32_t request,
	unsigned from, const struct media_party party[2], struct span sdp) {
	struct exchange x = describe_exchange(request, from, false, party);
	uint64_t h = *handle;
	struct pairing *p = NULL;
	int ret = 0;

	if (!parties_are_known(m, party))
		return -EINVAL;
	if (h == 0)
		ret = make_pairing(m, owner, call_id, &h, &p);
	else
		p = pool_find(m->pairings, h);
	if (ret < 0)
		return ret;
	if (p == NULL || p->ended)
		return -EINVAL;
	ret = queue(m, h, p, &x, sdp);
	if (ret < 0) {
		if (*handle == 0)
			pairing_free(m, h, p);
		return ret;
	}
	if (*handle == 0)
		m->n_alive++;
	*handle = h;
	return 0;
}

int media_answer(struct media *m, uint64_t handle, uint32_t request, unsigned from,
	const struct media_party party[2], struct span sdp) {
	struct exchange x = describe_exchange(request, from, true, party);
	struct pairing *p = pool_find(m->pairings, handle);

	if (p == NULL || p->ended || !parties_are_known(m, party))
		return -EINVAL;
	return queue(m, handle, p, &x, sdp);
}

void media_set_answered(struct media *m, uint64_t handle) {
	struct pairing *p = pool_find(m->pairings, handle);

	if (p == NULL || p->ended || p->answered)
		return;
	p->answered = true;
	p->set_timeout = true;
	// An exchange under way would put the old timeouts over the new ones: it comes first.
	if (!p->busy && p->first == NULL)
		exchange_run(m, handle);
}

bool media_is_connected(const struct media *m) {
	return relay_client_is_up(m->client) && !m->restore.running;
}

uint32_t media_count(const struct media *m) {
	return m->n_alive;
}

bool media_view(struct media *m, uint64_t handle, unsigned stream, struct media_stream_view *out) {
	const struct pairing *p = pool_find(m->pairings, handle);
	const struct stream_state *s;

	if (p == NULL || stream >= p->n_streams)
		return false;
	s = &p->streams[stream]->now;
	*out = (struct media_stream_view){.session_id = s->session.session_id, .media = span_of(s->media)};
	for (int i = 0; i < 2; i++) {
		memcpy(out->signalled[i], s->side[i].signalled, sizeof(out->signalled[i]));
		out->local[i] = s->session.side[i].local;
		out->held = out->held || s->side[i].held;
	}
	return true;
}

const uint64_t *media_counters(const struct media *m) {
	return m->counters;
}

const char *media_counter_name(enum media_counter c) {
	static const char *const names[] = {
#define MEDIA_COUNTER(name, text, help) [MEDIA_COUNTER_##name] = text,
#include "control/media/counter.def"
#undef MEDIA_COUNTER
	};

	return c < MEDIA_COUNTERS ? names[c] : "?";
}
