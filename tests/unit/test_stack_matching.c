// Which transaction of a stack's server a request belongs to.
#include "tests/unit/run_suite.h"
#include "tests/unit/stack_requests.h"

START_TEST(acks_of_a_reinvite_find_it) {
	struct wish w = plain;

	w.to_tag = "dialog";
	send(w);
	ck_assert_int_eq(answer(200), 0);
	w.method = "ACK";
	w.via = "SIP/2.0/UDP 192.0.2.7:5062;branch=z9hG4bKnew";
	w.cseq = 4;
	send(w);
	w.cseq = 3;
	w.from_tag = "other";
	send(w);
	w.from_tag = "ft";
	send(w);
	expect_story("re-INVITE", "INVITE@0 >200@0 strayack@0 strayack@0 ack@0 ");
	ck_assert_uint_eq(counter(SIP_COUNTER_STRAY_ACKS), 2);
}
END_TEST

// RFC 3261 §17.2.3. The first is an INVITE; is the second the same transaction?
static const struct {
	const char *what;
	struct wish first, second;
	bool same;
} matches[] = {
	{"another branch", {.via = "SIP/2.0/UDP a;branch=z9hG4bK1"}, {.via = "SIP/2.0/UDP a;branch=z9hG4bK2"},
		false},
	{"another sent-by", {.via = "SIP/2.0/UDP a;branch=z9hG4bK1"},
		{.via = "SIP/2.0/UDP b;branch=z9hG4bK1"}, false},
	{"another port", {.via = "SIP/2.0/UDP a:1;branch=z9hG4bK1"},
		{.via = "SIP/2.0/UDP a:2;branch=z9hG4bK1"}, false},
	{"another method", {.via = "SIP/2.0/UDP a;branch=z9hG4bK1"},
		{.method = "OPTIONS", .via = "SIP/2.0/UDP a;branch=z9hG4bK1"}, false},
	{"all else differs", {.via = "SIP/2.0/UDP a;branch=z9hG4bK1"},
		{.via = "SIP/2.0/UDP a;x=y;branch=z9hG4bK1", .from_tag = "z", .call_id = "z", .cseq = 9},
		true},
	{"RFC 2543", {.via = "SIP/2.0/UDP a"}, {.via = "SIP/2.0/UDP a"}, true},
	{"RFC 2543 with a branch of its own", {.via = "SIP/2.0/UDP a;branch=1"},
		{.via = "SIP/2.0/UDP a;branch=1"}, true},
	{"RFC 2543, another Via", {.via = "SIP/2.0/UDP a;branch=1"}, {.via = "SIP/2.0/UDP a;branch=2"},
		false},
	{"RFC 2543, another Call-ID", {.via = "SIP/2.0/UDP a"}, {.via = "SIP/2.0/UDP a", .call_id = "z"},
		false},
	{"RFC 2543, another From tag", {.via = "SIP/2.0/UDP a"}, {.via = "SIP/2.0/UDP a", .from_tag = "z"},
		false},
	{"RFC 2543, another To tag", {.via = "SIP/2.0/UDP a"}, {.via = "SIP/2.0/UDP a", .to_tag = "z"},
		false},
	{"RFC 2543, another CSeq", {.via = "SIP/2.0/UDP a"}, {.via = "SIP/2.0/UDP a", .cseq = 4}, false},
	{"RFC 2543, another Request-URI", {.via = "SIP/2.0/UDP a"},
		{.via = "SIP/2.0/UDP a", .uri = "sip:z@a"}, false},
	{"RFC 2543, another method", {.via = "SIP/2.0/UDP a"}, {.via = "SIP/2.0/UDP a", .method = "OPTIONS"},
		false},
	{"nothing but the cookie", {.via = "SIP/2.0/UDP a;branch=z9hG4bK"},
		{.via = "SIP/2.0/UDP a;branch=z9hG4bK", .call_id = "z"}, false},
};

static struct wish with(struct wish w) {
	struct wish p = plain;

	p.method = w.method != NULL ? w.method : p.method;
	p.via = w.via != NULL ? w.via : p.via;
	p.from_tag = w.from_tag != NULL ? w.from_tag : p.from_tag;
	p.to_tag = w.to_tag != NULL ? w.to_tag : p.to_tag;
	p.call_id = w.call_id != NULL ? w.call_id : p.call_id;
	p.uri = w.uri != NULL ? w.uri : p.uri;
	p.cseq = w.cseq != 0 ? w.cseq : p.cseq;
	return p;
}

static void matches_requests_of(size_t i) {
	send(with(matches[i].first));
	send_from(with(matches[i].second), "203.0.113.200", 1); // the source says nothing
	ck_assert_msg(sip_stack_transactions(f.stack) == (matches[i].same ? 1 : 2), "%s: %u", matches[i].what,
		sip_stack_transactions(f.stack));
	ck_assert_uint_eq(counter(SIP_COUNTER_RETRANSMISSIONS_IN), matches[i].same);
}
START_TEST(matches_requests) {
	for (size_t i = 0; i < sizeof(matches) / sizeof(*matches); i++) {
		matches_requests_of(i);
		fixture_teardown();
		fixture_setup();
	}
}
END_TEST

START_TEST(rfc2543_ack_and_cancel) {
	struct wish w = with((struct wish){.via = "SIP/2.0/UDP a;branch=1"});

	send(w);
	w.method = "CANCEL";
	send(w);
	ck_assert_int_eq(answer(487), 0);
	w.method = "ACK";
	w.to_tag = "wrong";
	send(w);
	loop_advance(f.loop, 500);
	w.to_tag = "ours";
	send(w);
	loop_advance(f.loop, 1000);
	expect_story("2543", "INVITE@0 >200@0 cancelled@0 >487@0 strayack@0 >487@500 ");
}
END_TEST

// RFC 3261 §8.2.2.2.
START_TEST(tells_merged_requests) {
	static const struct {
		struct wish second;
		bool merged;
	} cases[] = {
		{{.via = "SIP/2.0/UDP p;branch=z9hG4bKother"}, true},
		{{.via = "SIP/2.0/UDP p;branch=z9hG4bKother2", .call_id = "z"}, false},
		{{.via = "SIP/2.0/UDP p;branch=z9hG4bKother3", .from_tag = "z"}, false},
		{{.via = "SIP/2.0/UDP p;branch=z9hG4bKother4", .cseq = 4}, false},
		{{.via = "SIP/2.0/UDP p;branch=z9hG4bKother5", .to_tag = "z"}, false}, // within a dialog
	};

	send(plain);
	ck_assert(!f.merged);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		send(with(cases[i].second));
		ck_assert_msg(f.merged == cases[i].merged, "%zu", i);
		ck_assert_int_eq(answer(486), 0);
	}
	loop_advance(f.loop, 3600000); // the first is over
	send(with((struct wish){.via = "SIP/2.0/UDP p;branch=z9hG4bKother"}));
	ck_assert(!f.merged);
}
END_TEST

int main(void) {
	Suite *s = suite_create("stack_matching");
	TCase *c = tcase_create("matching");

	tcase_add_checked_fixture(c, fixture_setup, fixture_teardown);
	tcase_add_test(c, acks_of_a_reinvite_find_it);
	tcase_add_test(c, matches_requests);
	tcase_add_test(c, rfc2543_ack_and_cancel);
	tcase_add_test(c, tells_merged_requests);
	suite_add_tcase(s, c);
	return run_suite(s);
}
