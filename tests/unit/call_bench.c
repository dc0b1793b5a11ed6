#include "tests/unit/call_bench.h"

#include "control/call/internal.h"
#include "tests/unit/call_bench_dns.h"
#include "tests/unit/call_bench_wire.h"
#include "tests/unit/config_text.h"
#include "tests/unit/fail_alloc.h"
#include "tests/unit/media_fixture.h"
#include "tests/unit/run_suite.h"

#include <stdlib.h>

enum { START_MS = 1000000, TICK_MS = 100, LONG_TICK_MS = 1000 };

static struct bench {
	struct loop *loop;
	struct config *config;
	struct tokens *tokens;
	struct calls *calls;
	struct bench_options options;
	struct mf relay; // its relay and link only
	struct bench_ended ended;
	bool drained, may_reap;
} b;

// ---- config ----

#define RELAY_TEXT \
	"node = \"edge1\"; node_id = 7;\n" \
	"relay: { control_socket = \"/run/kedge/relay.sock\"; workers = [ 1 ]; max_sessions = 50;\n" \
	"  ports = ( { name = \"access\"; device = \"af_xdp:eth0\"; },\n" \
	"            { name = \"core\"; device = \"af_xdp:eth1\"; } ); };\n" \
	"control: { socket = \"/run/kedge/control.sock\"; %s };\n"
#define REALM_TEXT(name, port, address, ports) \
	"  { name = \"" name "\"; port = \"" port "\"; %s\n" \
	"    media = ( { address = \"" address "\"; ports = " ports "; } );\n" \
	"    sip = ( { address = \"" address "\"; }%s ); }"
#define CONFIG_TEXT \
	RELAY_TEXT \
	"realms = (\n" REALM_TEXT("access", "access", "203.0.113.1", "[ 16384, 16483 ]") ",\n" REALM_TEXT( \
		"core", "core", "198.51.100.1", "[ 16384, 16483 ]") ",\n" REALM_TEXT("edge", "access", \
		"203.0.113.2", "[ 30000, 30003 ]") ");\n" \
						   "trunks = ( %s );\nroutes = ( %s );\n"

static const struct bench_options defaults = {
	.control = "",
	.realm = {"allow = [ \"192.0.2.0/24\" ];", "nat = \"never\";", "nat = \"never\";"},
	.listeners = {"", "", ""},
	.trunks =
		"{ name = \"carrier\"; realm = \"core\"; peers = ( { address = \"198.51.100.2\"; port = 5060; } ); }",
	.routes =
		"{ from_realm = \"access\"; user = \".*\"; to = [ \"carrier\" ]; },\n"
		"{ from_trunk = \"carrier\"; user = \".*\"; contact = \"sip:192.0.2.10:5060\"; realm = \"access\"; }",
	.max_sessions = 50,
};

static const char *or_default(const char *text, const char *otherwise) {
	return text == NULL ? otherwise : text;
}

static void take_options(const struct bench_options *o) {
	b.options = o == NULL ? defaults : *o;
	b.options.control = or_default(b.options.control, defaults.control);
	b.options.trunks = or_default(b.options.trunks, defaults.trunks);
	b.options.routes = or_default(b.options.routes, defaults.routes);
	for (int i = 0; i < BENCH_REALMS; i++) {
		b.options.realm[i] = or_default(b.options.realm[i], defaults.realm[i]);
		b.options.listeners[i] = or_default(b.options.listeners[i], defaults.listeners[i]);
	}
	if (b.options.max_sessions == 0)
		b.options.max_sessions = defaults.max_sessions;
}

static void load_config(void) {
	const struct bench_options *o = &b.options;
	char path[CONFIG_TEXT_PATH], errors[4096] = "", *text;
	FILE *f = fmemopen(errors, sizeof(errors) - 1, "w");
	int fd, ret;

	ck_assert_ptr_nonnull(f);
	ck_assert_int_gt(asprintf(&text, CONFIG_TEXT, o->control, o->realm[0], o->listeners[0], o->realm[1],
				 o->listeners[1], o->realm[2], o->listeners[2], o->trunks, o->routes),
		0);
	fd = config_text_open(text, strlen(text), path);
	ret = config_load(path, f, &b.config);
	fclose(f);
	ck_assert_msg(ret == 0, "%s\n%s", errors, text);
	close(fd);
	free(text);
}

// ---- the relay in this process ----

static void set_relay_clock(void) {
	if (b.relay.relay != NULL)
		b.relay.relay->now = 1000000000000ull + loop_now_ms(b.loop) * 1000000;
}

static bool deliver_one(void) {
	struct fix_message first;

	set_relay_clock();
	mf_settle(&b.relay);
	if (b.relay.n_queued == 0 || b.relay.deaf)
		return false;
	first = b.relay.queue[0];
	memmove(b.relay.queue, b.relay.queue + 1, --b.relay.n_queued * sizeof(first));
	fail_alloc_resume();
	relay_client_on_message(b.relay.client, first.bytes, first.len);
	fail_alloc_pause();
	free(first.bytes);
	return true;
}

static void pump(void *ctx, uint64_t ref) {
	(void)ctx, (void)ref;
	fail_alloc_pause();
	while (deliver_one())
		;
	fail_alloc_resume();
}

static int link_open(void *ctx, struct relay_client *client) {
	int ret;

	fail_alloc_pause();
	ret = mf_open(ctx, client);
	fail_alloc_resume();
	return ret;
}

// The answer comes within this turn, but not from within.
static int link_send(void *ctx, const void *message, size_t len) {
	int ret;

	fail_alloc_pause();
	set_relay_clock();
	ret = mf_send(ctx, message, len);
	if (loop_defer(b.loop, pump, NULL, 0) < 0)
		abort();
	fail_alloc_resume();
	return ret;
}

static void link_close(void *ctx) {
	fail_alloc_pause();
	mf_close(ctx);
	fail_alloc_resume();
}

void bench_relay_kill(void) {
	mf_relay_kill(&b.relay);
	bench_settle();
}

void bench_relay_start(void) {
	mf_relay_start(&b.relay);
	set_relay_clock();
}

void bench_relay_stick(bool stuck) {
	b.relay.stuck = stuck;
}

uint32_t bench_relay_sessions(void) {
	return b.relay.relay == NULL ? 0 : relay_sessions(b.relay.relay->r);
}

const char *bench_rtp(
	unsigned realm, const char *from, uint16_t from_port, const char *to, uint16_t to_port) {
	struct endpoint target = bench_endpoint(to, to_port);
	uint16_t port = realm == REALM_CORE ? 1 : 0;

	set_relay_clock();
	return verdict_name(fix_media(b.relay.relay, from, from_port, &target, port, false));
}

// ---- life ----

static void on_ended(void *ctx, const struct call_view *v) {
	(void)ctx;
	b.ended.n++;
	b.ended.status = v->status;
	b.ended.n_final = v->n_final;
	snprintf(b.ended.cause, sizeof(b.ended.cause), "%s", v->end_cause);
	snprintf(b.ended.by, sizeof(b.ended.by), "%s", v->end_by);
	snprintf(b.ended.from, sizeof(b.ended.from), "%s", v->from);
	snprintf(b.ended.to, sizeof(b.ended.to), "%s", v->to);
	snprintf(b.ended.state, sizeof(b.ended.state), "%s", v->state);
}

static void on_drained(void *ctx) {
	(void)ctx;
	ck_assert(!b.drained); // once
	b.drained = true;
}

static void open_relay(void) {
	b.relay.loop = b.loop;
	b.relay.max_sessions = b.options.max_sessions;
	b.relay.boot_id = 98;
	bench_relay_start();
}

static void prepare(const struct bench_options *o) {
	memset(&b, 0, sizeof(b));
	log_set_level(getenv("BENCH_LOG") == NULL ? LOG_LEVEL_ERROR : LOG_LEVEL_DEBUG);
	take_options(o);
	load_config();
	ck_assert_int_eq(loop_create_manual(&b.loop), 0);
	loop_advance(b.loop, START_MS); // a time of 0 means "never" in records
	bench_wire_open(b.loop);
	open_relay();
	ck_assert_int_eq(tokens_create(7, NULL, &b.tokens), 0);
}

static int create(void) {
	const struct relay_link link = {&b.relay, link_open, link_send, link_close};
	const struct calls_hooks hooks = {NULL, on_ended, on_drained};
	const struct transport transport = bench_transport();

	return calls_create_over(b.loop, b.config, b.tokens, &hooks, &transport, &link, &b.calls);
}

void bench_open(const struct bench_options *o) {
	prepare(o);
	ck_assert_int_eq(create(), 0);
	bench_wire_up(calls_stack(b.calls));
	bench_settle();
	bench_dns_open(b.loop, b.config, calls_stack(b.calls), b.options.hosts);
	ck_assert(media_is_connected(calls_media(b.calls)));
}

void bench_set_host(unsigned row, const char *address) {
	b.options.hosts[row][1] = address;
}

bool bench_fails_to_open(unsigned k) {
	bool has_failed;
	int ret;

	prepare(NULL);
	fail_alloc_at(k);
	ret = create();
	has_failed = fail_alloc_end();
	if (has_failed)
		ck_assert_msg(
			ret == -ENOMEM || ret == 0, "k %u: %d", k, ret); // what is asked again later may fail
	else
		ck_assert_int_eq(ret, 0);
	bench_drop();
	return has_failed;
}

void bench_drop(void) {
	bench_dns_close();
	calls_destroy(b.calls);
	tokens_destroy(b.tokens);
	loop_destroy(b.loop);
	config_unload(b.config);
	if (b.relay.relay != NULL)
		fix_destroy(b.relay.relay);
	mf_forget(&b.relay);
	bench_wire_close();
}

void bench_may_reap(void) {
	b.may_reap = true;
}

void bench_check_clear(void) {
	bench_wait(60000);
	bench_step(BENCH_LEFT_MS - 60000);
	ck_assert_uint_eq(calls_now(b.calls), 0);
	ck_assert_uint_eq(bench_transactions(), 0);
	ck_assert_uint_eq(media_count(calls_media(b.calls)), 0);
	ck_assert_uint_eq(bench_relay_sessions(), 0);
	ck_assert_uint_eq(pool_count(b.calls->outgoing), 0);
	if (!b.may_reap) // that is for our own mistakes
		ck_assert_uint_eq(bench_counter(CALL_COUNTER_REAPED), 0);
	for (int i = 0; i < b.config->n_trunks; i++)
		ck_assert_uint_eq(b.calls->trunks[i].n_calls, 0);
}

void bench_close_noisy(void) {
	bench_check_clear();
	bench_drop();
}

void bench_close(void) {
	bench_check_clear();
	bench_expect_silence();
	bench_drop();
}

struct loop *bench_loop(void) {
	return b.loop;
}

struct calls *bench_calls(void) {
	return b.calls;
}

const struct bench_ended *bench_ended(void) {
	return &b.ended;
}

bool bench_is_drained(void) {
	return b.drained;
}

uint64_t bench_now_ms(void) {
	return loop_now_ms(b.loop);
}

uint64_t bench_counter(enum call_counter c) {
	return calls_counters(b.calls)[c];
}

uint32_t bench_transactions(void) {
	return sip_stack_transactions(calls_stack(b.calls));
}

void bench_settle(void) {
	if (b.relay.relay != NULL)
		pump(NULL, 0);
	loop_advance(b.loop, 0);
}

void bench_step(uint64_t ms) {
	loop_advance(b.loop, ms);
	bench_settle();
}

void bench_wait(uint64_t ms) {
	uint64_t tick_ms = ms > 60 * TICK_MS * 10 ? LONG_TICK_MS : TICK_MS;

	bench_settle();
	while (ms > 0) {
		uint64_t step_ms = ms < tick_ms ? ms : tick_ms;

		loop_advance(b.loop, step_ms);
		bench_settle();
		ms -= step_ms;
	}
}

int bench_run(const char *name, const TTest *const tests[], size_t n) {
	Suite *suite = suite_create(name);
	TCase *tcase = tcase_create(name);

	suite_add_tcase(suite, tcase);
	tcase_set_timeout(tcase, 55);
	for (size_t i = 0; i < n; i++)
		tcase_add_test(tcase, tests[i]);
	return run_suite(suite);
}
