#include "control/sip/match.h"

static const struct span cookie = {"z9hG4bK", 7};

struct span match_behind_cookie(struct span branch) {
	if (branch.len <= cookie.len || memcmp(branch.data, cookie.data, cookie.len) != 0)
		return (struct span){0};
	return (struct span){branch.data + cookie.len, branch.len - cookie.len};
}

bool match_needs_to_tag(const struct sip_msg *m) {
	return match_behind_cookie(m->via.branch).len == 0;
}

// No part but the last can hold a blank, so that blanks keep them apart.
void match_server_key(const struct sip_msg *m, struct span method, struct sink *out) {
	if (match_needs_to_tag(m)) {
		sink_format(out, "2543 " SPAN_FMT " ", SPAN_ARG(method));
		sink_span(out, m->uri);
		sink_text(out, " ");
		match_ack_key(m->call_id, m->from_tag, (struct span){0}, m->cseq, out);
		sink_text(out, " ");
		sink_span(out, m->via.whole);
		return;
	}
	sink_format(out, SPAN_FMT " " SPAN_FMT ":%u ", SPAN_ARG(method), SPAN_ARG(m->via.host), m->via.port);
	sink_span(out, m->via.branch);
}

void match_merge_key(const struct sip_msg *m, struct sink *out) {
	if (m->to_tag.len > 0)
		return;
	match_ack_key(m->call_id, m->from_tag, (struct span){0}, m->cseq, out);
	sink_text(out, " ");
	sink_span(out, m->cseq_method_text);
}

void match_ack_key(
	struct span call_id, struct span from_tag, struct span to_tag, uint32_t cseq, struct sink *out) {
	sink_span(out, call_id);
	sink_text(out, " ");
	sink_span(out, from_tag);
	sink_text(out, " ");
	sink_span(out, to_tag);
	sink_format(out, " %u", cseq);
}
