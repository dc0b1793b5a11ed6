#include "control/sip/head.h"

#include "control/sip/match.h"
#include "control/sip/param.h"

#include <errno.h>
#include <stdlib.h>

enum { DEFAULT_PORT = 5060 };

// Via's parameters without those that we write ourselves: a peer's own "received" says nothing about its packets.
static void put_params(struct sink *s, struct span params, bool has_rport) {
	struct sip_param p;

	while (sip_param_next(&params, &p) == 0) {
		if (span_equal_nocase(p.name, span_of("received")))
			continue;
		if (has_rport && span_equal_nocase(p.name, span_of("rport")))
			continue;
		sink_text(s, ";");
		sink_span(s, p.name);
		if (p.value.len == 0)
			continue;
		sink_text(s, "=");
		sink_span(s, p.value);
	}
}

static bool is_sent_by(const struct sip_via *v, const struct endpoint *source) {
	struct endpoint host;

	return endpoint_parse(v->host.data, v->host.len, 0, &host) == 0 && endpoint_same_addr(&host, source);
}

// A value that parameters are put behind, without the ";" and blanks at its end.
static struct span without_end(struct span value) {
	while (value.len > 0 && memchr("; \t", value.data[value.len - 1], 3) != NULL)
		value.len--;
	return value;
}

// RFC 3261 §18.2.1 adds received when it differs from sent-by, RFC 3581 §4 always beside rport.
static void put_top_via(struct sink *s, const struct sip_via *v, const struct endpoint *source) {
	char text[ENDPOINT_TEXT];
	size_t n_before = v->params.len == 0 ? v->whole.len : (size_t)(v->params.data - v->whole.data);

	sink_span(s, without_end((struct span){v->whole.data, n_before}));
	put_params(s, v->params, v->has_rport);
	if (v->has_rport || !is_sent_by(v, source))
		sink_format(s, ";received=%s", endpoint_format_addr(source, text));
	if (v->has_rport)
		sink_format(s, ";rport=%u", source->port);
}

static void put_vias(struct sink *s, const struct sip_msg *m, const struct endpoint *source) {
	const struct sip_header *h;

	for (unsigned i = 0; (h = sip_msg_header(m, HEADER_VIA, i)) != NULL; i++) {
		sink_text(s, "Via: ");
		if (i == 0) {
			const char *behind = m->via.whole.data + m->via.whole.len;

			put_top_via(s, &m->via, source);
			sink_put(s, behind, (size_t)(h->value.data + h->value.len - behind));
		} else {
			sink_span(s, h->value);
		}
		sink_text(s, "\r\n");
	}
}

static void put_line(struct sink *s, const char *name, struct span value) {
	sink_text(s, name);
	sink_text(s, ": ");
	sink_span(s, value);
	sink_text(s, "\r\n");
}

static void put_record_routes(struct sink *s, const struct sip_msg *m) {
	const struct sip_header *h;

	for (unsigned i = 0; (h = sip_msg_header(m, HEADER_RECORD_ROUTE, i)) != NULL; i++)
		put_line(s, "Record-Route", h->value);
}

static void put_timestamp(struct sink *s, const struct sip_msg *m) {
	for (unsigned i = 0; i < m->n_headers; i++) {
		const struct sip_header *h = &m->headers[i];

		if (h->id != HEADER_OTHER || !span_equal_nocase(h->name, span_of("Timestamp")))
			continue;
		put_line(s, "Timestamp", h->value);
		return;
	}
}

static void put_value(struct sink *s, const struct sip_msg *m, enum sip_header_id id) {
	const struct sip_header *h = sip_msg_header(m, id, 0);

	if (h != NULL)
		sink_span(s, h->value);
}

// A request that was refused has no more than its headers: its fields don't count.
static void put_part(struct sink *s, const struct sip_msg *m, const struct flow *from, enum head_part part) {
	switch (part) {
	case HEAD_KEY:
		match_server_key(m, m->method_text, s);
		break;
	case HEAD_MERGE_KEY:
		match_merge_key(m, s);
		break;
	case HEAD_VIAS:
		put_vias(s, m, &from->remote);
		break;
	case HEAD_RECORD_ROUTES:
		put_record_routes(s, m);
		break;
	case HEAD_TIMESTAMP:
		put_timestamp(s, m);
		break;
	case HEAD_FROM:
		put_value(s, m, HEADER_FROM);
		break;
	case HEAD_TO:
		put_value(s, m, HEADER_TO);
		break;
	case HEAD_CALL_ID:
		put_value(s, m, HEADER_CALL_ID);
		break;
	case HEAD_CSEQ:
		put_value(s, m, HEADER_CSEQ);
		break;
	case HEAD_FROM_TAG:
		sink_span(s, m->from_tag);
		break;
	case HEAD_TO_TAG:
		sink_span(s, m->to_tag);
		break;
	case HEAD_PARTS:
		break;
	}
}

int head_describe(const struct sip_msg *m, const struct flow *from, bool keyed, struct sink *scratch,
	struct head *out) {
	struct head h = {.is_invite = m->method == METHOD_INVITE, .cseq = keyed ? m->cseq : 0};

	for (enum head_part part = keyed ? HEAD_KEY : HEAD_VIAS; part < HEAD_PARTS; part++) {
		size_t from_len = scratch->len;

		put_part(scratch, m, from, part);
		h.part[part] = (struct span){scratch->data + from_len, scratch->len - from_len};
	}
	if (scratch->overflow)
		return -EMSGSIZE;
	*out = h;
	return 0;
}

int head_keep(struct head *h) {
	size_t len = 0;
	char *at;

	for (int i = 0; i < HEAD_PARTS; i++)
		len += h->part[i].len;
	h->text = malloc(len + 1);
	if (h->text == NULL)
		return -ENOMEM;
	at = h->text;
	for (int i = 0; i < HEAD_PARTS; i++) {
		if (h->part[i].len > 0)
			memcpy(at, h->part[i].data, h->part[i].len);
		h->part[i].data = at;
		at += h->part[i].len;
	}
	return 0;
}

void head_drop(struct head *h) {
	free(h->text);
	*h = (struct head){0};
}

struct endpoint head_reply_to(const struct sip_msg *m, const struct flow *from, bool nated) {
	struct endpoint to = from->remote;

	if (!nated && !m->via.has_rport)
		to.port = (uint16_t)(m->via.port == 0 ? DEFAULT_PORT : m->via.port);
	return to;
}

static void put_to(struct sink *s, const struct head *h, unsigned status, struct span tag) {
	if (status <= 100 || h->part[HEAD_TO_TAG].len > 0 || tag.len == 0) {
		put_line(s, "To", h->part[HEAD_TO]);
		return;
	}
	sink_text(s, "To: ");
	sink_span(s, without_end(h->part[HEAD_TO]));
	sink_text(s, ";tag=");
	sink_span(s, tag);
	sink_text(s, "\r\n");
}

void head_answer(const struct head *h, const struct sip_answer *a, struct span tag, struct sink *out) {
	struct span reason = a->reason.len > 0 ? a->reason : span_of(sip_reason(a->status));

	sink_format(out, "SIP/2.0 %u " SPAN_FMT "\r\n", a->status, SPAN_ARG(reason));
	sink_span(out, h->part[HEAD_VIAS]);
	if (h->is_invite && a->status > 100 && a->status < 300)
		sink_span(out, h->part[HEAD_RECORD_ROUTES]);
	put_line(out, "From", h->part[HEAD_FROM]);
	put_to(out, h, a->status, tag);
	put_line(out, "Call-ID", h->part[HEAD_CALL_ID]);
	put_line(out, "CSeq", h->part[HEAD_CSEQ]);
	if (a->status == 100)
		sink_span(out, h->part[HEAD_TIMESTAMP]);
	sink_span(out, a->headers);
	sink_format(out, "Content-Length: %zu\r\n\r\n", a->body.len);
	sink_span(out, a->body);
}
