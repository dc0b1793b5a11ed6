#include "control/sip/start_line.h"

#include "control/sip/grammar.h"

enum { STATUS_MIN = 100, STATUS_MAX = 699 };

static bool starts_with_sip(struct span s) {
	return s.len > 4 && span_equal_nocase((struct span){s.data, 4}, span_of("SIP/"));
}

// SIP-Version = "SIP" "/" 1*DIGIT "." 1*DIGIT, without case.
static enum sip_fault check_version(struct span version) {
	struct span minor = sip_grammar_behind(version, 4);
	struct span major = span_cut(&minor, '.');
	uint64_t high, low;

	if (span_to_u64(major, UINT32_MAX, &high) < 0 || span_to_u64(minor, UINT32_MAX, &low) < 0)
		return SIP_FAULT_NOT_SIP;
	return high == 2 && low == 0 ? SIP_FAULT_NONE : SIP_FAULT_BAD_VERSION;
}

static enum sip_fault check_uri(struct span text) {
	struct sip_uri uri;

	if (sip_uri_parse(text, &uri) < 0)
		return SIP_FAULT_BAD_URI;
	return sip_uri_is_sip(&uri) ? SIP_FAULT_NONE : SIP_FAULT_BAD_SCHEME;
}

// Single spaces separate (RFC 3261 §7.1). More of them end up in the URI, and there they are refused.
static enum sip_fault parse_request(struct span line, struct sip_msg *m) {
	struct span uri = line;
	struct span method = span_cut(&uri, ' ');
	const char *space = uri.len == 0 ? NULL : memrchr(uri.data, ' ', uri.len);
	struct span version;
	enum sip_fault fault;

	if (space == NULL)
		return SIP_FAULT_NOT_SIP;
	version = sip_grammar_behind(uri, (size_t)(space + 1 - uri.data));
	uri.len = (size_t)(space - uri.data);
	if (!starts_with_sip(version))
		return SIP_FAULT_NOT_SIP;
	if (!sip_grammar_all(method, SIP_CHAR_TOKEN))
		return SIP_FAULT_BAD_START_LINE;
	m->is_request = true;
	m->method_text = method;
	m->method = sip_method_find(method);
	m->uri = uri;
	fault = check_version(version);
	return fault != SIP_FAULT_NONE ? fault : check_uri(uri);
}

static enum sip_fault parse_status(struct span line, struct sip_msg *m) {
	struct span rest = line;
	enum sip_fault fault = check_version(span_cut(&rest, ' '));
	struct span code = span_cut(&rest, ' ');
	uint64_t status;

	if (fault != SIP_FAULT_NONE)
		return fault;
	if (code.len != 3 || span_to_u64(code, STATUS_MAX, &status) < 0 || status < STATUS_MIN)
		return SIP_FAULT_BAD_START_LINE;
	m->status = (unsigned)status;
	m->reason = span_trim(rest);
	return SIP_FAULT_NONE;
}

enum sip_fault start_line_parse(struct span line, struct sip_msg *m) {
	// Blanks at the end are forgiven (RFC 4475 §3.1.2.11 allows it), elsewhere not.
	while (line.len > 0 && sip_char_is(line.data[line.len - 1], SIP_CHAR_BLANK))
		line.len--;
	return starts_with_sip(line) ? parse_status(line, m) : parse_request(line, m);
}
