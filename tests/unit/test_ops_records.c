#include "control/ops/records.h"

#include "control/ops/call_json.h"
#include "control/ops/cdr.h"
#include "control/ops/print.h"
#include "tests/unit/fail_alloc.h"
#include "tests/unit/fake_control.h"
#include "tests/unit/run_suite.h"

static struct config_sip listeners[] = {
	{.address = {.addr = {203, 0, 113, 1}, .port = 5060, .family = IP_V4}}};
static struct config_realm realms[] = {{.name = "access", .sip = listeners, .n_sip = 1}, {.name = "core"}};
static struct config config = {.realms = realms, .n_realms = 2, .control = {.ended_calls = 3}};

static struct proto_session_state final = {
	.created_ns = 1000000000,
	.now_ns = 64000000000,
	.wanted = {.session_id = 0x0001000000000001, .call_id = 0x1001},
	.component = {{{.counters = {.forwarded = 3000,
				.forwarded_bytes = 516000,
				.last_in_ns = 63950000000,
				.first_in_ns = 1100000000}},
			      {.counters = {.forwarded = 12}}},
		{{.counters = {.forwarded = 2990, .last_in_ns = 63960000000}}, {{0}}}},
};

static struct call_view ended_call(uint64_t number) {
	struct call_view v;

	fake_call(number, &v);
	v.state = "ended";
	v.ended_wall_ms = v.answered_wall_ms + 60000;
	v.status = 200;
	v.end_cause = "bye";
	v.end_by = "callee";
	v.final = &final;
	v.n_final = 1;
	return v;
}

static json_t *parsed(const char *text) {
	json_error_t error;
	json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, &error);

	ck_assert_msg(json != NULL, "%s: %s", error.text, text);
	return json;
}

// ---- JSON ----

struct expected {
	const char *path, *text; // text NULL: null or missing
};

static const struct expected full_call[] = {
	{"version", "1"}, {"type", "call"}, {"id", "0000000000001001"}, {"state", "ended"}, {"from", "1001"},
	{"to", "+4930123"}, {"from_realm", "access"}, {"to_realm", "core"}, {"from_trunk", NULL},
	{"to_trunk", "carrier"}, {"call_id_a", "a-1@192.0.2.7"}, {"call_id_b", "b-1"},
	{"created", "2026-03-14T15:09:26.535Z"}, {"answered", "2026-03-14T15:09:29.535Z"},
	{"ended", "2026-03-14T15:10:29.535Z"}, {"setup_ms", "3000"}, {"ring_ms", "2000"},
	{"talk_ms", "60000"}, {"status", "200"}, {"end_cause", "bye"}, {"end_by", "callee"},
	{"branches.0.trunk", "carrier"}, {"branches.0.target", "198.51.100.2:5060"},
	{"branches.0.status", "200"}, {"legs.0.side", "caller"},
	{"legs.0.remote_uri", "\"Alice\" <sip:1000@203.0.113.1>"}, {"legs.0.nated", "yes"},
	{"legs.0.flow.remote", "203.0.113.5:40000"}, {"legs.0.flow.listener", "203.0.113.1:5060"},
	{"legs.1.flow.listener", NULL}, // of a realm whose listeners are not known
	{"legs.1.trunk", "carrier"}, {"legs.1.dialog", "confirmed"}, {"legs.1.route_set", NULL},
	{"streams.0.media", "audio"}, {"streams.0.session_id", "0001000000000001"},
	{"streams.0.sides.0.signalled_rtp", "10.0.0.2:4000"},
	{"streams.0.sides.1.local", "198.51.100.1:16384"}, {"sessions.0.call_id", "0000000000001001"},
	{"sessions.0.sides.0.components.0.forwarded_packets", "3000"},
	{"sessions.0.sides.0.components.0.last_packet_age_ms", "50"},
	{"sessions.0.sides.0.components.1.component", "rtcp"},
	{"sessions.0.sides.0.components.1.last_packet_age_ms", NULL},
	{"sessions.0.diagnosis.0", "no audio either way"}, // no side ever had an endpoint here
};

static void check_fields(const json_t *json, const struct expected *fields, size_t n) {
	for (size_t i = 0; i < n; i++) {
		char text[PRINT_TEXT];

		print_value(print_find(json, fields[i].path), text);
		ck_assert_msg(strcmp(text, fields[i].text == NULL ? "-" : fields[i].text) == 0, "%s: %s",
			fields[i].path, text);
	}
}

START_TEST(a_whole_call_is_all_there) {
	struct call_view v = ended_call(1);
	json_t *json = call_json_full(&v, &config);

	ck_assert_ptr_nonnull(json);
	check_fields(json, full_call, sizeof(full_call) / sizeof(full_call[0]));
	json_decref(json);
}
END_TEST

START_TEST(a_live_call_counts_up_to_now) {
	struct call_view v;
	json_t *json;

	fake_call(1, &v);
	json = call_json_full(&v, &config);
	ck_assert_uint_eq(print_find_u64(json, "talk_ms"), 60000);
	ck_assert_ptr_null(print_find(json, "sessions"));
	ck_assert(json_is_null(print_find(json, "end_cause")));
	json_decref(json);
}
END_TEST

START_TEST(a_trunk_has_its_peers) {
	static const struct expected fields[] = {{"type", "trunk"}, {"name", "carrier"}, {"calls", "3"},
		{"attempts", "9"}, {"peers.0.host", "198.51.100.2"}, {"peers.1.host", "b.example"},
		{"peers.1.port", "0"}, {"peers.1.address", NULL}, {"peers.2", NULL}};
	struct trunk_view v;
	json_t *json;

	ck_assert(calls_trunk_view(NULL, 0, &v));
	json = call_json_trunk(NULL, 0, &v);
	check_fields(json, fields, sizeof(fields) / sizeof(fields[0]));
	json_decref(json);
}
END_TEST

// What a peer wrote must come out as JSON that every parser takes, and no longer than it may be.
static const struct {
	const char *name, *from, *expected;
} texts[] = {
	{"UTF-8 stays", "M\xc3\xbcller", "M\xc3\xbcller"},
	{"a lone continuation byte", "a\x80z", "a\\x80z"},
	{"an overlong slash", "\xc0\xaf", "\\xc0\\xaf"},
	{"a surrogate", "\xed\xa0\x80", "\\xed\\xa0\\x80"},
	{"cut in mid-character", "\xe2\x82", "\\xe2\\x82"},
	{"beyond U+10FFFF", "\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"},
	{"a control character is JSON's to escape", "a\x1b[2J", "a\x1b[2J"},
};

START_TEST(hostile_text_stays_json) {
	struct call_view v = ended_call(1);
	json_t *json, *again;
	char *dumped;

	v.from = texts[_i].from;
	json = call_json_row(&v);
	ck_assert_ptr_nonnull(json);
	ck_assert_str_eq(print_find_text(json, "from"), texts[_i].expected);
	dumped = json_dumps(json, JSON_ENSURE_ASCII);
	for (const char *p = dumped; *p != '\0'; p++)
		ck_assert_msg(*p >= 0x20 && *p < 0x7f, "%s: byte %02x", texts[_i].name, (unsigned char)*p);
	again = parsed(dumped);
	ck_assert_str_eq(print_find_text(again, "from"), texts[_i].expected);
	json_decref(again);
	json_decref(json);
	free(dumped);
}
END_TEST

START_TEST(long_text_is_cut_off) {
	static char text[9000];
	struct call_view v = ended_call(1);
	json_t *json;

	memset(text, '\xff', sizeof(text) - 1);
	v.from = text;
	v.leg[0].call_id = text;
	json = call_json_full(&v, &config);
	ck_assert_uint_eq(strlen(print_find_text(json, "from")), 4 * 256 + 3);
	json_decref(json);
}
END_TEST

// ---- the ring ----

static struct records *new_records(void) {
	struct records *r;

	ck_assert_int_eq(records_create(&config, &r), 0);
	return r;
}

static void add(struct records *r, uint64_t number) {
	struct call_view v = ended_call(number);

	records_add(r, &v);
}

START_TEST(the_ring_wraps) {
	struct records *r = new_records();
	uint64_t cursor = 0;

	ck_assert_ptr_null(records_next(r, &cursor));
	for (uint64_t i = 1; i <= 7; i++)
		add(r, i);
	ck_assert_uint_eq(records_kept(r), 3);
	for (unsigned i = 7; i >= 5; i--) {
		const struct call_view *v = records_next(r, &cursor);

		ck_assert_ptr_nonnull(v);
		ck_assert_uint_eq(v->id, 0x1000 + i);
	}
	ck_assert_ptr_null(records_next(r, &cursor));
	records_destroy(r);
}
END_TEST

START_TEST(a_listing_survives_new_records) {
	struct records *r = new_records();
	uint64_t cursor = 0;

	for (uint64_t i = 1; i <= 3; i++)
		add(r, i);
	ck_assert_ptr_nonnull(records_next(r, &cursor));
	for (uint64_t i = 4; i <= 9; i++) // what stood behind the cursor is overwritten
		add(r, i);
	ck_assert_ptr_null(records_next(r, &cursor));
	records_destroy(r);
}
END_TEST

// Nothing of what the call lent is touched after it has ended.
START_TEST(a_record_is_as_the_call_was) {
	struct records *r = new_records();
	static char lent[6][400];
	struct call_view v = ended_call(1), had;
	struct proto_session_state state = final;
	json_t *before, *after;
	uint64_t cursor = 0;

	memset(lent, 'x', sizeof(lent));
	for (unsigned i = 0; i < 6; i++)
		lent[i][i == 0 ? 399 : 200] = '\0';
	v.from = lent[0]; // longer than is shown
	v.leg[0].call_id = lent[1];
	v.leg[1].remote_target = lent[2];
	v.leg[1].route_set = lent[3];
	v.branch[0].request_uri = lent[4];
	v.stream[0].media = (struct span){lent[5], 5};
	v.final = &state;
	had = v;
	before = call_json_full(&had, &config);
	records_add(r, &v);
	memset(lent, 'y', sizeof(lent));
	memset(&state, 0x55, sizeof(state));
	after = call_json_full(records_next(r, &cursor), &config);
	ck_assert_ptr_nonnull(before);
	ck_assert(json_equal(before, after));
	json_decref(before);
	json_decref(after);
	records_destroy(r);
}
END_TEST

static const struct {
	const char *id;
	bool found;
} lookups[] = {
	{"0000000000001006", true},
	{"a-6@192.0.2.7", true},
	{"b-6", true},
	{"0000000000001001", false}, // gone
	{"a-6", false},
	{"1006", false}, // a user, not an id
	{"", false},
	{"+4930123", false},
};

START_TEST(records_are_found_by_id) {
	struct records *r = new_records();
	const struct call_view *v;

	for (uint64_t i = 1; i <= 7; i++)
		add(r, i);
	v = records_find(r, lookups[_i].id);
	ck_assert_int_eq(v != NULL, lookups[_i].found);
	if (v != NULL)
		ck_assert_uint_eq(v->id, 0x1006);
	records_destroy(r);
}
END_TEST

START_TEST(none_kept_is_allowed) {
	struct config none = {.control = {.ended_calls = 0}};
	struct records *r;
	uint64_t cursor = 0;

	ck_assert_int_eq(records_create(&none, &r), 0);
	add(r, 1);
	ck_assert_uint_eq(records_kept(r), 0);
	ck_assert_ptr_null(records_next(r, &cursor));
	ck_assert_ptr_null(records_find(r, "b-1"));
	records_destroy(r);
}
END_TEST

// Peers' long texts: fewer calls are kept then.
START_TEST(memory_is_bounded) {
	enum { CALLS = 400 };
	static struct config many = {.realms = realms, .n_realms = 2, .control = {.ended_calls = CALLS}};
	static struct proto_session_state sessions[SDP_STREAMS_MAX];
	static char text[9000];
	struct call_view v = ended_call(1);
	struct records *r;

	memset(text, '\xff', sizeof(text) - 1);
	for (unsigned i = 0; i < CALL_BRANCHES_VIEW_MAX; i++)
		v.branch[i] = (struct call_branch_view){.trunk = "t", .usage = "u", .request_uri = text};
	v.n_branches = CALL_BRANCHES_VIEW_MAX;
	v.from = v.to = text;
	for (unsigned i = 0; i < 2; i++) {
		v.leg[i].call_id = v.leg[i].local_uri = v.leg[i].remote_uri = text;
		v.leg[i].remote_tag = v.leg[i].remote_target = v.leg[i].route_set = text;
	}
	v.final = sessions;
	v.n_final = SDP_STREAMS_MAX;
	ck_assert_int_eq(records_create(&many, &r), 0);
	for (unsigned i = 0; i < CALLS; i++)
		records_add(r, &v);
	ck_assert_uint_le(
		records_kept(r) * (sizeof(v) + sizeof(sessions)), (size_t)CALLS * RECORDS_BYTES_A_CALL);
	ck_assert_uint_lt(records_kept(r), CALLS);
	ck_assert_uint_gt(records_kept(r), CALLS / 4);
	records_destroy(r);
}
END_TEST

START_TEST(each_allocation_may_fail) {
	unsigned k;

	for (k = 1;; k++) {
		struct records *r = NULL;
		int ret;

		fail_alloc_at(k);
		ret = records_create(&config, &r);
		if (ret == 0)
			add(r, 1);
		if (!fail_alloc_end()) {
			ck_assert_uint_eq(records_kept(r), 1);
			records_destroy(r);
			break;
		}
		if (ret == 0) {
			ck_assert_uint_eq(records_kept(r) + records_lost(r), 1);
			ck_assert_uint_eq(records_lost(r), 1);
			records_destroy(r);
		} else {
			ck_assert_int_eq(ret, -ENOMEM);
		}
	}
	ck_assert_uint_eq(k, 4);
}
END_TEST

// ---- the log line ----

START_TEST(a_record_line_has_it_all) {
	static char text[4096];
	struct sink out = sink_over(text, sizeof(text) - 1);
	struct call_view v = ended_call(1);

	final.component[0][0].counters.drops[VERDICT_WAITING] = 7;
	cdr_format(&v, &out);
	text[out.len] = '\0';
	ck_assert_str_eq(text,
		"call id=0000000000001001 end cause=bye by=callee status=200 from=1001 to=+4930123 from_realm=access"
		" to_realm=core from_trunk=- trunk=carrier call_id_a=a-1@192.0.2.7 call_id_b=b-1"
		" created=2026-03-14T15:09:26.535Z answered=2026-03-14T15:09:29.535Z ended=2026-03-14T15:10:29.535Z"
		" setup_ms=3000 ring_ms=2000 talk_ms=60000 branches=1 packets_a=3000 packets_b=2990 drops_a=7 drops_b=0");
	final.component[0][0].counters.drops[VERDICT_WAITING] = 0;
}
END_TEST

static const struct {
	const char *from, *expected;
} quoted[] = {
	{"1000", " from=1000 "},
	{NULL, " from=- "},
	{"", " from=\"\" "},
	{"a b", " from=\"a b\" "},
	{"x by=kedge", " from=\"x by=kedge\" "},
	{"q\"\\", " from=\"q\\\"\\\\\" "},
};

START_TEST(values_cannot_forge_keys) {
	static char text[4096];
	struct sink out = sink_over(text, sizeof(text) - 1);
	struct call_view v = ended_call(1);

	v.from = quoted[_i].from;
	cdr_format(&v, &out);
	text[out.len] = '\0';
	ck_assert_msg(strstr(text, quoted[_i].expected) != NULL, "%s", text);
}
END_TEST

START_TEST(an_attempt_that_never_became_a_call_is_logged) {
	static char text[4096];
	struct sink out = sink_over(text, sizeof(text) - 1);
	struct call_view v = {.id = 5,
		.state = "ended",
		.status = 404,
		.end_cause = "not_routed",
		.end_by = "kedge",
		.created_wall_ms = 1773500966535,
		.ended_wall_ms = 1773500966535};

	cdr_format(&v, &out);
	text[out.len] = '\0';
	ck_assert_ptr_nonnull(strstr(text, " status=404 from=- to=- from_realm=- "));
	ck_assert_ptr_nonnull(strstr(text, " answered=- "));
	ck_assert_ptr_nonnull(strstr(text, " setup_ms=0 ring_ms=0 talk_ms=0 branches=0 packets_a=0 "));
}
END_TEST

int main(void) {
	Suite *s = suite_create("records");
	TCase *t = tcase_create("records");

	log_init("test", LOG_LEVEL_ERROR);
	suite_add_tcase(s, t);
	tcase_add_test(t, a_whole_call_is_all_there);
	tcase_add_test(t, a_live_call_counts_up_to_now);
	tcase_add_test(t, a_trunk_has_its_peers);
	tcase_add_loop_test(t, hostile_text_stays_json, 0, sizeof(texts) / sizeof(texts[0]));
	tcase_add_test(t, long_text_is_cut_off);
	tcase_add_test(t, the_ring_wraps);
	tcase_add_test(t, a_listing_survives_new_records);
	tcase_add_test(t, a_record_is_as_the_call_was);
	tcase_add_loop_test(t, records_are_found_by_id, 0, sizeof(lookups) / sizeof(lookups[0]));
	tcase_add_test(t, none_kept_is_allowed);
	tcase_add_test(t, memory_is_bounded);
	tcase_add_test(t, each_allocation_may_fail);
	tcase_add_test(t, a_record_line_has_it_all);
	tcase_add_loop_test(t, values_cannot_forge_keys, 0, sizeof(quoted) / sizeof(quoted[0]));
	tcase_add_test(t, an_attempt_that_never_became_a_call_is_logged);
	return run_suite(s);
}
