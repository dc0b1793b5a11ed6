#include "control/sip/transaction.h"

enum { ANSWERS_A_SECOND = 1000 };

// Whoever floods us with rubbish gets no more answers than this, and neither does whose address it forges.
static bool gate_is_open(struct sip_stack *s) {
	uint64_t second = loop_now_ms(s->loop) / 1000;

	if (second != s->second) {
		s->second = second;
		s->n_stateless = 0;
	}
	return s->n_stateless++ < ANSWERS_A_SECOND;
}

// A repeated request gets the same tag (RFC 3261 §8.2.7), and no one else's.
static void put_tag(struct sip_stack *s, const struct head *h, char out[static 17]) {
	const struct span *first = &h->part[HEAD_FROM], *last = &h->part[HEAD_CSEQ];

	// From, To, Call-ID and CSeq stand behind each other in the scratch.
	uint64_t hash = keyed_hash_of(s->tags, first->data, (size_t)(last->data + last->len - first->data));

	snprintf(out, 17, "%016llx", (unsigned long long)hash);
}

void stateless_answer(struct sip_stack *s, const struct sip_msg *m, const struct flow *from, unsigned status,
	struct span headers) {
	struct sink scratch = sink_over(s->scratch, sizeof(s->scratch)),
		    out = sink_over(s->out, sizeof(s->out));
	struct sip_answer a = {.status = status, .headers = headers};
	struct flow to = *from;
	struct head head;
	char tag[17];

	if (m->method == METHOD_ACK || !gate_is_open(s))
		return;
	if (head_describe(m, from, false, &scratch, &head) < 0)
		return;
	put_tag(s, &head, tag);
	head_answer(&head, &a, span_of(tag), &out);
	to.remote = head_reply_to(m, from, stack_answers_at_source(s, from));
	if (!out.overflow)
		stack_send(s, &to, sink_result(&out), 0);
}
