#include "control/sdp/sdp.h"
#include "tests/unit/run_suite.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <stdlib.h>

#define OURS "o=kedge 77 3 IN IP4 198.51.100.1\r\n"

static struct endpoint v4(const char *address, uint16_t port) {
	struct endpoint e;

	ck_assert_int_eq(endpoint_parse(address, strlen(address), port, &e), 0);
	return e;
}

// Our endpoints: connection 198.51.100.1; streams get ports 16384, 16386, … there, unless said otherwise.
struct vector {
	const char *what, *in, *out;
	uint16_t ports[3];
	const char *addresses[3];
};

static const struct vector vectors[] = {
	{"RFC 3264 §10.1, both streams taken",
		"v=0\r\no=alice 2890844526 2890844526 IN IP4 host.anywhere.com\r\ns=\r\nc=IN IP4 192.0.2.101\r\nt=0 0\r\n"
		"m=audio 49170 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\nm=video 51372 RTP/AVP 31\r\na=rtpmap:31 H261/90000\r\n"
		"m=video 53000 RTP/AVP 32\r\na=rtpmap:32 MPV/90000\r\n",
		"v=0\r\n" OURS "s=\r\nc=IN IP4 198.51.100.1\r\nt=0 0\r\n"
		"m=audio 16384 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\nm=video 0 RTP/AVP 31\r\n"
		"m=video 16386 RTP/AVP 32\r\na=rtpmap:32 MPV/90000\r\n",
		{16384, 0, 16386}, {0}},
	{"what is consumed, in the session and the stream; LF only",
		"v=0\no=- 1 1 IN IP4 192.0.2.1\ns=a session\nc=IN IP4 192.0.2.1\nt=0 0\nk=clear:secret\na=group:BUNDLE 0 1\n"
		"a=ice-lite\na=ice-options:trickle\na=fingerprint:SHA-1 4A:AD\na=setup:actpass\na=tls-id:abc3de65cddef001\na=tool:phone\n"
		"m=audio 4000 RTP/AVP 0 101\nb=AS:64\na=rtpmap:101 telephone-event/8000\na=fmtp:101 0-15\na=rtcp:4001\n"
		"a=RTCP-MUX\na=rtcp-mux-only\na=rtcp-fb:0 nack\na=candidate:1 1 UDP 1 10.0.0.1 4000 typ host\n"
		"a=remote-candidates:1 10.0.0.1 4000\na=end-of-candidates\na=ice-ufrag:x\na=ice-pwd:y\na=bundle-only\n"
		"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:AA\na=key-mgmt:mikey AQ==\na=altc:1 IP4 10.0.0.2 4000\n"
		"a=source-filter: incl IN IP4 * 10.0.0.3\na=direction:both\na=ptime:20\na=x-own:  two  spaces \na=sendrecv\n"
		"y=0\n",
		"v=0\r\n" OURS "s=a session\r\nc=IN IP4 198.51.100.1\r\nt=0 0\r\na=tool:phone\r\n"
		"m=audio 16384 RTP/AVP 0 101\r\nb=AS:64\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n"
		"a=rtcp-fb:0 nack\r\na=direction:both\r\na=ptime:20\r\na=x-own:  two  spaces \r\na=sendrecv\r\ny=0\r\n",
		{16384}, {0}},
	{"media-level c= only: the session gets ours; i= stays before it",
		"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\ni=info\r\nu=http://example.com/\r\ne=a@example.com\r\np=+1\r\n"
		"b=CT:128\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\ni=title\r\nc=IN IP4 192.0.2.1\r\na=recvonly\r\n",
		"v=0\r\n" OURS "s=-\r\ni=info\r\nu=http://example.com/\r\ne=a@example.com\r\np=+1\r\n"
		"c=IN IP4 198.51.100.1\r\nb=CT:128\r\nt=0 0\r\nm=audio 16384 RTP/AVP 0\r\ni=title\r\na=recvonly\r\n",
		{16384}, {0}},
	{"a stream at another address of ours",
		"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
		"m=video 4002 RTP/AVP 31\r\ni=title\r\nb=AS:1\r\nm=text 4004 RTP/AVP 98\r\n",
		"v=0\r\n" OURS "s=-\r\nc=IN IP4 198.51.100.1\r\nt=0 0\r\nm=audio 16384 RTP/AVP 0\r\n"
		"m=video 16390 RTP/AVP 31\r\ni=title\r\nc=IN IP4 198.51.100.7\r\nb=AS:1\r\nm=text 16392 RTP/AVP 98\r\n"
		"c=IN IP4 198.51.100.8\r\n",
		{16384, 16390, 16392}, {"198.51.100.1", "198.51.100.7", "198.51.100.8"}},
	{"what names where its author is",
		"v=0\r\no=- 1 1 IN IP4 pc.example.net\r\ns=call from 192.0.2.1\r\ni=192.0.2.1\r\nu=http://PC.example.net/x\r\n"
		"e=a@mypc.example.net\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\na=x:1192.0.2.1\r\na=x:192.0.2.10\r\n"
		"a=x:192.0.2.1.5\r\nm=audio 4000 RTP/AVP 0\r\na=ssrc:1 cname:alice@192.0.2.1\r\na=ssrc:1 cname:x\r\n"
		"a=rtcp:53020 IN IP4 192.0.2.9\r\na=x:[192.0.2.9]:4000\r\n"
		"a=x:at 192.0.2.1.\r\nm=message 2855 TCP/MSRP *\r\na=path:msrp://192.0.2.7:2855/s;tcp\r\n",
		"v=0\r\n" OURS "s=-\r\ne=a@mypc.example.net\r\nc=IN IP4 198.51.100.1\r\nt=0 0\r\n"
		"a=x:1192.0.2.1\r\na=x:192.0.2.10\r\na=x:192.0.2.1.5\r\nm=audio 16384 RTP/AVP 0\r\na=ssrc:1 cname:x\r\n"
		"m=message 0 TCP/MSRP *\r\n",
		{16384, 0}, {0}},
	{"an IPv6 address of its author",
		"v=0\r\no=- 1 1 IN IP6 2001:db8::1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
		"a=ssrc:1 cname:2001:DB8::1\r\na=x:[2001:db8::1]:4000\r\na=x:2001:db8::11\r\n",
		"v=0\r\n" OURS "s=-\r\nc=IN IP4 198.51.100.1\r\nt=0 0\r\nm=audio 16384 RTP/AVP 0\r\n"
		"a=x:2001:db8::11\r\n",
		{16384}, {0}},
	{"a line that has to be there stays, whatever a c= says",
		"v=0\r\no=- 1 1 IN IP4 x\r\ns=-\r\nt=0 0.5\r\nm=audio 4000 RTP/AVP 0\r\nc=IN IP4 0.5\r\n",
		"v=0\r\n" OURS "s=-\r\nc=IN IP4 198.51.100.1\r\nt=0 0.5\r\nm=audio 0 RTP/AVP 0\r\n", {0},
		{0}},
	{"a hold of RFC 2543 crosses",
		"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n",
		"v=0\r\n" OURS
		"s=-\r\nc=IN IP4 198.51.100.1\r\nt=0 0\r\nm=audio 16384 RTP/AVP 0\r\nc=IN IP4 0.0.0.0\r\n",
		{16384}, {"0.0.0.0"}},
	{"refused: port 0, formats and protocol stay, number of ports doesn't",
		"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=image 4000 udptl t38\r\n"
		"a=T38FaxVersion:0\r\nm=audio 4002/2 RTP/SAVP 0 8 101 \r\na=crypto:1 x\r\nc=IN IP4 192.0.2.2\r\n",
		"v=0\r\n" OURS "s=-\r\nc=IN IP4 198.51.100.1\r\nt=0 0\r\nm=image 0 udptl t38\r\n"
		"m=audio 0 RTP/SAVP 0 8 101\r\n",
		{0}, {0}},
	{"without streams", "v=0\r\no=- 1 1 IN IP6 2001:db8::1\r\ns=-\r\nt=0 0\r\n",
		"v=0\r\n" OURS "s=-\r\nc=IN IP4 198.51.100.1\r\nt=0 0\r\n", {0}, {0}},
};

static void parse_vector(const struct vector *v, struct sdp *sdp, struct sdp_rewrite *r) {
	*r = (struct sdp_rewrite){.origin_user = span_of("kedge"),
		.session_id = 77,
		.version = 3,
		.connection = v4("198.51.100.1", 0)};
	ck_assert_int_eq(sdp_parse(span_of(v->in), sdp), 0);
	for (int i = 0; i < 3; i++) {
		if (v->ports[i] > 0)
			r->streams[i] =
				v4(v->addresses[i] == NULL ? "198.51.100.1" : v->addresses[i], v->ports[i]);
	}
}

START_TEST(writes) {
	static char text[SDP_WRITTEN_MAX];
	struct sink out = sink_over(text, sizeof(text));
	struct sdp_rewrite r;
	struct sdp sdp;

	parse_vector(&vectors[_i], &sdp, &r);
	ck_assert_int_eq(sdp_write(&sdp, &r, &out), 0);
	text[out.len] = '\0';
	ck_assert_str_eq(text, vectors[_i].out);
}
END_TEST

START_TEST(says_when_it_does_not_fit) {
	char text[SDP_WRITTEN_MAX];
	struct sdp_rewrite r;
	struct sdp sdp;
	size_t whole = strlen(vectors[_i].out);

	parse_vector(&vectors[_i], &sdp, &r);
	for (size_t size = 0; size < whole; size++) {
		struct sink out = sink_over(text, size);

		ck_assert_int_eq(sdp_write(&sdp, &r, &out), -ENOSPC);
	}
}
END_TEST

// The longest growth there can be: every LF becomes CRLF, ports and addresses grow.
START_TEST(never_outgrows_its_bound) {
	static char in[SDP_MAX_BYTES], text[SDP_WRITTEN_MAX];
	static struct sdp sdp;
	struct sdp_rewrite r = {
		.origin_user = span_of("kedge"), .session_id = UINT64_MAX, .version = UINT64_MAX};
	struct sink fill = sink_over(in, sizeof(in)), out = sink_over(text, sizeof(text));

	sink_text(&fill, "v=0\no=- 1 1 IN IP4 1.1.1.1\ns=\nt=0 0\nc=IN IP4 1.1.1.1\n");
	for (int i = 0; i < SDP_STREAMS_MAX; i++)
		sink_text(&fill, "m=a 1 RTP/AVP 0\n");
	for (int i = 0; i < 400; i++)
		sink_text(&fill, "a=xx\n");
	sink_text(&fill, "a=");
	while (fill.len < sizeof(in))
		sink_put(&fill, "x", 1);
	ck_assert_int_eq(sdp_parse(sink_result(&fill), &sdp), 0);
	ck_assert_int_eq(endpoint_parse("2001:db8:1111:2222:3333:4444:5555:6666", 38, 0, &r.connection), 0);
	for (int i = 0; i < SDP_STREAMS_MAX; i++) {
		r.streams[i] = r.connection;
		r.streams[i].addr[15] = (uint8_t)i;
		r.streams[i].port = UINT16_MAX;
	}
	ck_assert_int_eq(sdp_write(&sdp, &r, &out), 0);
}
END_TEST

int main(void) {
	Suite *suite = suite_create("sdp_write");
	TCase *tcase = tcase_create("all");

	suite_add_tcase(suite, tcase);
	tcase_add_loop_test(tcase, writes, 0, sizeof(vectors) / sizeof(vectors[0]));
	tcase_add_loop_test(tcase, says_when_it_does_not_fit, 0, sizeof(vectors) / sizeof(vectors[0]));
	tcase_add_test(tcase, never_outgrows_its_bound);
	return run_suite(suite);
}
