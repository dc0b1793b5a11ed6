#include "control/sdp/sdp.h"

#include "control/sdp/sdp_places.h"

#include <errno.h>

// Attributes that end at us. A name with '*' stands for all that begin so.
static const char *const consumed[] = {
	"rtcp", "rtcp-mux", "rtcp-mux-only", // RTCP has its own port at each side
	"candidate", "remote-candidates", "end-of-candidates", "ice-*", // ICE ends here
	"crypto", "fingerprint", "setup", "connection", "tls-id", "key-mgmt", // keys are a leg's own
	"group", "bundle-only", // each stream has its own ports
	"altc", "ccap", "source-filter", // other addresses for the media
	"tcap", "acap", "pcfg", "acfg", // other transports for it (RFC 5939)
};

static bool name_matches(struct span name, struct span pattern) {
	if (pattern.data[pattern.len - 1] != '*')
		return span_equal_nocase(name, pattern);
	pattern.len--;
	name.len = name.len < pattern.len ? name.len : pattern.len;
	return span_equal_nocase(name, pattern);
}

// RFC 4566 has attribute names case-sensitive; a peer of the other leg may not know that.
static bool is_consumed(struct span line) {
	struct span value = {line.data + 2, line.len - 2}, name = span_trim(span_cut(&value, ':'));

	if (line.data[0] == 'k')
		return true;
	if (line.data[0] != 'a')
		return false;
	for (size_t i = 0; i < sizeof(consumed) / sizeof(consumed[0]); i++) {
		if (name_matches(name, span_of(consumed[i])))
			return true;
	}
	return false;
}

static void put_address(struct sink *out, const struct endpoint *e) {
	char text[ENDPOINT_TEXT];

	sink_text(out, e->family == IP_V6 ? "IN IP6 " : "IN IP4 ");
	sink_text(out, endpoint_is_set(e) ? endpoint_format_addr(e, text) : "0.0.0.0");
	sink_text(out, "\r\n");
}

static void put_connection(struct sink *out, const struct endpoint *e) {
	sink_text(out, "c=");
	put_address(out, e);
}

static void put_origin(struct sink *out, const struct sdp_rewrite *r) {
	sink_text(out, "o=");
	sink_span(out, r->origin_user);
	sink_format(out, " %llu %llu ", (unsigned long long)r->session_id, (unsigned long long)r->version);
	put_address(out, &r->connection);
}

// Free text, which may name a place; other lines have a form that leaves no room for one.
static bool is_text(struct span line) {
	return strchr("siuepa", line.data[0]) != NULL;
}

// Every description has a session name (RFC 4566 §5.3); no other text needs to be there.
static void put_line(const struct sdp_places *places, struct span line, struct sink *out) {
	if (is_consumed(line))
		return;
	if (!is_text(line) || !sdp_places_in(places, line))
		sink_span(out, line);
	else if (line.data[0] == 's')
		sink_text(out, "s=-");
	else
		return;
	sink_text(out, "\r\n");
}

static bool comes_before_connection(char type) {
	return strchr("vosiuep", type) != NULL;
}

static void write_session(
	const struct sdp *s, const struct sdp_rewrite *r, const struct sdp_places *places, struct sink *out) {
	bool has_connection = false;

	for (size_t i = 0; i < s->n_session_lines; i++) {
		char type = s->lines[i].data[0];

		if (!has_connection && !comes_before_connection(type)) {
			put_connection(out, &r->connection);
			has_connection = true;
		}
		if (type == 'o')
			put_origin(out, r);
		else if (type != 'c')
			put_line(places, s->lines[i], out);
	}
}

static void put_media(struct sink *out, const struct sdp_stream *stream, uint16_t port) {
	sink_text(out, "m=");
	sink_span(out, stream->media);
	sink_format(out, " %u ", port);
	sink_span(out, stream->protocol);
	sink_text(out, " ");
	sink_span(out, stream->formats);
	sink_text(out, "\r\n");
}

// A c= of its own only where the session's isn't right for it: behind i=, before all else (RFC 4566 §5). Of a stream that is
// refused only the m-line is left: the rest would speak of what nobody relays.
static void write_stream(const struct sdp *s, const struct sdp_stream *stream, const struct endpoint *ours,
	const struct endpoint *session, const struct sdp_places *places, struct sink *out) {
	bool needs_connection = endpoint_is_set(ours) && !endpoint_same_addr(ours, session);

	put_media(out, stream, ours->port);
	if (ours->port == 0)
		return;
	for (size_t i = stream->first_line; i < stream->first_line + stream->n_lines; i++) {
		char type = s->lines[i].data[0];

		if (needs_connection && type != 'i') {
			put_connection(out, ours);
			needs_connection = false;
		}
		if (type != 'c')
			put_line(places, s->lines[i], out);
	}
	if (needs_connection)
		put_connection(out, ours);
}

int sdp_write(const struct sdp *s, const struct sdp_rewrite *r, struct sink *out) {
	const struct sdp_places places = sdp_places_of(s);

	write_session(s, r, &places, out);
	for (unsigned i = 0; i < s->n_streams; i++)
		write_stream(s, &s->streams[i], &r->streams[i], &r->connection, &places, out);
	return out->overflow ? -ENOSPC : 0;
}
