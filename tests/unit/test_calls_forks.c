// Several dialogs of one INVITE (RFC 3261 §12.1, §13.2.2.4, §16.7): tags, early media, 2xx of more than one, and late.
#include "tests/unit/call_ladder.h"

enum { FORKS_SHOWN = 16 };

static struct party alice, bob;
static char first_tag[64], second_tag[64]; // that alice knows the forks by

static void open_both(void) {
	bench_open(NULL);
	caller_init(&alice);
	callee_init(&bob);
	dial(&alice, &bob);
}

static void two_forks_ring(void) {
	set_tag(&bob, "tag-of-fork-one");
	reply_invite(&bob, 180, NULL);
	expect(&alice, 180);
	strcpy(first_tag, alice.peer_tag);
	set_tag(&bob, "tag-of-fork-two");
	reply_invite(&bob, 183, SDP_AT("198.51.100.3", "6000"));
	expect(&alice, 183);
	strcpy(second_tag, alice.peer_tag);
	ck_assert_str_ne(first_tag, second_tag);
	ck_assert_ptr_nonnull(strstr(bench_body(alice.last->text), "203.0.113.1"));
}

static void say_200_as(const char *tag) {
	set_tag(&bob, tag);
	bob.peer_cseq = 1;
	reply_invite(&bob, 200, CALLEE_SDP);
}

static void answer_as(const char *tag) {
	say_200_as(tag);
	expect_request(&bob, "ACK");
}

START_TEST(each_has_a_tag_of_its_own) {
	open_both();
	two_forks_ring();
	set_tag(&bob, "tag-of-fork-one");
	reply_invite(&bob, 181, NULL);
	expect(&alice, 181);
	ck_assert_str_eq(alice.peer_tag, first_tag);
	answer_as("tag-of-fork-one");
	expect(&alice, 200);
	ck_assert_str_eq(alice.peer_tag, first_tag);
	ack(&alice);
	hang_up(&alice, &bob);
	bench_close();
}
END_TEST

START_TEST(the_second_answers) {
	open_both();
	two_forks_ring();
	answer_as("tag-of-fork-two");
	expect(&alice, 200);
	ck_assert_str_eq(alice.peer_tag, second_tag);
	ack(&alice);
	hang_up(&bob, &alice);
	bench_close();
}
END_TEST

START_TEST(one_that_never_rang_answers) {
	open_both();
	two_forks_ring();
	answer_as("tag-of-fork-three");
	expect(&alice, 200);
	ck_assert_str_ne(alice.peer_tag, first_tag);
	ck_assert_str_ne(alice.peer_tag, second_tag);
	ack(&alice);
	hang_up(&alice, &bob);
	bench_close();
}
END_TEST

// §13.2.2.4: every 2xx is acknowledged; the second call is ended.
START_TEST(both_answer) {
	struct party other;

	open_both();
	two_forks_ring();
	answer_as("tag-of-fork-two");
	expect(&alice, 200);
	ack(&alice);
	other = bob;
	answer_as("tag-of-fork-one");
	take_bye(&bob);
	expect_nothing(&alice);
	reply_invite(&bob, 200, CALLEE_SDP); // once more: its ACK was lost, one BYE is enough
	expect_request(&bob, "ACK");
	expect_nothing(&bob);
	ck_assert_uint_eq(calls_now(bench_calls()), 1);
	hang_up(&alice, &other);
	bench_close();
}
END_TEST

START_TEST(both_answer_before_the_caller_knows) {
	struct party other;

	open_both();
	two_forks_ring();
	bench_relay_stick(true);
	say_200_as("tag-of-fork-one");
	expect_nothing(&bob);
	other = bob;
	answer_as("tag-of-fork-two");
	take_bye(&bob);
	expect_nothing(&alice);
	bench_relay_stick(false);
	bench_settle();
	expect_request(&other, "ACK");
	expect(&alice, 200);
	ck_assert_str_eq(alice.peer_tag, first_tag);
	ack(&alice);
	hang_up(&alice, &other);
	bench_close();
}
END_TEST

// The caller talks to the fork that answered; what it says to the other's dialog belongs to none (§12.2.2).
START_TEST(the_other_dialog_is_gone) {
	open_both();
	two_forks_ring();
	answer_as("tag-of-fork-one");
	expect(&alice, 200);
	ack(&alice);
	strcpy(alice.peer_tag, second_tag);
	request(&alice, "OPTIONS", NULL);
	expect(&alice, 481);
	strcpy(alice.peer_tag, first_tag);
	request(&alice, "OPTIONS", NULL);
	expect(&alice, 200);
	hang_up(&alice, &bob);
	bench_close();
}
END_TEST

// A fork that is not chosen hangs up: nobody minds.
START_TEST(bye_of_the_other_fork) {
	struct party other;

	open_both();
	two_forks_ring();
	other = bob;
	answer_as("tag-of-fork-one");
	expect(&alice, 200);
	ack(&alice);
	request(&other, "BYE", NULL);
	expect(&other, 200);
	expect_nothing(&alice);
	ck_assert_uint_eq(calls_now(bench_calls()), 1);
	hang_up(&alice, &bob);
	bench_close();
}
END_TEST

// §15 forbids it before the answer; if one does it all the same, the other still rings.
START_TEST(early_bye_of_one_fork) {
	struct party one;

	open_both();
	two_forks_ring();
	one = bob;
	strcpy(one.tag, "tag-of-fork-one");
	request(&one, "BYE", NULL);
	expect(&one, 200);
	expect_nothing(&alice);
	answer_as("tag-of-fork-two");
	expect(&alice, 200);
	ack(&alice);
	hang_up(&alice, &bob);
	bench_close();
}
END_TEST

// §15: the caller's BYE in an early dialog. We have one INVITE for all of them: it ends the attempt, whichever it names.
START_TEST(early_bye_of_the_caller) {
	for (int i = 0; i < 2; i++) {
		open_both();
		two_forks_ring();
		strcpy(alice.peer_tag, i == 0 ? first_tag : second_tag);
		request(&alice, "BYE", NULL);
		expect(&alice, 200);
		take_failure(&alice, 487);
		take_cancel(&bob);
		ck_assert_uint_eq(calls_now(bench_calls()), 0);
		ck_assert_uint_eq(bench_ended()->status, 487);
		ck_assert_str_eq(bench_ended()->cause, "bye");
		ck_assert_str_eq(bench_ended()->by, "caller");
		bench_close();
	}
}
END_TEST

// Once we have answered as one fork, the other's dialog is gone, ACK or no ACK.
START_TEST(bye_to_the_other_dialog_before_the_ack) {
	open_both();
	two_forks_ring();
	answer_as("tag-of-fork-two");
	expect(&alice, 200);
	strcpy(alice.peer_tag, first_tag);
	request(&alice, "BYE", NULL);
	expect(&alice, 481);
	expect_nothing(&bob);
	strcpy(alice.peer_tag, second_tag);
	ack(&alice);
	hang_up(&alice, &bob);
	bench_close();
}
END_TEST

// RFC 3261 §12.1.2: a response without a tag is one with a null tag; its dialog is not that of the 2xx.
START_TEST(ringing_without_a_tag) {
	open_both();
	set_tag(&bob, "");
	reply(&bob, 180, NULL);
	expect(&alice, 180);
	strcpy(first_tag, alice.peer_tag);
	answer_as("tag-of-callee-at-last");
	expect(&alice, 200);
	ck_assert_str_ne(alice.peer_tag, first_tag);
	ack(&alice);
	hang_up(&bob, &alice);
	bench_close();
}
END_TEST

// An RFC 2543 callee has no tags at all.
START_TEST(answer_without_a_tag) {
	open_both();
	set_tag(&bob, "");
	reply(&bob, 180, NULL);
	expect(&alice, 180);
	answer_as("");
	expect(&alice, 200);
	ack(&alice);
	hang_up(&alice, &bob);
	bench_close();
}
END_TEST

START_TEST(forks_without_end) {
	char tag[64], last[64] = "";
	int shown = 0;

	open_both();
	for (int i = 0; i < 40; i++) {
		snprintf(tag, sizeof(tag), "tag-of-fork-number-%02d-x", i);
		set_tag(&bob, tag);
		reply(&bob, 180, NULL);
		if (bench_untaken() == 0)
			continue;
		expect(&alice, 180);
		ck_assert_str_ne(alice.peer_tag, last);
		strcpy(last, alice.peer_tag);
		shown++;
	}
	ck_assert_int_eq(shown, FORKS_SHOWN);
	// An answer is an answer, whoever gives it.
	answer_as("tag-of-fork-number-39-x");
	expect(&alice, 200);
	ack(&alice);
	hang_up(&alice, &bob);
	bench_close();
}
END_TEST

// Each costs an ACK and a BYE, however many there are.
START_TEST(answers_without_end) {
	struct party chosen;
	char tag[64];

	open_both();
	answer_as("tag-of-fork-chosen");
	expect(&alice, 200);
	ack(&alice);
	chosen = bob;
	for (int i = 0; i < 40; i++) {
		snprintf(tag, sizeof(tag), "tag-of-fork-number-%02d-x", i);
		answer_as(tag);
		take_bye(&bob);
	}
	expect_nothing(&alice);
	// The first few are remembered, so that a repeat of theirs is known as one; the rest cost no memory.
	ck_assert_uint_eq(bench_counter(CALL_COUNTER_ORPHAN_ANSWERS), 40 - (FORKS_SHOWN - 1));
	hang_up(&alice, &chosen);
	bench_close();
}
END_TEST

// A fork answers when the call is over and forgotten, within the 64*T1 of RFC 6026 §8.4.
START_TEST(an_answer_that_comes_too_late) {
	open_both();
	two_forks_ring();
	answer_as("tag-of-fork-one");
	expect(&alice, 200);
	ack(&alice);
	hang_up(&alice, &bob);
	ck_assert_uint_eq(calls_now(bench_calls()), 0);
	bench_wait(20000);
	answer_as("tag-of-fork-two");
	take_bye(&bob);
	ck_assert_uint_eq(bench_counter(CALL_COUNTER_ORPHAN_ANSWERS), 1);
	bench_close();
}
END_TEST

START_TEST(a_late_answer_with_a_route) {
	open_both();
	two_forks_ring();
	answer_as("tag-of-fork-one");
	expect(&alice, 200);
	ack(&alice);
	hang_up(&alice, &bob);
	strcpy(bob.record_route, "<sip:198.51.100.2;lr;id=2>, <sip:198.51.100.2;lr;id=1>");
	answer_as("tag-of-fork-two");
	ck_assert_str_eq(heard(&bob, "Route"), "<sip:198.51.100.2;lr;id=1>, <sip:198.51.100.2;lr;id=2>");
	take_bye(&bob);
	ck_assert_str_eq(bench_header(bob.request, "Route", 0),
		"<sip:198.51.100.2;lr;id=1>, <sip:198.51.100.2;lr;id=2>");
	bench_close();
}
END_TEST

int main(void) {
	const TTest *const tests[] = {each_has_a_tag_of_its_own, the_second_answers,
		one_that_never_rang_answers, both_answer, both_answer_before_the_caller_knows,
		the_other_dialog_is_gone, bye_of_the_other_fork, early_bye_of_one_fork,
		early_bye_of_the_caller, bye_to_the_other_dialog_before_the_ack, ringing_without_a_tag,
		answer_without_a_tag, forks_without_end, answers_without_end, an_answer_that_comes_too_late,
		a_late_answer_with_a_route};

	return BENCH_RUN("calls_forks", tests);
}
