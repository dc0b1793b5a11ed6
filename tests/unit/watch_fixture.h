// A relay with one controller, whose main thread looks at its sessions as time passes.
#pragma once

#include "relay/core.h"
#include "tests/unit/relay_fixture.h"

#include <check.h>

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"

#define S 1000000000ull

static struct fixture *f;
static struct server_conn *controller;
static struct proto_session session;
static struct proto_put_result put;

static void reconnect(void) {
	relay_conn_close(f->r, controller, f->now);
	controller = f->c = fix_open(f, f, true);
	ck_assert_uint_eq(fix_hello(f, PROTO_CONTROLLER, FIX_OWNER), 0);
}

static void setup(void) {
	f = fix_create(5000); // more than a slice
	controller = f->c;
	ck_assert_uint_eq(fix_hello(f, PROTO_CONTROLLER, FIX_OWNER), 0);
	ck_assert_uint_eq(fix_ask(f, PROTO_SUBSCRIBE, NULL, 0, 0, NULL, 0, 0), 0);
	session = fix_session(1);
	session.media_timeout_ms = 30000;
}

static void teardown(void) {
	fix_destroy(f);
}

static void put_session(void) {
	ck_assert_uint_eq(fix_put(f, &session, &put), 0);
	fix_forget(f);
}

// Let main look for so long, in its ticks; what it sent stays. Other tests' owners are not swept meanwhile.
static void pass(uint64_t ns) {
	for (uint64_t end = f->now + ns; f->now < end;) {
		f->now += 250000000;
		fix_settle(f);
	}
}

static void caller_sends(void) {
	fix_media(f, "192.0.2.10", 4000, &put.local[0], 0, false);
}

static void callee_sends(void) {
	fix_media(f, "198.51.100.20", 5000, &put.local[1], 1, false);
}

static void one_side_sends(uint64_t seconds, void (*send)(void)) {
	for (uint64_t i = 0; i < seconds; i++) {
		send();
		pass(S);
	}
}

#pragma GCC diagnostic pop
