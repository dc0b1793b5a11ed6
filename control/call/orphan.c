// A 2xx to an INVITE whose call is gone (a fork that answered late): acknowledged and ended from the response alone.
#include "control/call/internal.h"

#include <errno.h>

#include "control/sip/compose.h"

// One header value without its tag, NUL-terminated.
static int identity(const struct sip_addr *a, char *text, size_t size) {
	struct sink s = sink_over(text, size - 1);

	sip_compose_without_tag(&s, a);
	text[s.overflow ? 0 : s.len] = '\0';
	return s.overflow ? -EMSGSIZE : 0;
}

static int end_dialog(
	struct calls *cs, const struct sip_msg *m, const struct flow *flow, const struct dialog *d) {
	char local[2048], remote[2048], call_id[1024], tag[TOKEN_TEXT];
	struct outgoing_dialog od = {.call_id = call_id,
		.local_uri = local,
		.remote_uri = remote,
		.local_tag = tag,
		.dialog = d,
		.flow = flow,
		.timers = call_timers_of(cs, flow->realm, -1)};
	int ret = identity(&m->from, local, sizeof(local));

	if (ret == 0)
		ret = identity(&m->to, remote, sizeof(remote));
	if (ret < 0 || m->call_id.len >= sizeof(call_id) || m->from_tag.len >= sizeof(tag))
		return -EMSGSIZE;
	snprintf(call_id, sizeof(call_id), SPAN_FMT, SPAN_ARG(m->call_id));
	snprintf(tag, sizeof(tag), SPAN_FMT, SPAN_ARG(m->from_tag));
	if (nat_judge(cs, m, flow, d->route_set != NULL))
		od.direct = flow;
	ret = outgoing_send(cs, NULL, &od, METHOD_ACK, m->cseq, NULL);
	return ret < 0 ? ret : outgoing_send(cs, NULL, &od, METHOD_BYE, m->cseq + 1, NULL);
}

void orphan_on_answer(struct calls *cs, const struct sip_msg *m, const struct flow *flow) {
	struct dialog *d = dialog_from_response(m);
	int ret = d == NULL ? -ENOMEM : end_dialog(cs, m, flow, d);

	cs->counters[CALL_COUNTER_ORPHAN_ANSWERS]++;
	log_info("orphan call_id=" SPAN_FMT " status=%u ended=%d", SPAN_ARG(m->call_id), m->status, ret);
	dialog_destroy(d);
}
