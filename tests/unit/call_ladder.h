// Peers of Kedge as test scripts see them, so that a test reads like the ladder it draws. Each knows its own half of
// a dialog and checks by RFC 3261 what it is sent; it has no timers: it says what the script makes it say.
//
//	struct party alice, bob;
//
//	caller_init(&alice); callee_init(&bob);
//	invite(&alice);          expect(&alice, 100);
//	expect_request(&bob, "INVITE");
//	reply(&bob, 180, NULL);  expect(&alice, 180);
#pragma once

#include "tests/unit/call_bench.h"
#include "tests/unit/call_bench_wire.h"

enum { PARTY_TEXT = 256, MESSAGE_TEXT = 8192 };

struct party {
	struct flow flow; // where its datagrams come from and go to
	char via[64]; // sent-by of its Via
	char contact[PARTY_TEXT]; // URI of its Contact; empty: none
	char record_route[PARTY_TEXT]; // of its responses and INVITE; empty: none
	char more[1024]; // further header lines of whatever it says next, then forgotten
	const char *sdp; // that its INVITE carries; NULL: none

	// The dialog
	char call_id[64], tag[64], peer_tag[64];
	char local[PARTY_TEXT], remote[PARTY_TEXT]; // From and To, from its side, without tags
	char target[PARTY_TEXT]; // Request-URI of what it sends: Kedge's Contact
	unsigned cseq, invite_cseq, peer_cseq;
	char invite_branch[64], invite_uri[PARTY_TEXT];
	int max_forwards;

	char request[MESSAGE_TEXT]; // the last one it was sent, for reply(); of INVITEs: `invite`
	char invite[MESSAGE_TEXT];
	char response[MESSAGE_TEXT]; // likewise
	const struct datagram *last; // that it took
};

#define SDP_AT(address, port) \
	"v=0\r\no=- 4711 1 IN IP4 " address "\r\ns=-\r\nc=IN IP4 " address "\r\nt=0 0\r\nm=audio " port \
	" RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"
#define CALLER_SDP SDP_AT("192.0.2.10", "4000")
#define CALLEE_SDP SDP_AT("198.51.100.2", "5000")

void caller_init(struct party *p); // 192.0.2.10:5060 in access
void callee_init(struct party *p); // 198.51.100.2:5060 in core
// The same at another address of the realm's.
void caller_init_at(struct party *p, unsigned realm, const char *address);
void callee_init_at(struct party *p, unsigned realm, const char *address);
// Callees answer with a tag of theirs; forks have one each.
void set_tag(struct party *p, const char *tag);
void add_header(struct party *p, const char *line); // without CRLF; to whatever it says next

// ---- saying ----
void invite(struct party *p); // its own leg's INVITE
void invite_again(struct party *p); // the same, byte by byte
void ack(struct party *p); // of the 2xx
void ack_failure(struct party *p); // of a 3xx to 6xx (RFC 3261 §17.1.1.3)
void cancel(struct party *p);
void request(struct party *p, const char *method, const char *sdp); // within the dialog; NULL: no body
void request_with_cseq(struct party *p, const char *method, unsigned cseq);
void reply(struct party *p, int status, const char *sdp); // to the last request
void reply_invite(struct party *p, int status, const char *sdp); // to its INVITE, whatever came since
void reply_to(struct party *p, const char *to, int status, const char *sdp); // to any request
void repeat_reply(struct party *p); // the last reply, byte by byte
void say(struct party *p, const char *text); // anything
// What parties say goes to fn instead of to Kedge; NULL: to Kedge again.
void ladder_on_say(void (*fn)(void *ctx, struct party *p, const char *text), void *ctx);

// ---- hearing ----
// The next datagram to p must be this response or this request. Gives its text.
const char *expect(struct party *p, int status);
const char *expect_request(struct party *p, const char *method);
void expect_keepalive(struct party *p);
void expect_nothing(struct party *p);
// Skip repeats of the last message, then expect.
unsigned skip_repeats(struct party *p);
// A header of what p heard last.
#define heard(p, name) bench_header((p)->last->text, name, 0)

// ---- whole stretches ----
void dial(struct party *a, struct party *b); // INVITE, as far as the callee
void ring(struct party *a, struct party *b); // INVITE … 180
// What b said last, a 2xx or a failure, is acknowledged to it and crosses to a, which acknowledges it too.
void pass_answer(struct party *b, struct party *a);
void pass_failure(struct party *b, struct party *a, int status);
void talk(struct party *a, struct party *b); // INVITE … ACK
// With both at their ends: BYE of x to y through Kedge.
void hang_up(struct party *x, struct party *y);
// y got a BYE from Kedge and says 200.
void take_bye(struct party *y);
// The caller gets this final failure and acknowledges it.
void take_failure(struct party *a, int status);
// The callee gets a CANCEL: 200 to it, 487 to its INVITE, whose ACK follows.
void take_cancel(struct party *b);
