// The TAP that the kernel sees in place of a NIC that DPDK's driver has. It is persistent: what the operator put on it, addresses
// above all, is still there when a relay starts anew. Main thread.
#pragma once

#include <stdbool.h>
#include <stdint.h>

// Make the TAP, or take up the one of that name. Logs. Returns a descriptor whose reads and writes are Ethernet frames and never
// block, -EBUSY (another process has it), -EINVAL (the name is that of another kind of interface), or another errno.
[[nodiscard]] int kernel_if_open(const char *name);
// Give it the NIC's MAC and MTU, and set it up. Logs. Returns 0 or a negative errno.
[[nodiscard]] int kernel_if_configure(const char *name, const uint8_t mac[static 6], unsigned mtu);
// Show the kernel whether the NIC's link is up. Returns 0 or a negative errno.
[[nodiscard]] int kernel_if_carrier(int fd, bool up);
