// One SIP message (RFC 3261 §7, §25), parsed in one pass into borrowed slices: no allocation, no recursion.
#pragma once

#include "control/span.h"
#include "relay/endpoint.h"

enum sip_method {
#define METHOD(name, done) METHOD_##name,
#include "control/sip/method.def"
#undef METHOD
	METHOD_UNKNOWN,
};
enum sip_header_id {
#define HEADER(name, text, compact, single) HEADER_##name,
#include "control/sip/header.def"
#undef HEADER
	HEADER_OTHER,
	HEADER_IDS,
};

enum {
	SIP_HEADERS_MAX = 128,
	SIP_VIAS_MAX = 70,
	SIP_HEADER_MAX_BYTES = 8192,
	SIP_MESSAGE_MAX = 65535,
	SIP_BODY_PARTS_MAX = 8,
};

const char *sip_method_name(enum sip_method m);
enum sip_method sip_method_find(struct span name); // case-sensitive (RFC 3261 §7.1)
bool sip_method_is_done(enum sip_method m);
const char *sip_header_name(enum sip_header_id id);
// The reason phrase we use for a status ("Ringing"); a general one by class for others. RFC 3261 §21.
const char *sip_reason(unsigned status);

struct sip_uri { // RFC 3261 §19.1: all slices as received, escapes kept
	struct span whole;
	struct span scheme, user, password, host, params, headers; // host without brackets
	uint32_t port; // 0: none given
	bool host_is_ipv6;
};
// sip: and sips: in full; another scheme gives scheme and whole only. Returns 0 or -EINVAL.
[[nodiscard]] int sip_uri_parse(struct span text, struct sip_uri *out);
// A parameter's value in "a=b;c" text (name compared without case); *out empty for a valueless one. False: not there.
bool sip_param_find(struct span params, const char *name, struct span *out);
// Undo %xx into out (size bytes, NUL-terminated). Returns the length or -EINVAL (bad escape, %00) / -ENOSPC.
int sip_unescape(struct span text, char *out, size_t size);

struct sip_addr { // name-addr / addr-spec with header parameters: From, To, Contact, Route
	struct span display; // as received, with its quotes if any
	struct span uri;     // between < > or bare
	struct span params;  // header parameters without the first ';'
};
// Takes the first element off a comma-separated list; *rest is what stands behind its comma. Returns 0 or -EINVAL.
[[nodiscard]] int sip_addr_parse(struct span *rest, struct sip_addr *out);

struct sip_via { // topmost
	struct span transport, host, branch, params;
	uint32_t port; // 0: none
	bool has_rport;
	struct span whole; // this one Via value
};

struct sip_header {
	enum sip_header_id id;
	struct span name, value; // value trimmed; folds are replaced by spaces in the buffer
};

struct sip_msg {
	bool is_request;
	enum sip_method method; // of the request, or of CSeq in a response
	struct span method_text, uri; // request line
	unsigned status;
	struct span reason;

	struct sip_via via;
	struct sip_addr from, to;
	struct span from_tag, to_tag; // empty: none
	struct span call_id;
	uint32_t cseq;
	enum sip_method cseq_method;
	struct span cseq_method_text;
	int max_forwards; // -1: none
	struct span contact; // the first Contact's value, empty: none

	struct span content_type;
	struct span body;

	struct sip_header headers[SIP_HEADERS_MAX];
	unsigned n_headers, n_vias;
	struct span raw; // the whole message
};

// What a datagram turned out to be.
enum sip_frame {
	SIP_FRAME_OK,
	SIP_FRAME_KEEPALIVE, // CRLFs or nothing (RFC 5626 §4.4.1)
	SIP_FRAME_STUN,      // RFC 5389 first byte and magic
	SIP_FRAME_BAD,       // to be dropped: nothing that could be answered
	SIP_FRAME_REFUSE,    // a request with the fields an answer needs: answer it with *status
	SIP_FRAME_KINDS,
};

// What to say of a message that was dropped or refused; counted each.
enum sip_fault {
#define SIP_FAULT(name, text, status) SIP_FAULT_##name,
#include "control/sip/fault.def"
#undef SIP_FAULT
	SIP_FAULT_KINDS,
};
const char *sip_fault_name(enum sip_fault f);
unsigned sip_fault_status(enum sip_fault f); // 0: nothing to answer

// Parse one datagram of len bytes. Borrows buf for as long as *out is used, and may blank folds in it. *fault says why for
// BAD and REFUSE. Checks what every receiver must (RFC 3261 §8.1.3.3, §8.2, §18.3): version, singletons, CSeq against
// method, Content-Length against the datagram, Via, tags' syntax, caps.
enum sip_frame sip_msg_parse(char *buf, size_t len, struct sip_msg *out, enum sip_fault *fault);

// The n-th (from 0) header of a kind; NULL when there are fewer.
const struct sip_header *sip_msg_header(const struct sip_msg *m, enum sip_header_id id, unsigned n);
// True if the token stands in a comma-separated header of this kind (Require, Supported).
bool sip_msg_has_token(const struct sip_msg *m, enum sip_header_id id, const char *token);
// Find the body (or body part, RFC 5621, one level of multipart) of a type such as "application/sdp". False: none.
// RFC 3261 §7.4.1: a Content-Encoding other than identity hides it.
bool sip_msg_body(const struct sip_msg *m, const char *type, struct span *out);
