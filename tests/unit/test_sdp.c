#include "control/sdp/sdp.h"
#include "tests/unit/run_suite.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define HEAD \
	"v=0\r\no=alice 2890844526 2890844526 IN IP4 192.0.2.101\r\ns=-\r\nc=IN IP4 192.0.2.101\r\nt=0 0\r\n"
#define NO_CONNECTION "v=0\r\no=- 1 1 IN IP4 192.0.2.101\r\ns=-\r\nt=0 0\r\n"
#define MEDIA "m=audio 49170 RTP/AVP 0\r\n"

static const struct {
	const char *what, *text;
	int ret;
} refusals[] = {
	{"nothing", "", -EBADMSG},
	{"only v=", "v=0\r\n", -EBADMSG},
	{"not SDP", "hello world", -EBADMSG},
	{"another version", "v=1\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\n", -EBADMSG},
	{"v= not first", "o=- 1 1 IN IP4 192.0.2.1\r\nv=0\r\ns=-\r\nt=0 0\r\n", -EBADMSG},
	{"without o=", "v=0\r\ns=-\r\nt=0 0\r\n", -EBADMSG},
	{"two o=", "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\n",
		-EBADMSG},
	{"o= of five words", "v=0\r\no=- 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\n", -EBADMSG},
	{"without s=", "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\nt=0 0\r\n", -EBADMSG},
	{"without t=", "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\n", -EBADMSG},
	{"a second description behind the first", HEAD MEDIA HEAD MEDIA, -EBADMSG},
	{"empty line within", HEAD "\r\n" MEDIA, -EBADMSG},
	{"line without =", HEAD "audio\r\n", -EBADMSG},
	{"capital type", HEAD "A=sendrecv\r\n", -EBADMSG},
	{"one byte", HEAD "a\r\n", -EBADMSG},
	{"CR within a line", HEAD "a=x\rc=IN IP4 10.0.0.1\r\n" MEDIA, -EBADMSG},
	{"two session c=", HEAD "c=IN IP4 192.0.2.1\r\n" MEDIA, -EBADMSG},
	{"two media c=", HEAD MEDIA "c=IN IP4 192.0.2.1\r\nc=IN IP4 192.0.2.2\r\n", -EBADMSG},
	{"c= of two words", NO_CONNECTION "c=IN IP4\r\n" MEDIA, -EBADMSG},
	{"c= of four words", NO_CONNECTION "c=IN IP4 192.0.2.1 x\r\n" MEDIA, -EBADMSG},
	{"no c= at all", NO_CONNECTION MEDIA, -EBADMSG},
	{"m= without format", HEAD "m=audio 49170 RTP/AVP\r\n", -EBADMSG},
	{"m= without protocol", HEAD "m=audio 49170\r\n", -EBADMSG},
	{"m= without port", HEAD "m=audio  RTP/AVP 0\r\n", -EBADMSG},
	{"empty m=", HEAD "m=\r\n", -EBADMSG},
	{"port too large", HEAD "m=audio 65536 RTP/AVP 0\r\n", -EBADMSG},
	{"negative port", HEAD "m=audio -1 RTP/AVP 0\r\n", -EBADMSG},
	{"port not a number", HEAD "m=audio 49170x RTP/AVP 0\r\n", -EBADMSG},
	{"no number of ports", HEAD "m=audio 49170/ RTP/AVP 0\r\n", -EBADMSG},
	{"zero ports", HEAD "m=audio 49170/0 RTP/AVP 0\r\n", -EBADMSG},
	{"nine streams", HEAD MEDIA MEDIA MEDIA MEDIA MEDIA MEDIA MEDIA MEDIA MEDIA, -E2BIG},
	{"eight streams", HEAD MEDIA MEDIA MEDIA MEDIA MEDIA MEDIA MEDIA MEDIA, 0},
	{"no stream", HEAD, 0},
	{"LF only", "v=0\no=- 1 1 IN IP4 192.0.2.1\ns=-\nt=0 0\n", 0},
	{"last line without its end", HEAD "m=audio 49170 RTP/AVP 0", 0},
	{"empty lines at the end", HEAD MEDIA "\r\n\r\n", 0},
	{"empty s=", "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=\r\nt=0 0\r\n", 0},
	{"c= behind t=", NO_CONNECTION "c=IN IP4 192.0.2.1\r\n" MEDIA, 0},
	{"rejected stream needs no c=", NO_CONNECTION "m=audio 0 RTP/AVP 0\r\n", 0},
	{"trailing space in m=", HEAD "m=audio 49170 RTP/AVP 0 8 \r\n", 0},
	{"unknown type", HEAD "y=0123\r\n" MEDIA, 0},
};

START_TEST(refuses_what_is_not_sdp) {
	struct sdp sdp;

	ck_assert_msg(
		sdp_parse(span_of(refusals[_i].text), &sdp) == refusals[_i].ret, "%s", refusals[_i].what);
}
END_TEST

// One audio stream in one description each. IPv4 endpoints as text, "-": not set.
static const struct {
	const char *what, *session, *media;
	bool relayable;
	const char *rtp, *rtcp;
	enum sdp_direction direction;
	bool held;
	uint64_t low, high;
} streams[] = {
	{"RFC 3264 §10.1", "c=IN IP4 192.0.2.101\r\n", "m=audio 49170 RTP/AVP 0 8 97\r\n", true,
		"192.0.2.101:49170", "192.0.2.101:49171", SDP_SENDRECV, false, 0x101, 1ull << 33},
	{"media c= goes before the session's", "c=IN IP4 192.0.2.1\r\n",
		"m=audio 4000 RTP/AVP 0\r\nc=IN IP4 192.0.2.2\r\n", true, "192.0.2.2:4000", "192.0.2.2:4001",
		SDP_SENDRECV, false, 1, 0},
	{"RFC 3605 §2.1, port only", "c=IN IP4 126.16.64.4\r\n",
		"m=audio 49170 RTP/AVP 0\r\na=rtcp:53020\r\n", true, "126.16.64.4:49170", "126.16.64.4:53020",
		SDP_SENDRECV, false, 1, 0},
	{"RFC 3605 §2.1, address too", "c=IN IP4 126.16.64.4\r\n",
		"m=audio 49170 RTP/AVP 0\r\na=rtcp:53020 IN IP4 126.16.64.5\r\n", true, "126.16.64.4:49170",
		"126.16.64.5:53020", SDP_SENDRECV, false, 1, 0},
	{"RTCP over IPv6 is none for us", "c=IN IP4 192.0.2.1\r\n",
		"m=audio 49170 RTP/AVP 0\r\na=rtcp:53020 IN IP6 2001:2345:6789:ABCD:EF01:2345:6789:ABCD\r\n",
		true, "192.0.2.1:49170", "-", SDP_SENDRECV, false, 1, 0},
	{"an a=rtcp that can't be read", "c=IN IP4 192.0.2.1\r\n", "m=audio 49170 RTP/AVP 0\r\na=rtcp:x\r\n",
		true, "192.0.2.1:49170", "192.0.2.1:49171", SDP_SENDRECV, false, 1, 0},
	{"a=rtcp port 0", "c=IN IP4 192.0.2.1\r\n", "m=audio 49170 RTP/AVP 0\r\na=rtcp:0\r\n", true,
		"192.0.2.1:49170", "-", SDP_SENDRECV, false, 1, 0},
	{"no port behind 65535", "c=IN IP4 192.0.2.1\r\n", "m=audio 65535 RTP/AVP 0\r\n", true,
		"192.0.2.1:65535", "-", SDP_SENDRECV, false, 1, 0},
	{"held by RFC 2543", "c=IN IP4 0.0.0.0\r\n", "m=audio 4000 RTP/AVP 0\r\n", true, "0.0.0.0:4000",
		"0.0.0.0:4001", SDP_SENDRECV, true, 1, 0},
	{"inactive", "c=IN IP4 192.0.2.1\r\n", "m=audio 4000 RTP/AVP 0\r\na=inactive\r\n", true,
		"192.0.2.1:4000", "192.0.2.1:4001", SDP_INACTIVE, true, 1, 0},
	{"sendonly", "c=IN IP4 192.0.2.1\r\n", "m=audio 4000 RTP/AVP 0\r\na=sendonly\r\n", true,
		"192.0.2.1:4000", "192.0.2.1:4001", SDP_SENDONLY, false, 1, 0},
	{"the session's direction", "c=IN IP4 192.0.2.1\r\na=recvonly\r\n", "m=audio 4000 RTP/AVP 0\r\n",
		true, "192.0.2.1:4000", "192.0.2.1:4001", SDP_RECVONLY, false, 1, 0},
	{"its own before the session's", "c=IN IP4 192.0.2.1\r\na=inactive\r\n",
		"m=audio 4000 RTP/AVP 0\r\na=sendrecv\r\n", true, "192.0.2.1:4000", "192.0.2.1:4001",
		SDP_SENDRECV, false, 1, 0},
	{"AVPF", "c=IN IP4 192.0.2.1\r\n", "m=audio 4000 RTP/AVPF 0\r\n", true, "192.0.2.1:4000",
		"192.0.2.1:4001", SDP_SENDRECV, false, 1, 0},
	{"one port said", "c=IN IP4 192.0.2.1\r\n", "m=audio 4000/1 RTP/AVP 0\r\n", true, "192.0.2.1:4000",
		"192.0.2.1:4001", SDP_SENDRECV, false, 1, 0},
	{"a format that is no payload type", "c=IN IP4 192.0.2.1\r\n", "m=audio 4000 RTP/AVP 0 t38\r\n", true,
		"192.0.2.1:4000", "192.0.2.1:4001", SDP_SENDRECV, false, 0, 0},
	{"a payload type beyond 127", "c=IN IP4 192.0.2.1\r\n", "m=audio 4000 RTP/AVP 0 128\r\n", true,
		"192.0.2.1:4000", "192.0.2.1:4001", SDP_SENDRECV, false, 0, 0},
	{"the last payload type", "c=IN IP4 192.0.2.1\r\n", "m=audio 4000 RTP/AVP 127 63 64\r\n", true,
		"192.0.2.1:4000", "192.0.2.1:4001", SDP_SENDRECV, false, 1ull << 63, 1ull << 63 | 1},
	{"rejected", "c=IN IP4 192.0.2.1\r\n", "m=audio 0 RTP/AVP 0\r\n", false, "-", "-", SDP_SENDRECV,
		false, 1, 0},
	{"two ports", "c=IN IP4 192.0.2.1\r\n", "m=audio 4000/2 RTP/AVP 0\r\n", false, "-", "-", SDP_SENDRECV,
		false, 1, 0},
	{"SAVP", "c=IN IP4 192.0.2.1\r\n", "m=audio 4000 RTP/SAVP 0\r\n", false, "-", "-", SDP_SENDRECV,
		false, 1, 0},
	{"DTLS", "c=IN IP4 192.0.2.1\r\n", "m=audio 4000 UDP/TLS/RTP/SAVPF 0\r\n", false, "-", "-",
		SDP_SENDRECV, false, 1, 0},
	{"T.38", "c=IN IP4 192.0.2.1\r\n", "m=image 4000 udptl t38\r\n", false, "-", "-", SDP_SENDRECV, false,
		0, 0},
	{"IPv6", "c=IN IP6 2001:db8::1\r\n", "m=audio 4000 RTP/AVP 0\r\n", false, "-", "-", SDP_SENDRECV,
		false, 1, 0},
	{"IPv6 in an IP4", "c=IN IP4 2001:db8::1\r\n", "m=audio 4000 RTP/AVP 0\r\n", false, "-", "-",
		SDP_SENDRECV, false, 1, 0},
	{"multicast with its ttl", "c=IN IP4 224.2.36.42/127\r\n", "m=audio 4000 RTP/AVP 0\r\n", false, "-",
		"-", SDP_SENDRECV, false, 1, 0},
	{"multicast without", "c=IN IP4 239.1.2.3\r\n", "m=audio 4000 RTP/AVP 0\r\n", false, "-", "-",
		SDP_SENDRECV, false, 1, 0},
	{"broadcast", "c=IN IP4 255.255.255.255\r\n", "m=audio 4000 RTP/AVP 0\r\n", false, "-", "-",
		SDP_SENDRECV, false, 1, 0},
	{"this network", "c=IN IP4 0.0.0.1\r\n", "m=audio 4000 RTP/AVP 0\r\n", false, "-", "-", SDP_SENDRECV,
		false, 1, 0},
	{"a suffix", "c=IN IP4 192.0.2.1/32\r\n", "m=audio 4000 RTP/AVP 0\r\n", false, "-", "-", SDP_SENDRECV,
		false, 1, 0},
	{"a name", "c=IN IP4 media.example.com\r\n", "m=audio 4000 RTP/AVP 0\r\n", false, "-", "-",
		SDP_SENDRECV, false, 1, 0},
	{"ATM", "c=ATM NSAP 47.0091.8100\r\n", "m=audio 4000 RTP/AVP 0\r\n", false, "-", "-", SDP_SENDRECV,
		false, 1, 0},
};

START_TEST(reads_streams) {
	const char *what = streams[_i].what;
	char text[512], rtp[ENDPOINT_TEXT], rtcp[ENDPOINT_TEXT];
	struct sdp sdp;
	const struct sdp_stream *s = &sdp.streams[0];

	snprintf(text, sizeof(text), "v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\n%st=0 0\r\n%s",
		streams[_i].session, streams[_i].media);
	ck_assert_msg(sdp_parse(span_of(text), &sdp) == 0, "%s", what);
	ck_assert_msg(sdp.n_streams == 1, "%s", what);
	ck_assert_msg(s->relayable == streams[_i].relayable, "%s", what);
	ck_assert_str_eq(endpoint_format(&s->rtp, rtp), streams[_i].rtp);
	ck_assert_str_eq(endpoint_format(&s->rtcp, rtcp), streams[_i].rtcp);
	ck_assert_msg(s->direction == streams[_i].direction, "%s", what);
	ck_assert_msg(s->held == streams[_i].held, "%s", what);
	ck_assert_msg(s->payload_types[0] == streams[_i].low, "%s", what);
	ck_assert_msg(s->payload_types[1] == streams[_i].high, "%s", what);
}
END_TEST

START_TEST(counts_its_caps) {
	static char text[SDP_MAX_BYTES + 2];
	static struct sdp sdp;
	size_t len = (size_t)snprintf(text, sizeof(text), "%s", HEAD);

	for (size_t i = 5; i < SDP_LINES_MAX; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "a=x\r\n");
	ck_assert_int_eq(sdp_parse(span_of(text), &sdp), 0);
	snprintf(text + len, sizeof(text) - len, "a=x\r\n");
	ck_assert_int_eq(sdp_parse(span_of(text), &sdp), -E2BIG);

	len = (size_t)snprintf(text, sizeof(text), "%sa=", HEAD);
	memset(text + len, 'x', sizeof(text) - len - 1);
	ck_assert_int_eq(sdp_parse((struct span){text, SDP_MAX_BYTES}, &sdp), 0);
	ck_assert_int_eq(sdp_parse((struct span){text, SDP_MAX_BYTES + 1}, &sdp), -E2BIG);
}
END_TEST

START_TEST(refuses_nul) {
	static const char text[] = HEAD "a=x\0y\r\n" MEDIA;
	struct sdp sdp;

	ck_assert_int_eq(sdp_parse((struct span){text, sizeof(text) - 1}, &sdp), -EBADMSG);
}
END_TEST

// Whatever prefix of a good description arrives: an answer, never a read beyond its end (the sanitizers look on).
START_TEST(takes_any_prefix) {
	static const char text[] =
		HEAD MEDIA "a=rtcp:53020 IN IP4 192.0.2.1\r\nm=video 51372/1 RTP/AVPF 31 32\r\n";
	struct sdp sdp;

	for (size_t len = 0; len < sizeof(text); len++) {
		char *copy = malloc(len + 1);
		int ret;

		ck_assert_ptr_nonnull(copy);
		memcpy(copy, text, len);
		ret = sdp_parse((struct span){copy, len}, &sdp);
		ck_assert_msg(ret == 0 || ret == -EBADMSG, "length %zu", len);
		free(copy);
	}
}
END_TEST

int main(void) {
	Suite *suite = suite_create("sdp");
	TCase *tcase = tcase_create("all");

	suite_add_tcase(suite, tcase);
	tcase_add_loop_test(tcase, refuses_what_is_not_sdp, 0, sizeof(refusals) / sizeof(refusals[0]));
	tcase_add_loop_test(tcase, reads_streams, 0, sizeof(streams) / sizeof(streams[0]));
	tcase_add_test(tcase, counts_its_caps);
	tcase_add_test(tcase, refuses_nul);
	tcase_add_test(tcase, takes_any_prefix);
	return run_suite(suite);
}
