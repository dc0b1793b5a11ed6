#include "tests/bench/load_frames.h"

#include "tests/unit/relay_fixture.h"

enum { RTP_HEADER = 12, SAMPLES = 160, SNAPLEN = 65535, ETHERNET = 1 };

struct pcap_header {
	uint32_t magic;
	uint16_t major, minor;
	uint32_t zone, accuracy, snaplen, network;
};

struct pcap_record {
	uint32_t seconds, microseconds, captured, length;
};

static void put32(uint8_t *p, uint32_t v) {
	fix_be16(p, (uint16_t)(v >> 16));
	fix_be16(p + 2, (uint16_t)v);
}

// Packet number `turn` of session i's stream.
static uint32_t make_frame(const struct load_frames *f, uint32_t i, uint32_t turn, uint8_t *frame) {
	const struct load_side *side = &f->plan->side[f->side];
	const struct endpoint from = load_range_at(&side->remote, i);
	const struct endpoint to = f->locals != NULL ? f->locals[i] : load_range_at(&side->local, i);
	uint8_t rtp[2048] = {0x80, 0};
	uint32_t length;

	fix_be16(rtp + 2, (uint16_t)turn);
	put32(rtp + 4, turn * SAMPLES);
	put32(rtp + 8, i);
	length = fix_frame(frame, &from, &to, rtp, (uint16_t)(RTP_HEADER + f->payload_bytes));
	memcpy(frame, f->mac, sizeof(f->mac)); // no checksum covers it
	return length;
}

int load_frames_write(const struct load_frames *f, const char *path) {
	const struct pcap_header header = {
		.magic = 0xa1b2c3d4, .major = 2, .minor = 4, .snaplen = SNAPLEN, .network = ETHERNET};
	FILE *file = fopen(path, "w");
	uint8_t frame[2200];

	if (file == NULL)
		return -errno;
	fwrite(&header, sizeof(header), 1, file);
	for (uint32_t n = 0; n < f->n; n++) {
		const uint32_t length = make_frame(f, n % f->plan->n, n / f->plan->n, frame);
		const struct pcap_record record = {.captured = length, .length = length};

		fwrite(&record, sizeof(record), 1, file);
		fwrite(frame, length, 1, file);
	}
	if (ferror(file) != 0) {
		fclose(file);
		return -EIO;
	}
	return fclose(file) == 0 ? 0 : -errno;
}
