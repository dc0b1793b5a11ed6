#include "control/sip/server_transaction.h"
#include "tests/unit/run_suite.h"

#include <assert.h>
#include <check.h>
#include <stdio.h>
#include <string.h>

static const char *const states[] = {
	"TRYING", "PROCEEDING", "ACCEPTED", "ACKNOWLEDGED", "COMPLETED", "CONFIRMED", "TERMINATED"};
static const char *const events[] = {
	"request", "ack", "1xx", "2xx", "failure", "acknowledge", "retransmit", "end", "error"};
static const char *const actions[] = {
	"send", "again=T1", "again<T2", "no-more", "end=64T1", "end=T4", "report-ack", "unacknowledged"};

static_assert(sizeof(states) / sizeof(*states) == SERVER_STATES);
static_assert(sizeof(events) / sizeof(*events) == SERVER_EVENTS);

// Every pair of state and event. INVITE: RFC 6026 figure 5, §13.3.1.4 of RFC 3261 for the 2xx's repetition; others: RFC
// 3261 figure 8 with RFC 6026 §8.8. "-": not in the figure.
static const struct {
	bool is_invite;
	const char *state, *event, *expected;
} cases[] = {
	{true, "PROCEEDING", "request", "PROCEEDING send"},
	{true, "PROCEEDING", "ack", "-"},
	{true, "PROCEEDING", "1xx", "PROCEEDING send"},
	{true, "PROCEEDING", "2xx", "ACCEPTED send again=T1 end=64T1"},
	{true, "PROCEEDING", "failure", "COMPLETED send again=T1 end=64T1"},
	{true, "PROCEEDING", "acknowledge", "-"},
	{true, "PROCEEDING", "retransmit", "-"},
	{true, "PROCEEDING", "end", "TERMINATED"},
	{true, "PROCEEDING", "error", "PROCEEDING"},
	{true, "ACCEPTED", "request", "ACCEPTED"},
	{true, "ACCEPTED", "ack", "ACKNOWLEDGED no-more report-ack"},
	{true, "ACCEPTED", "1xx", "-"},
	{true, "ACCEPTED", "2xx", "-"},
	{true, "ACCEPTED", "failure", "-"},
	{true, "ACCEPTED", "acknowledge", "ACKNOWLEDGED no-more"},
	{true, "ACCEPTED", "retransmit", "ACCEPTED send again<T2"},
	{true, "ACCEPTED", "end", "TERMINATED unacknowledged"},
	{true, "ACCEPTED", "error", "ACCEPTED"},
	{true, "ACKNOWLEDGED", "request", "ACKNOWLEDGED"},
	{true, "ACKNOWLEDGED", "ack", "ACKNOWLEDGED report-ack"},
	{true, "ACKNOWLEDGED", "1xx", "-"},
	{true, "ACKNOWLEDGED", "2xx", "-"},
	{true, "ACKNOWLEDGED", "failure", "-"},
	{true, "ACKNOWLEDGED", "acknowledge", "ACKNOWLEDGED"},
	{true, "ACKNOWLEDGED", "retransmit", "-"},
	{true, "ACKNOWLEDGED", "end", "TERMINATED"},
	{true, "ACKNOWLEDGED", "error", "ACKNOWLEDGED"},
	{true, "COMPLETED", "request", "COMPLETED send"},
	{true, "COMPLETED", "ack", "CONFIRMED no-more end=T4"},
	{true, "COMPLETED", "1xx", "-"},
	{true, "COMPLETED", "2xx", "-"},
	{true, "COMPLETED", "failure", "-"},
	{true, "COMPLETED", "acknowledge", "-"},
	{true, "COMPLETED", "retransmit", "COMPLETED send again<T2"},
	{true, "COMPLETED", "end", "TERMINATED"},
	{true, "COMPLETED", "error", "COMPLETED"},
	{true, "CONFIRMED", "request", "CONFIRMED"},
	{true, "CONFIRMED", "ack", "CONFIRMED"},
	{true, "CONFIRMED", "1xx", "-"},
	{true, "CONFIRMED", "2xx", "-"},
	{true, "CONFIRMED", "failure", "-"},
	{true, "CONFIRMED", "acknowledge", "-"},
	{true, "CONFIRMED", "retransmit", "-"},
	{true, "CONFIRMED", "end", "TERMINATED"},
	{true, "CONFIRMED", "error", "CONFIRMED"},
	{false, "TRYING", "request", "TRYING"},
	{false, "TRYING", "ack", "-"},
	{false, "TRYING", "1xx", "PROCEEDING send"},
	{false, "TRYING", "2xx", "COMPLETED send end=64T1"},
	{false, "TRYING", "failure", "COMPLETED send end=64T1"},
	{false, "TRYING", "acknowledge", "-"},
	{false, "TRYING", "retransmit", "-"},
	{false, "TRYING", "end", "TERMINATED"},
	{false, "TRYING", "error", "-"},
	{false, "PROCEEDING", "request", "PROCEEDING send"},
	{false, "PROCEEDING", "ack", "-"},
	{false, "PROCEEDING", "1xx", "PROCEEDING send"},
	{false, "PROCEEDING", "2xx", "COMPLETED send end=64T1"},
	{false, "PROCEEDING", "failure", "COMPLETED send end=64T1"},
	{false, "PROCEEDING", "acknowledge", "-"},
	{false, "PROCEEDING", "retransmit", "-"},
	{false, "PROCEEDING", "end", "TERMINATED"},
	{false, "PROCEEDING", "error", "PROCEEDING"},
	{false, "COMPLETED", "request", "COMPLETED send"},
	{false, "COMPLETED", "ack", "-"},
	{false, "COMPLETED", "1xx", "-"},
	{false, "COMPLETED", "2xx", "-"},
	{false, "COMPLETED", "failure", "-"},
	{false, "COMPLETED", "acknowledge", "-"},
	{false, "COMPLETED", "retransmit", "-"},
	{false, "COMPLETED", "end", "TERMINATED"},
	{false, "COMPLETED", "error", "COMPLETED"},
};

static const char *expected_of(bool is_invite, const char *state, const char *event) {
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		if (cases[i].is_invite == is_invite && strcmp(cases[i].state, state) == 0 &&
			strcmp(cases[i].event, event) == 0)
			return cases[i].expected;
	}
	return "-"; // a state of the other kind, or TERMINATED, which is never left
}

START_TEST(every_state_and_event) {
	for (int i = 0; i < 2 * SERVER_STATES * SERVER_EVENTS; i++) {
		bool is_invite = i % 2 == 0, refused;
		enum server_state state = i / 2 / SERVER_EVENTS;
		enum server_event event = i / 2 % SERVER_EVENTS;
		struct server_step step = server_transaction_step(is_invite, state, event, &refused);
		const char *expected = expected_of(is_invite, states[state], events[event]);
		char got[256];

		snprintf(got, sizeof(got), "%s", refused ? "-" : states[step.next]);
		for (size_t a = 0; a < sizeof(actions) / sizeof(*actions); a++) {
			if (step.actions >> a & 1) {
				strcat(got, " ");
				strcat(got, actions[a]);
			}
		}
		ck_assert_msg(strcmp(got, expected) == 0, "%s %s × %s: got %s, want %s",
			is_invite ? "INVITE" : "other", states[state], events[event], got, expected);
		if (refused)
			ck_assert(step.next == state && step.actions == 0);
	}
}
END_TEST

int main(void) {
	Suite *s = suite_create("transaction_server");
	TCase *c = tcase_create("table");

	tcase_add_test(c, every_state_and_event);
	suite_add_tcase(s, c);
	return run_suite(s);
}
