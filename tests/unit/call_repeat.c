#include "tests/unit/call_repeat.h"

#include "tests/unit/call_network.h"

enum { T1_MS = 500, T2_MS = 4000, LIFE_MS = 64 * T1_MS, REPEATS = 16 };

static struct repeat {
	bool is_on;
	enum repeat_kind kind;
	struct party *party;
	char text[2048];
	uint64_t due_ms, end_ms;
	unsigned every_ms;
} repeats[REPEATS];

void repeat_forget(void) {
	memset(repeats, 0, sizeof(repeats));
}

void repeat_start(enum repeat_kind kind, struct party *p, const char *text) {
	struct repeat *r = repeats;

	while (r->is_on)
		ck_assert(++r < repeats + REPEATS);
	*r = (struct repeat){.is_on = true,
		.kind = kind,
		.party = p,
		.due_ms = bench_now_ms() + T1_MS,
		.end_ms = bench_now_ms() + LIFE_MS,
		.every_ms = T1_MS};
	strcpy(r->text, text);
}

void repeat_stop(enum repeat_kind kind, const struct party *p) {
	for (int i = 0; i < REPEATS; i++)
		if (repeats[i].kind == kind && repeats[i].party == p)
			repeats[i].is_on = false;
}

static void run(struct repeat *r, void (*on_given_up)(enum repeat_kind kind, const struct party *p)) {
	if (r->end_ms <= bench_now_ms()) {
		r->is_on = false;
		on_given_up(r->kind, r->party);
	} else if (r->due_ms <= bench_now_ms()) {
		network_send(true, &r->party->flow, r->text);
		r->every_ms *= 2;
		if (r->kind != REPEAT_INVITE && r->every_ms > T2_MS)
			r->every_ms = T2_MS;
		r->due_ms = bench_now_ms() + r->every_ms;
	}
}

void repeat_run(void (*on_given_up)(enum repeat_kind kind, const struct party *p)) {
	for (int i = 0; i < REPEATS; i++)
		if (repeats[i].is_on)
			run(&repeats[i], on_given_up);
}

bool repeat_is_on(void) {
	for (int i = 0; i < REPEATS; i++)
		if (repeats[i].is_on)
			return true;
	return false;
}
