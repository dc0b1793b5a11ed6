#include "control/sip/validate.h"

#include "control/sip/grammar.h"

enum { CSEQ_MAX = INT32_MAX }; // less than 2**31 (RFC 3261 §8.1.1.5)

static const struct sip_header *first(const struct sip_msg *m, enum sip_header_id id) {
	return sip_msg_header(m, id, 0);
}

static enum sip_fault check_via(struct sip_msg *m) {
	const struct sip_header *h = first(m, HEADER_VIA);
	struct span list;

	if (h == NULL)
		return SIP_FAULT_MISSING_HEADER;
	list = h->value;
	if (sip_via_parse(&list, &m->via) < 0)
		return SIP_FAULT_BAD_VIA;
	// Our own requests carry one Via; more in a response means that it is not for us (RFC 3261 §8.1.3.3).
	return m->is_request || m->n_vias == 1 ? SIP_FAULT_NONE : SIP_FAULT_BAD_VIA;
}

static enum sip_fault check_addr(const struct sip_header *h, struct sip_addr *addr, struct span *tag) {
	if (h == NULL)
		return SIP_FAULT_MISSING_HEADER;
	if (sip_addr_parse_single(h->value, addr) < 0 || sip_addr_tag(addr, tag) < 0)
		return SIP_FAULT_BAD_HEADER;
	return SIP_FAULT_NONE;
}

static enum sip_fault check_from(struct sip_msg *m) {
	return check_addr(first(m, HEADER_FROM), &m->from, &m->from_tag);
}

static enum sip_fault check_to(struct sip_msg *m) {
	return check_addr(first(m, HEADER_TO), &m->to, &m->to_tag);
}

// callid = word [ "@" word ]; bytes outside word are met in the wild and do no harm as long as they can be seen.
static enum sip_fault check_call_id(struct sip_msg *m) {
	const struct sip_header *h = first(m, HEADER_CALL_ID);

	if (h == NULL)
		return SIP_FAULT_MISSING_HEADER;
	if (!sip_grammar_all(h->value, SIP_CHAR_VISIBLE))
		return SIP_FAULT_BAD_HEADER;
	m->call_id = h->value;
	return SIP_FAULT_NONE;
}

static enum sip_fault check_cseq(struct sip_msg *m) {
	const struct sip_header *h = first(m, HEADER_CSEQ);
	struct span number, method;
	uint64_t value;
	size_t n = 0;

	if (h == NULL)
		return SIP_FAULT_MISSING_HEADER;
	while (n < h->value.len && !sip_char_is(h->value.data[n], SIP_CHAR_BLANK))
		n++;
	number = (struct span){h->value.data, n};
	method = span_trim(sip_grammar_behind(h->value, n));
	if (span_to_u64(number, CSEQ_MAX, &value) < 0 || !sip_grammar_all(method, SIP_CHAR_TOKEN))
		return SIP_FAULT_BAD_CSEQ;
	m->cseq = (uint32_t)value;
	m->cseq_method_text = method;
	m->cseq_method = sip_method_find(method);
	if (!m->is_request)
		m->method = m->cseq_method;
	else if (!span_equal(method, m->method_text))
		return SIP_FAULT_BAD_CSEQ;
	return SIP_FAULT_NONE;
}

static enum sip_fault check_max_forwards(struct sip_msg *m) {
	const struct sip_header *h = first(m, HEADER_MAX_FORWARDS);
	uint64_t value;

	m->max_forwards = -1;
	if (h == NULL)
		return SIP_FAULT_NONE; // RFC 2543 knew none
	if (span_to_u64(h->value, UINT8_MAX, &value) < 0)
		return SIP_FAULT_BAD_MAX_FORWARDS;
	m->max_forwards = (int)value;
	return SIP_FAULT_NONE;
}

static enum sip_fault take_plain_fields(struct sip_msg *m) {
	const struct sip_header *contact = first(m, HEADER_CONTACT), *type = first(m, HEADER_CONTENT_TYPE);

	if (contact != NULL)
		m->contact = contact->value;
	if (type != NULL)
		m->content_type = type->value;
	return SIP_FAULT_NONE;
}

enum sip_fault validate_fields(struct sip_msg *m) {
	static enum sip_fault (*const checks[])(struct sip_msg *) = {check_via, check_from, check_to,
		check_call_id, check_cseq, check_max_forwards, take_plain_fields};
	enum sip_fault fault = SIP_FAULT_NONE;

	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
		enum sip_fault f = checks[i](m);

		if (fault == SIP_FAULT_NONE)
			fault = f;
	}
	return fault;
}

enum sip_fault validate_body(struct sip_msg *m, struct span behind) {
	const struct sip_header *h = first(m, HEADER_CONTENT_LENGTH);
	uint64_t length = behind.len;

	// Larger than the datagram: it was cut short, or lies. Smaller: the rest is padding.
	if (h != NULL && span_to_u64(h->value, behind.len, &length) < 0)
		return SIP_FAULT_BAD_LENGTH;
	m->body = (struct span){behind.data, (size_t)length};
	return sip_msg_has_too_many_parts(m) ? SIP_FAULT_TOO_MANY_PARTS : SIP_FAULT_NONE;
}

bool validate_is_answerable(const struct sip_msg *m) {
	static const enum sip_header_id copied[] = {HEADER_FROM, HEADER_TO, HEADER_CALL_ID, HEADER_CSEQ};

	if (!m->is_request || m->method == METHOD_ACK || span_is_empty(m->via.whole))
		return false;
	for (size_t i = 0; i < sizeof(copied) / sizeof(copied[0]); i++) {
		const struct sip_header *h = first(m, copied[i]);

		if (h == NULL || span_is_empty(h->value))
			return false;
	}
	return true;
}
