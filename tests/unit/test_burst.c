// The packet path whole, with sessions put through the control protocol.
#include "relay/learnt.h"
#include "tests/unit/burst_fixture.h"
#include "tests/unit/run_suite.h"

START_TEST(forwards_rewritten) {
	for (unsigned rtcp = 0; rtcp < 2; rtcp++) {
		uint8_t frame[128], mac[6];
		struct endpoint from, to = fix_endpoint("198.51.100.20", (uint16_t)(5000 + rtcp)), e;
		struct relay_packet p;

		put_session();
		p = feed_caller(frame, rtcp);
		ck_assert_uint_eq(p.verdict, VERDICT_FORWARDED);
		ck_assert_uint_eq(p.port, 1);
		ck_assert_uint_eq(p.component, put.slot * 4 + rtcp);
		ck_assert_uint_eq(p.payload, rtcp ? sizeof(fix_rtcp) : sizeof(fix_rtp));
		ck_assert_uint_eq(p.length, PACKET_PAYLOAD + p.payload);
		ck_assert(fix_checksums_hold(frame));
		from = put.local[1];
		from.port += rtcp;
		e = source(frame);
		ck_assert(endpoint_equal(&e, &from));
		e = target(frame);
		ck_assert(endpoint_equal(&e, &to));
		fix_mac(frame[5], mac);
		ck_assert_mem_eq(frame, mac, 6);
		ck_assert_mem_eq(frame + 6, f->params.port_mac[1], 6);
		ck_assert_uint_eq(frame[PACKET_IP_TOS], 0); // core's
		ck_assert_mem_eq(frame + PACKET_PAYLOAD, rtcp ? fix_rtcp : fix_rtp, p.payload);
	}
}
END_TEST

START_TEST(marks_with_the_realms_dscp) {
	struct endpoint from = fix_endpoint("198.51.100.20", 5000);
	struct relay_packet p;
	uint8_t frame[128];

	put_session();
	ck_assert_uint_eq(
		fix_feed(f, frame, fix_frame(frame, &from, &put.local[1], fix_rtp, sizeof(fix_rtp)), 1, &p),
		VERDICT_FORWARDED);
	ck_assert_uint_eq(p.port, 0);
	ck_assert_uint_eq(frame[PACKET_IP_TOS], 46 << 2);
}
END_TEST

START_TEST(ethernet_padding_is_left_alone) {
	struct endpoint from = fix_endpoint("192.0.2.10", 4001), to;
	struct relay_packet p;
	uint8_t frame[128] = {0};

	put_session();
	to = put.local[0];
	to.port++;
	fix_frame(frame, &from, &to, fix_rtcp, sizeof(fix_rtcp));
	ck_assert_uint_eq(fix_feed(f, frame, 60, 0, &p), VERDICT_FORWARDED);
	ck_assert_uint_eq(p.length, 60);
	ck_assert_uint_eq(p.payload, sizeof(fix_rtcp));
	ck_assert_uint_eq(ntohs(packet_load16(frame + PACKET_IP_LENGTH)), 28 + sizeof(fix_rtcp));
	ck_assert(fix_checksums_hold(frame));
}
END_TEST

// ---- verdicts without a component ----

struct broken {
	const char *what;
	uint32_t length; // 0: the whole frame
	uint16_t at; // a byte to overwrite, 0: none
	uint8_t value;
	bool mend; // the IP checksum afterwards
	enum verdict want;
};

static const struct broken broken[] = {
	{"whole", 0, 0, 0, false, VERDICT_FORWARDED},
	{"no byte", 1, 0, 0, false, VERDICT_RUNT},
	{"Ethernet cut", 13, 0, 0, false, VERDICT_RUNT},
	{"IP cut", 33, 0, 0, false, VERDICT_RUNT},
	{"UDP cut", 41, 0, 0, false, VERDICT_RUNT},
	{"payload cut", 61, 0, 0, false, VERDICT_RUNT},
	{"ARP", 0, PACKET_TYPE + 1, 6, false, VERDICT_NOT_MEDIA},
	{"VLAN", 0, PACKET_TYPE, 0x81, false, VERDICT_NOT_MEDIA},
	{"IPv6's version", 0, PACKET_IP, 0x65, true, VERDICT_NOT_MEDIA},
	{"options", 0, PACKET_IP, 0x46, true, VERDICT_NOT_MEDIA},
	{"header too short", 0, PACKET_IP, 0x44, true, VERDICT_NOT_MEDIA},
	{"IP length beyond the frame", 0, PACKET_IP_LENGTH, 1, true, VERDICT_RUNT},
	{"IP length below UDP's", 0, PACKET_IP_LENGTH + 1, 27, true, VERDICT_RUNT},
	{"IP length below IP's", 0, PACKET_IP_LENGTH + 1, 19, true, VERDICT_RUNT},
	{"more fragments", 0, PACKET_IP_FRAGMENT, 0x20, true, VERDICT_NOT_MEDIA},
	{"a later fragment", 0, PACKET_IP_FRAGMENT + 1, 1, true, VERDICT_NOT_MEDIA},
	{"may be fragmented", 0, PACKET_IP_FRAGMENT, 0, true, VERDICT_FORWARDED},
	{"TCP", 0, PACKET_IP_PROTOCOL, 6, true, VERDICT_NOT_MEDIA},
	{"wrong IP checksum", 0, PACKET_IP_TTL, 1, false, VERDICT_BAD_CHECKSUM},
	{"UDP length of 7", 0, PACKET_UDP_LENGTH + 1, 7, false, VERDICT_RUNT},
	{"UDP length beyond IP's", 0, PACKET_UDP_LENGTH + 1, 29, false, VERDICT_RUNT},
	{"another host", 0, PACKET_IP_TARGET + 3, 9, true, VERDICT_NOT_MEDIA},
	{"a port below the range", 0, PACKET_UDP_TARGET, 0x10, false, VERDICT_NOT_MEDIA},
	{"a port above the range", 0, PACKET_UDP_TARGET, 0xf0, false, VERDICT_NOT_MEDIA},
	{"another session's port", 0, PACKET_UDP_TARGET + 1, 99, false, VERDICT_NO_SESSION},
};

START_TEST(frames_are_judged) {
	const struct broken *b = &broken[_i];
	struct endpoint from = fix_endpoint("192.0.2.10", 4000);
	struct relay_packet p;
	uint8_t frame[128];
	uint32_t len;

	session.side[0].local = fix_endpoint("203.0.113.1", 16384);
	put_session();
	len = fix_frame(frame, &from, &put.local[0], fix_rtp, sizeof(fix_rtp));
	if (b->at != 0)
		frame[b->at] = b->value;
	if (b->mend) {
		fix_be16(frame + PACKET_IP_CHECKSUM, 0);
		fix_be16(frame + PACKET_IP_CHECKSUM, (uint16_t)~fix_sum(frame + PACKET_IP, 20, 0));
	}
	ck_assert_msg(fix_feed(f, frame, b->length != 0 ? b->length : len, 0, &p) == b->want, "%s: %s",
		b->what, verdict_name(p.verdict));
	ck_assert_uint_eq(p.component, b->want == VERDICT_FORWARDED ? put.slot * 4 : UINT32_MAX);
	ck_assert_uint_eq(relay_worker_stats(f->w)->verdicts[b->want], 1);
}
END_TEST

START_TEST(addresses_of_another_port_are_in_the_wrong_realm) {
	put_session();
	ck_assert_uint_eq(fix_media(f, "192.0.2.10", 4000, &put.local[0], 1, false), VERDICT_WRONG_REALM);
	ck_assert_uint_eq(fix_media(f, "198.51.100.20", 5000, &put.local[1], 0, false), VERDICT_WRONG_REALM);
}
END_TEST

START_TEST(a_component_counts_drops_up_to_what_it_can_hold) {
	put_session();
	fix_slot(f, put.slot * 4)->drops[VERDICT_BAD_SOURCE] = UINT32_MAX - 1;
	for (unsigned i = 0; i < 3; i++)
		ck_assert_uint_eq(from_access("192.0.2.99", 4000), VERDICT_BAD_SOURCE);
	ck_assert_uint_eq(fix_slot(f, put.slot * 4)->drops[VERDICT_BAD_SOURCE], UINT32_MAX);
	ck_assert_uint_eq(relay_worker_stats(f->w)->verdicts[VERDICT_BAD_SOURCE], 3);
}
END_TEST

START_TEST(realms_share_a_port) {
	snprintf(session.side[1].realm, PROTO_NAME, "edge");
	put_session();
	ck_assert_uint_eq(from_access("192.0.2.10", 4000), VERDICT_FORWARDED);
	ck_assert_uint_eq(fix_media(f, "198.51.100.20", 5000, &put.local[1], 0, false), VERDICT_FORWARDED);
}
END_TEST

// ---- admission ----

struct content {
	const char *what;
	uint8_t bytes[16];
	uint16_t len;
	enum verdict rtp, rtcp; // on either component
};

static const struct content contents[] = {
	{"nothing", {0}, 0, VERDICT_BAD_RTP, VERDICT_BAD_RTCP},
	{"STUN", {0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42}, 16, VERDICT_STUN, VERDICT_STUN},
	{"DTLS", {22, 254, 253}, 16, VERDICT_DTLS, VERDICT_DTLS},
	{"TURN channel", {64}, 16, VERDICT_BAD_RTP, VERDICT_BAD_RTCP},
	{"version 3", {0xc0}, 16, VERDICT_BAD_RTP, VERDICT_BAD_RTCP},
	{"RTP, short", {0x80}, 11, VERDICT_BAD_RTP, VERDICT_BAD_RTCP},
	{"PCMU", {0x80, 0}, 12, VERDICT_FORWARDED, VERDICT_BAD_RTCP},
	{"PCMU, marked", {0x80, 0x80}, 12, VERDICT_FORWARDED, VERDICT_BAD_RTCP},
	{"events", {0x80, 101}, 12, VERDICT_FORWARDED, VERDICT_BAD_RTCP},
	{"PCMA", {0x80, 8}, 12, VERDICT_PAYLOAD_TYPE, VERDICT_BAD_RTCP},
	{"type 64", {0x80, 64}, 12, VERDICT_PAYLOAD_TYPE, VERDICT_BAD_RTCP},
	{"type 127", {0x80, 127}, 12, VERDICT_PAYLOAD_TYPE, VERDICT_BAD_RTCP},
	{"report", {0x80, 201, 0, 2}, 12, VERDICT_PAYLOAD_TYPE, VERDICT_FORWARDED},
};

START_TEST(contents_are_judged) {
	const struct content *c = &contents[_i];

	put_session();
	for (unsigned rtcp = 0; rtcp < 2; rtcp++) {
		enum verdict want = rtcp ? c->rtcp : c->rtp;
		struct endpoint from = fix_endpoint("192.0.2.10", (uint16_t)(4000 + rtcp)), to = put.local[0];
		struct component_slot *slot = fix_slot(f, put.slot * 4 + rtcp);
		struct relay_packet p;
		uint8_t frame[128];

		to.port += rtcp;
		ck_assert_msg(
			fix_feed(f, frame, fix_frame(frame, &from, &to, c->bytes, c->len), 0, &p) == want,
			"%s: %s", c->what, verdict_name(p.verdict));
		ck_assert_uint_eq(slot->forwarded, want == VERDICT_FORWARDED);
		ck_assert_uint_eq(slot->forwarded_bytes, want == VERDICT_FORWARDED ? c->len : 0);
		if (want != VERDICT_FORWARDED)
			ck_assert_uint_eq(slot->drops[want], 1);
		ck_assert_uint_eq(slot->last_in_ns, want == VERDICT_FORWARDED ? f->now : 0);
	}
}
END_TEST

START_TEST(no_types_named_admits_all) {
	const uint8_t odd[12] = {0x80, 127};
	struct endpoint from = fix_endpoint("192.0.2.10", 4000);
	struct relay_packet p;
	uint8_t frame[128];

	memset(session.side[0].payload_types, 0, sizeof(session.side[0].payload_types));
	put_session();
	ck_assert_uint_eq(fix_feed(f, frame, fix_frame(frame, &from, &put.local[0], odd, sizeof(odd)), 0, &p),
		VERDICT_FORWARDED);
}
END_TEST

// ---- the opposite side ----

START_TEST(other_side_without_endpoint) {
	session.side[1].remote[0] = session.side[1].remote[1] = (struct endpoint){0};
	put_session();
	ck_assert_uint_eq(from_access("192.0.2.10", 4000), VERDICT_NO_ENDPOINT);
	ck_assert_uint_eq(fix_slot(f, put.slot * 4)->last_in_ns, f->now); // it was admitted
	ck_assert_uint_eq(from_core("198.51.100.20", 5000), VERDICT_NO_ENDPOINT);
	ck_assert_uint_eq(fix_slot(f, put.slot * 4 + 2)->last_in_ns, 0); // there is nobody to compare with
}
END_TEST

START_TEST(other_side_waiting) {
	session.side[1].latch = LATCH_ADDRESS;
	session.side[1].vouched = fix_endpoint("198.51.100.77", 0);
	put_session();
	ck_assert_uint_eq(from_access("192.0.2.10", 4000), VERDICT_WAITING);
	ck_assert_uint_eq(from_core("198.51.100.77", 999), VERDICT_FORWARDED);
	ck_assert_uint_eq(from_access("192.0.2.10", 4000), VERDICT_FORWARDED);
	ck_assert_uint_eq(
		fix_media(f, "192.0.2.10", 4001, &put.local[0], 0, true), VERDICT_WAITING); // RTCP on its own
}
END_TEST

START_TEST(other_side_vouched_for_by_nobody) {
	session.side[1].latch = LATCH_ADDRESS;
	put_session();
	ck_assert_uint_eq(from_access("192.0.2.10", 4000), VERDICT_NO_ENDPOINT);
}
END_TEST

static void set_hops(enum next_hop_state state) {
	const uint8_t mac[6] = {2, 7, 7, 7, 7, 7};

	for (unsigned i = 1; i < FIX_HOPS; i++)
		f->words[i] = next_hop_word(mac, 0, state);
}

START_TEST(next_hops_are_obeyed) {
	put_session();
	set_hops(NEXT_HOP_NO_ROUTE);
	ck_assert_uint_eq(from_access("192.0.2.10", 4000), VERDICT_NO_ROUTE);
	set_hops(NEXT_HOP_UNRESOLVED);
	ck_assert_uint_eq(from_access("192.0.2.10", 4000), VERDICT_NO_NEIGHBOUR);
	set_hops(NEXT_HOP_FAILED);
	ck_assert_uint_eq(from_access("192.0.2.10", 4000), VERDICT_NO_NEIGHBOUR);
	set_hops(NEXT_HOP_REACHABLE);
	ck_assert_uint_eq(from_access("192.0.2.10", 4000), VERDICT_FORWARDED);
}
END_TEST

START_TEST(no_next_hop_is_no_route_until_there_is_one) {
	f->no_hops = true;
	put_session();
	ck_assert_uint_eq(from_access("192.0.2.10", 4000), VERDICT_NO_ROUTE);
	f->no_hops = false;
	f->now += 2 * S;
	fix_settle(f);
	ck_assert_uint_eq(from_access("192.0.2.10", 4000), VERDICT_FORWARDED);
}
END_TEST

START_TEST(moved_ports_leave_the_old_ones) {
	struct endpoint old;

	put_session();
	old = put.local[0];
	session.side[0].local = fix_endpoint("203.0.113.3", 20000);
	put_session();
	ck_assert_uint_eq(put.local[0].port, 20000);
	ck_assert_uint_eq(from_access("192.0.2.10", 4000), VERDICT_FORWARDED);
	ck_assert_uint_eq(fix_media(f, "192.0.2.10", 4000, &old, 0, false), VERDICT_NO_SESSION);
	ck_assert_uint_eq(fix_slot(f, put.slot * 4)->forwarded, 1); // counters went with it
}
END_TEST

START_TEST(deleted_sessions_are_no_sessions) {
	struct proto_session_state state;

	put_session();
	from_access("192.0.2.10", 4000);
	ck_assert_uint_eq(fix_ref(f, PROTO_SESSION_DELETE, session.session_id, &state), 0);
	ck_assert_uint_eq(state.component[0][0].counters.forwarded, 1);
	ck_assert_uint_eq(from_access("192.0.2.10", 4000), VERDICT_NO_SESSION);
	ck_assert_uint_eq(fix_slot(f, put.slot * 4)->session_id, 0);
}
END_TEST

START_TEST(a_full_queue_is_counted_where_it_came_in) {
	struct endpoint from = fix_endpoint("192.0.2.10", 4000);
	struct relay_packet p;
	uint8_t frame[128];

	put_session();
	p = (struct relay_packet){.data = frame, .port = 0};
	p.length = fix_frame(frame, &from, &put.local[0], fix_rtp, sizeof(fix_rtp));
	relay_burst(f->w, &p, 1, f->now);
	ck_assert_uint_eq(p.verdict, VERDICT_FORWARDED);
	p.verdict = VERDICT_TX_FULL; // as the application says when the port took no more
	relay_count(f->w, &p, 1);
	ck_assert_uint_eq(fix_slot(f, put.slot * 4)->drops[VERDICT_TX_FULL], 1);
	ck_assert_uint_eq(fix_slot(f, put.slot * 4)->forwarded, 0);
	ck_assert_uint_eq(relay_worker_stats(f->w)->verdicts[VERDICT_TX_FULL], 1);
}
END_TEST

START_TEST(bursts_of_all_kinds_add_up) {
	uint8_t frames[RELAY_BURST][128];
	struct relay_packet p[RELAY_BURST];
	struct endpoint from = fix_endpoint("192.0.2.10", 4000), stranger = fix_endpoint("192.0.2.11", 4000);
	uint64_t sum = 0;

	put_session();
	for (unsigned i = 0; i < RELAY_BURST; i++) {
		struct endpoint to = put.local[0];

		to.port += i % 4 == 3 ? 40 : 0;
		p[i] = (struct relay_packet){.data = frames[i], .port = i % 8 == 0};
		p[i].length =
			fix_frame(frames[i], i % 4 == 2 ? &stranger : &from, &to, fix_rtp, sizeof(fix_rtp));
	}
	relay_burst(f->w, p, RELAY_BURST, f->now);
	relay_count(f->w, p, RELAY_BURST);
	for (unsigned v = 0; v < STATS_VERDICTS; v++)
		sum += relay_worker_stats(f->w)->verdicts[v];
	ck_assert_uint_eq(sum, RELAY_BURST);
	ck_assert_uint_eq(relay_worker_stats(f->w)->verdicts[VERDICT_WRONG_REALM], 4);
	ck_assert_uint_eq(relay_worker_stats(f->w)->verdicts[VERDICT_BAD_SOURCE], 8);
	ck_assert_uint_eq(fix_slot(f, put.slot * 4)->drops[VERDICT_BAD_SOURCE], 8);
	ck_assert_uint_eq(
		fix_slot(f, put.slot * 4)->forwarded, relay_worker_stats(f->w)->verdicts[VERDICT_FORWARDED]);
}
END_TEST

// RTCP with a source description from the caller. What comes out stays in frame.
static enum verdict feed_sdes(uint8_t frame[128], bool has_checksum) {
	struct endpoint from = fix_endpoint("192.0.2.10", 4001), to = put.local[0];
	struct relay_packet p;
	uint32_t len;

	to.port++;
	len = fix_frame(frame, &from, &to, fix_sdes, sizeof(fix_sdes));
	if (!has_checksum)
		fix_be16(frame + PACKET_UDP_CHECKSUM, 0);
	return fix_feed(f, frame, len, 0, &p);
}

START_TEST(rtcp_tells_nothing_of_its_sender) {
	uint8_t first[128], again[128], *payload = first + PACKET_PAYLOAD;

	put_session();
	ck_assert_uint_eq(feed_sdes(first, true), VERDICT_FORWARDED);
	ck_assert(fix_checksums_hold(first));
	ck_assert_ptr_null(memmem(payload, sizeof(fix_sdes), "198.51", 6));
	ck_assert_mem_eq(payload, fix_sdes, FIX_NAME);
	ck_assert_mem_eq(payload + FIX_NAME + FIX_NAME_LENGTH, fix_sdes + FIX_NAME + FIX_NAME_LENGTH, 2);
	ck_assert_uint_eq(feed_sdes(again, false), VERDICT_FORWARDED);
	ck_assert_mem_eq(again + PACKET_PAYLOAD, payload, sizeof(fix_sdes)); // the same name again
	ck_assert_uint_eq(packet_load16(again + PACKET_UDP_CHECKSUM), 0);
	set_hops(NEXT_HOP_FAILED);
	ck_assert_uint_eq(feed_sdes(again, true), VERDICT_NO_NEIGHBOUR);
	ck_assert_mem_eq(again + PACKET_PAYLOAD, fix_sdes, sizeof(fix_sdes)); // a dropped one is left alone
}
END_TEST

// What looks like it in RTP is somebody's voice.
START_TEST(rtp_crosses_untouched) {
	struct endpoint from = fix_endpoint("192.0.2.10", 4000);
	uint8_t frame[128], rtp[sizeof(fix_rtp) + sizeof(fix_sdes)];
	struct relay_packet p;
	uint32_t len;

	memcpy(rtp, fix_rtp, sizeof(fix_rtp));
	memcpy(rtp + sizeof(fix_rtp), fix_sdes, sizeof(fix_sdes));
	put_session();
	len = fix_frame(frame, &from, &put.local[0], rtp, sizeof(rtp));
	ck_assert_uint_eq(fix_feed(f, frame, len, 0, &p), VERDICT_FORWARDED);
	ck_assert_mem_eq(frame + PACKET_PAYLOAD, rtp, sizeof(rtp));
}
END_TEST

static TCase *frames_case(void) {
	TCase *tc = tcase_create("frames");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, forwards_rewritten);
	tcase_add_test(tc, marks_with_the_realms_dscp);
	tcase_add_test(tc, ethernet_padding_is_left_alone);
	tcase_add_loop_test(tc, frames_are_judged, 0, LEN(broken));
	tcase_add_test(tc, addresses_of_another_port_are_in_the_wrong_realm);
	tcase_add_test(tc, realms_share_a_port);
	tcase_add_test(tc, a_component_counts_drops_up_to_what_it_can_hold);
	tcase_add_loop_test(tc, contents_are_judged, 0, LEN(contents));
	tcase_add_test(tc, no_types_named_admits_all);
	tcase_add_test(tc, other_side_without_endpoint);
	tcase_add_test(tc, other_side_waiting);
	tcase_add_test(tc, other_side_vouched_for_by_nobody);
	tcase_add_test(tc, next_hops_are_obeyed);
	tcase_add_test(tc, no_next_hop_is_no_route_until_there_is_one);
	tcase_add_test(tc, moved_ports_leave_the_old_ones);
	tcase_add_test(tc, deleted_sessions_are_no_sessions);
	tcase_add_test(tc, a_full_queue_is_counted_where_it_came_in);
	tcase_add_test(tc, bursts_of_all_kinds_add_up);
	tcase_add_test(tc, rtcp_tells_nothing_of_its_sender);
	tcase_add_test(tc, rtp_crosses_untouched);
	return tc;
}

int main(void) {
	Suite *suite = suite_create("burst");

	suite_add_tcase(suite, frames_case());
	return run_suite(suite);
}
