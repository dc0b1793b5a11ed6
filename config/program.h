// What all programs share: exit statuses, the command line, and how they are told to end.
#pragma once

#include <signal.h>
#include <stdbool.h>

enum exit_status {
	EXIT_OK = 0,
	EXIT_REFUSED = 1, // not found, or refused
	EXIT_USAGE = 2, // usage, or wrong configuration
	EXIT_UNREACHABLE = 3, // a process can't be reached
};

// Default path of the one config file.
#define CONFIG_DEFAULT_PATH "/etc/kedge/kedge.conf"

// A process that is told to end once, by SIGTERM, drains for up to DRAIN_S; told again, or by SIGINT, it ends at once.
enum { DRAIN_S = 30 };

// A signal came; *told: how often it was told so far, 0 at first. Returns true to drain, false to end at once.
static inline bool program_drains(unsigned *told, int signo) {
	*told += signo == SIGINT ? 2 : 1;
	return *told == 1;
}
