// Every state × event pair of offer/answer, against RFC 3264 §4, RFC 3261 §13.2.1, §14.1, §14.2 and RFC 6337 §2.
#include "control/call/offer_answer.h"
#include "tests/unit/run_suite.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

// Rows: states N S P R H T (none, sent, previewed, received, shown, stable). Columns: events. A state's letter: OK and there;
// g glare, b busy, i ignore, - wrong.
static const char states[] = "NSPRHT";
static const char *const expected[OFFER_STATES] = {
	// send offer, receive offer, send preview, receive preview, send answer, receive answer, abort
	"SR----N",
	"-g-P-TN",
	"-g-P-TN",
	"-bH-T-N",
	"-bH-T-N",
	"SR-i-iT",
};

static enum offer_verdict verdict_of(char c) {
	switch (c) {
	case 'g':
		return OFFER_GLARE;
	case 'b':
		return OFFER_BUSY;
	case 'i':
		return OFFER_IGNORE;
	case '-':
		return OFFER_WRONG;
	default:
		return OFFER_OK;
	}
}

START_TEST(every_pair) {
	enum offer_state before = (enum offer_state)(_i / OFFER_EVENTS);
	enum offer_event event = (enum offer_event)(_i % OFFER_EVENTS);
	char want = expected[before][event];
	struct offer_answer oa = {.state = before};

	ck_assert_msg(offer_answer_step(&oa, event) == verdict_of(want), "state %s event %d",
		offer_state_name(before), event);
	if (verdict_of(want) == OFFER_OK)
		ck_assert_msg(oa.state == (enum offer_state)(strchr(states, want) - states),
			"state %s event %d leads to %s", offer_state_name(before), event,
			offer_state_name(oa.state));
	else
		ck_assert_int_eq(oa.state, before);
}
END_TEST

START_TEST(abort_falls_back_to_what_was_agreed) {
	struct offer_answer oa = {0};

	ck_assert_int_eq(offer_answer_step(&oa, OFFER_ON_RECEIVE_OFFER), OFFER_OK);
	ck_assert_int_eq(offer_answer_step(&oa, OFFER_ON_ABORT), OFFER_OK);
	ck_assert_int_eq(oa.state, OFFER_NONE);
	ck_assert_int_eq(offer_answer_step(&oa, OFFER_ON_RECEIVE_OFFER), OFFER_OK);
	ck_assert_int_eq(offer_answer_step(&oa, OFFER_ON_SEND_ANSWER), OFFER_OK);
	ck_assert_int_eq(offer_answer_step(&oa, OFFER_ON_SEND_OFFER), OFFER_OK);
	ck_assert_int_eq(offer_answer_step(&oa, OFFER_ON_ABORT), OFFER_OK);
	ck_assert_int_eq(oa.state, OFFER_STABLE);
}
END_TEST

int main(void) {
	Suite *s = suite_create("offer_answer");
	TCase *t = tcase_create("table");

	tcase_add_loop_test(t, every_pair, 0, OFFER_STATES * OFFER_EVENTS);
	tcase_add_test(t, abort_falls_back_to_what_was_agreed);
	suite_add_tcase(s, t);
	return run_suite(s);
}
