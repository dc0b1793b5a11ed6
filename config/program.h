// What all programs share: exit statuses and the command line.
#pragma once

enum exit_status {
	EXIT_OK = 0,
	EXIT_REFUSED = 1, // not found, or refused
	EXIT_USAGE = 2, // usage, or wrong configuration
	EXIT_UNREACHABLE = 3, // a process can't be reached
};

// Default path of the one config file.
#define CONFIG_DEFAULT_PATH "/etc/kedge/kedge.conf"
