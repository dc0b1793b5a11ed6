#include "dpdk_app/xdp.h"

#include "tests/unit/fail_alloc.h"
#include "tests/unit/run_suite.h"

#include <check.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

static const struct steer_table table = {.magic = STEER_MAGIC,
	.mac = {2, 0, 0, 0, 0, 1},
	.n_media = 1,
	.media = {{.address = 0x0100000a, .port_first = 16384, .port_last = 32767}}};
static const uint64_t magic = STEER_MAGIC;

extern const uint8_t steer_object[], steer_object_end[];

// The program that is built into the binary has one place for the table, and the table gets there.
START_TEST(real_object) {
	static uint8_t copy[1 << 20];
	const size_t size = (size_t)(steer_object_end - steer_object);
	const uint8_t *place;

	ck_assert_uint_gt(size, sizeof(table));
	ck_assert_uint_le(size, sizeof(copy));
	memcpy(copy, steer_object, size);
	ck_assert_mem_eq(copy, "\177ELF", 4);
	ck_assert_int_eq(xdp_object_fill(copy, size, &table), 0);
	place = memmem(copy, size, &magic, sizeof(magic));
	ck_assert_ptr_nonnull(place);
	ck_assert_mem_eq(place, &table, sizeof(table));
}
END_TEST

START_TEST(refuses) {
	uint8_t object[2 * sizeof(table)] = {0}, before[sizeof(object)];

	memcpy(before, object, sizeof(object));
	ck_assert_int_eq(xdp_object_fill(object, sizeof(object), &table), -ENOENT); // no place
	ck_assert_mem_eq(object, before, sizeof(object));
	memcpy(object + sizeof(object) - sizeof(table) + 1, &magic, sizeof(magic)); // cut off
	ck_assert_int_eq(xdp_object_fill(object, sizeof(object), &table), -ENOENT);
	memcpy(object, &magic, sizeof(magic)); // two places
	ck_assert_int_eq(xdp_object_fill(object, sizeof(object), &table), -ENOENT);
}
END_TEST

START_TEST(fills_at_the_very_end) {
	uint8_t object[8 + sizeof(table)] = {0};

	memcpy(object + 8, &magic, sizeof(magic));
	ck_assert_int_eq(xdp_object_fill(object, sizeof(object), &table), 0);
	ck_assert_mem_eq(object + 8, &table, sizeof(table));
}
END_TEST

START_TEST(each_allocation_may_fail) {
	int fd;

	fail_alloc_at(1);
	fd = xdp_object_open(&table);
	ck_assert(fail_alloc_end());
	ck_assert_int_eq(fd, -ENOMEM);
	fail_alloc_at(2);
	fd = xdp_object_open(&table);
	ck_assert(!fail_alloc_end());
	ck_assert_int_ge(fd, 0);
	close(fd);
}
END_TEST

int main(void) {
	Suite *s = suite_create("xdp");
	TCase *t = tcase_create("xdp");

	tcase_add_test(t, real_object);
	tcase_add_test(t, refuses);
	tcase_add_test(t, fills_at_the_very_end);
	tcase_add_test(t, each_allocation_may_fail);
	suite_add_tcase(s, t);
	return run_suite(s);
}
