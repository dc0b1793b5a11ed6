// One SIP message (RFC 3261 §7, §25), parsed in one pass into borrowed slices: no allocation, no recursion.
#pragma once

#include "control/sip/addr.h"
#include "control/sip/header.h"
#include "control/sip/names.h"
#include "control/sip/uri.h"
#include "control/sip/via.h"

enum {
	SIP_HEADERS_MAX = 128,
	SIP_VIAS_MAX = 70,
	SIP_HEADER_MAX_BYTES = 8192, // name and value, or the start line
	SIP_MESSAGE_MAX = 65535,
	SIP_BODY_PARTS_MAX = 8,
};

struct sip_msg {
	bool is_request;
	enum sip_method method; // of the request, or of CSeq in a response
	struct span method_text, uri; // request line
	unsigned status;
	struct span reason;

	struct sip_via via; // topmost
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

	struct span raw; // the whole message, without what stands before or behind it in the datagram
	unsigned n_headers, n_vias;
	uint8_t first[HEADER_IDS]; // index + 1 of the first header of a kind; 0: none
	struct sip_header
		headers[SIP_HEADERS_MAX]; // the last member: only n_headers of them are ever written
};

// What a datagram turned out to be.
enum sip_frame {
	SIP_FRAME_OK,
	SIP_FRAME_KEEPALIVE, // CRLFs or nothing (RFC 5626 §4.4.1)
	SIP_FRAME_STUN, // RFC 5389 first byte and magic
	SIP_FRAME_BAD, // to be dropped: nothing that could be answered
	SIP_FRAME_REFUSE, // a request with the fields an answer needs: answer it with *status
	SIP_FRAME_KINDS,
};

// Parse one datagram of len bytes. Borrows buf for as long as *out is used, and may blank folds in it. *fault says why for
// BAD and REFUSE, else it is NONE. Checks what every receiver must (RFC 3261 §8.1.3.3, §8.2, §18.3): version, singletons,
// CSeq against method, Content-Length against the datagram, Via, tags' syntax, caps.
// REFUSE: is_request, method, via and sip_msg_header() of Via, From, To, Call-ID and CSeq are there to be copied into an
// answer with sip_fault_status(*fault); to_tag if To has a good one; no other field counts. An ACK is never refused (RFC 3261
// §17.1.1.3): it is BAD. After BAD nothing in *out counts.
enum sip_frame sip_msg_parse(char *buf, size_t len, struct sip_msg *out, enum sip_fault *fault);

// The Call-ID of a message's text, whole or headers alone, as we write it; for log lines. "-" if there is none.
struct span sip_msg_find_call_id(struct span text);

// The n-th (from 0) header of a kind; NULL when there are fewer.
const struct sip_header *sip_msg_header(const struct sip_msg *m, enum sip_header_id id, unsigned n);
// True if the token stands in a comma-separated header of this kind (Require, Supported).
bool sip_msg_has_token(const struct sip_msg *m, enum sip_header_id id, const char *token);
// More than SIP_BODY_PARTS_MAX of them in a multipart body. sip_msg_parse refuses such a message.
bool sip_msg_has_too_many_parts(const struct sip_msg *m);
// Find the body (or body part, RFC 5621, one level of multipart) of a type such as "application/sdp". False: none.
// RFC 3261 §7.4.1: a Content-Encoding other than identity hides it.
bool sip_msg_body(const struct sip_msg *m, const char *type, struct span *out);
