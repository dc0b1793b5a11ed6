// Several workers: who owns a session, and what the others do with its packets.
#include "relay/steering.h"
#include "tests/unit/relay_fixture.h"
#include "tests/unit/run_suite.h"

#include <check.h>

enum { WORKERS = 3, SESSIONS = 12, HEADROOM = 16 };

static struct fixture *f;
static uint8_t room[HEADROOM + 256], *const frame = room + HEADROOM;

static void setup(void) {
	f = calloc(1, sizeof(*f));
	ck_assert_ptr_nonnull(f);
	fix_params(f, SESSIONS);
	f->params.n_workers = WORKERS;
	fix_start(f);
	ck_assert_uint_eq(fix_hello(f, PROTO_CONTROLLER, FIX_OWNER), 0);
}

static void teardown(void) {
	fix_destroy(f);
}

static struct proto_put_result put(uint64_t counter) {
	struct proto_session s = fix_session(counter);
	struct proto_put_result result;

	ck_assert_uint_eq(fix_put(f, &s, &result), 0);
	return result;
}

// RTP of one side's peer, received by a worker.
static struct relay_packet feed(unsigned worker, const struct proto_put_result *to, unsigned side) {
	struct endpoint from =
		side == 0 ? fix_endpoint("192.0.2.10", 4000) : fix_endpoint("198.51.100.20", 5000);
	struct relay_packet p = {.data = frame, .port = (uint16_t)side};

	p.length = fix_frame(frame, &from, &to->local[side], fix_rtp, sizeof(fix_rtp));
	fix_burst(f, worker, &p);
	return p;
}

static unsigned owner_of(const struct proto_put_result *p, unsigned side) {
	return steering_owner(p->local[side].port, WORKERS);
}

static uint64_t verdicts(unsigned worker, enum verdict v) {
	return relay_worker_stats(relay_worker(f->r, worker))->verdicts[v];
}

START_TEST(sessions_spread_and_have_one_owner) {
	unsigned n[WORKERS] = {0};

	for (uint64_t i = 1; i <= SESSIONS; i++) {
		struct proto_put_result p = put(i);

		ck_assert_uint_eq(owner_of(&p, 0), owner_of(&p, 1));
		n[owner_of(&p, 0)]++;
	}
	for (unsigned i = 0; i < WORKERS; i++)
		ck_assert_uint_eq(n[i], SESSIONS / WORKERS);
}
END_TEST

START_TEST(only_the_owner_forwards) {
	for (uint64_t i = 1; i <= SESSIONS; i++) {
		struct proto_put_result to = put(i);

		for (unsigned worker = 0; worker < WORKERS; worker++) {
			struct relay_packet p = feed(worker, &to, i % 2);

			if (worker == owner_of(&to, 0)) {
				ck_assert_uint_eq(p.verdict, VERDICT_FORWARDED);
			} else {
				ck_assert_uint_eq(p.verdict, RELAY_HAND_OVER);
				ck_assert_uint_eq(p.owner, owner_of(&to, 0));
			}
		}
		ck_assert_uint_eq(fix_slot(f, to.slot * 4 + i % 2 * 2)->forwarded, 1);
	}
	for (unsigned worker = 0; worker < WORKERS; worker++)
		for (enum verdict v = 0; v < VERDICT_COUNT; v++)
			ck_assert_uint_eq(
				verdicts(worker, v), v == VERDICT_FORWARDED ? SESSIONS / WORKERS : 0);
}
END_TEST

START_TEST(a_packet_is_handed_over_as_it_came) {
	struct proto_put_result to = put(1);
	unsigned owner = owner_of(&to, 0), other = (owner + 1) % WORKERS;
	uint8_t before[128];
	struct relay_packet p = feed(other, &to, 0);

	memcpy(before, frame, p.length);
	ck_assert_uint_eq(p.verdict, RELAY_HAND_OVER);
	ck_assert_ptr_eq(p.data, frame);
	ck_assert_uint_eq(p.length, PACKET_PAYLOAD + sizeof(fix_rtp));
	ck_assert_mem_eq(frame + PACKET_IP_TARGET, to.local[0].addr, 4);
	ck_assert_uint_eq(p.port, 0);
	p = (struct relay_packet){.data = p.data, .length = p.length, .port = p.port};
	ck_assert_uint_eq(fix_burst(f, owner, &p), VERDICT_FORWARDED);
}
END_TEST

START_TEST(a_tagged_packet_too) {
	struct endpoint from = fix_endpoint("192.0.2.10", 4000);
	struct proto_put_result to;
	struct relay_packet p = {.data = frame};
	unsigned owner;

	teardown();
	f = calloc(1, sizeof(*f));
	ck_assert_ptr_nonnull(f);
	fix_params(f, SESSIONS);
	f->params.n_workers = WORKERS;
	f->params.realms[0].vlan = 9;
	fix_start(f);
	ck_assert_uint_eq(fix_hello(f, PROTO_CONTROLLER, FIX_OWNER), 0);
	to = put(1);
	owner = owner_of(&to, 0);
	p.length = fix_frame(frame, &from, &to.local[0], fix_rtp, sizeof(fix_rtp));
	p.data = fix_tag(frame, &p.length, 9);
	ck_assert_uint_eq(fix_burst(f, (owner + 1) % WORKERS, &p), RELAY_HAND_OVER);
	ck_assert_ptr_eq(p.data, frame - PACKET_TAG);
	ck_assert_uint_eq(p.length, PACKET_PAYLOAD + PACKET_TAG + sizeof(fix_rtp));
	p = (struct relay_packet){.data = p.data, .length = p.length, .port = p.port};
	ck_assert_uint_eq(fix_burst(f, owner, &p), VERDICT_FORWARDED);
}
END_TEST

// Ports of a relay that had other workers: one owner all the same, and every packet of the other side is handed over.
START_TEST(ports_of_two_owners_make_one_session) {
	struct proto_session s = fix_session(1);
	struct proto_put_result to;
	unsigned owner;

	s.side[0].local = fix_endpoint("203.0.113.1", 16384);
	s.side[1].local = fix_endpoint("198.51.100.1", 16386);
	ck_assert_uint_eq(fix_put(f, &s, &to), 0);
	owner = owner_of(&to, 0);
	ck_assert_uint_ne(owner, owner_of(&to, 1));
	for (unsigned side = 0; side < 2; side++) {
		struct relay_packet p = feed(owner, &to, side);

		ck_assert_uint_eq(p.verdict, VERDICT_FORWARDED);
		p = feed(owner_of(&to, 1), &to, side);
		ck_assert_uint_eq(p.verdict, RELAY_HAND_OVER);
		ck_assert_uint_eq(p.owner, owner);
	}
}
END_TEST

START_TEST(a_port_moves_to_another_owner) {
	struct proto_session s = fix_session(1);
	struct proto_session_state final;
	struct proto_put_result to;

	s.side[0].local = fix_endpoint("203.0.113.1", 16384);
	s.side[1].local = fix_endpoint("198.51.100.1", 16386);
	ck_assert_uint_eq(fix_put(f, &s, &to), 0);
	ck_assert_uint_eq(fix_ref(f, PROTO_SESSION_DELETE, s.session_id, &final), 0);
	ck_assert_uint_eq(feed(owner_of(&to, 0), &to, 1).verdict, VERDICT_NO_SESSION);
	ck_assert_uint_eq(feed(owner_of(&to, 1), &to, 1).verdict, VERDICT_NO_SESSION);
	s = fix_session(2);
	s.side[0].local = fix_endpoint("203.0.113.1", 16386);
	s.side[1].local = fix_endpoint("198.51.100.1", 16386);
	ck_assert_uint_eq(fix_put(f, &s, &to), 0);
	ck_assert_uint_eq(feed(owner_of(&to, 1), &to, 1).verdict, VERDICT_FORWARDED);
}
END_TEST

START_TEST(an_owner_without_ports_borrows) {
	struct port_pair_of {
		uint16_t first, last;
	} only = {16384, 16389}; // three pairs: one each

	teardown();
	f = calloc(1, sizeof(*f));
	ck_assert_ptr_nonnull(f);
	fix_params(f, SESSIONS);
	f->params.n_workers = 2;
	f->params.n_media = 0;
	fix_add_media(&f->params, 0, "203.0.113.1", only.first, only.last);
	fix_add_media(&f->params, 1, "198.51.100.1", only.first, only.last);
	fix_start(f);
	ck_assert_uint_eq(fix_hello(f, PROTO_CONTROLLER, FIX_OWNER), 0);
	for (uint64_t i = 1; i <= 3; i++) {
		struct proto_put_result to = put(i);
		unsigned forwarded = 0;

		for (unsigned worker = 0; worker < 2; worker++)
			for (unsigned side = 0; side < 2; side++)
				forwarded += feed(worker, &to, side).verdict == VERDICT_FORWARDED;
		ck_assert_uint_eq(forwarded, 2); // both sides at one worker
	}

	struct proto_session s = fix_session(4);

	ck_assert_uint_eq(fix_put(f, &s, NULL), EADDRNOTAVAIL);
}
END_TEST

// What a full ring dropped, and what another worker was to send, is counted by whoever knows it.
START_TEST(counts_where_it_ends) {
	struct proto_put_result to = put(1);
	unsigned owner = owner_of(&to, 0), other = (owner + 1) % WORKERS;
	struct relay_worker *w = relay_worker(f->r, other);
	struct relay_packet p = feed(other, &to, 0);

	p.verdict = VERDICT_RING_FULL;
	relay_count(w, &p, 1);
	ck_assert_uint_eq(verdicts(other, VERDICT_RING_FULL), 1);
	p = (struct relay_packet){.data = frame, .length = p.length};
	relay_burst(relay_worker(f->r, owner), &p, 1, f->now);
	ck_assert_uint_eq(p.verdict, VERDICT_FORWARDED);
	p.passed_on = true;
	relay_count(relay_worker(f->r, owner), &p, 1);
	ck_assert_uint_eq(verdicts(owner, VERDICT_FORWARDED), 0);
	ck_assert_uint_eq(fix_slot(f, to.slot * 4)->forwarded, 1);
	relay_count_sent(w, VERDICT_FORWARDED, 1);
	relay_count_sent(w, VERDICT_TX_FULL, 2);
	ck_assert_uint_eq(verdicts(other, VERDICT_FORWARDED), 1);
	ck_assert_uint_eq(verdicts(other, VERDICT_TX_FULL), 2);
}
END_TEST

// A worker that stands still holds up its own sessions only.
START_TEST(a_stuck_worker_holds_up_its_own) {
	struct proto_put_result to[WORKERS];
	struct proto_session s = fix_session(1);
	unsigned stuck;

	for (unsigned i = 0; i < WORKERS; i++)
		to[i] = put(i + 1);
	stuck = owner_of(&to[0], 0);
	s.side[0].payload_types[0] = 2;
	fix_forget(f);
	ck_assert_int_eq(fix_request(f, PROTO_SESSION_PUT, &s, sizeof(s), 1), 0);
	s = fix_session(2);
	s.side[0].payload_types[0] = 2;
	ck_assert_int_eq(fix_request(f, PROTO_SESSION_PUT, &s, sizeof(s), 1), 0);
	for (unsigned i = 0; i < 4; i++) {
		for (unsigned w = 0; w < WORKERS; w++)
			if (w != stuck)
				relay_worker_poll(relay_worker(f->r, w), f->now);
		ck_assert(relay_tick(f->r, f->now));
	}
	ck_assert_uint_eq(f->n_sent, 0); // replies come in order
	ck_assert_uint_eq(
		feed(owner_of(&to[1], 0), &to[1], 0).verdict, VERDICT_PAYLOAD_TYPE); // but it is applied
	fix_settle(f);
	ck_assert_uint_eq(f->n_sent, 2);
}
END_TEST

// The name of the caller as RTCP that its session's owner forwards has it.
static void masked_name(const struct proto_put_result *to, uint8_t name[static FIX_NAME_LENGTH]) {
	struct endpoint from = fix_endpoint("192.0.2.10", 4001), local = to->local[0];
	struct relay_packet p = {.data = frame, .port = 0};

	local.port++;
	p.length = fix_frame(frame, &from, &local, fix_sdes, sizeof(fix_sdes));
	ck_assert_uint_eq(fix_burst(f, owner_of(to, 0), &p), VERDICT_FORWARDED);
	memcpy(name, frame + PACKET_PAYLOAD + FIX_NAME, FIX_NAME_LENGTH);
}

// Audio and video of one phone may be different workers' (RFC 3550 §6.5.1).
START_TEST(one_source_has_one_name_whoever_owns_its_streams) {
	const struct proto_put_result audio = put(1), video = put(2);
	uint8_t names[2][FIX_NAME_LENGTH];

	ck_assert_uint_ne(owner_of(&audio, 0), owner_of(&video, 0));
	masked_name(&audio, names[0]);
	masked_name(&video, names[1]);
	ck_assert_mem_eq(names[0], names[1], FIX_NAME_LENGTH);
	ck_assert_mem_ne(names[0], fix_sdes + FIX_NAME, FIX_NAME_LENGTH);
}
END_TEST

int main(void) {
	Suite *suite = suite_create("workers");
	TCase *tc = tcase_create("workers");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, sessions_spread_and_have_one_owner);
	tcase_add_test(tc, only_the_owner_forwards);
	tcase_add_test(tc, a_packet_is_handed_over_as_it_came);
	tcase_add_test(tc, a_tagged_packet_too);
	tcase_add_test(tc, ports_of_two_owners_make_one_session);
	tcase_add_test(tc, a_port_moves_to_another_owner);
	tcase_add_test(tc, an_owner_without_ports_borrows);
	tcase_add_test(tc, counts_where_it_ends);
	tcase_add_test(tc, a_stuck_worker_holds_up_its_own);
	tcase_add_test(tc, one_source_has_one_name_whoever_owns_its_streams);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
