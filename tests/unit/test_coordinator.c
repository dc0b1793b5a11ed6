// Every state × event pair of a call, and what must hold along every way through it.
#include "control/call/coordinator.h"
#include "tests/unit/run_suite.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

// Rows: states. Columns: events, in the order of enum call_event. "-": refused. Else the next state's letter and what is done:
// t try, p pass progress, r tell relay, c acknowledge the callee, a accept, k confirm, x abandon, f reject, 0 BYE caller, 1 BYE callee,
// z close, ! release.
static const char states[] =
	"OTWACHEX"; // Offering Trying ansWering Answered Confirmed Hanging-up Ending ended(X)
static const char *const expected[CALL_STATES] = {
	"Tt Exfz -   -  -  -   -    -   -   Exfz Exfz -    -   Exfz  -    -   Exfz  -",
	"-  Exfz Tp  Tt O Exfz Wrx  -   -   Exfz Exfz -    -   Exfz Exfz  -   Exfz  -",
	"- Ecx1fz -  -  -  -   -   Aca  -    W  Ecx1fz -    - Ecx1fz Ecfz  -  Ecx1fz -",
	"-   -   -   -  -  -   -    -  E1fz  -   -    Ck  E01z E1z   Hz   H1z  H1z   -",
	"-   -   -   -  -  -   -    -   -    -   -    C    -   E1z   E0z  E01z E01z  -",
	"-   -   -   -  -  -   -    -   -    -   -    E0   E0  E     H    H    H     -",
	"E   E   E   E  -  E   -    E   -    E   E    E    E   E     E    E    E     X!",
	"-   -   -   -  -  -   -    -   -    -   -    -    -   -     -    -    -     -",
};

static unsigned actions_of(const char *text) {
	static const char letters[] = "tprcakxf01z!"; // in the order of enum call_action
	unsigned actions = 0;

	for (; *text != '\0'; text++)
		actions |= 1u << (strchr(letters, *text) - letters);
	return actions;
}

static void cell(int state, int event, char out[static 16]) {
	const char *row = expected[state];

	for (int i = 0;; i++) {
		size_t len;

		row += strspn(row, " ");
		len = strcspn(row, " ");
		ck_assert_uint_gt(len, 0);
		if (i == event) {
			memcpy(out, row, len);
			out[len] = '\0';
			return;
		}
		row += len;
	}
}

START_TEST(every_pair) {
	enum call_state before = (enum call_state)(_i / CALL_EVENTS), state = before;
	enum call_event event = (enum call_event)(_i % CALL_EVENTS);
	unsigned actions = 0xdead;
	char want[16];
	bool known = coordinator_step(&state, event, &actions);

	cell(before, event, want);
	if (strcmp(want, "-") == 0) {
		ck_assert_msg(!known, "state %s event %d is taken", call_state_name(before), event);
		ck_assert_int_eq(state, before);
		ck_assert_uint_eq(actions, 0xdead);
		return;
	}
	ck_assert_msg(known, "state %s event %d is refused", call_state_name(before), event);
	ck_assert_msg(state == (enum call_state)(strchr(states, want[0]) - states),
		"state %s event %d leads to %s", call_state_name(before), event, call_state_name(state));
	ck_assert_msg(actions == actions_of(want + 1), "state %s event %d does %x", call_state_name(before),
		event, actions);
}
END_TEST

// Walk every way of up to six events from the start: media is closed exactly once before a call is released, the caller gets
// one final answer, and a call that was accepted is never rejected too; a callee that answered gets one ACK, before any BYE.
static void walk(
	enum call_state state, unsigned depth, unsigned closes, unsigned finals, int unacknowledged) {
	for (int e = 0; e < CALL_EVENTS && depth > 0; e++) {
		enum call_state next = state;
		unsigned actions, c = closes, f = finals;
		int u = unacknowledged;

		if (!coordinator_step(&next, (enum call_event)e, &actions))
			continue;
		c += (actions & CALL_DO_CLOSE) != 0;
		f += (actions & (CALL_DO_REJECT | CALL_DO_ACCEPT)) != 0;
		f -= e == CALL_ON_ACCEPT_FAILED; // that one never left
		u += e == CALL_ON_ANSWER && next == CALL_ANSWERING;
		u -= (actions & CALL_DO_ACK_CALLEE) != 0;
		ck_assert_int_ge(u, 0);
		ck_assert(u == 0 || next == CALL_ANSWERING);
		ck_assert_uint_le(c, 1);
		ck_assert_uint_le(f, 1);
		if (actions & CALL_DO_RELEASE) {
			ck_assert_uint_eq(c, 1);
			ck_assert_uint_eq(f, 1);
		}
		if (next != state || actions != 0)
			walk(next, depth - 1, c, f, u);
	}
}

START_TEST(closed_once_answered_once) {
	walk(CALL_OFFERING, 6, 0, 0, 0);
}
END_TEST

int main(void) {
	Suite *s = suite_create("coordinator");
	TCase *t = tcase_create("table");

	tcase_add_loop_test(t, every_pair, 0, CALL_STATES * CALL_EVENTS);
	tcase_add_test(t, closed_once_answered_once);
	suite_add_tcase(s, t);
	return run_suite(s);
}
