// Phones that call, ring, answer and hang up by themselves, as RFC 3261 §9, §13, §15 and §17 say, and the network between
// them and Kedge, which loses, repeats and delays what it carries, by the seed it is given.
#pragma once

#include "tests/unit/call_ladder.h"

enum { FORKS = 2, NEVER = -1 };

struct network {
	uint64_t seed;
	unsigned loss, twice; // percent
	unsigned delay_ms; // up to
	bool may_leave; // a BYE that Kedge had no memory for may leave a phone in its dialog
	unsigned relay_stuck; // percent of the time that the relay doesn't answer, in short stretches
};

struct phone_plan {
	int cancel_ms; // caller: after its INVITE; NEVER
	int caller_bye_ms; // after the 2xx; NEVER
	int ring_ms, answer_ms; // callee: after the INVITE; NEVER
	int status; // that it answers with
	unsigned n_forks; // tags that ring and answer, 1 or 2
	bool early_media;
	int callee_bye_ms; // after its ACK; NEVER
};

struct phones_seen { // what has become of it
	int caller_status; // final response to the INVITE; 0: none
	unsigned n_confirmed; // dialogs with a 2xx, on both sides
};

// One call from beginning to end, until nothing is under way any more. Checks that no dialog is left that one side
// believes in; the bench is to check the rest. Between bench_open and bench_close.
struct phones_seen phones_call(const struct network *n, const struct phone_plan *plan);
