// Whatever the datagram: every slice of a message that was taken lies in the buffer, an OK names no fault and a fault is no
// OK, a refusal has what an answer copies, and the message written out again from its parts reads the same.
#include <assert.h>
#include <stdlib.h>

#include "control/sink.h"
#include "control/sip/compose.h"
#include "control/sip/route_set.h"

static struct sip_msg first, second;
static char copy[2 * SIP_MESSAGE_MAX], scratch[2 * SIP_MESSAGE_MAX];

static void assert_inside(struct span s, const char *buf, size_t len) {
	if (s.len > 0)
		assert(s.data >= buf && s.len <= len && s.data + s.len <= buf + len);
}

static void assert_all_inside(const struct sip_msg *m, const char *buf, size_t len) {
	const struct span all[] = {m->method_text, m->uri, m->reason, m->via.transport, m->via.host,
		m->via.branch, m->via.params, m->via.whole, m->from.display, m->from.uri, m->from.params,
		m->to.display, m->to.uri, m->to.params, m->from_tag, m->to_tag, m->call_id,
		m->cseq_method_text, m->contact, m->content_type, m->body, m->raw};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		assert_inside(all[i], buf, len);
	assert(m->n_headers <= SIP_HEADERS_MAX && m->n_vias >= 1 && m->n_vias <= SIP_VIAS_MAX);
	for (unsigned i = 0; i < m->n_headers; i++) {
		assert_inside(m->headers[i].name, buf, len);
		assert_inside(m->headers[i].value, buf, len);
		assert(m->headers[i].name.len + m->headers[i].value.len <= SIP_HEADER_MAX_BYTES);
	}
}

static void write_again(const struct sip_msg *m, struct sink *s) {
	if (m->is_request)
		sink_format(
			s, SPAN_FMT " " SPAN_FMT " SIP/2.0\r\n", SPAN_ARG(m->method_text), SPAN_ARG(m->uri));
	else
		sink_format(s, "SIP/2.0 %u " SPAN_FMT "\r\n", m->status, SPAN_ARG(m->reason));
	for (unsigned i = 0; i < m->n_headers; i++) {
		sink_span(s, m->headers[i].name);
		sink_text(s, ": ");
		sink_span(s, m->headers[i].value);
		sink_text(s, "\r\n");
	}
	sink_text(s, "\r\n");
	sink_span(s, m->body);
}

static void assert_same(const struct sip_msg *a, const struct sip_msg *b) {
	assert(a->is_request == b->is_request && a->method == b->method && a->status == b->status);
	assert(span_equal(a->method_text, b->method_text) && span_equal(a->uri, b->uri) &&
		span_equal(a->reason, b->reason));
	assert(span_equal(a->via.whole, b->via.whole) && span_equal(a->via.branch, b->via.branch));
	assert(span_equal(a->via.host, b->via.host) && a->via.port == b->via.port && a->n_vias == b->n_vias);
	assert(span_equal(a->from.uri, b->from.uri) && span_equal(a->from_tag, b->from_tag));
	assert(span_equal(a->to.uri, b->to.uri) && span_equal(a->to_tag, b->to_tag));
	assert(span_equal(a->call_id, b->call_id) && a->cseq == b->cseq && a->cseq_method == b->cseq_method);
	assert(a->max_forwards == b->max_forwards && span_equal(a->contact, b->contact));
	assert(span_equal(a->content_type, b->content_type) && span_equal(a->body, b->body));
	assert(a->n_headers == b->n_headers);
	for (unsigned i = 0; i < a->n_headers; i++) {
		assert(a->headers[i].id == b->headers[i].id);
		assert(span_equal(a->headers[i].name, b->headers[i].name));
		assert(span_equal(a->headers[i].value, b->headers[i].value));
	}
}

static void assert_reads_again(const struct sip_msg *m) {
	struct sink s = sink_over(copy, sizeof(copy));
	enum sip_fault fault;

	write_again(m, &s);
	assert(!s.overflow);
	if (s.len > SIP_MESSAGE_MAX)
		return;
	assert(sip_msg_parse(copy, s.len, &second, &fault) == SIP_FRAME_OK);
	assert_same(m, &second);
}

// What is composed of a peer's text stays one header line, and reads back.
static void assert_composes(const struct sip_addr *a) {
	struct sink s = sink_over(scratch, sizeof(scratch));
	struct sip_addr again;
	struct span tag;

	sip_compose_without_tag(&s, a);
	assert(!s.overflow);
	assert(memchr(scratch, '\n', s.len) == NULL && memchr(scratch, '\0', s.len) == NULL);
	assert(sip_addr_parse_single(sink_result(&s), &again) == 0);
	assert(span_equal(again.uri, a->uri));
	assert(sip_addr_tag(&again, &tag) == 0 && span_is_empty(tag));
}

static void exercise(const struct sip_msg *m, const char *buf, size_t len) {
	struct sink s = sink_over(scratch, sizeof(scratch));
	struct span body, routes;
	struct sip_uri uri;
	int ret;

	if (sip_msg_body(m, "application/sdp", &body))
		assert_inside(body, buf, len);
	(void)sip_msg_has_token(m, HEADER_SUPPORTED, "100rel");
	if (route_set_collect(m, ROUTE_REVERSED, &s) == 0) {
		routes = sink_result(&s);
		while ((ret = route_set_next(&routes, &uri)) == 0)
			(void)route_set_is_loose(&uri);
	}
	if (m->is_request) {
		assert(sip_uri_parse(m->uri, &uri) == 0);
		(void)sip_unescape(uri.user, scratch, sizeof(scratch));
	}
	assert_composes(&m->from);
	assert_composes(&m->to);
}

static void assert_answerable(const struct sip_msg *m) {
	assert(m->is_request && m->method != METHOD_ACK && m->via.host.len > 0);
	assert(sip_msg_header(m, HEADER_VIA, 0) != NULL && sip_msg_header(m, HEADER_FROM, 0) != NULL);
	assert(sip_msg_header(m, HEADER_TO, 0) != NULL && sip_msg_header(m, HEADER_CALL_ID, 0) != NULL);
	assert(sip_msg_header(m, HEADER_CSEQ, 0) != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	char *buf = malloc(size == 0 ? 1 : size);
	enum sip_fault fault = SIP_FAULT_KINDS;
	enum sip_frame frame;

	if (size > 0)
		memcpy(buf, data, size);
	frame = sip_msg_parse(buf, size, &first, &fault);
	assert(frame < SIP_FRAME_KINDS && fault < SIP_FAULT_KINDS);
	assert((fault == SIP_FAULT_NONE) == (frame != SIP_FRAME_BAD && frame != SIP_FRAME_REFUSE));
	if (frame == SIP_FRAME_OK) {
		assert_all_inside(&first, buf, size);
		assert_reads_again(&first);
		exercise(&first, buf, size);
	} else if (frame == SIP_FRAME_REFUSE) {
		assert(sip_fault_status(fault) >= 400);
		assert_answerable(&first);
	}
	free(buf);
	return 0;
}
