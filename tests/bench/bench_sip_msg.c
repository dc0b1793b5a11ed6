// ns a parse of an ordinary INVITE with SDP, as a phone behind a proxy sends it. Prints: name value unit, the best of five.
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "control/sip/msg.h"

static const char invite[] =
	"INVITE sip:+13035551111@203.0.113.1:5060;transport=udp SIP/2.0\r\n"
	"Via: SIP/2.0/UDP 198.51.100.7:5060;branch=z9hG4bK8f3a.1d5e0b7c4;rport\r\n"
	"Via: SIP/2.0/UDP 10.0.0.23:49152;received=192.0.2.77;rport=31022;branch=z9hG4bK776asdhds\r\n"
	"Record-Route: <sip:198.51.100.7;lr;ftag=9fxced76sl>\r\n"
	"Max-Forwards: 69\r\n"
	"From: \"Alice Example\" <sip:alice@example.com>;tag=9fxced76sl\r\n"
	"To: <sip:+13035551111@example.com;user=phone>\r\n"
	"Call-ID: 3848276298220188511@client.example.com\r\n"
	"CSeq: 20 INVITE\r\n"
	"Contact: <sip:alice@10.0.0.23:49152;transport=udp>;+sip.instance=\"<urn:uuid:f81d4fae-7dec-11d0-a765>\"\r\n"
	"Allow: INVITE, ACK, CANCEL, OPTIONS, BYE, REFER, NOTIFY, MESSAGE, SUBSCRIBE, INFO, UPDATE\r\n"
	"Supported: replaces, outbound, timer\r\n"
	"User-Agent: Example Phone 4.2.1\r\n"
	"Content-Type: application/sdp\r\n"
	"Content-Length: 224\r\n"
	"\r\n"
	"v=0\r\n"
	"o=alice 2890844526 2890844526 IN IP4 10.0.0.23\r\n"
	"s=-\r\n"
	"c=IN IP4 10.0.0.23\r\n"
	"t=0 0\r\n"
	"m=audio 49172 RTP/AVP 8 0 101\r\n"
	"a=rtpmap:8 PCMA/8000\r\n"
	"a=rtpmap:0 PCMU/8000\r\n"
	"a=rtpmap:101 telephone-event/8000\r\n"
	"a=fmtp:101 0-15\r\n"
	"a=sendrecv\r\n";

enum { ROUNDS = 5, PARSES = 200000 };

static uint64_t now_ns(void) {
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

int main(void) {
	static char buf[sizeof(invite)];
	static struct sip_msg msg;
	uint64_t best = UINT64_MAX;

	memcpy(buf, invite, sizeof(invite));
	for (int round = 0; round < ROUNDS; round++) {
		uint64_t start = now_ns(), spent;

		for (int i = 0; i < PARSES; i++) {
			enum sip_fault fault;

			if (sip_msg_parse(buf, sizeof(invite) - 1, &msg, &fault) != SIP_FRAME_OK) {
				fprintf(stderr, "bench_sip_msg: refused: %s\n", sip_fault_name(fault));
				return 1;
			}
		}
		spent = now_ns() - start;
		best = spent < best ? spent : best;
	}
	printf("sip_msg_parse %.0f ns\n", (double)best / PARSES);
	return 0;
}
