#include "control/ops/diagnosis.h"

#include "relay/next_hop.h"
#include "tests/unit/run_suite.h"

#include <check.h>
#include <endian.h>
#include <stdio.h>
#include <string.h>

// The scene: caller behind a NAT, SDP says 10.0.0.2:4000, its packets come from 203.0.113.5:40000; callee at
// 198.51.100.2:20000. The session is 60 s old. Cases change what differs.
#define S 1000000000ull
#define NOW (100 * S)

static struct proto_session_state scene(void) {
	struct proto_session_state s = {.created_ns = NOW - 60 * S, .now_ns = NOW};
	struct component_slot *caller = &s.component[0][0].counters, *callee = &s.component[1][0].counters;

	s.wanted.side[0] = (struct proto_side){.realm = "access",
		.latch = LATCH_ADDRESS,
		.local = endpoint_v4(htobe32(0xcb007101), 16384),
		.remote = {endpoint_v4(htobe32(0x0a000002), 4000)},
		.vouched = endpoint_v4(htobe32(0xcb007105), 0)};
	s.wanted.side[1] = (struct proto_side){.realm = "core",
		.latch = LATCH_OFF,
		.local = endpoint_v4(htobe32(0xc6336401), 16386),
		.remote = {endpoint_v4(htobe32(0xc6336402), 20000)}};
	*caller = (struct component_slot){.latch_seq = 2,
		.forwarded = 3000,
		.first_in_ns = NOW - 59 * S,
		.last_in_ns = NOW - S / 50,
		.learnt = endpoint_v4(htobe32(0xcb007105), 40000)};
	*callee = (struct component_slot){
		.forwarded = 2990, .first_in_ns = NOW - 59 * S, .last_in_ns = NOW - S / 50};
	for (unsigned side = 0; side < 2; side++)
		s.component[side][0].next_hop_state = NEXT_HOP_REACHABLE;
	return s;
}

static void caller_never_came(struct proto_session_state *s) {
	s->component[0][0].counters = (struct component_slot){0};
}

static void callee_never_came(struct proto_session_state *s) {
	s->component[1][0].counters = (struct component_slot){0};
}

static void change_nothing(struct proto_session_state *s) {
	(void)s;
}

static void change_same_endpoint(struct proto_session_state *s) {
	s->component[0][0].counters.learnt = s->wanted.side[0].remote[0];
}

static void change_caller_silent(struct proto_session_state *s) {
	s->component[0][0].counters.last_in_ns = NOW - 12300000000ull;
}

static void change_just_within(struct proto_session_state *s) {
	s->component[0][0].counters.last_in_ns = NOW - 2 * S;
}

static void change_waiting(struct proto_session_state *s) {
	caller_never_came(s);
	s->component[1][0].counters.forwarded = 0;
	s->component[1][0].counters.drops[VERDICT_WAITING] = 250;
}

static void change_no_endpoint(struct proto_session_state *s) {
	callee_never_came(s);
	memset(&s->wanted.side[1].remote, 0, sizeof(s->wanted.side[1].remote));
	s->component[0][0].counters.forwarded = 0;
	s->component[0][0].counters.drops[VERDICT_NO_ENDPOINT] = 40;
}

static void change_neither(struct proto_session_state *s) {
	caller_never_came(s);
	callee_never_came(s);
}

static void change_bad_source(struct proto_session_state *s) {
	callee_never_came(s);
	s->component[1][0].counters.drops[VERDICT_BAD_SOURCE] = 99;
}

static void change_bad_vouched(struct proto_session_state *s) {
	caller_never_came(s);
	s->component[0][0].counters.drops[VERDICT_BAD_SOURCE] = 98;
	s->component[1][0].counters.forwarded = 0;
	s->component[1][0].counters.drops[VERDICT_WAITING] = 250;
}

static void change_late_any(struct proto_session_state *s) {
	change_bad_vouched(s);
	s->wanted.side[0].latch = LATCH_ANY;
}

static void change_moved(struct proto_session_state *s) {
	change_caller_silent(s);
	s->component[0][0].counters.drops[VERDICT_BAD_SOURCE] = 600;
}

static void change_encrypted(struct proto_session_state *s) {
	callee_never_came(s);
	s->component[1][0].counters.drops[VERDICT_DTLS] = 8;
	s->component[1][0].counters.drops[VERDICT_STUN] = 20;
	s->component[1][0].counters.drops[VERDICT_BAD_RTP] = 3;
}

static void change_payload_type(struct proto_session_state *s) {
	callee_never_came(s);
	s->component[1][0].counters.drops[VERDICT_PAYLOAD_TYPE] = 500;
}

static void change_no_route(struct proto_session_state *s) {
	s->component[0][0].counters.forwarded = 0;
	s->component[0][0].counters.drops[VERDICT_NO_ROUTE] = 3000;
	s->component[1][0].next_hop_state = NEXT_HOP_NO_ROUTE;
}

static void change_no_neighbour(struct proto_session_state *s) {
	s->component[0][0].counters.drops[VERDICT_NO_NEIGHBOUR] = 300;
	s->component[1][0].next_hop_state = NEXT_HOP_FAILED;
	s->component[1][0].next_hop = endpoint_v4(htobe32(0xc63364fe), 0);
}

static void change_losses(struct proto_session_state *s) {
	s->component[0][0].counters.drops[VERDICT_TX_FULL] = 30; // one in a hundred
	s->component[1][0].counters.drops[VERDICT_WAITING] = 28; // fewer
}

static void change_stuck(struct proto_session_state *s) {
	s->component[0][0].counters.forwarded = 0;
}

static void change_partial(struct proto_session_state *s) {
	change_same_endpoint(s);
	s->component[0][0].counters.events = EVENT_BAD_CHECKSUM | EVENT_PARTIAL_CHECKSUM;
}

static void change_partial_silent(struct proto_session_state *s) {
	change_partial(s);
	s->component[0][0].counters.last_in_ns = NOW - 12300000000ull;
}

static void change_wrong_checksum(struct proto_session_state *s) {
	change_same_endpoint(s);
	s->component[1][0].counters.events = EVENT_LATCHED | EVENT_BAD_CHECKSUM;
}

static void change_partial_rtcp(struct proto_session_state *s) {
	change_same_endpoint(s);
	s->component[0][1].counters.events = EVENT_BAD_CHECKSUM | EVENT_PARTIAL_CHECKSUM;
}

static void change_link_down(struct proto_session_state *s) {
	change_caller_silent(s);
	s->events[0] = EVENT_LINK_DOWN | EVENT_LATCHED;
	s->events[1] = EVENT_ONE_WAY;
}

static void change_clock_behind(struct proto_session_state *s) {
	s->component[0][0].counters.last_in_ns = NOW + S; // a packet that came while the reply was written
}

enum { HELD = 1, RINGING = 2, ENDED = 4 };
#define DIFFERS "caller's packets come from 203.0.113.5:40000, SDP said 10.0.0.2:4000"
#define NO_CALLER "no RTP from caller yet: nothing arrived at 203.0.113.1:16384 in 60.0 s"
#define NATED "caller is behind a NAT: its packets should come from 203.0.113.5, from any port"

static const struct {
	const char *name;
	void (*change)(struct proto_session_state *s);
	unsigned flags;
	const char *lines[6];
} cases[] = {
	{"good, NATed", change_nothing, 0, {"audio flows both ways", DIFFERS}},
	{"good, as signalled", change_same_endpoint, 0, {"audio flows both ways"}},
	{"good, ended", change_same_endpoint, ENDED, {"audio flowed both ways"}},
	{"good, held", change_same_endpoint, HELD, {"audio flows both ways"}},
	{"caller silent", change_caller_silent, 0,
		{"one-way audio: only from callee to caller", "no RTP from caller for 12.3 s", DIFFERS}},
	{"caller silent at the end", change_caller_silent, ENDED,
		{"audio flowed both ways", "no RTP from caller in the last 12.3 s", DIFFERS}},
	{"never answered", change_neither, RINGING | ENDED,
		{"never answered: no audio either way",
			"no RTP from caller ever came: nothing arrived at 203.0.113.1:16384 in 60.0 s",
			"no RTP from callee ever came: nothing arrived at 198.51.100.1:16386 in 60.0 s"}},
	{"caller silent, held", change_caller_silent, HELD,
		{"held, silence is expected: one-way audio: only from callee to caller",
			"no RTP from caller for 12.3 s", DIFFERS}},
	{"2 s are no silence yet", change_just_within, 0, {"audio flows both ways", DIFFERS}},
	{"caller has not sent", change_waiting, 0,
		{"no audio either way", NO_CALLER, NATED,
			"waiting: caller has not sent yet, and where to is learnt from its packets; 250 of callee's dropped"}},
	{"caller never sent", change_waiting, ENDED,
		{"no audio either way",
			"no RTP from caller ever came: nothing arrived at 203.0.113.1:16384 in 60.0 s",
			"waiting: caller has not sent anything, and where to is learnt from its packets; 250 of callee's dropped"}},
	{"ringing", change_no_endpoint, RINGING,
		{"not answered yet: no audio either way",
			"callee has given no media endpoint yet: 40 of caller's packets dropped", DIFFERS,
			"no RTP from callee yet: nothing arrived at 198.51.100.1:16386 in 60.0 s"}},
	{"nothing at all", change_neither, 0,
		{"no audio either way", NO_CALLER, NATED,
			"no RTP from callee yet: nothing arrived at 198.51.100.1:16386 in 60.0 s"}},
	{"from elsewhere than the SDP says", change_bad_source, 0,
		{"one-way audio: only from caller to callee", DIFFERS,
			"99 packets to callee's port refused: not from 198.51.100.2 as the SDP says (latch off)"}},
	{"from another address than signalling", change_bad_vouched, 0,
		{"no audio either way",
			"98 packets to caller's port refused: only 203.0.113.5 may be learnt (its signalling's address)",
			"waiting: caller has not sent yet, and where to is learnt from its packets; 250 of callee's dropped"}},
	{"too late to be learnt", change_late_any, 0,
		{"no audio either way",
			"98 packets to caller's port refused: they came after the 5 s in which it may be learnt",
			"waiting: caller has not sent yet, and where to is learnt from its packets; 250 of callee's dropped"}},
	{"moved away", change_moved, 0,
		{"one-way audio: only from callee to caller", "no RTP from caller for 12.3 s",
			"600 packets to caller's port did not come from 203.0.113.5:40000, which it sends from",
			DIFFERS}},
	{"wants encryption", change_encrypted, 0,
		{"one-way audio: only from caller to callee", DIFFERS,
			"callee sends DTLS (8 packets): it wants encrypted media",
			"callee sends STUN (20 packets): it tries ICE", "3 packets from callee are not RTP"}},
	{"codec not negotiated", change_payload_type, 0,
		{"one-way audio: only from caller to callee", DIFFERS,
			"500 packets from callee refused: an RTP payload type that was not negotiated"}},
	{"no route", change_no_route, 0,
		{"one-way audio: only from callee to caller",
			"no route to 198.51.100.2:20000 (callee): 3000 of caller's packets dropped",
			DIFFERS}},
	{"no neighbour", change_no_neighbour, 0,
		{"one-way audio: only from callee to caller",
			"next hop 198.51.100.254 to 198.51.100.2:20000 (callee) does not answer ARP: 300 of caller's packets dropped",
			DIFFERS}},
	{"losses", change_losses, 0,
		{"audio flows both ways",
			"30 of caller's packets dropped (tx_full: the transmit queue took no more)",
			DIFFERS}},
	{"stuck for no known reason", change_stuck, 0,
		{"one-way audio: only from callee to caller",
			"caller's packets arrive but none was sent on to callee", DIFFERS}},
	{"checksums that an offload left out", change_partial, 0,
		{"one-way audio: only from callee to caller",
			"UDP checksums of caller's packets are partial, left so by an offload at the sender: callee's host drops them",
			"udp_checksum = \"compute\" on the port that caller's packets come in by repairs them"}},
	{"checksums that an offload left out, of a caller that is silent by now", change_partial_silent, 0,
		{"one-way audio: only from callee to caller", "no RTP from caller for 12.3 s"}},
	{"checksums that an offload left out, ended", change_partial_silent, ENDED,
		{"one-way audio: only from callee to caller",
			"UDP checksums of caller's packets are partial, left so by an offload at the sender: callee's host drops them",
			"udp_checksum = \"compute\" on the port that caller's packets come in by repairs them"}},
	{"one wrong checksum", change_wrong_checksum, 0,
		{"audio flows both ways",
			"the UDP checksum of callee's first packet was wrong: caller's host drops such packets",
			"udp_checksum = \"compute\" on the port that callee's packets come in by repairs them"}},
	{"checksums of RTCP are not about audio", change_partial_rtcp, 0, {"audio flows both ways"}},
	{"no link", change_link_down, 0,
		{"one-way audio: only from callee to caller",
			"the port that carries caller's media was without a link",
			"no RTP from caller for 12.3 s", DIFFERS}},
	{"a packet from the future", change_clock_behind, 0, {"audio flows both ways", DIFFERS}},
};

START_TEST(the_diagnosis_says_why) {
	struct proto_session_state state = scene();
	struct diagnosis_session input = {.state = &state,
		.held = (cases[_i].flags & HELD) != 0,
		.answered = (cases[_i].flags & RINGING) == 0,
		.ended = (cases[_i].flags & ENDED) != 0};
	struct diagnosis d;

	cases[_i].change(&state);
	diagnosis_find(&input, &d);
	for (unsigned i = 0; i < sizeof(cases[_i].lines) / sizeof(cases[_i].lines[0]); i++) {
		const char *wanted = cases[_i].lines[i];

		if (wanted == NULL) {
			ck_assert_msg(d.n_lines == i, "%s: one line more: %s", cases[_i].name, d.lines[i]);
			break;
		}
		ck_assert_msg(i < d.n_lines, "%s: missing: %s", cases[_i].name, wanted);
		ck_assert_msg(strcmp(d.lines[i], wanted) == 0, "%s:\n got    %s\n wanted %s", cases[_i].name,
			d.lines[i], wanted);
	}
}
END_TEST

static bool is_good_line(const char line[static DIAGNOSIS_LINE]) {
	if (memchr(line, '\0', DIAGNOSIS_LINE) == NULL)
		return false;
	for (; *line != '\0'; line++) {
		if (*line < ' ' || *line >= 0x7f)
			return false;
	}
	return true;
}

// Whatever the counters are, there is a first line and no line runs over.
START_TEST(any_counters_give_lines) {
	uint64_t seed = 88172645463325252u;

	for (unsigned round = 0; round < 10000; round++) {
		struct proto_session_state state;
		struct diagnosis_session input = {.state = &state,
			.held = round & 1,
			.answered = round >> 1 & 1,
			.ended = round >> 2 & 1};
		struct diagnosis d;
		uint8_t *bytes = (uint8_t *)&state;
		unsigned bad = 0;

		for (size_t i = 0; i < sizeof(state); i++) {
			seed ^= seed << 13; // xorshift
			seed ^= seed >> 7;
			seed ^= seed << 17;
			bytes[i] = round % 3 == 0 && seed % 4 != 0 ? 0 : (uint8_t)seed;
		}
		memset(&d, 0x55, sizeof(d));
		diagnosis_find(&input, &d);
		ck_assert_uint_ge(d.n_lines, 1);
		ck_assert_uint_le(d.n_lines, DIAGNOSIS_LINES);
		for (unsigned i = 0; i < d.n_lines; i++)
			bad += !is_good_line(d.lines[i]);
		ck_assert_uint_eq(bad, 0);
	}
}
END_TEST

int main(void) {
	Suite *s = suite_create("diagnosis");
	TCase *t = tcase_create("diagnosis");

	suite_add_tcase(s, t);
	tcase_add_loop_test(t, the_diagnosis_says_why, 0, sizeof(cases) / sizeof(cases[0]));
	tcase_add_test(t, any_counters_give_lines);
	return run_suite(s);
}
