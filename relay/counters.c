#include "relay/counters.h"

#include <string.h>

enum { LINE = 64, PAGE = 4096 };

const char *xdp_class_name(enum xdp_class c) {
	static const char *const names[XDP_CLASS_COUNT] = {
		[XDP_CLASS_MEDIA] = "media",
		[XDP_CLASS_DROPPED] = "dropped",
		[XDP_CLASS_NOT_IP] = "not_ip",
		[XDP_CLASS_OTHER] = "other",
		[XDP_CLASS_FRAGMENT] = "fragment",
		[XDP_CLASS_OPTIONS] = "options",
		[XDP_CLASS_UDP] = "udp",
	};

	return (unsigned)c < XDP_CLASS_COUNT ? names[c] : "unknown";
}

const char *punt_class_name(enum punt_class c) {
	static const char *const names[PUNT_CLASS_COUNT] = {
#define PUNT_CLASS(name, text, packets_per_s, help) [PUNT_##name] = text,
#include "relay/punt_class.def"
#undef PUNT_CLASS
	};

	return (unsigned)c < PUNT_CLASS_COUNT ? names[c] : "unknown";
}

const char *media_event_name(unsigned bit_index) {
	static const char *const names[EVENT_KINDS] = {
		"latched",
		"source_refused",
		"one_way",
		"media_timeout",
		"neighbour_failed",
		"bad_checksum",
		"partial_checksum",
		"link_down",
		"media_back",
	};

	return bit_index < EVENT_KINDS ? names[bit_index] : "unknown";
}

static uint64_t align_up(uint64_t n, uint64_t to) {
	return (n + to - 1) / to * to;
}

// Whole lines for each, so that no two writers share one.
static uint64_t place(uint64_t at, uint32_t n, size_t size, uint32_t *offset, uint32_t *stride) {
	*offset = (uint32_t)at;
	*stride = (uint32_t)align_up(size, LINE);
	return at + (uint64_t)n * *stride;
}

void counters_layout(
	struct stats_header *h, uint32_t n_workers, uint32_t n_ports, uint32_t n_realms, uint32_t n_slots) {
	uint64_t at = align_up(sizeof(*h), LINE);

	*h = (struct stats_header){.length = sizeof(*h), .version = 1, .n_verdicts = VERDICT_COUNT};
	h->n_workers = n_workers;
	h->n_ports = n_ports;
	h->n_realms = n_realms;
	h->n_slots = n_slots;
	at = place(at, n_workers, sizeof(struct stats_worker), &h->worker_offset, &h->worker_stride);
	at = place(at, n_ports, sizeof(struct stats_port), &h->port_offset, &h->port_stride);
	at = place(at, n_realms, sizeof(struct stats_realm), &h->realm_offset, &h->realm_stride);
	at = place(at, n_slots, sizeof(struct component_slot), &h->slot_offset, &h->slot_stride);
	h->total_bytes = align_up(at, PAGE);
}
