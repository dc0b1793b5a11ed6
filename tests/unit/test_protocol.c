#include "relay/protocol.h"
#include "tests/unit/run_suite.h"

#include <check.h>
#include <errno.h>
#include <string.h>

struct thing {
	uint32_t length, a, b;
};

static uint8_t buf[PROTO_MESSAGE_MAX + 8];

static size_t write_things(unsigned n, size_t size) {
	struct proto_writer w;

	proto_write_begin(&w, buf, PROTO_MESSAGE_MAX, PROTO_SESSION_LIST, 5, 0);
	for (unsigned i = 0; i < n; i++) {
		struct thing t = {.a = i, .b = ~i};

		ck_assert(proto_write_item(&w, &t, size));
	}
	return proto_write_end(&w);
}

START_TEST(what_is_written_is_read) {
	size_t len = write_things(3, sizeof(struct thing));
	struct proto_reader r;
	struct proto_header h;
	struct thing t;

	ck_assert_uint_eq(len, sizeof(h) + 3 * sizeof(t));
	ck_assert_int_eq(proto_check(buf, len), 0);
	memcpy(&h, buf, sizeof(h));
	ck_assert_uint_eq(h.type, PROTO_SESSION_LIST);
	ck_assert_uint_eq(h.id, 5);
	ck_assert_uint_eq(h.n_items, 3);
	proto_read_begin(&r, buf);
	for (unsigned i = 0; i < 3; i++) {
		ck_assert(proto_read_item(&r, &t, sizeof(t), sizeof(t)));
		ck_assert_uint_eq(t.length, sizeof(t));
		ck_assert_uint_eq(t.b, ~i);
	}
	ck_assert(!proto_read_item(&r, &t, sizeof(t), sizeof(t)));
	ck_assert_uint_eq(r.left, 0);
}
END_TEST

START_TEST(shorter_items_are_filled_longer_ones_cut) {
	struct proto_reader r;
	struct thing t;

	ck_assert_int_eq(proto_check(buf, write_things(1, 8)), 0);
	proto_read_begin(&r, buf);
	memset(&t, 0xee, sizeof(t));
	ck_assert(proto_read_item(&r, &t, sizeof(t), 8));
	ck_assert_uint_eq(t.b, 0);
	proto_read_begin(&r, buf);
	ck_assert(!proto_read_item(&r, &t, sizeof(t), 9));
	ck_assert_uint_eq(r.left, 1);

	ck_assert_int_eq(proto_check(buf, write_things(2, sizeof(t))), 0);
	proto_read_begin(&r, buf);
	ck_assert(proto_read_item(&r, &t, 8, 8));
	ck_assert(proto_read_item(&r, &t, 8, 8));
	ck_assert_uint_eq(t.a, 1);
}
END_TEST

START_TEST(overflow_sticks) {
	struct proto_writer w;
	struct thing t = {0};

	proto_write_begin(&w, buf, sizeof(struct proto_header) + 20, PROTO_STATS, 1, 0);
	ck_assert(proto_write_item(&w, &t, sizeof(t)));
	ck_assert(!proto_write_item(&w, &t, sizeof(t)));
	ck_assert(!proto_write_item(&w, &t, 4));
	ck_assert_uint_eq(proto_write_end(&w), 0);
	proto_write_begin(&w, buf, 3, PROTO_STATS, 1, 0);
	ck_assert(!proto_write_item(&w, &t, sizeof(t)));
	ck_assert_uint_eq(proto_write_end(&w), 0);
}
END_TEST

static void set32(size_t at, uint32_t v) {
	memcpy(buf + at, &v, sizeof(v));
}

START_TEST(frames_are_checked) {
	const size_t first_item = sizeof(struct proto_header),
		     n_items = offsetof(struct proto_header, n_items);
	size_t len = write_things(2, sizeof(struct thing));
	const uint16_t major = PROTO_MAJOR + 1;

	for (size_t i = 0; i < len; i++) // truncated anywhere
		ck_assert_int_eq(proto_check(buf, i), -EBADMSG);
	ck_assert_int_eq(proto_check(buf, len + 1), -EBADMSG);
	ck_assert_int_eq(proto_check(buf, sizeof(buf)), -EBADMSG);
	set32(n_items, 3);
	ck_assert_int_eq(proto_check(buf, len), -EBADMSG);
	set32(n_items, 1);
	ck_assert_int_eq(proto_check(buf, len), -EBADMSG);
	set32(n_items, UINT32_MAX);
	ck_assert_int_eq(proto_check(buf, len), -EBADMSG);
	set32(n_items, 2);
	for (uint32_t bad = 0; bad < 4; bad++) {
		set32(first_item, bad);
		ck_assert_int_eq(proto_check(buf, len), -EBADMSG);
	}
	set32(first_item, UINT32_MAX);
	ck_assert_int_eq(proto_check(buf, len), -EBADMSG);
	set32(first_item, 2 * sizeof(struct thing) - 2); // leaves two bytes for the second
	ck_assert_int_eq(proto_check(buf, len), -EBADMSG);
	set32(first_item, sizeof(struct thing));
	ck_assert_int_eq(proto_check(buf, len), 0);
	memcpy(buf + offsetof(struct proto_header, major), &major, sizeof(major));
	ck_assert_int_eq(proto_check(buf, len), -EPROTO);
	set32(0, 1); // whatever another version means by it
	ck_assert_int_eq(proto_check(buf, len), -EPROTO);
}
END_TEST

// What crosses the socket has no holes whose size a compiler could choose, and pages hold what the constants say.
START_TEST(structs_have_known_sizes) {
	ck_assert_uint_eq(sizeof(struct proto_header), 24);
	ck_assert_uint_eq(sizeof(struct proto_side), 200);
	ck_assert_uint_eq(sizeof(struct proto_session), 424);
	ck_assert_uint_eq(sizeof(struct component_slot), 128);
	ck_assert_uint_eq(sizeof(struct proto_event), 128);
	ck_assert_uint_le(24 + PROTO_STATES_MAX * sizeof(struct proto_session_state), PROTO_MESSAGE_MAX);
	ck_assert_uint_le(24 + PROTO_PUTS_MAX * sizeof(struct proto_session), PROTO_MESSAGE_MAX);
}
END_TEST

START_TEST(rows_have_names) {
	for (unsigned i = 0; i < VERDICT_COUNT; i++) {
		ck_assert_ptr_nonnull(verdict_name(i));
		ck_assert_ptr_nonnull(verdict_help(i));
	}
	for (unsigned i = 0; i < EVENT_KINDS; i++)
		ck_assert_str_ne(media_event_name(i), "unknown");
	for (unsigned i = 0; i < XDP_CLASS_COUNT; i++)
		ck_assert_str_ne(xdp_class_name(i), "unknown");
	ck_assert_str_eq(verdict_name(VERDICT_BAD_SOURCE), "bad_source");
	ck_assert_str_eq(verdict_name(VERDICT_COUNT), "unknown");
	ck_assert_str_eq(media_event_name(EVENT_KINDS), "unknown");
	ck_assert_str_eq(xdp_class_name(XDP_CLASS_COUNT), "unknown");
}
END_TEST

START_TEST(counters_are_laid_out_apart) {
	struct stats_header h;

	counters_layout(&h, 2, 3, 4, 1000);
	ck_assert_uint_eq(h.worker_offset % 64, 0);
	ck_assert_uint_eq(h.slot_offset % 64, 0);
	ck_assert_uint_ge(h.worker_offset, sizeof(h));
	ck_assert_uint_ge(h.port_offset, h.worker_offset + 2 * h.worker_stride);
	ck_assert_uint_ge(h.realm_offset, h.port_offset + 3 * h.port_stride);
	ck_assert_uint_ge(h.slot_offset, h.realm_offset + 4 * h.realm_stride);
	ck_assert_uint_ge(h.total_bytes, h.slot_offset + 1000ull * h.slot_stride);
	ck_assert_ptr_eq(counters_component(&h, 5), (char *)&h + h.slot_offset + 5 * (size_t)h.slot_stride);
}
END_TEST

int main(void) {
	Suite *suite = suite_create("protocol");
	TCase *tc = tcase_create("protocol");

	tcase_add_test(tc, what_is_written_is_read);
	tcase_add_test(tc, shorter_items_are_filled_longer_ones_cut);
	tcase_add_test(tc, overflow_sticks);
	tcase_add_test(tc, frames_are_checked);
	tcase_add_test(tc, structs_have_known_sizes);
	tcase_add_test(tc, rows_have_names);
	tcase_add_test(tc, counters_are_laid_out_apart);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
