// Any frames, tagged or not, to sessions of every latch mode; one realm is on a VLAN. What must hold: a dropped frame is
// untouched, unless it was sent to ourselves first; a forwarded one keeps its payload, leaves by the other side's port with
// the other side's tag from the other side's address with right checksums (or as wrong a UDP checksum as it had), and never
// goes where nothing was signalled or learnt; every packet has one verdict.
#include "relay/rtp.h"
#include "relay/sdes.h"
#include "relay/worker.h"
#include "tests/unit/relay_fixture.h"

enum { SESSIONS = 4, FRAME = 256, HEADROOM = 8, FIRST_PORT = 16384, VLAN = 7 /* of access, on port 0 */ };

struct input {
	const uint8_t *next, *end;
};

static uint8_t take(struct input *in) {
	return in->next < in->end ? *in->next++ : 0;
}

static struct fixture *f;
static uint64_t packets_in;

#define CHECK(x) \
	do { \
		if (!(x)) { \
			fprintf(stderr, "does not hold: %s (line %d)\n", #x, __LINE__); \
			abort(); \
		} \
	} while (0)

static struct proto_session make(unsigned i) {
	struct proto_session s = fix_session(i + 1);

	for (unsigned side = 0; side < 2; side++) {
		s.side[side].local = fix_endpoint(
			side == 0 ? "203.0.113.1" : "198.51.100.1", (uint16_t)(FIRST_PORT + 2 * i));
		s.side[side].latch = (uint8_t)((i + side) % 4);
		s.side[side].vouched = s.side[side].remote[0];
	}
	return s;
}

static void put_sessions(void) {
	struct proto_session s[SESSIONS];

	for (unsigned i = 0; i < SESSIONS; i++)
		s[i] = make(i);
	CHECK(fix_ask(f, PROTO_SESSION_PUT, s, sizeof(s[0]), SESSIONS, NULL, 0, 0) == 0);
}

static void delete_sessions(void) {
	struct proto_session_ref refs[SESSIONS] = {0};

	for (unsigned i = 0; i < SESSIONS; i++)
		refs[i].session_id = fix_id(i + 1);
	CHECK(fix_ask(f, PROTO_SESSION_DELETE, refs, sizeof(refs[0]), SESSIONS, NULL, 0, 0) == 0);
}

// A frame that has a chance: to one of our ports from a likely source, then spoilt as the input says.
static uint32_t make_frame(struct input *in, uint8_t *frame, uint16_t *port) {
	static const char *const sources[] = {"192.0.2.10", "198.51.100.20", "203.0.113.200", "224.0.0.1"};
	static const char *const targets[] = {"203.0.113.1", "198.51.100.1", "203.0.113.2", "192.0.2.1"};
	uint8_t kind = take(in), where = take(in), spoils = take(in) & 3, mend, payload[FRAME] = {0};
	struct endpoint from =
		fix_endpoint(sources[kind & 3], (uint16_t)((kind & 4 ? 5000 : 4000) + (kind >> 3 & 3)));
	struct endpoint to = fix_endpoint(targets[kind >> 5 & 3], (uint16_t)(FIRST_PORT + (where & 15)));
	uint16_t len = take(in) & 127;
	uint32_t length;

	*port = where >> 4 & 1;
	if (where & 1)
		memcpy(payload, kind & 0x80 ? fix_sdes : fix_rtcp,
			kind & 0x80 ? sizeof(fix_sdes) : sizeof(fix_rtcp));
	else
		memcpy(payload, fix_rtp, sizeof(fix_rtp));
	for (uint16_t i = 0; where & 0x20 && i < len; i++)
		payload[i] = take(in);
	length = fix_frame(frame, &from, &to, payload, len);
	mend = where & 0x40;
	while (spoils-- > 0) {
		uint8_t at = take(in);

		frame[at % length] = take(in);
	}
	if (mend) {
		fix_be16(frame + PACKET_IP_CHECKSUM, 0);
		fix_be16(frame + PACKET_IP_CHECKSUM, (uint16_t)~fix_sum(frame + PACKET_IP, 20, 0));
	}
	return where & 0x80 ? take(in) % (length + 1) : length;
}

static uint32_t raw_frame(struct input *in, uint8_t *frame, uint16_t *port) {
	uint8_t length = take(in);

	*port = take(in) & 1;
	for (unsigned i = 0; i < length; i++)
		frame[i] = take(in);
	return length;
}

static bool udp_holds(const uint8_t *frame) {
	uint32_t checksum = (uint32_t)frame[PACKET_UDP_CHECKSUM] << 8 | frame[PACKET_UDP_CHECKSUM + 1];

	return checksum == 0 || fix_udp_sum(frame) == 0xffff;
}

static bool is_media_address(const uint8_t *addr, uint16_t port) {
	for (unsigned i = 0; i < f->params.n_media; i++)
		if (f->params.realms[f->params.media[i].realm].port == port &&
			memcmp(f->params.media[i].address.addr, addr, 4) == 0)
			return true;
	return false;
}

// Where a frame would begin if it had no tag.
static const uint8_t *untagged(const uint8_t *frame, uint32_t length) {
	return packet_vlan(frame, length) >= 0 ? frame + PACKET_TAG : frame;
}

// As it was, or if it is RTCP, with what it says of its source masked, once for each call that it crossed.
static bool is_payload(const uint8_t *payload, uint32_t length, const uint8_t *was, unsigned n_calls) {
	uint8_t text[FRAME];

	memcpy(text, was, length);
	if (rtcp_parse(text, length) == 0)
		for (; n_calls > 0 && memcmp(text, payload, length) != 0; n_calls--)
			sdes_mask(text, length, relay_worker(f->r, 0)->names);
	return memcmp(text, payload, length) == 0;
}

static void check_forwarded(
	const struct relay_packet *p, const uint8_t *was, uint32_t was_length, uint16_t from_port) {
	const uint8_t *frame = untagged(p->data, p->length);
	uint32_t length = p->length - (uint32_t)(frame - p->data);
	uint32_t udp = (uint32_t)frame[PACKET_UDP_LENGTH] << 8 | frame[PACKET_UDP_LENGTH + 1];

	CHECK(p->port != from_port || p->hairpins > 0);
	CHECK(packet_vlan(p->data, p->length) == (p->port == 0 ? VLAN : -1));
	CHECK(p->component < SESSIONS * 4);
	CHECK(length == was_length - (uint32_t)(untagged(was, was_length) - was));
	was = untagged(was, was_length);
	CHECK(p->payload + 8u == udp && p->payload + PACKET_PAYLOAD <= length);
	CHECK(fix_sum(frame + PACKET_IP, 20, 0) == 0xffff);
	CHECK(udp_holds(frame) == udp_holds(was));
	CHECK(frame[PACKET_IP_TTL] == 64 && frame[PACKET_IP] == 0x45);
	CHECK(is_media_address(frame + PACKET_IP_SOURCE, p->port));
	CHECK(packet_is_unicast(packet_load32(frame + PACKET_IP_TARGET)));
	CHECK(packet_load16(frame + PACKET_UDP_TARGET) != 0);
	CHECK((p->data[0] & 1) == 0); // no group MAC
	CHECK(memcmp(p->data + 6, f->params.port_mac[p->port], 6) == 0);
	CHECK(is_payload(frame + PACKET_PAYLOAD, p->payload, was + PACKET_PAYLOAD, 1u + p->hairpins));
	CHECK(memcmp(frame + PACKET_PAYLOAD + p->payload, was + PACKET_PAYLOAD + p->payload,
		      length - PACKET_PAYLOAD - p->payload) == 0);
}

static void burst(struct input *in, unsigned n) {
	static uint8_t rooms[RELAY_BURST][HEADROOM + FRAME + PACKET_TAG],
		was[RELAY_BURST][FRAME + PACKET_TAG];
	struct relay_packet p[RELAY_BURST];
	uint16_t ports[RELAY_BURST];
	uint32_t lengths[RELAY_BURST];

	for (unsigned i = 0; i < n; i++) {
		uint8_t how = take(in), *frame = rooms[i] + HEADROOM;

		lengths[i] = how & 1 ? raw_frame(in, frame, &ports[i]) : make_frame(in, frame, &ports[i]);
		if (how & 2)
			frame = fix_tag(frame, &lengths[i], how & 4 ? VLAN : how >> 3);
		memcpy(was[i], frame, sizeof(was[i]));
		p[i] = (struct relay_packet){.data = frame, .length = lengths[i], .port = ports[i]};
	}
	relay_worker_poll(f->w, f->now);
	relay_burst(f->w, p, n, f->now);
	relay_count(f->w, p, n);
	packets_in += n;
	for (unsigned i = 0; i < n; i++) {
		CHECK(p[i].verdict < VERDICT_COUNT && p[i].verdict != VERDICT_TX_FULL);
		CHECK((p[i].component == UINT32_MAX) == (p[i].verdict >= COMPONENT_VERDICTS));
		if (p[i].verdict == VERDICT_FORWARDED)
			check_forwarded(&p[i], was[i], lengths[i], ports[i]);
		else if (p[i].hairpins == 0)
			CHECK(memcmp(p[i].data - p[i].tag, was[i], p[i].length + p[i].tag) == 0);
	}
}

static void check_sums(void) {
	const uint64_t *verdicts = relay_worker_stats(f->w)->verdicts;
	uint64_t sum = 0;

	for (unsigned v = 0; v < STATS_VERDICTS; v++)
		sum += verdicts[v];
	CHECK(sum == packets_in);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	struct input in = {data, data + size};

	if (f == NULL) {
		f = calloc(1, sizeof(*f));
		CHECK(f != NULL);
		fix_params(f, SESSIONS);
		f->params.realms[0].vlan = VLAN;
		fix_start(f);
		CHECK(fix_hello(f, PROTO_CONTROLLER, FIX_OWNER) == 0);
	}
	put_sessions();
	while (in.next < in.end) {
		uint8_t step = take(&in);

		f->now += (uint64_t)(step >> 5) * 900000000;
		burst(&in, step % RELAY_BURST + 1);
		fix_settle(f);
	}
	check_sums();
	delete_sessions();
	return 0;
}
