// Packets that are not media, of ports that the relay took from the kernel:
//
//	NIC → worker: punt_push ──ring a worker──► thread ──write──► TAP → kernel
//	NIC ◄ worker: punt_send ◄─ring a worker── thread ◄──read─── TAP ← kernel
//
// A system call for each packet is the thread's business, off the workers' CPUs. A worker copies what passes its class's
// limit, without system call or wait; a flood costs it little more than a drop. The limits are each worker's own.
// No DPDK in here.
#pragma once

#include "dpdk_app/frame_ring.h"
#include "relay/relay.h"

struct punt;
struct punt_worker;

struct punt_params {
	unsigned n_workers, n_ports;
	struct {
		int tap_fd; // borrowed; frames, never blocking; -1: no TAP
		unsigned sender; // a worker that has a transmit queue of the port
		uint32_t pps[PUNT_CLASS_COUNT]; // by enum punt_class
	} ports[RELAY_PORTS_MAX];
};

// ---- main thread ----

// Start the thread; it runs where the caller runs. Returns 0 or a negative errno.
[[nodiscard]] int punt_open(const struct punt_params *params, struct punt **out);
// Once all workers have ended. NULL is fine.
void punt_close(struct punt *p);
struct punt_worker *punt_worker(struct punt *p, unsigned index);
// Refresh a port's figures.
void punt_count(const struct punt *p, unsigned port, struct stats_port *out);

// ---- worker thread ----

// Copy those that are not media to where the kernel gets them. Verdicts NOT_MEDIA become PUNTED or PUNT_LIMIT; the buffers stay
// the caller's in any case. NULL: no port has a TAP.
void punt_push(struct punt_worker *w, struct relay_packet *packets, unsigned n, uint64_t now_ns);
// The oldest frame from the kernel that this worker is to send, NULL if there is none; then give it back.
const struct frame *punt_first(struct punt_worker *w);
void punt_pop(struct punt_worker *w);
