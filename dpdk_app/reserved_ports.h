// The ephemeral ports that the kernel must not give away: our media ranges are added to
// net.ipv4.ip_local_reserved_ports at start, and what was not there before is taken out again at the end.
// Without it a media port may become some program's own, and the answers to that program would be taken for media.
// What was added is on record in a file, so that the next relay can tell what a killed one left from what others want.
#pragma once

#include "config/config.h"

struct reserved_ports {
	const char *path; // the kernel's list
	int record_fd;
	uint8_t added[65536 / 8]; // bit a port
};

extern const char reserved_ports_sysctl[]; // the list's path

// Add the media ranges; on failure logs a warning and adds nothing. Borrows the path and record_fd, a file of ours alone that
// outlives us, until release.
void reserved_ports_add(struct reserved_ports *r, const char *path, int record_fd, const struct config *c);
void reserved_ports_release(const struct reserved_ports *r);

// ---- pure, for tests ----

enum { RESERVED_PORTS_TEXT = 65536 * 6 };

// Read the kernel's list ("8080,9148-9150\n") into a bitmap. Returns 0 or -EINVAL.
[[nodiscard]] int reserved_ports_parse(const char *text, uint8_t bitmap[static 65536 / 8]);
// Write a bitmap as the kernel's list; RESERVED_PORTS_TEXT bytes always suffice. Returns the length.
size_t reserved_ports_format(const uint8_t bitmap[static 65536 / 8], char *buf, size_t size);
