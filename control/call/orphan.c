// A 2xx to an INVITE whose call is gone (a fork that answered late): acknowledged and ended from the response alone.
#include "control/call/internal.h"

#include <errno.h>

#include "control/sip/compose.h"

static int fill_leg(const struct sip_msg *m, const struct flow *flow, struct leg *l) {
	char text[2048];
	struct sink s = sink_over(text, sizeof(text));
	int ret;

	l->realm = flow->realm;
	l->trunk = -1;
	l->flow = *flow;
	ret = text_set(&l->call_id, m->call_id);
	sip_compose_without_tag(&s, &m->from);
	if (ret == 0 && !s.overflow)
		ret = text_set(&l->local_uri, sink_result(&s));
	s = sink_over(text, sizeof(text));
	sip_compose_without_tag(&s, &m->to);
	if (ret == 0 && !s.overflow)
		ret = text_set(&l->remote_uri, sink_result(&s));
	return s.overflow ? -EMSGSIZE : ret;
}

static int end_dialog(struct calls *cs, const struct sip_msg *m, const struct flow *flow,
	struct call *scratch, const struct dialog *d) {
	struct leg *l = &scratch->leg[LEG_CALLEE];
	char tag[TOKEN_TEXT];
	struct sink s = sink_over(tag, sizeof(tag) - 1);
	struct outgoing_dialog od = {
		.leg = l, .dialog = d, .local_tag = tag, .timers = call_timers_of(cs, flow->realm, -1)};
	int ret = fill_leg(m, flow, l);

	sink_span(&s, m->from_tag);
	tag[s.len] = '\0';
	if (ret < 0 || s.overflow)
		return ret < 0 ? ret : -EMSGSIZE;
	if (nat_judge(cs, m, flow, d->route_set != NULL))
		od.direct = flow;
	ret = outgoing_send(cs, NULL, &od, METHOD_ACK, m->cseq, NULL);
	return ret < 0 ? ret : outgoing_send(cs, NULL, &od, METHOD_BYE, m->cseq + 1, NULL);
}

void orphan_on_answer(struct calls *cs, const struct sip_msg *m, const struct flow *flow) {
	struct call scratch = {0};
	struct dialog *d = dialog_from_response(m);
	int ret = d == NULL ? -ENOMEM : end_dialog(cs, m, flow, &scratch, d);

	cs->counters[CALL_COUNTER_ORPHAN_ANSWERS]++;
	log_info("orphan call_id=" SPAN_FMT " status=%u ended=%d", SPAN_ARG(m->call_id), m->status, ret);
	dialog_destroy(d);
	call_fini(&scratch);
}
