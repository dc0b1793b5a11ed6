// Requests to a stack's server, and the user's answers to the latest of them.
#pragma once

#include "tests/unit/stack_fixture.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"

// What a request is made of, so that tests change one thing at a time.
struct wish {
	const char *method, *via, *from_tag, *to_tag, *call_id, *uri, *more;
	unsigned cseq;
};

static const struct wish plain = {"INVITE", "SIP/2.0/UDP 192.0.2.7:5062;branch=z9hG4bKabc;rport", "ft", "",
	"id-1", "sip:+1@192.0.2.1", "", 3};

static void send_from(struct wish w, const char *address, uint16_t port) {
	struct flow from = flow_of(address, port, 0);
	char text[8192];

	snprintf(text, sizeof(text),
		"%s %s SIP/2.0\r\nVia: %s\r\n%sMax-Forwards: 70\r\nFrom: \"Bob\" <sip:b@192.0.2.7>;tag=%s\r\n"
		"To: <sip:+1@192.0.2.1>%s%s\r\nCall-ID: %s\r\nCSeq: %u %s\r\nContent-Length: 0\r\n\r\n",
		w.method, w.uri, w.via, w.more, w.from_tag, *w.to_tag == '\0' ? "" : ";tag=", w.to_tag,
		w.call_id, w.cseq, w.method);
	deliver_from(text, &from);
}

static void send(struct wish w) {
	send_from(w, "192.0.2.7", 6000);
}

static int answer(unsigned status) {
	struct sip_answer a = {.status = status, .headers = span_of("Contact: <sip:192.0.2.1>\r\n")};

	if (status != 100)
		a.to_tag = span_of("ours");
	return sip_server_respond(f.stack, f.server, &a);
}

#pragma GCC diagnostic pop
