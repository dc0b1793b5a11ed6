// All of control above the sockets, on a manual loop: SIP goes in and out as text, the media core is the real one, polled
// in this process, and the config is a file that config_load read.
//
//	access 203.0.113.1:5060   callers 192.0.2.x          (behind NATs: 10.0.0.x)
//	core   198.51.100.1:5060  trunks' peers 198.51.100.x (behind NATs: 10.1.0.x)
//	edge   203.0.113.2:5060   peers 203.0.113.2x; media ports for two calls
//
// Every datagram that Kedge sends is checked: a well-formed message, and nothing of one realm in what goes to another.
#pragma once

#include "control/call/calls.h"

#include <check.h>

enum { REALM_ACCESS, REALM_CORE, REALM_EDGE, BENCH_REALMS };
enum { BENCH_LEFT_MS = 10 * 60 * 1000 }; // by then nothing may be left of whatever has ended

struct bench_options {
	const char *control; // further settings of the group
	const char *realm
		[BENCH_REALMS]; // likewise; the default: nat "never" but for access, which allows 192.0.2.0/24
	const char *listeners[BENCH_REALMS]; // further ones of the realm, as ", { address = …; port = …; }"
	const char *trunks, *routes; // the lists' insides; default: access → trunk "carrier" at 198.51.100.2
	uint32_t max_sessions; // of the relay; 0: 50
	// A DNS of "name", "address"; a name in several rows has several. "~address": the only one, and the answer takes 4.5 s.
	const char *hosts[8][2];
};

// One datagram that Kedge sent.
struct datagram {
	char *text;
	size_t len;
	struct flow to;
	uint64_t at_ms;
};

struct bench_ended { // what on_ended said last
	unsigned n, status;
	char cause[32], by[16], state[16], from[32], to[32];
	unsigned n_final;
};

// NULL: all defaults. The relay is connected when it returns.
void bench_open(const struct bench_options *o);
// The same, but creating the calls fails at its k-th allocation, and all is freed again. False: it makes fewer.
bool bench_fails_to_open(unsigned k);
// Waits for BENCH_LEFT_MS and checks that nothing is left and, unless noisy, that nothing was sent that no test took.
void bench_close(void);
void bench_close_noisy(void);
void bench_check_clear(void); // the check alone
void bench_may_reap(void); // memory fails: a call may have to be removed by force
void bench_drop(void); // as if the process ended: frees all, calls or no calls

struct loop *bench_loop(void);
struct calls *bench_calls(void);
const struct bench_ended *bench_ended(void);
bool bench_is_drained(void);
uint64_t bench_now_ms(void);
uint64_t bench_counter(enum call_counter c);
uint32_t bench_transactions(void);
// Time passes, and whatever falls due happens.
void bench_wait(uint64_t ms);
void bench_settle(void);
void bench_step(uint64_t ms); // the same in one go: the relay is polled only where it is asked something

// ---- SIP ----
struct endpoint bench_endpoint(const char *address, uint16_t port);
void bench_deliver(const char *text, const struct flow *from);
// The oldest datagram to a remote that nobody took; NULL: none. Lives until bench_close.
const struct datagram *bench_take(const struct endpoint *remote);
unsigned bench_untaken(void);
// Instead of being kept for bench_take, each datagram goes here.
typedef void (*bench_sent_fn)(void *ctx, const struct datagram *d);
void bench_on_sent(bench_sent_fn fn, void *ctx);
// A text that belongs to one realm and may not show up in another, beside what the bench finds by itself.
void bench_secret(unsigned realm, const char *text);
void bench_forget_secrets(void);
void bench_no_secret(const char *text); // one that the bench found may cross after all
void bench_icmp(const struct datagram *d); // it could not be delivered
// From now on a row of bench_options.hosts has this address; NULL: none.
void bench_set_host(unsigned row, const char *address);
// The n-th (from 0) value of a header line of that name, in a static buffer of a few; "": none.
const char *bench_header(const char *message, const char *name, unsigned n);
const char *bench_body(const char *message);

// ---- the relay ----
void bench_relay_kill(void);
void bench_relay_start(void);
void bench_relay_stick(bool stuck); // it takes requests and does not answer
uint32_t bench_relay_sessions(void);
// A packet from one place to a media port of ours, as its SDP said. Gives its verdict's name.
const char *bench_rtp(unsigned realm, const char *from, uint16_t from_port, const char *to, uint16_t to_port);

// What main does: run the tests of a file.
int bench_run(const char *name, const TTest *const tests[], size_t n);
#define BENCH_RUN(name, tests) bench_run(name, tests, sizeof(tests) / sizeof(*(tests)))
