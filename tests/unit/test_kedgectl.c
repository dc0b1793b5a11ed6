// The whole program against both processes, each of them up or down: exit statuses, JSON, what people read.
#include "control/ops/ctl.h"

#include "control/ops/story.h"
#include "tests/unit/fake_control.h"
#include "tests/unit/fake_relay.h"
#include "tests/unit/run_suite.h"

enum { N_CALLS = 1200, ARGUMENTS = 10 };

static char folder[] = "/tmp/kedge-ctl-XXXXXX", relay_path[64], control_path[64], config_file[64];
static pid_t relay, control;
static char *out, *err; // of the last run
static size_t out_len, err_len;

// ---- the scene ----

static void write_config(void) {
	FILE *f = fopen(config_file, "w");

	ck_assert_ptr_nonnull(f);
	fprintf(f,
		"node = \"edge1\"; node_id = 1;\n"
		"relay: { control_socket = \"%s\"; workers = [ 1 ]; max_sessions = 1000;\n"
		"  ports = ( { name = \"access\"; device = \"af_xdp:eth0\"; }, { name = \"core\"; device = \"af_xdp:eth1\"; } ); };\n"
		"control: { socket = \"%s\"; };\n"
		"realms = ( { name = \"access\"; port = \"access\"; allow = [ \"192.0.2.0/24\" ];\n"
		"    media = ( { address = \"203.0.113.1\"; ports = [ 16384, 32767 ]; } );\n"
		"    sip = ( { address = \"203.0.113.1\"; port = 5060; } ); },\n"
		"  { name = \"core\"; port = \"core\"; nat = \"never\";\n"
		"    media = ( { address = \"198.51.100.1\"; ports = [ 16384, 32767 ]; } );\n"
		"    sip = ( { address = \"198.51.100.1\"; } ); } );\n"
		"trunks = ( { name = \"carrier\"; realm = \"core\"; peers = ( { address = \"198.51.100.2\"; } ); } );\n"
		"routes = ( { from_realm = \"access\"; user = \".*\"; to = [ \"carrier\" ]; } );\n",
		relay_path, control_path);
	ck_assert_int_eq(fclose(f), 0);
}

static void add_ended(struct records *records) {
	static struct proto_session_state final;
	struct call_view v;

	fake_call(9000, &v);
	final = fake_session(1);
	v.from = "evil\x1b[2J\xe2\x80\xae";
	v.leg[0].call_id = "ended-call@192.0.2.7";
	v.ended_wall_ms = v.answered_wall_ms + 75000;
	v.end_cause = "media_timeout";
	v.end_by = "kedge";
	v.status = 200;
	v.final = &final;
	v.n_final = 1;
	v.n_streams = 0;
	records_add(records, &v);
}

static void serve_control(int ready) {
	struct cli_sources sources = {0};
	struct cli_server *server;
	struct records *records;
	struct config *config;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	fake.base = event_base_new();
	fake.n_calls = N_CALLS;
	if (config_load(config_file, stderr, &config) < 0 || records_create(config, &records) < 0)
		_exit(1);
	sources.config = config;
	sources.records = records;
	add_ended(records);
	if (cli_server_create(&sources, &server) < 0 || write(ready, "x", 1) != 1)
		_exit(1);
	event_base_dispatch(fake.base);
	_exit(1);
}

static void start_control(void) {
	int pipes[2];
	char byte;

	ck_assert_int_eq(pipe(pipes), 0);
	control = fork();
	ck_assert_int_ge(control, 0);
	if (control == 0)
		serve_control(pipes[1]);
	close(pipes[1]);
	ck_assert_int_eq(read(pipes[0], &byte, 1), 1);
	close(pipes[0]);
}

static void start_both(void) {
	start_control();
	relay = fake_relay_start(relay_path, RELAY_GOOD);
}

static void setup(void) {
	log_init("test", LOG_LEVEL_ERROR);
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(relay_path, sizeof(relay_path), "%s/relay.sock", folder);
	snprintf(control_path, sizeof(control_path), "%s/control.sock", folder);
	snprintf(config_file, sizeof(config_file), "%s/kedge.conf", folder);
	write_config();
}

static void teardown(void) {
	if (relay > 0)
		fake_process_end(relay);
	if (control > 0)
		fake_process_end(control);
	unlink(relay_path);
	unlink(control_path);
	unlink(config_file);
	ck_assert_int_eq(rmdir(folder), 0);
	free(out);
	free(err);
}

// Run "kedgectl WORDS", words apart by single spaces; -c FILE stands first when with_config.
static int run(bool with_config, const char *words) {
	char text[512], *argv[ARGUMENTS + 1] = {"kedgectl"}, *at = text;
	FILE *out_file, *err_file;
	int argc = 1, status;

	snprintf(text, sizeof(text), "%s%s%s%s", with_config ? "-c " : "", with_config ? config_file : "",
		with_config && words[0] != '\0' ? " " : "", words);
	while (argc < ARGUMENTS && at != NULL && *at != '\0')
		argv[argc++] = strsep(&at, " ");
	free(out);
	free(err);
	out_file = open_memstream(&out, &out_len);
	err_file = open_memstream(&err, &err_len);
	status = ctl_main(argc, argv, out_file, err_file);
	fclose(out_file);
	fclose(err_file);
	return status;
}

static unsigned n_lines(void) {
	unsigned n = 0;

	for (const char *p = out; *p != '\0'; p++)
		n += *p == '\n';
	return n;
}

// The n-th line of out, parsed; its version is 1.
static json_t *line(unsigned n) {
	const char *at = out;
	json_t *json;

	while (n-- > 0)
		at = strchr(at, '\n') + 1;
	json = json_loadb(at, (size_t)(strchr(at, '\n') - at), 0, NULL);
	ck_assert_msg(json != NULL, "%.100s", at);
	ck_assert_uint_eq(print_find_u64(json, "version"), 1);
	return json;
}

static void check_has(const char *text) {
	ck_assert_msg(strstr(out, text) != NULL, "missing: %s\nin:\n%s", text, out);
}

// Nothing that a terminal would obey.
static void check_plain(void) {
	for (const unsigned char *p = (const unsigned char *)out; *p != '\0'; p++) {
		if ((*p < 0x20 && *p != '\n') || *p == 0x7f)
			ck_abort_msg("byte %02x in:\n%s", *p, out);
	}
	ck_assert_ptr_null(strstr(out, "\xe2\x80\xae"));
}

// ---- usage: nobody needs to run ----

static const struct {
	bool with_config;
	const char *words;
	int status;
	const char *err, *out; // contained, NULL: empty
} usages[] = {
	{false, "", 2, "Usage: kedgectl", NULL},
	{false, "help", 0, NULL, "Usage: kedgectl"},
	{false, "--help", 0, NULL, "Usage: kedgectl"},
	{false, "-h", 0, NULL, "Usage: kedgectl"},
	{false, "help calls", 0, NULL, "--ended"},
	{false, "help nothing", 2, "no command nothing", NULL},
	{false, "nonsense", 2, "no command nonsense", NULL},
	{false, "--bad stats", 2, "--bad", NULL},
	{false, "-c", 2, "-c", NULL},
	{false, "-c /nonexistent/file stats", 2, "/nonexistent/file", NULL},
	{true, "", 2, "Usage", NULL},
	{true, "call", 2, "call needs ID", NULL},
	{true, "call a b", 2, "one argument too many: b", NULL},
	{true, "stats now", 2, "too many", NULL},
	{true, "stats --ended", 2, "--ended: no option of stats", NULL},
	{true, "calls --limit", 2, "--limit needs N", NULL},
	{true, "calls --limit 0", 2, "not a number in range", NULL},
	{true, "calls --limit x", 2, "not a number in range", NULL},
	{true, "calls --limit 99999999999999999999", 2, "not a number in range", NULL},
	{true, "top --interval 0", 2, "not a number in range", NULL},
	{true, "top --interval nan", 2, "not a number in range", NULL},
	{true, "top --count -1", 2, "not a number in range", NULL},
	{true, "sessions --call 12", 2, "not 16 hex digits", NULL},
	{true, "check-config", 0, NULL,
		": ok: node edge1, 2 ports, 1 workers, 2 realms, 1 trunks, 1 routes\n"},
	{true, "--json check-config", 0, NULL, "\"ok\":true"},
	{true, "--json check-config", 0, NULL, "\"control_user\":null"},
	{true, "--json check-config", 0, NULL, "\"group\":null,\"relay_socket\":\"/"},
	{false, "check-config /nonexistent/file", 2, "/nonexistent/file", NULL},
	{false, "check-config /dev/null", 2, "/dev/null", NULL},
	// Neither process is there:
	{true, "stats", 3, "kedge-relay", NULL},
	{true, "workers", 3, "kedge-relay", NULL},
	{true, "ports", 3, "kedge-relay", NULL},
	{true, "sessions", 3, "kedge-relay", NULL},
	{true, "--json calls", 3, "kedge-control", NULL},
	{true, "call x", 3, "kedge-control", NULL},
	{true, "--json trunks", 3, "kedge-control", NULL},
	{true, "top --count 1", 3, "kedge-control", NULL},
};

static void check_text(const char *got, const char *wanted, const char *words) {
	if (wanted == NULL)
		ck_assert_msg(got[0] == '\0', "kedgectl %s: %s", words, got);
	else
		ck_assert_msg(strstr(got, wanted) != NULL, "kedgectl %s: %s", words, got);
}

START_TEST(usage_and_absence) {
	int status = run(usages[_i].with_config, usages[_i].words);

	ck_assert_msg(status == usages[_i].status, "kedgectl %s: %d", usages[_i].words, status);
	check_text(err, usages[_i].err, usages[_i].words);
	check_text(out, usages[_i].out, usages[_i].words);
}
END_TEST

START_TEST(mistakes_in_the_config_are_named) {
	FILE *f = fopen(config_file, "a");

	fputs("nonsense = 1;\n", f);
	fclose(f);
	ck_assert_int_eq(run(true, "check-config"), 2);
	ck_assert_ptr_nonnull(strstr(err, "kedge.conf:13: nonsense"));
	ck_assert_int_eq(run(true, "stats"), 2);
	ck_assert_ptr_nonnull(strstr(err, "kedge.conf:13: nonsense"));
}
END_TEST

// ---- both are there ----

static const struct {
	const char *words;
	unsigned lines;
	const char *type;
} json_commands[] = {
	{"--json stats", 2, "relay_stats"},
	{"--json workers --interval 0.01", FAKE_WORKERS, "worker"},
	{"--json ports", 2, "port"},
	{"--json sessions", FAKE_SESSIONS, "session"},
	{"sessions --json", FAKE_SESSIONS, "session"},
	{"--json sessions --limit 3", 3, "session"},
	{"--json sessions --call 0000000000001002", 1, "session"},
	{"--json calls", N_CALLS, "call"}, // three pages
	{"--json calls --limit 700", 700, "call"},
	{"--json calls --limit 500", 500, "call"},
	{"--json calls --filter b-1100", 1, "call"},
	{"--json calls --ended", 1, "call"},
	{"--json call 0000000000001003", 1, "call"},
	{"--json call ended-call@192.0.2.7", 1, "call"},
	{"--json trunks", 1, "trunk"},
	{"--json top --count 2 --interval 0.01", 2, "top"},
};

START_TEST(json_lines_come) {
	start_both();
	ck_assert_int_eq(run(true, json_commands[_i].words), 0);
	ck_assert_str_eq(err, "");
	ck_assert_uint_eq(n_lines(), json_commands[_i].lines);
	for (unsigned i = 0; i < n_lines() && i < 10; i++) {
		json_t *json = line(i);

		if (i == 0)
			ck_assert_str_eq(print_find_text(json, "type"), json_commands[_i].type);
		json_decref(json);
	}
}
END_TEST

START_TEST(what_is_not_there_is_not_found) {
	start_both();
	ck_assert_int_eq(run(true, "call 00000000000fffff"), 1);
	ck_assert_ptr_nonnull(strstr(err, "not found"));
	ck_assert_int_eq(run(true, "sessions --call 00000000000fffff"), 1);
	ck_assert_int_eq(run(true, "calls --filter nobody"), 0); // an empty list is a list
}
END_TEST

static const struct {
	const char *words;
	const char *has[8];
} texts[] = {
	{"stats",
		{"in 200  out 180  dropped 20", "in = out + drops: holds", "bad_source              8",
			"free 4000 of 4096  lowest 3900", "unresolved 1",
			"realm access  media port pairs: used 5  resting 1  free 8186", "attempts 1",
			"not_ip 3"}},
	{"workers --interval 0.01", {"BUSY %", "measured over 0.0 s"}},
	{"ports",
		{"af_xdp:eth0", "yes", "pci:0000:3b:00.0", "KERNEL IF", "core        coretap", " 222 ",
			"3333"}},
	{"sessions", {"0001000000000001", "203.0.113.5:40000", "10.0.0.2:4000", "caller", "20 ms"}},
	{"calls", {"0000000000001000", "1 min 3 s", "a-0@192.0.2.7"}},
	{"calls --ended", {"evil\\x1b[2J\\xe2\\x80\\xae", "media_timeout", "kedge", "1 min 15 s"}},
	{"trunks", {"carrier", "198.51.100.2:5060", "b.example"}},
	{"top --count 1 --interval 0.01", {"CALLS/S", "1200"}},
};

START_TEST(people_can_read_it) {
	start_both();
	ck_assert_int_eq(run(true, texts[_i].words), 0);
	for (unsigned i = 0; i < 8 && texts[_i].has[i] != NULL; i++)
		check_has(texts[_i].has[i]);
	check_plain();
}
END_TEST

// ---- the story of a call ----

START_TEST(a_live_calls_story) {
	start_both();
	ck_assert_int_eq(run(true, "call b-1"), 0);
	check_has("call 0000000000001001  answered  from 1001 to +4930123\n");
	check_has("udp 203.0.113.5:40000 (behind NAT) at 203.0.113.1:5060\n");
	check_has("callee  realm core  trunk carrier\n");
	check_has("1. carrier at 198.51.100.2:5060: answered, last response 200\n");
	check_has("audio, session 0001000000000001\n");
	check_has("  => audio flows both ways\n");
	check_has("     caller's packets come from 203.0.113.5:40000, SDP said 10.0.0.2:4000\n");
	check_has("SDP said 10.0.0.2:4000, learnt 203.0.113.5:40000  (differs), latch address, latched\n");
	check_has("3000 packets in and on (516000 bytes), last 20 ms ago\n");
	check_has("3001 packets in and on (516000 bytes), last 20 ms ago  dropped: waiting 9\n");
	check_has("next hop - 02:00:00:00:00:01 reachable\n");
	check_plain();
}
END_TEST

START_TEST(an_ended_calls_story) {
	start_both();
	ck_assert_int_eq(run(true, "call ended-call@192.0.2.7"), 0);
	check_has("from evil\\x1b[2J\\xe2\\x80\\xae to +4930123\n");
	check_has("media_timeout by kedge, caller was answered 200, 2026-03-14T15:10:44.535Z\n");
	check_has("  => audio flowed both ways\n");
	check_has("last 20 ms before the end");
	check_plain();
}
END_TEST

START_TEST(a_story_without_the_relay) {
	start_control();
	ck_assert_int_eq(run(true, "call b-1"), 3);
	ck_assert_ptr_nonnull(strstr(err, "kedge-relay"));
	check_has("callee  realm core");
	check_has("caller <-> our 203.0.113.1:16384, SDP said 10.0.0.2:4000\n");
	ck_assert_int_eq(run(true, "call ended-call@192.0.2.7"), 0); // its counters are in the record
}
END_TEST

START_TEST(one_process_is_better_than_none) {
	start_control();
	ck_assert_int_eq(run(true, "stats"), 3);
	ck_assert_ptr_nonnull(strstr(err, "kedge-relay"));
	check_has("node edge1");
	fake_process_end(control);
	control = 0;
	relay = fake_relay_start(relay_path, RELAY_GOOD);
	ck_assert_int_eq(run(true, "stats"), 3);
	ck_assert_ptr_nonnull(strstr(err, "kedge-control"));
	check_has("in = out + drops: holds");
	ck_assert_int_eq(run(true, "top --count 1 --interval 0.01"), 3);
	check_has("SESSIONS");
}
END_TEST

START_TEST(an_endless_relay_ends) {
	start_control();
	relay = fake_relay_start(relay_path, RELAY_ENDLESS_LIST);
	ck_assert_int_eq(run(true, "sessions"), 3);
	ck_assert_ptr_nonnull(strstr(err, "nonsense"));
}
END_TEST

START_TEST(output_that_fails_is_not_success) {
	char *argv[] = {"kedgectl", "help", NULL};
	FILE *full = fopen("/dev/full", "w"), *errors = open_memstream(&err, &err_len);

	ck_assert_int_eq(ctl_main(2, argv, full, errors), 1);
	fclose(full);
	fclose(errors);
}
END_TEST

// A record is only as good as what wrote it: whatever is missing must not crash the reader.
static const char *const fragments[] = {"{}", "{\"legs\":[{}]}", "{\"legs\":3}", "{\"sessions\":[{}]}",
	"{\"sessions\":[3]}",
	"{\"sessions\":[{\"sides\":[{\"components\":[{\"component\":3}]}],\"diagnosis\":[3,null]}]}",
	"{\"branches\":[null],\"streams\":[{\"sides\":[{}]}]}",
	"{\"ended\":\"x\",\"end_cause\":7,\"status\":\"y\"}"};

START_TEST(a_story_of_fragments) {
	json_t *call = json_loads(fragments[_i], 0, NULL);
	FILE *f = open_memstream(&out, &out_len);

	ck_assert_ptr_nonnull(call);
	story_print(f, call);
	fclose(f);
	check_has("call ");
	json_decref(call);
}
END_TEST

// ---- text ----

static const struct {
	const char *text, *expected;
} escapes[] = {
	{"plain", "plain"},
	{"M\xc3\xbcller \xe6\x9d\xb1", "M\xc3\xbcller \xe6\x9d\xb1"},
	{"\x1b]0;title\x07", "\\x1b]0;title\\x07"},
	{"a\nb\tc\x7f", "a\\x0ab\\x09c\\x7f"},
	{"\xc2\x9b\x32J", "\\xc2\\x9b2J"}, // C1's CSI
	{"\xe2\x80\xae\xe2\x80\xa8\xe2\x81\xa6", "\\xe2\\x80\\xae\\xe2\\x80\\xa8\\xe2\\x81\\xa6"},
	{"\xff\xfe", "\\xff\\xfe"},
	{"", ""},
};

START_TEST(text_is_escaped) {
	char buf[PRINT_TEXT], small[6];

	ck_assert_str_eq(print_escape(escapes[_i].text, buf, sizeof(buf)), escapes[_i].expected);
	print_escape(escapes[_i].text, small, sizeof(small));
	ck_assert_uint_lt(strlen(small), sizeof(small));
	ck_assert(strncmp(small, escapes[_i].expected, strlen(small)) == 0);
}
END_TEST

static const struct {
	uint64_t ms;
	const char *text;
} durations[] = {{0, "0 ms"}, {999, "999 ms"}, {1000, "1.0 s"}, {59999, "59.9 s"}, {60000, "1 min 0 s"},
	{3599999, "59 min 59 s"}, {3600000, "1 h 0 min"}, {86400000, "1 d 0 h"},
	{UINT64_MAX, "213503982334 d 14 h"}};

START_TEST(durations_are_short) {
	char buf[PRINT_DURATION];

	ck_assert_str_eq(print_duration(durations[_i].ms, buf), durations[_i].text);
}
END_TEST

int main(void) {
	Suite *s = suite_create("kedgectl");
	TCase *t = tcase_create("kedgectl"), *text = tcase_create("text");

	suite_add_tcase(s, t);
	tcase_set_timeout(t, 55); // for a busy machine
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, usage_and_absence, 0, sizeof(usages) / sizeof(usages[0]));
	tcase_add_test(t, mistakes_in_the_config_are_named);
	tcase_add_loop_test(t, json_lines_come, 0, sizeof(json_commands) / sizeof(json_commands[0]));
	tcase_add_test(t, what_is_not_there_is_not_found);
	tcase_add_loop_test(t, people_can_read_it, 0, sizeof(texts) / sizeof(texts[0]));
	tcase_add_test(t, a_live_calls_story);
	tcase_add_test(t, an_ended_calls_story);
	tcase_add_test(t, a_story_without_the_relay);
	tcase_add_test(t, one_process_is_better_than_none);
	tcase_add_test(t, an_endless_relay_ends);
	tcase_add_test(t, output_that_fails_is_not_success);
	suite_add_tcase(s, text);
	tcase_add_loop_test(text, a_story_of_fragments, 0, sizeof(fragments) / sizeof(fragments[0]));
	tcase_add_loop_test(text, text_is_escaped, 0, sizeof(escapes) / sizeof(escapes[0]));
	tcase_add_loop_test(text, durations_are_short, 0, sizeof(durations) / sizeof(durations[0]));
	return run_suite(s);
}
