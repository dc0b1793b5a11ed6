// A relay with one session, whose packets are fed to its worker.
#pragma once

#include "tests/unit/relay_fixture.h"

#include <check.h>

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"

#define LEN(a) (sizeof(a) / sizeof((a)[0]))
#define S 1000000000ull

static struct fixture *f;
static struct proto_session session;
static struct proto_put_result put;

static void setup(void) {
	f = fix_create(8);
	ck_assert_uint_eq(fix_hello(f, PROTO_CONTROLLER, FIX_OWNER), 0);
	session = fix_session(1);
}

static void teardown(void) {
	fix_destroy(f);
}

static void put_session(void) {
	ck_assert_uint_eq(fix_put(f, &session, &put), 0);
}

static enum verdict from_access(const char *addr, uint16_t port) {
	return fix_media(f, addr, port, &put.local[0], 0, false);
}

static enum verdict from_core(const char *addr, uint16_t port) {
	return fix_media(f, addr, port, &put.local[1], 1, false);
}

// Where the frame of the last feed goes.
static struct endpoint target(const uint8_t *frame) {
	return endpoint_v4(
		packet_load32(frame + PACKET_IP_TARGET), ntohs(packet_load16(frame + PACKET_UDP_TARGET)));
}

static struct endpoint source(const uint8_t *frame) {
	return endpoint_v4(
		packet_load32(frame + PACKET_IP_SOURCE), ntohs(packet_load16(frame + PACKET_UDP_SOURCE)));
}

// One RTP packet of the session's caller; the frame that comes out stays in frame.
static struct relay_packet feed_caller(uint8_t frame[128], bool rtcp) {
	struct endpoint from = fix_endpoint("192.0.2.10", (uint16_t)(4000 + rtcp)), to = put.local[0];
	struct relay_packet p;
	uint32_t len;

	to.port += rtcp;
	len = fix_frame(
		frame, &from, &to, rtcp ? fix_rtcp : fix_rtp, rtcp ? sizeof(fix_rtcp) : sizeof(fix_rtp));
	fix_feed(f, frame, len, 0, &p);
	return p;
}

#pragma GCC diagnostic pop
