#include "control/sdp/sdp.h"

#include <arpa/inet.h>
#include <errno.h>

// A c= line, or the address part of a=rtcp.
struct connection {
	unsigned n; // how many were seen
	bool usable; // plain IPv4, unicast or 0.0.0.0
	struct endpoint address;
};

// What is known of the section (the session or one m-line) that is being read.
struct section {
	struct connection connection;
	bool has_direction;
	enum sdp_direction direction;
	struct span rtcp; // value of a=rtcp
};

bool sdp_is_hold_address(const struct endpoint *e) {
	return e->family == IP_V4 && endpoint_v4_addr_be(e) == 0;
}

// NUL and a lone CR would let one reader see other lines than the next.
static bool is_clean(struct span line) {
	return line.len == 0 ||
		(memchr(line.data, '\0', line.len) == NULL && memchr(line.data, '\r', line.len) == NULL);
}

static bool has_type(struct span line, char type) {
	return line.data[0] == type;
}

static struct span value_of(struct span line) {
	return (struct span){line.data + 2, line.len - 2};
}

// Cut into lines. Empty lines are tolerated at the end only.
static int split_lines(struct span text, struct sdp *out) {
	bool ended = false;

	while (!span_is_empty(text)) {
		struct span line = span_cut(&text, '\n');

		if (line.len > 0 && line.data[line.len - 1] == '\r')
			line.len--;
		if (span_is_empty(line)) {
			ended = true;
			continue;
		}
		if (ended || line.len < 2 || line.data[1] != '=' || line.data[0] < 'a' ||
			line.data[0] > 'z' || !is_clean(line))
			return -EBADMSG;
		if (out->n_lines == SDP_LINES_MAX)
			return -E2BIG;
		out->lines[out->n_lines++] = line;
	}
	return 0;
}

static unsigned count_words(struct span s) {
	unsigned n = 0;

	while (!span_is_empty(s))
		n += span_is_empty(span_cut(&s, ' ')) ? 0 : 1;
	return n;
}

// RFC 4566 §5.7: "IN IP4 192.0.2.1". Names, IPv6, multicast with its /ttl and the reserved blocks are legal, but not
// addresses that we can relay to. Returns -EBADMSG when it isn't a connection at all.
static int parse_connection(struct span value, struct connection *out) {
	struct span net = span_cut(&value, ' '), type = span_cut(&value, ' '), address = span_trim(value);
	struct endpoint e;
	uint8_t first;

	if (span_is_empty(net) || span_is_empty(type) || count_words(address) != 1)
		return -EBADMSG;
	out->n++;
	out->usable = false;
	if (!span_equal_nocase(net, span_of("IN")) || !span_equal_nocase(type, span_of("IP4")) ||
		endpoint_parse(address.data, address.len, 0, &e) < 0 || e.family != IP_V4)
		return 0;
	first = (uint8_t)(ntohl(endpoint_v4_addr_be(&e)) >> 24);
	if (first >= 224 || (first == 0 && !sdp_is_hold_address(&e)))
		return 0;
	out->usable = true;
	out->address = e;
	return 0;
}

static bool parse_direction(struct span attribute, enum sdp_direction *out) {
	static const char *const names[] = {
		[SDP_SENDRECV] = "sendrecv",
		[SDP_SENDONLY] = "sendonly",
		[SDP_RECVONLY] = "recvonly",
		[SDP_INACTIVE] = "inactive",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!span_equal(attribute, span_of(names[i])))
			continue;
		*out = (enum sdp_direction)i;
		return true;
	}
	return false;
}

static void read_attribute(struct span value, struct section *out) {
	struct span rest = value, name = span_cut(&rest, ':');

	if (parse_direction(span_trim(value), &out->direction))
		out->has_direction = true;
	else if (span_equal_nocase(name, span_of("rtcp")))
		out->rtcp = rest;
}

static int read_section(const struct span *lines, size_t n, struct section *out) {
	for (size_t i = 0; i < n; i++) {
		if (has_type(lines[i], 'a')) {
			read_attribute(value_of(lines[i]), out);
		} else if (has_type(lines[i], 'c')) {
			// Two of one section are for layered multicast only.
			if (out->connection.n > 0 ||
				parse_connection(value_of(lines[i]), &out->connection) < 0)
				return -EBADMSG;
		}
	}
	return 0;
}

static void read_formats(struct sdp_stream *s) {
	struct span rest = s->formats;
	uint64_t n;

	while (!span_is_empty(rest)) {
		struct span format = span_cut(&rest, ' ');

		if (span_is_empty(format))
			continue;
		if (span_to_u64(format, 127, &n) < 0) {
			s->payload_types[0] = s->payload_types[1] = 0;
			return;
		}
		s->payload_types[n / 64] |= 1ull << (n % 64);
	}
}

// RFC 4566 §5.14: media SP port ["/" number of ports] SP proto 1*(SP fmt).
static int parse_media(struct span value, struct sdp_stream *out) {
	struct span ports, number;
	uint64_t port, n_ports = 1;

	out->media = span_cut(&value, ' ');
	ports = span_cut(&value, ' ');
	out->protocol = span_cut(&value, ' ');
	out->formats = span_trim(value);
	number = span_cut(&ports, '/');
	if (span_is_empty(out->media) || span_is_empty(out->protocol) || span_is_empty(out->formats) ||
		span_to_u64(number, UINT16_MAX, &port) < 0)
		return -EBADMSG;
	if (ports.data != number.data + number.len &&
		(span_to_u64(ports, UINT16_MAX, &n_ports) < 0 || n_ports == 0))
		return -EBADMSG;
	out->port = (uint16_t)port;
	// Several ports are layers of one stream: a relay of one pair can't carry them.
	out->relayable = port > 0 && n_ports == 1 &&
		(span_equal_nocase(out->protocol, span_of("RTP/AVP")) ||
			span_equal_nocase(out->protocol, span_of("RTP/AVPF")));
	read_formats(out);
	return 0;
}

// RFC 3605: a=rtcp:port [nettype addrtype address]. One that can't be read is as none.
static struct endpoint rtcp_endpoint(struct span attribute, const struct endpoint *rtp) {
	struct span rest = attribute, number = span_cut(&rest, ' ');
	struct connection at = {0};
	struct endpoint e = *rtp;
	uint64_t port;

	if (span_is_empty(attribute) || span_to_u64(number, UINT16_MAX, &port) < 0) {
		if (rtp->port == UINT16_MAX)
			return (struct endpoint){0};
		e.port++;
		return e;
	}
	if (!span_is_empty(rest)) {
		if (parse_connection(rest, &at) < 0 || !at.usable)
			return (struct endpoint){0};
		e = at.address;
	}
	e.port = (uint16_t)port;
	return port == 0 ? (struct endpoint){0} : e;
}

static int place_stream(const struct section *own, const struct section *session, struct sdp_stream *s) {
	const struct connection *at = own->connection.n > 0 ? &own->connection : &session->connection;

	s->direction = own->has_direction ? own->direction : session->direction;
	s->held = s->direction == SDP_INACTIVE;
	if (s->port > 0 && at->n == 0)
		return -EBADMSG;
	s->relayable = s->relayable && at->usable;
	if (!s->relayable)
		return 0;
	s->rtp = at->address;
	s->rtp.port = s->port;
	s->rtcp = rtcp_endpoint(own->rtcp, &s->rtp);
	s->held = s->held || sdp_is_hold_address(&s->rtp);
	return 0;
}

// From the m-line at *line to the next one.
static int read_stream(struct sdp *d, const struct section *session, size_t *line) {
	struct sdp_stream *s = &d->streams[d->n_streams];
	struct section own = {0};
	size_t end = *line + 1;

	if (d->n_streams == SDP_STREAMS_MAX)
		return -E2BIG;
	if (parse_media(value_of(d->lines[*line]), s) < 0)
		return -EBADMSG;
	while (end < d->n_lines && !has_type(d->lines[end], 'm')) {
		if (strchr("vost", d->lines[end].data[0]) != NULL)
			return -EBADMSG; // a second description
		end++;
	}
	s->first_line = *line + 1;
	s->n_lines = end - s->first_line;
	*line = end;
	if (read_section(&d->lines[s->first_line], s->n_lines, &own) < 0 ||
		place_stream(&own, session, s) < 0)
		return -EBADMSG;
	d->n_streams++;
	return 0;
}

// v=0 first, one o= of six words, one s=, at least one t=. Their order is left to taste: nothing depends on it.
static int check_session(const struct sdp *d) {
	unsigned n[26] = {0};

	if (d->n_lines == 0 || !span_equal(d->lines[0], span_of("v=0")))
		return -EBADMSG;
	for (size_t i = 0; i < d->n_session_lines; i++) {
		n[d->lines[i].data[0] - 'a']++;
		if (has_type(d->lines[i], 'o') && count_words(value_of(d->lines[i])) != 6)
			return -EBADMSG;
	}
	return n['v' - 'a'] == 1 && n['o' - 'a'] == 1 && n['s' - 'a'] == 1 && n['t' - 'a'] > 0 ? 0 : -EBADMSG;
}

int sdp_parse(struct span text, struct sdp *out) {
	struct section session = {0};
	size_t line = 0;
	int ret;

	if (text.len > SDP_MAX_BYTES)
		return -E2BIG;
	*out = (struct sdp){0};
	ret = split_lines(text, out);
	if (ret < 0)
		return ret;
	while (line < out->n_lines && !has_type(out->lines[line], 'm'))
		line++;
	out->n_session_lines = line;
	if (check_session(out) < 0 || read_section(out->lines, line, &session) < 0)
		return -EBADMSG;
	if (session.connection.usable)
		out->connection = session.connection.address;
	while (line < out->n_lines && ret == 0)
		ret = read_stream(out, &session, &line);
	return ret;
}
