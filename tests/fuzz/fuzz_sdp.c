// What sdp_write makes of a description parses again, has as many streams with the same formats, and names no connection
// address but ours, nor any other place of its author's. Writing what was written changes nothing more.
#include "control/sdp/sdp_places.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct endpoint ours(unsigned i) {
	struct endpoint e = {
		.family = IP_V4, .addr = {198, 51, 100, (uint8_t)(i + 1)}, .port = (uint16_t)(16384 + 2 * i)};

	return e;
}

static bool has_our_address(struct span value) {
	struct endpoint e;

	for (int i = 0; i < 5; i++)
		span_cut(&value, ' ');
	if (endpoint_parse(value.data, value.len, 0, &e) < 0)
		return false;
	return e.addr[0] == 198 && e.addr[1] == 51 && e.addr[2] == 100;
}

static void check_places(const struct sdp *before, const struct sdp *after) {
	const struct sdp_places places = sdp_places_of(before);

	for (size_t i = 0; i < after->n_lines; i++)
		assert(strchr("siuepa", after->lines[i].data[0]) == NULL ||
			!sdp_places_in(&places, after->lines[i]));
}

static void check_written(const struct sdp *before, const struct sdp *after) {
	assert(after->n_streams == before->n_streams);
	assert(endpoint_is_set(&after->connection) && after->connection.addr[0] == 198);
	for (size_t i = 0; i < after->n_lines; i++)
		assert(after->lines[i].data[0] != 'o' || has_our_address(after->lines[i]));
	for (unsigned i = 0; i < after->n_streams; i++) {
		const struct sdp_stream *a = &before->streams[i], *b = &after->streams[i];
		struct endpoint want = ours(i / 2);

		assert(span_equal(a->media, b->media) && span_equal(a->protocol, b->protocol));
		assert(span_equal(a->formats, b->formats));
		assert(a->relayable == b->relayable);
		assert(a->direction == b->direction ||
			!a->relayable); // of one that is refused nothing is said
		assert(memcmp(a->payload_types, b->payload_types, sizeof(a->payload_types)) == 0);
		assert(b->port == (a->relayable ? want.port : 0));
		if (!b->relayable)
			continue;
		assert(endpoint_equal(&b->rtp, &want) && endpoint_same_addr(&b->rtcp, &want));
		assert(b->rtcp.port == b->rtp.port + 1);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	static char text[2][SDP_WRITTEN_MAX];
	static struct sdp before, after;
	struct sdp_rewrite r = {
		.origin_user = span_of("kedge"), .session_id = 1, .version = 1, .connection = ours(0)};
	struct sink out = sink_over(text[0], sizeof(text[0])), again = sink_over(text[1], sizeof(text[1]));

	if (sdp_parse((struct span){(const char *)data, size}, &before) < 0)
		return 0;
	if (memmem(data, size, "198.51.100.", 11) != NULL)
		return 0; // it knows our places
	for (unsigned i = 0; i < before.n_streams; i++) {
		if (before.streams[i].relayable)
			r.streams[i] =
				ours(i / 2); // pairs share an address: with and without a c= of their own
	}
	assert(sdp_write(&before, &r, &out) == 0);
	if (out.len > SDP_MAX_BYTES)
		return 0;
	assert(sdp_parse(sink_result(&out), &after) == 0);
	check_written(&before, &after);
	check_places(&before, &after);
	assert(sdp_write(&after, &r, &again) == 0);
	assert(span_equal(sink_result(&out), sink_result(&again)));
	return 0;
}
