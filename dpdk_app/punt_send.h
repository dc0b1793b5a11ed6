// The worker's end of frames from the kernel: into packet buffers and out of the port. Worker thread.
#pragma once

#include "dpdk_app/worker.h"

// Send some, of one port at most, and count them: in, out or verdict tx_full. Returns how many. Without ports that have a TAP: 0.
unsigned punt_send(struct worker *w);
