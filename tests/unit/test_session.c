// Next hops of sessions: by the media address that a side has.
#include "tests/unit/relay_fixture.h"
#include "tests/unit/run_suite.h"

#include <check.h>

enum { FIRST, SECOND, CORE }; // media addresses: two of the access realm, and the core's

static struct fixture *f;
static struct proto_put_result put;
static struct proto_session_state state;

static void setup(void) {
	f = fix_create(8);
	ck_assert_uint_eq(fix_hello(f, PROTO_CONTROLLER, FIX_OWNER), 0);
}

static void teardown(void) {
	fix_destroy(f);
}

// Users of the next hops from a media address.
static unsigned hops_from(unsigned media) {
	unsigned n = 0;

	for (unsigned i = 1; i < FIX_HOPS; i++)
		n += f->hop_media[i] == media ? f->hop_users[i] : 0;
	return n;
}

static void put_at(uint64_t counter, const char *local, uint16_t port) {
	struct proto_session s = fix_session(counter);

	s.side[0].local = fix_endpoint(local, port);
	ck_assert_uint_eq(fix_put(f, &s, &put), 0);
	ck_assert(endpoint_same_addr(&put.local[0], &s.side[0].local));
}

// The MAC that RTP to side 0 of the session is sent to.
static const uint8_t *mac_of(uint64_t counter) {
	ck_assert_uint_eq(fix_ref(f, PROTO_SESSION_GET, fix_id(counter), &state), 0);
	return state.component[0][0].mac;
}

START_TEST(a_side_has_the_next_hops_of_its_address) {
	uint8_t first[6];

	put_at(1, "203.0.113.1", 0);
	put_at(2, "203.0.113.3", 0); // to the same peers
	ck_assert_uint_eq(hops_from(FIRST), 2); // RTP and RTCP
	ck_assert_uint_eq(hops_from(SECOND), 2);
	ck_assert_uint_eq(hops_from(CORE), 4);
	memcpy(first, mac_of(1), sizeof(first));
	ck_assert_mem_ne(mac_of(2), first, sizeof(first));
}
END_TEST

START_TEST(a_side_that_changes_its_address_changes_its_next_hops) {
	uint8_t second[6];

	put_at(1, "203.0.113.1", 0);
	put_at(2, "203.0.113.3", 0);
	memcpy(second, mac_of(2), sizeof(second));
	put_at(1, "203.0.113.3", 0);
	ck_assert_uint_eq(hops_from(FIRST), 0);
	ck_assert_uint_eq(hops_from(SECOND), 4);
	ck_assert_uint_eq(hops_from(CORE), 4);
	ck_assert_mem_eq(mac_of(1), second, sizeof(second));
	ck_assert_uint_eq(fix_ref(f, PROTO_SESSION_DELETE, fix_id(2), &state), 0);
	put_at(1, "203.0.113.1", 16384);
	put_at(1, "203.0.113.1", 16386); // another port, the same way
	ck_assert_uint_eq(hops_from(FIRST), 2);
	ck_assert_uint_eq(hops_from(SECOND), 0);
	ck_assert_uint_eq(fix_ref(f, PROTO_SESSION_DELETE, fix_id(1), &state), 0);
	ck_assert_uint_eq(fix_hops_used(f), 0);
}
END_TEST

int main(void) {
	Suite *suite = suite_create("session");
	TCase *tc = tcase_create("next hops");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, a_side_has_the_next_hops_of_its_address);
	tcase_add_test(tc, a_side_that_changes_its_address_changes_its_next_hops);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
