#include "relay/latch.h"

#include "relay/clock.h"

static bool same(struct latch_addr a, struct latch_addr b) {
	return a.addr_be == b.addr_be && a.port == b.port;
}

static enum latch_outcome check_signalled(const struct latch_state *s, struct latch_addr source) {
	if (s->remote.addr_be == 0)
		return LATCH_BLANK;
	if (source.addr_be != s->remote.addr_be)
		return LATCH_REJECT;
	return s->mode == LATCH_OFF || source.port == s->remote.port ? LATCH_PASS : LATCH_REJECT;
}

static bool in_window(const struct latch_state *s, uint64_t now_ns) {
	return clock_since(now_ns, s->window_ns) <= LATCH_WINDOW_NS;
}

// A latch that was restored has no packet yet: its silence begins with the epoch, not with the machine's start.
static bool is_silent(const struct latch_state *s, uint64_t now_ns) {
	uint64_t since = s->last_in_ns > s->window_ns ? s->last_in_ns : s->window_ns;

	return clock_since(now_ns, since) >= LATCH_SILENCE_NS;
}

static bool may_learn(const struct latch_state *s, uint64_t now_ns) {
	if (s->latched)
		return (s->relearn && in_window(s, now_ns)) || is_silent(s, now_ns);
	return s->mode == LATCH_ADDRESS || in_window(s, now_ns);
}

enum latch_outcome latch_check(const struct latch_state *s, struct latch_addr source, uint64_t now_ns) {
	if (s->mode == LATCH_OFF || s->mode == LATCH_STRICT)
		return check_signalled(s, source);
	if (s->latched && same(source, s->learnt))
		return LATCH_PASS;
	if (s->mode == LATCH_ADDRESS) {
		if (s->vouched_be == 0)
			return s->latched ? LATCH_REJECT : LATCH_BLANK;
		if (source.addr_be != s->vouched_be)
			return LATCH_REJECT;
	}
	return may_learn(s, now_ns) ? LATCH_LEARN : LATCH_REJECT;
}
