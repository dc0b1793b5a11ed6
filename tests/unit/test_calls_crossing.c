// What crosses from one leg to the other and what does not (design §5; RFC 3323, RFC 3325 §5, RFC 3326, RFC 7332). The
// bench looks for addresses, tags and Call-IDs in every datagram of every test; here is the rest.
#include "tests/unit/call_ladder.h"

static struct party alice, bob;

static void open_with(const char *access, const char *core) {
	const struct bench_options o = {.realm = {access, core}};

	bench_open(&o);
	caller_init(&alice);
	callee_init(&bob);
}

static void take_invite(void) {
	dial(&alice, &bob);
}

static void finish(void) {
	reply_invite(&bob, 486, NULL);
	pass_failure(&bob, &alice, 486);
	bench_close();
}

START_TEST(identities) {
	static const struct {
		const char *from, *crossed;
	} rows[] = {
		{"\"Alice A.\" <sip:1000@192.0.2.10>", "\"Alice A.\" <sip:1000@198.51.100.1>"},
		{"<sip:1000@192.0.2.10>", "<sip:1000@198.51.100.1>"},
		{"\"A \\\"quoted\\\" name\" <sip:1000@192.0.2.10>",
			"\"A \\\"quoted\\\" name\" <sip:1000@198.51.100.1>"},
		{"Alice <sip:1000@192.0.2.10:5080;user=phone>;x=y", "\"Alice\" <sip:1000@198.51.100.1>"},
		{"sip:1000@192.0.2.10", "<sip:1000@198.51.100.1>"},
		{"\"Anonymous\" <sip:anonymous@anonymous.invalid>",
			"\"Anonymous\" <sip:anonymous@198.51.100.1>"},
		{"<sip:192.0.2.10>", "<sip:198.51.100.1>"},
		{"<sip:%41lice:secret@192.0.2.10>", "<sip:%41lice@198.51.100.1>"},
		{"<tel:+12025550100;phone-context=x>", "<sip:+12025550100@198.51.100.1>"},
		{"<urn:x:y>", "<sip:198.51.100.1>"},
		{"<tel:evil@trusted.example>", "<sip:198.51.100.1>"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		open_with(NULL, NULL);
		strcpy(alice.local, rows[i].from);
		bench_secret(REALM_ACCESS, "secret");
		take_invite();
		ck_assert_str_eq(bob.remote, rows[i].crossed);
		ck_assert_str_eq(bob.local, "<sip:2000@198.51.100.2>");
		finish();
	}
}
END_TEST

START_TEST(called_user) {
	open_with(NULL, NULL);
	strcpy(alice.invite_uri, "sip:+12025550199@203.0.113.1:5060;user=phone?X=y");
	strcpy(alice.remote, "\"The Bank\" <sip:bank@203.0.113.1>");
	take_invite();
	// The Request-URI says who is called, To who was meant.
	ck_assert_int_eq(strncmp(bob.invite, "INVITE sip:+12025550199@198.51.100.2:5060 SIP/2.0\r\n", 51), 0);
	ck_assert_str_eq(bob.local, "\"The Bank\" <sip:bank@198.51.100.2>");
	finish();
}
END_TEST

// RFC 7332, §8.1.1.6: one less, 70 without.
START_TEST(max_forwards) {
	static const struct {
		int from;
		const char *to;
	} rows[] = {{70, "69"}, {1, "0"}, {255, "254"}, {-1, "70"}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		open_with(NULL, NULL);
		alice.max_forwards = rows[i].from;
		take_invite();
		ck_assert_str_eq(bench_header(bob.invite, "Max-Forwards", 0), rows[i].to);
		alice.max_forwards = 70;
		finish();
	}
}
END_TEST

START_TEST(privacy_crosses) {
	open_with(NULL, NULL);
	add_header(&alice, "Privacy: id;critical");
	take_invite();
	ck_assert_str_eq(bench_header(bob.invite, "Privacy", 0), "id;critical");
	finish();
}
END_TEST

// RFC 3325 §5: only within the Trust Domain, so both realms are trusted.
START_TEST(asserted_identity) {
	static const struct {
		const char *access, *core;
		bool crosses;
	} rows[] = {
		{"allow = [ \"192.0.2.0/24\" ]; trusted = true;", "nat = \"never\"; trusted = true;", true},
		{"allow = [ \"192.0.2.0/24\" ]; trusted = true;", "nat = \"never\";", false},
		{"allow = [ \"192.0.2.0/24\" ];", "nat = \"never\"; trusted = true;", false},
		{"allow = [ \"192.0.2.0/24\" ];", "nat = \"never\";", false},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		open_with(rows[i].access, rows[i].core);
		add_header(&alice, "P-Asserted-Identity: \"Alice\" <sip:alice@carrier.example>");
		add_header(&alice, "P-Asserted-Identity: <tel:+12025550100>");
		take_invite();
		ck_assert_str_eq(bench_header(bob.invite, "P-Asserted-Identity", 0),
			rows[i].crosses ? "\"Alice\" <sip:alice@carrier.example>" : "");
		ck_assert_str_eq(bench_header(bob.invite, "P-Asserted-Identity", 1),
			rows[i].crosses ? "<tel:+12025550100>" : "");
		finish();
	}
}
END_TEST

// A trunk that is tried second may be in a realm that is less trusted than the first.
START_TEST(asserted_identity_stays_in_its_realms) {
	const struct bench_options o = {.realm = {"allow = [ \"192.0.2.0/24\" ]; trusted = true;",
						"nat = \"never\"; trusted = true;"},
		.trunks =
			"{ name = \"a\"; realm = \"core\"; peers = ( { address = \"198.51.100.2\"; port = 5060; } ); },"
			"{ name = \"b\"; realm = \"edge\"; peers = ( { address = \"203.0.113.20\"; port = 5060; } ); }",
		.routes = "{ from_realm = \"access\"; user = \".*\"; to = [ \"a\", \"b\" ]; }"};
	struct party carol;

	bench_open(&o);
	caller_init(&alice);
	callee_init(&bob);
	callee_init_at(&carol, REALM_EDGE, "203.0.113.20");
	add_header(&alice, "P-Asserted-Identity: <tel:+12025550100>");
	take_invite();
	bench_no_secret(bob.call_id);
	ck_assert_str_eq(bench_header(bob.invite, "P-Asserted-Identity", 0), "<tel:+12025550100>");
	reply(&bob, 503, NULL);
	expect_request(&bob, "ACK");
	expect_request(&carol, "INVITE");
	ck_assert_str_eq(bench_header(carol.invite, "P-Asserted-Identity", 0), "");
	reply(&carol, 486, NULL);
	pass_failure(&carol, &alice, 486);
	bench_close();
}
END_TEST

static const char *const private_lines[] = {
	"User-Agent: Phone-of-alice/1.0",
	"Server: Switch-of-bob/2.0",
	"Organization: Secret Society",
	"Subject: a secret matter",
	"Call-Info: <http://alice.example/secret.png>;purpose=icon",
	"Alert-Info: <http://alice.example/secret.wav>",
	"Warning: 399 secret.example \"secret\"",
	"Retry-After: 4711 (secret)",
	"Date: Sat, 13 Nov 2010 23:29:00 GMT",
	"Supported: secret-option",
	"Allow: SECRET",
	"X-Internal: secret",
	"P-Preferred-Identity: <sip:secret@alice.example>",
	"Remote-Party-ID: <sip:secret@alice.example>",
	"Diversion: <sip:secret@alice.example>",
	"Authorization: Digest username=\"secret\"",
	"Session-Expires: 1800;refresher=uac",
	"Geolocation: <cid:secret@alice.example>",
};
static const char *const private_words[] = {"Phone-of-alice", "Switch-of-bob", "ecret", "SECRET", "4711 (",
	"alice.example", "13 Nov 2010", "refresher"};

static void add_private(struct party *p) {
	for (size_t i = 0; i < sizeof(private_lines) / sizeof(*private_lines); i++)
		add_header(p, private_lines[i]);
}

static void keep_private(unsigned realm) {
	for (size_t i = 0; i < sizeof(private_words) / sizeof(*private_words); i++)
		bench_secret(realm, private_words[i]);
}

// Whatever either side adds to its messages stays on its side, from the first to the last of them.
START_TEST(the_callers_headers_stay) {
	open_with(NULL, NULL);
	alice.sdp = SDP_AT("192.0.2.10", "4000");
	keep_private(REALM_ACCESS);
	add_private(&alice);
	take_invite();
	reply(&bob, 180, NULL);
	expect(&alice, 180);
	reply(&bob, 200, SDP_AT("198.51.100.2", "5000"));
	expect_request(&bob, "ACK");
	expect(&alice, 200);
	add_private(&alice);
	ack(&alice);
	add_private(&alice);
	request(&alice, "BYE", NULL);
	expect(&alice, 200);
	take_bye(&bob);
	bench_close();
}
END_TEST

START_TEST(the_callees_headers_stay) {
	open_with(NULL, NULL);
	keep_private(REALM_CORE);
	take_invite();
	add_private(&bob);
	reply(&bob, 183, SDP_AT("198.51.100.2", "5000"));
	expect(&alice, 183);
	add_private(&bob);
	reply(&bob, 200, SDP_AT("198.51.100.2", "5000"));
	pass_answer(&bob, &alice);
	add_private(&bob);
	request(&bob, "BYE", NULL);
	expect(&bob, 200);
	expect_request(&alice, "BYE");
	add_private(&alice);
	reply(&alice, 200, NULL);
	bench_close();
}
END_TEST

START_TEST(a_failures_headers_stay) {
	open_with(NULL, NULL);
	keep_private(REALM_CORE);
	take_invite();
	add_private(&bob);
	add_header(&bob, "Error-Info: <sip:secret@alice.example>");
	reply(&bob, 404, NULL);
	pass_failure(&bob, &alice, 404);
	bench_close();
}
END_TEST

// RFC 3326, and nothing else of a CANCEL.
START_TEST(cancel_takes_its_reason_along) {
	open_with(NULL, NULL);
	keep_private(REALM_ACCESS);
	take_invite();
	reply(&bob, 180, NULL);
	expect(&alice, 180);
	add_private(&alice);
	add_header(&alice, "Reason: SIP;cause=200");
	cancel(&alice);
	expect(&alice, 200);
	take_failure(&alice, 487);
	expect_request(&bob, "CANCEL");
	ck_assert_str_eq(heard(&bob, "Reason"), "SIP;cause=200");
	reply(&bob, 200, NULL);
	reply_invite(&bob, 487, NULL);
	expect_request(&bob, "ACK");
	bench_close();
}
END_TEST

// SDP: what is about the way is ours or gone, what is about the media is untouched (design §5).
START_TEST(descriptions) {
	static const char *const gone[] = {"a=rtcp:", "a=candidate", "a=ice-", "a=crypto", "a=fingerprint",
		"a=setup", "a=group", "a=rtcp-mux", "a=end-of-candidates", "user-of-alice"};
	static const char *const kept[] = {"m=audio ", "RTP/AVP 8 101\r\n", "a=rtpmap:8 PCMA/8000\r\n",
		"a=rtpmap:101 telephone-event/8000\r\n", "a=fmtp:101 0-16\r\n", "a=ptime:20\r\n",
		"a=sendrecv\r\n"};

	open_with(NULL, NULL);
	alice.sdp = "v=0\r\no=user-of-alice 1 1 IN IP4 192.0.2.10\r\ns=-\r\nc=IN IP4 192.0.2.10\r\nt=0 0\r\n"
		    "a=group:BUNDLE 1\r\nm=audio 4000 RTP/AVP 8 101\r\na=rtpmap:8 PCMA/8000\r\n"
		    "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=ptime:20\r\na=sendrecv\r\n"
		    "a=rtcp:4001 IN IP4 192.0.2.10\r\na=rtcp-mux\r\na=ice-ufrag:abcd\r\na=ice-pwd:efgh\r\n"
		    "a=candidate:1 1 UDP 1 192.0.2.10 4000 typ host\r\na=end-of-candidates\r\n"
		    "a=fingerprint:sha-256 AB:CD\r\na=setup:actpass\r\n"
		    "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:x\r\n";
	take_invite();
	for (size_t i = 0; i < sizeof(gone) / sizeof(*gone); i++)
		ck_assert_msg(strstr(bench_body(bob.invite), gone[i]) == NULL, "%s", bob.invite);
	for (size_t i = 0; i < sizeof(kept) / sizeof(*kept); i++)
		ck_assert_msg(
			strstr(bench_body(bob.invite), kept[i]) != NULL, "%s:\n%s", kept[i], bob.invite);
	finish();
}
END_TEST

// The bench looks for the address in all that goes to the other side.
START_TEST(descriptions_that_name_their_author) {
	open_with(NULL, NULL);
	alice.sdp =
		"v=0\r\no=- 1 1 IN IP4 192.0.2.10\r\ns=call from 192.0.2.10\r\nc=IN IP4 192.0.2.10\r\nt=0 0\r\n"
		"m=audio 4000 RTP/AVP 0\r\na=ssrc:1234 cname:alice@192.0.2.10\r\n"
		"m=message 2855 TCP/MSRP *\r\na=path:msrp://192.0.2.10:2855/s111;tcp\r\n";
	take_invite();
	ck_assert_ptr_nonnull(strstr(bench_body(bob.invite), "\r\ns=-\r\n"));
	finish();
}
END_TEST

static void fail_with(const char *status_line) {
	char text[MESSAGE_TEXT];

	snprintf(text, sizeof(text),
		"SIP/2.0 %s\r\nVia: %s\r\nFrom: %s\r\nTo: %s;tag=%s\r\nCall-ID: %s\r\nCSeq: %s\r\nContent-Length: 0\r\n\r\n",
		status_line, bench_header(bob.invite, "Via", 0), bench_header(bob.invite, "From", 0),
		bench_header(bob.invite, "To", 0), bob.tag, bob.call_id, bench_header(bob.invite, "CSeq", 0));
	say(&bob, text);
	expect_request(&bob, "ACK");
}

START_TEST(a_phrase_with_an_address_stays) {
	open_with(NULL, NULL);
	take_invite();
	fail_with("404 nobody at 198.51.100.2");
	ck_assert_int_eq(strncmp(expect(&alice, 404), "SIP/2.0 404 Not Found\r\n", 23), 0);
	ack_failure(&alice);
	bench_close();
}
END_TEST

// RFC 3261 §21.4.6: what we allow, as the callee's Allow does not cross.
START_TEST(a_405_has_allow) {
	open_with(NULL, NULL);
	take_invite();
	fail_with("405 Method Not Allowed");
	ck_assert_str_ne(bench_header(expect(&alice, 405), "Allow", 0), "");
	ack_failure(&alice);
	bench_close();
}
END_TEST

// A line that would make two of itself does not (§7.3.1: header values have no line ends but folds).
START_TEST(folded_headers_cross_as_one_line) {
	open_with(NULL, NULL);
	add_header(&alice, "Privacy: id\r\n ;critical");
	take_invite();
	ck_assert_ptr_nonnull(strstr(bench_header(bob.invite, "Privacy", 0), "critical"));
	finish();
}
END_TEST

int main(void) {
	const TTest *const tests[] = {identities, called_user, max_forwards, privacy_crosses,
		asserted_identity, asserted_identity_stays_in_its_realms, the_callers_headers_stay,
		the_callees_headers_stay, a_failures_headers_stay, cancel_takes_its_reason_along,
		descriptions, descriptions_that_name_their_author, a_phrase_with_an_address_stays,
		a_405_has_allow, folded_headers_cross_as_one_line};

	return BENCH_RUN("calls_crossing", tests);
}
