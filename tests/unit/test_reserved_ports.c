#include "dpdk_app/reserved_ports.h"

#include "tests/unit/fail_alloc.h"
#include "tests/unit/run_suite.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static uint8_t bitmap[65536 / 8];
static char text[RESERVED_PORTS_TEXT];

// Lists as the kernel writes them: what is read is written the same.
static const char *const same[] = {
	"", "8080", "8080,9148", "1-3,5", "0", "65535", "0-65535", "16384-32767,40000-40001"};

START_TEST(round_trip) {
	ck_assert_int_eq(reserved_ports_parse(same[_i], bitmap), 0);
	ck_assert_uint_eq(reserved_ports_format(bitmap, text, sizeof(text)), strlen(same[_i]));
	ck_assert_str_eq(text, same[_i]);
}
END_TEST

static const struct {
	const char *in, *out;
} merged[] = {{"8080\n", "8080"}, {"5,4,3\n", "3-5"}, {"1-4,3-9\n", "1-9"}, {"\n", ""}};

START_TEST(merges) {
	ck_assert_int_eq(reserved_ports_parse(merged[_i].in, bitmap), 0);
	reserved_ports_format(bitmap, text, sizeof(text));
	ck_assert_str_eq(text, merged[_i].out);
}
END_TEST

static const char *const bad[] = {
	"x", "1-", "-1", "5-4", "65536", "1;2", "1--2", ",", "99999999999999999999", "1 2"};

START_TEST(refuses) {
	memset(bitmap, 0xa5, sizeof(bitmap));
	ck_assert_msg(reserved_ports_parse(bad[_i], bitmap) == -EINVAL, "%s", bad[_i]);
	for (size_t i = 0; i < sizeof(bitmap); i++)
		ck_assert_uint_eq(bitmap[i], 0xa5); // untouched
}
END_TEST

// Every other port: the longest list there is.
START_TEST(longest) {
	uint8_t again[sizeof(bitmap)];

	memset(bitmap, 0xaa, sizeof(bitmap));
	ck_assert_uint_lt(reserved_ports_format(bitmap, text, sizeof(text)), sizeof(text));
	ck_assert_int_eq(reserved_ports_parse(text, again), 0);
	ck_assert_int_eq(memcmp(bitmap, again, sizeof(bitmap)), 0);
}
END_TEST

// ---- a file in the kernel's place ----

static char list_path[] = "/tmp/test_reserved_ports.XXXXXX";
static int list_fd, record_fd;
static struct reserved_ports relay;

static void setup(void) {
	list_fd = mkstemp(list_path);
	ck_assert_int_ge(list_fd, 0);
	record_fd = memfd_create("record", 0);
	ck_assert_int_ge(record_fd, 0);
}

static void teardown(void) {
	close(list_fd);
	close(record_fd);
	unlink(list_path);
}

static void list_is(const char *wanted) {
	ssize_t n = pread(list_fd, text, sizeof(text) - 1, 0);

	ck_assert_int_ge(n, 0);
	text[n] = '\0';
	text[strcspn(text, "\n")] = '\0';
	ck_assert_str_eq(text, wanted);
}

static void set_list(const char *is) {
	ck_assert_int_eq(ftruncate(list_fd, 0), 0);
	ck_assert_int_eq(pwrite(list_fd, is, strlen(is), 0), (ssize_t)strlen(is));
}

// A relay starts with one range of media ports.
static void start(uint16_t first, uint16_t last) {
	struct config_media media = {.port_first = first, .port_last = last};
	struct config_realm realm = {.media = &media, .n_media = 1};

	reserved_ports_add(&relay, list_path, record_fd, &(struct config){.realms = &realm, .n_realms = 1});
}

static const struct {
	const char *before, *during;
} lists[] = {
	{"\n", "20000-20009"},
	{"8080\n", "8080,20000-20009"},
	{"20005-20020\n", "20000-20020"},
	{"20000-20009\n", "20000-20009"},
	{"8080,20004,30000-30001\n", "8080,20000-20009,30000-30001"},
};

START_TEST(adds_and_puts_back) {
	char before[64];

	snprintf(before, sizeof(before), "%.*s", (int)strcspn(lists[_i].before, "\n"), lists[_i].before);
	set_list(lists[_i].before);
	start(20000, 20009);
	list_is(lists[_i].during);
	reserved_ports_release(&relay);
	list_is(before);
}
END_TEST

// Added by others meanwhile.
START_TEST(keeps_what_is_new) {
	set_list("\n");
	start(20000, 20009);
	set_list("5000,20000-20009\n");
	reserved_ports_release(&relay);
	list_is("5000");
}
END_TEST

START_TEST(a_killed_relay_leaves_nothing_for_good) {
	set_list("8080,20004\n");
	start(20000, 20009);
	start(20000, 20009);
	start(20000, 20009); // killed twice
	list_is("8080,20000-20009");
	reserved_ports_release(&relay);
	list_is("8080,20004");
	start(30000, 30001);
	start(20000, 20001); // another range than the dead one's
	list_is("8080,20000-20001,20004");
	reserved_ports_release(&relay);
	list_is("8080,20004");
}
END_TEST

// The kernel's list began anew: what is there is not ours, whatever the record says.
START_TEST(records_of_another_boot_are_nothing) {
	set_list("\n");
	start(20000, 20009);
	ck_assert_int_eq(pwrite(record_fd, "00000000", 8, 0), 8);
	start(20000, 20009);
	reserved_ports_release(&relay);
	list_is("20000-20009");
}
END_TEST

START_TEST(damaged_records_are_nothing) {
	set_list("\n");
	start(20000, 20009);
	ck_assert_int_eq(pwrite(record_fd, "?", 1, 37), 1);
	start(20000, 20009);
	reserved_ports_release(&relay);
	list_is("20000-20009");
}
END_TEST

START_TEST(no_list) {
	const struct config none = {0};

	reserved_ports_add(&relay, "/nonexistent/list", record_fd, &none);
	reserved_ports_release(&relay);
	reserved_ports_add(&relay, list_path, -1, &none); // nor a record
	reserved_ports_release(&relay);
	set_list("not a list\n");
	start(20000, 20009);
	reserved_ports_release(&relay);
	list_is("not a list");
}
END_TEST

// One for each of the two: without memory nothing changes, and the next relay makes up for it.
START_TEST(each_allocation_may_fail) {
	unsigned k;

	for (k = 1;; k++) {
		set_list("8080\n");
		fail_alloc_at(k);
		start(20000, 20009);
		reserved_ports_release(&relay);
		if (!fail_alloc_end())
			break;
		list_is(k == 1 ? "8080" : "8080,20000-20009");
		start(20000, 20009);
		reserved_ports_release(&relay);
		list_is("8080");
	}
	ck_assert_uint_eq(k, 3);
}
END_TEST

#define N(a) ((int)(sizeof(a) / sizeof((a)[0])))

int main(void) {
	Suite *s = suite_create("reserved_ports");
	TCase *t = tcase_create("reserved_ports");

	tcase_add_loop_test(t, round_trip, 0, N(same));
	tcase_add_loop_test(t, merges, 0, N(merged));
	tcase_add_loop_test(t, refuses, 0, N(bad));
	tcase_add_test(t, longest);
	suite_add_tcase(s, t);
	t = tcase_create("list");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, adds_and_puts_back, 0, N(lists));
	tcase_add_test(t, keeps_what_is_new);
	tcase_add_test(t, a_killed_relay_leaves_nothing_for_good);
	tcase_add_test(t, records_of_another_boot_are_nothing);
	tcase_add_test(t, damaged_records_are_nothing);
	tcase_add_test(t, no_list);
	tcase_add_test(t, each_allocation_may_fail);
	suite_add_tcase(s, t);
	return run_suite(s);
}
