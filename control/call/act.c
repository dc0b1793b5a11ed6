#include "control/call/internal.h"

#include <inttypes.h>
#include <stdlib.h>

void call_blame(struct call *c, const char *cause, const char *by) {
	if (c->end_cause != NULL)
		return;
	c->end_cause = cause;
	c->end_by = by;
}

void call_keep_reason(struct call *c, const struct sip_msg *m) {
	char text[1024];
	struct sink s = sink_over(text, sizeof(text));
	const struct sip_header *h;

	if (c->reason_header != NULL)
		return;
	for (unsigned i = 0; (h = sip_msg_header(m, HEADER_REASON, i)) != NULL; i++) {
		if (span_has_ipv4(h->value))
			continue; // that side's own affair
		sink_text(&s, s.len == 0 ? "" : ", ");
		sink_span(&s, h->value);
	}
	if (s.overflow || (s.len > 0 && text_set(&c->reason_header, sink_result(&s)) < 0))
		log_warning("call id=%016" PRIx64 " reason_header=none", c->id); // what follows goes without
}

void call_set_final(struct call *c, unsigned status, const char *reason) {
	c->final_status = status;
	free(c->final_reason);
	c->final_reason = reason == NULL ? NULL : span_dup(span_of(reason)); // without: the standard phrase
}

void call_tag(struct calls *cs, const struct call *c, uint16_t part, char out[static TOKEN_TEXT]) {
	token_mint(cs->tokens, 'd', c->handle, part, out);
}

struct call *calls_find(struct calls *cs, uint64_t handle) {
	return pool_find(cs->pool, handle);
}

void call_stop_timers(struct calls *cs, struct call *c) {
	loop_timer_stop(cs->loop, &c->timers.ring);
	loop_timer_stop(cs->loop, &c->timers.expiry);
	loop_timer_stop(cs->loop, &c->timers.first_response);
	loop_timer_stop(cs->loop, &c->timers.life);
	loop_timer_stop(cs->loop, &c->timers.keepalive);
}

static void on_longest_end(void *ctx, uint64_t ref) {
	struct calls *cs = ctx;
	struct call *c = calls_find(cs, ref);

	if (c == NULL)
		return;
	cs->counters[CALL_COUNTER_REAPED]++;
	log_warning("call id=%016" PRIx64 " reaped=1 outgoing=%u media_cleared=%d", c->id, c->n_outgoing,
		c->media_cleared);
	calls_release(cs, c);
}

// Ending takes at most a CANCEL's INVITE (64*T1 after up to Timer B) whose late 2xx is ended by a BYE (64*T1 a target), and
// the relay's deadline.
static uint64_t longest_end_ms(const struct calls *cs, const struct call *c) {
	int t1 = 0;

	for (int i = 0; i < 2; i++) {
		const struct config_timers *t = call_timers_of(cs, c->leg[i].realm, c->leg[i].trunk);

		t1 = t->t1_ms > t1 ? t->t1_ms : t1;
	}
	return (uint64_t)t1 * 64 * (2 + OUTGOING_TARGETS_MAX) +
		(uint64_t)cs->config->control.relay_deadline_ms + 5000;
}

static void close_call(struct calls *cs, struct call *c) {
	call_stop_timers(cs, c);
	call_blame(c, "error", "kedge");
	c->ended_wall_ms = loop_wall_ms(cs->loop);
	loop_timer_start(cs->loop, &c->timers.life, longest_end_ms(cs, c), on_longest_end, cs, c->handle);
	media_delete(cs->media, c->media);
	c->media_deleted = true;
	c->media_cleared = c->media == 0;
	log_info("call id=%016" PRIx64 " state=%s cause=%s by=%s", c->id, call_state_name(c->state),
		c->end_cause, c->end_by);
}

static void confirm(struct calls *cs, struct call *c) {
	c->leg[LEG_CALLER].dialog->state = DIALOG_CONFIRMED;
	sip_server_acknowledged(cs->stack, c->leg[LEG_CALLER].server);
	call_start_keepalive(cs, c); // by now the callee may be known as NATed too
	log_info("call id=%016" PRIx64 " state=confirmed", c->id);
}

static void act(struct calls *cs, struct call *c, unsigned actions) {
	if (actions & CALL_DO_ABANDON)
		callee_abandon(cs, c);
	if (actions & CALL_DO_TELL_RELAY)
		callee_tell_relay(cs, c);
	if (actions & CALL_DO_ACK_CALLEE)
		callee_settle(cs, c);
	if (actions & CALL_DO_CONFIRM)
		confirm(cs, c);
	if (actions & CALL_DO_REJECT)
		caller_reject(cs, c);
	if (actions & CALL_DO_BYE_CALLER)
		leg_send_bye(cs, c, LEG_CALLER);
	if (actions & CALL_DO_BYE_CALLEE)
		leg_send_bye(cs, c, LEG_CALLEE);
	if (actions & CALL_DO_CLOSE)
		close_call(cs, c);
	if (actions & CALL_DO_TRY)
		callee_try_next(cs, c); // may end the call from within, but not free it
}

unsigned call_event(struct calls *cs, struct call *c, enum call_event event) {
	unsigned actions;

	if (!coordinator_step(&c->state, event, &actions)) {
		log_debug("call id=%016" PRIx64 " state=%s event=%d ignored=1", c->id,
			call_state_name(c->state), event);
		return 0;
	}
	if (actions & CALL_DO_RELEASE) {
		calls_release(cs, c);
		return actions;
	}
	act(cs, c, actions);
	call_check_cleared(cs, c); // it may end by this very event, with nothing left to wait for
	return actions;
}

static bool is_clear(const struct call *c) {
	return c->state == CALL_ENDING && c->media_cleared && c->n_outgoing == 0 && callee_is_clear(c);
}

static void check_cleared(void *ctx, uint64_t ref) {
	struct calls *cs = ctx;
	struct call *c = calls_find(cs, ref);

	if (c != NULL && is_clear(c))
		call_event(cs, c, CALL_ON_CLEARED);
}

void call_check_cleared(struct calls *cs, struct call *c) {
	// Without memory for it the reaper comes instead.
	if (is_clear(c) && loop_defer(cs->loop, check_cleared, cs, c->handle) < 0)
		log_warning("call id=%016" PRIx64 " clearing=late", c->id);
}

void calls_release(struct calls *cs, struct call *c) {
	struct call_view v;

	call_stop_timers(cs, c);
	if (c->ended_wall_ms == 0)
		c->ended_wall_ms = loop_wall_ms(cs->loop);
	if (!c->media_deleted)
		media_delete(cs->media, c->media);
	cs->counters[CALL_COUNTER_ENDED]++;
	for (int i = 0; i < 2; i++)
		if (c->leg[i].trunk >= 0)
			cs->trunks[c->leg[i].trunk].n_calls--;
	call_fill_view(cs, c, &v);
	if (cs->hooks.on_ended != NULL)
		cs->hooks.on_ended(cs->hooks.ctx, &v);
	call_fini(c);
	pool_del(cs->pool, c->handle);
	calls_check_drained(cs);
}
