// Every state × event pair of the INVITE usage, against a table written from RFC 3261 §9.1, §13.2.2 and RFC 6026 §7.
#include "control/call/invite_usage.h"
#include "tests/unit/run_suite.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

// One row a state, one column an event. "-": refused. Else the next state's letter and what is done:
// s send, c cancel, a ACK, b BYE, P report progress, A report answer, F report failure.
static const char *const states =
	"RCPEAXLT"; // Resolving Calling Proceeding accEpted Answered abandoned(X) cLearing Terminated
static const char *const expected[INVITE_STATES][INVITE_EVENTS] = {
	//  resolved unresolved 1xx   2xx     2xx again 2xx other failure timeout transport no-resp abandon settled
	{"Cs", "TF", "-", "-", "-", "-", "-", "-", "TF", "TF", "T", "-"},
	{"-", "-", "PP", "EA", "-", "-", "TF", "TF", "TF", "XcF", "Xc", "-"},
	{"-", "-", "PP", "EA", "-", "-", "TF", "TF", "TF", "-", "Xc", "-"},
	{"-", "-", "E", "-", "E", "Eab", "-", "-", "-", "-", "E", "Aa"},
	{"-", "-", "A", "-", "Aa", "Aab", "-", "-", "-", "-", "A", "-"},
	{"-", "-", "X", "Lab", "-", "-", "T", "T", "T", "-", "Xc", "-"},
	{"-", "-", "L", "-", "La", "Lab", "-", "-", "-", "-", "L", "-"},
	{"-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "T", "-"},
};

static unsigned actions_of(const char *text) {
	static const struct {
		char letter;
		unsigned action;
	} known[] = {
		{'s', INVITE_DO_SEND},
		{'c', INVITE_DO_CANCEL},
		{'a', INVITE_DO_ACK},
		{'b', INVITE_DO_BYE},
		{'P', INVITE_DO_REPORT_PROGRESS},
		{'A', INVITE_DO_REPORT_ANSWER},
		{'F', INVITE_DO_REPORT_FAILURE},
	};
	unsigned actions = 0;

	for (; *text != '\0'; text++)
		for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
			if (known[i].letter == *text)
				actions |= known[i].action;
	return actions;
}

START_TEST(every_pair) {
	enum invite_state before = (enum invite_state)(_i / INVITE_EVENTS), state = before;
	enum invite_event event = (enum invite_event)(_i % INVITE_EVENTS);
	const char *want = expected[before][event];
	unsigned actions = 0xdead;
	bool known = invite_usage_step(&state, event, &actions);

	if (strcmp(want, "-") == 0) {
		ck_assert_msg(!known, "state %s event %d is taken", invite_state_name(before), event);
		ck_assert_int_eq(state, before);
		ck_assert_uint_eq(actions, 0xdead);
		return;
	}
	ck_assert_msg(known, "state %s event %d is refused", invite_state_name(before), event);
	ck_assert_msg(state == (enum invite_state)(strchr(states, want[0]) - states),
		"state %s event %d leads to %s", invite_state_name(before), event, invite_state_name(state));
	ck_assert_msg(actions == actions_of(want + 1), "state %s event %d does %x", invite_state_name(before),
		event, actions);
}
END_TEST

// Whatever happens, each 2xx that is taken is acknowledged, the chosen one when all is settled, and any other is ended.
START_TEST(no_answer_stays_unacknowledged) {
	for (int s = 0; s < INVITE_STATES; s++)
		for (int e = INVITE_ON_ANSWER; e <= INVITE_ON_ANSWER_OTHER; e++) {
			enum invite_state state = (enum invite_state)s;
			unsigned actions;

			if (!invite_usage_step(&state, (enum invite_event)e, &actions))
				continue;
			if (state == INVITE_ACCEPTED && !(actions & INVITE_DO_BYE)) {
				ck_assert(!(actions & INVITE_DO_ACK));
				ck_assert(invite_usage_step(&state, INVITE_ON_SETTLED, &actions));
				ck_assert_uint_eq(actions, INVITE_DO_ACK);
				continue;
			}
			ck_assert(actions & INVITE_DO_ACK);
			if (e != INVITE_ON_ANSWER_AGAIN && !(actions & INVITE_DO_REPORT_ANSWER))
				ck_assert(actions & INVITE_DO_BYE);
		}
}
END_TEST

int main(void) {
	Suite *s = suite_create("invite_usage");
	TCase *t = tcase_create("table");

	tcase_add_loop_test(t, every_pair, 0, INVITE_STATES * INVITE_EVENTS);
	tcase_add_test(t, no_answer_stays_unacknowledged);
	suite_add_tcase(s, t);
	return run_suite(s);
}
