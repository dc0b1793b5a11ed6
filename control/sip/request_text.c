#include "control/sip/request_text.h"

static void put_line(struct sink *s, const char *name, struct span value) {
	sink_text(s, name);
	sink_text(s, ": ");
	sink_span(s, value);
	sink_text(s, "\r\n");
}

static void put_start(struct sink *s, const char *method, struct span uri) {
	sink_text(s, method);
	sink_text(s, " ");
	sink_span(s, uri);
	sink_text(s, " SIP/2.0\r\n");
}

void request_text(const struct sip_request *r, const char *sent_by, const char *branch, struct sink *out) {
	put_start(out, sip_method_name(r->method), r->uri);
	sink_format(out, "Via: SIP/2.0/UDP %s;rport;branch=z9hG4bK%s\r\n", sent_by, branch);
	sink_span(out, r->headers);
	sink_format(out, "Content-Length: %zu\r\n\r\n", r->body.len);
	sink_span(out, r->body);
}

static void put_header(struct sink *s, const struct sip_msg *m, enum sip_header_id id) {
	const struct sip_header *h;

	for (unsigned i = 0; (h = sip_msg_header(m, id, i)) != NULL; i++)
		put_line(s, sip_header_name(id), h->value);
}

// What ACK and CANCEL share with their INVITE: one Via, the Routes, the CSeq's number.
static void put_like(struct sink *s, const struct sip_msg *invite, const char *method, struct span to) {
	put_start(s, method, invite->uri);
	put_line(s, "Via", invite->via.whole);
	put_header(s, invite, HEADER_ROUTE);
	sink_text(s, "Max-Forwards: 70\r\n");
	put_header(s, invite, HEADER_FROM);
	put_line(s, "To", to);
	put_header(s, invite, HEADER_CALL_ID);
	sink_format(s, "CSeq: %u %s\r\n", invite->cseq, method);
}

void request_text_ack(const struct sip_msg *invite, struct span to, struct sink *out) {
	put_like(out, invite, "ACK", to);
	sink_text(out, "Content-Length: 0\r\n\r\n");
}

void request_text_cancel(const struct sip_msg *invite, struct span reason, struct sink *out) {
	put_like(out, invite, "CANCEL", sip_msg_header(invite, HEADER_TO, 0)->value);
	if (reason.len > 0)
		put_line(out, "Reason", reason);
	sink_text(out, "Content-Length: 0\r\n\r\n");
}
