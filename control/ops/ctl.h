// kedgectl: the command line, and what its commands share.
#pragma once

#include "config/config.h"
#include "config/program.h"
#include "control/ops/print.h"
#include "control/ops/relay_observer.h"

#include <signal.h>

enum { CTL_TIMEOUT_MS = 5000 };

struct ctl_options {
	bool ended;
	const char *filter, *call; // NULL: none
	uint64_t limit, count; // 0: no end
	uint64_t interval_ms;
};

struct ctl {
	const char *config_path;
	struct config *config; // NULL for commands that need none
	bool json;
	bool terminal; // out is one
	struct ctl_options options;
	const char *argument; // NULL: none
	FILE *out, *err;
};

// Run the program. Output goes to out, complaints to err; both are the caller's. Returns enum exit_status.
int ctl_main(int argc, char **argv, FILE *out, FILE *err);

// One a command: returns enum exit_status.
typedef int ctl_fn(struct ctl *c);
ctl_fn ctl_stats, ctl_workers, ctl_ports, ctl_sessions, ctl_calls, ctl_call, ctl_trunks, ctl_top,
	ctl_check_config, ctl_help;

// Say on err what failed and why, as "kedgectl: …". Returns status.
int ctl_fail(const struct ctl *c, int status, const char *format, ...) __attribute__((format(printf, 3, 4)));
// Connect to the relay. On failure says so, and gives EXIT_UNREACHABLE or EXIT_REFUSED.
[[nodiscard]] int ctl_open_relay(const struct ctl *c, struct relay_observer **out);
// The same with its counters alone.
[[nodiscard]] int ctl_open_stats(const struct ctl *c, struct stats_map **out);
// Say what came of talking to the relay: ret as relay_observer.h gives it. Returns enum exit_status.
int ctl_relay_failed(const struct ctl *c, int ret);
// Ask kedge-control; rows go to fn. Owns request. Returns enum exit_status, failures said.
int ctl_ask(const struct ctl *c, json_t *request, bool (*fn)(void *ctx, const json_t *row), void *ctx);
// The same, and nothing is said; *ret is what the client gave.
int ctl_ask_quietly(
	const struct ctl *c, json_t *request, bool (*fn)(void *ctx, const json_t *row), void *ctx, int *ret);

// Set once by SIGINT and SIGTERM while ctl_top runs.
extern volatile sig_atomic_t ctl_interrupted;
