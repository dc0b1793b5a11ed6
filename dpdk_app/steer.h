// What the XDP program (steer.bpf.c) and its loader (xdp.c) share. Plain C for both compilers.
#pragma once

#include <linux/types.h>

#define STEER_PROGRAM "kedge_steer" // at most 15 characters: the kernel's limit
#define STEER_COUNTS "steer_counts"
#define STEER_MAGIC 0x454c424154524554ull // "TETRABLE": finds the table in the object file

enum { STEER_MEDIA_MAX = 64 };

// One media address and its UDP ports, inclusive.
struct steer_media {
	__be32 address;
	__u16 port_first, port_last; // host order
};

// Compiled empty; the loader fills it into the object before the kernel sees the program, one for each port.
struct steer_table {
	__u64 magic;
	__u8 mac[6]; // the port's
	__u16 n_media;
	struct steer_media media[STEER_MEDIA_MAX]; // of all ports
};
