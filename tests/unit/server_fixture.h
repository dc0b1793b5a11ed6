// A relay behind its control protocol, with a connection that has said nothing yet, or hello.
#pragma once

#include "relay/core.h"
#include "tests/unit/relay_fixture.h"

#include <check.h>

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"

#define LEN(a) (sizeof(a) / sizeof((a)[0]))
#define S 1000000000ull

enum { MAX = 60 };

static struct fixture *f;
static struct proto_put_result put;
static struct proto_session_state state;

static void setup(void) {
	f = fix_create(MAX);
}

static void teardown(void) {
	fix_destroy(f);
}

static void setup_connected(void) {
	setup();
	ck_assert_uint_eq(fix_hello(f, PROTO_CONTROLLER, FIX_OWNER), 0);
	fix_forget(f);
}

// What a connection got as its last message.
static struct proto_header last(void) {
	return fix_last(f, NULL, 0, 0);
}

// Free pairs of a realm, as the counters show them.
static uint64_t free_ports(unsigned realm) {
	fix_settle(f);
	return counters_realm(relay_stats(f->r), realm)->media_ports_free;
}

#pragma GCC diagnostic pop
