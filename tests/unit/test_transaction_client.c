#include "control/sip/client_transaction.h"
#include "tests/unit/run_suite.h"

#include <assert.h>
#include <check.h>
#include <stdio.h>
#include <string.h>

static const char *const states[] = {"CALLING", "CALLING_CANCELLED", "TRYING", "PROCEEDING", "CANCELLING",
	"ACCEPTED", "COMPLETED", "TERMINATED"};
static const char *const events[] = {"1xx", "2xx", "failure", "cancel", "retransmit", "end", "error"};
static const char *const actions[] = {"send", "ack", "CANCEL", "report", "timeout", "unreachable", "again*2",
	"again<T2", "again=T2", "no-more", "end=64T1", "end=D", "end=T4", "end=longest"};

static_assert(sizeof(states) / sizeof(*states) == CLIENT_STATES);
static_assert(sizeof(events) / sizeof(*events) == CLIENT_EVENTS);

// Every pair of state and event. INVITE: RFC 3261 figure 5 and RFC 6026 figure 3 with §9.1's CANCEL; others: figure 6.
// "-": not in the figure.
static const struct {
	bool is_invite;
	const char *state, *event, *expected;
} cases[] = {
	{true, "CALLING", "1xx", "PROCEEDING report no-more end=longest"},
	{true, "CALLING", "2xx", "ACCEPTED report no-more end=64T1"},
	{true, "CALLING", "failure", "COMPLETED ack report no-more end=D"},
	{true, "CALLING", "cancel", "CALLING_CANCELLED"},
	{true, "CALLING", "retransmit", "CALLING send again*2"},
	{true, "CALLING", "end", "TERMINATED timeout"},
	{true, "CALLING", "error", "TERMINATED unreachable"},
	{true, "CALLING_CANCELLED", "1xx", "CANCELLING CANCEL report no-more end=64T1"},
	{true, "CALLING_CANCELLED", "2xx", "ACCEPTED report no-more end=64T1"},
	{true, "CALLING_CANCELLED", "failure", "COMPLETED ack report no-more end=D"},
	{true, "CALLING_CANCELLED", "cancel", "CALLING_CANCELLED"},
	{true, "CALLING_CANCELLED", "retransmit", "CALLING_CANCELLED send again*2"},
	{true, "CALLING_CANCELLED", "end", "TERMINATED timeout"},
	{true, "CALLING_CANCELLED", "error", "TERMINATED unreachable"},
	{true, "PROCEEDING", "1xx", "PROCEEDING report"},
	{true, "PROCEEDING", "2xx", "ACCEPTED report no-more end=64T1"},
	{true, "PROCEEDING", "failure", "COMPLETED ack report no-more end=D"},
	{true, "PROCEEDING", "cancel", "CANCELLING CANCEL no-more end=64T1"},
	{true, "PROCEEDING", "retransmit", "-"},
	{true, "PROCEEDING", "end", "TERMINATED timeout"},
	{true, "PROCEEDING", "error", "-"},
	{true, "CANCELLING", "1xx", "CANCELLING report"},
	{true, "CANCELLING", "2xx", "ACCEPTED report no-more end=64T1"},
	{true, "CANCELLING", "failure", "COMPLETED ack report no-more end=D"},
	{true, "CANCELLING", "cancel", "CANCELLING"},
	{true, "CANCELLING", "retransmit", "-"},
	{true, "CANCELLING", "end", "TERMINATED timeout"},
	{true, "CANCELLING", "error", "-"},
	{true, "ACCEPTED", "1xx", "-"},
	{true, "ACCEPTED", "2xx", "ACCEPTED report"},
	{true, "ACCEPTED", "failure", "-"},
	{true, "ACCEPTED", "cancel", "ACCEPTED"},
	{true, "ACCEPTED", "retransmit", "-"},
	{true, "ACCEPTED", "end", "TERMINATED"},
	{true, "ACCEPTED", "error", "-"},
	{true, "COMPLETED", "1xx", "-"},
	{true, "COMPLETED", "2xx", "-"},
	{true, "COMPLETED", "failure", "COMPLETED ack"},
	{true, "COMPLETED", "cancel", "COMPLETED"},
	{true, "COMPLETED", "retransmit", "-"},
	{true, "COMPLETED", "end", "TERMINATED"},
	{true, "COMPLETED", "error", "COMPLETED"},
	{false, "TRYING", "1xx", "PROCEEDING report"},
	{false, "TRYING", "2xx", "COMPLETED report no-more end=T4"},
	{false, "TRYING", "failure", "COMPLETED report no-more end=T4"},
	{false, "TRYING", "cancel", "-"},
	{false, "TRYING", "retransmit", "TRYING send again<T2"},
	{false, "TRYING", "end", "TERMINATED timeout"},
	{false, "TRYING", "error", "TERMINATED unreachable"},
	{false, "PROCEEDING", "1xx", "PROCEEDING report"},
	{false, "PROCEEDING", "2xx", "COMPLETED report no-more end=T4"},
	{false, "PROCEEDING", "failure", "COMPLETED report no-more end=T4"},
	{false, "PROCEEDING", "cancel", "-"},
	{false, "PROCEEDING", "retransmit", "PROCEEDING send again=T2"},
	{false, "PROCEEDING", "end", "TERMINATED timeout"},
	{false, "PROCEEDING", "error", "TERMINATED unreachable"},
	{false, "COMPLETED", "1xx", "-"},
	{false, "COMPLETED", "2xx", "COMPLETED"},
	{false, "COMPLETED", "failure", "COMPLETED"},
	{false, "COMPLETED", "cancel", "-"},
	{false, "COMPLETED", "retransmit", "-"},
	{false, "COMPLETED", "end", "TERMINATED"},
	{false, "COMPLETED", "error", "-"},
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
	for (int i = 0; i < 2 * CLIENT_STATES * CLIENT_EVENTS; i++) {
		bool is_invite = i % 2 == 0, refused;
		enum client_state state = i / 2 / CLIENT_EVENTS;
		enum client_event event = i / 2 % CLIENT_EVENTS;
		struct client_step step = client_transaction_step(is_invite, state, event, &refused);
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
	Suite *s = suite_create("transaction_client");
	TCase *c = tcase_create("table");

	tcase_add_test(c, every_state_and_event);
	suite_add_tcase(s, c);
	return run_suite(s);
}
