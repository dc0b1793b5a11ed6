#include "control/ops/story.h"

#include "control/ops/print.h"

#include <inttypes.h>
#include <string.h>

enum { INDENT = 16 };

static void head(FILE *out, const char *name) {
	fprintf(out, "  %-*s", INDENT, name);
}

static void put(FILE *out, const json_t *from, const char *path) {
	char text[PRINT_TEXT];

	fputs(print_value(print_find(from, path), text), out);
}

static void put_line(FILE *out, const char *name, const json_t *from, const char *path) {
	head(out, name);
	put(out, from, path);
	fputc('\n', out);
}

static bool has(const json_t *from, const char *path) {
	const json_t *value = print_find(from, path);

	return value != NULL && !json_is_null(value);
}

static void put_ms(FILE *out, const json_t *from, const char *path) {
	char text[PRINT_DURATION];

	fputs(print_duration(print_find_u64(from, path), text), out);
}

// ---- head ----

static void print_head(FILE *out, const json_t *call) {
	fputs("call ", out);
	put(out, call, "id");
	fputs("  ", out);
	put(out, call, "state");
	fputs("  from ", out);
	put(out, call, "from");
	fputs(" to ", out);
	put(out, call, "to");
	fputs("\n", out);
	head(out, "created");
	put(out, call, "created");
	if (!has(call, "ended")) {
		fputs(", ", out);
		put_ms(out, call, "age_ms");
		fputs(" ago", out);
	}
	fputc('\n', out);
	head(out, "times");
	fputs("setup ", out);
	put_ms(out, call, "setup_ms");
	fputs("  ringing ", out);
	put_ms(out, call, "ring_ms");
	fputs("  talking ", out);
	put_ms(out, call, "talk_ms");
	fputs("\n", out);
}

static void print_end(FILE *out, const json_t *call) {
	if (!has(call, "end_cause") && !has(call, "ended"))
		return;
	head(out, has(call, "ended") ? "ended" : "ending");
	put(out, call, "end_cause");
	fputs(" by ", out);
	put(out, call, "end_by");
	if (print_find_u64(call, "status") != 0)
		fprintf(out, ", caller was answered %" PRIu64, print_find_u64(call, "status"));
	if (has(call, "ended")) {
		fputs(", ", out);
		put(out, call, "ended");
	}
	fputc('\n', out);
}

// ---- legs and branches ----

static void print_flow(FILE *out, const json_t *leg) {
	head(out, "flow");
	put(out, leg, "flow.transport");
	fputs(" ", out);
	put(out, leg, "flow.remote");
	fputs(json_is_true(print_find(leg, "nated")) ? " (behind NAT) at " : " at ", out);
	put(out, leg, "flow.listener");
	fputc('\n', out);
}

static void print_dialog(FILE *out, const json_t *leg) {
	head(out, "dialog");
	put(out, leg, "dialog");
	fputs(", offer/answer ", out);
	put(out, leg, "offer_answer");
	fputs(", CSeq ours ", out);
	put(out, leg, "local_cseq");
	fputs(" theirs ", out);
	put(out, leg, "remote_cseq");
	fputc('\n', out);
	head(out, "tags");
	fputs("ours ", out);
	put(out, leg, "local_tag");
	fputs("  theirs ", out);
	put(out, leg, "remote_tag");
	fputc('\n', out);
}

static void print_leg(FILE *out, const json_t *leg) {
	fputc('\n', out);
	put(out, leg, "side");
	fputs("  realm ", out);
	put(out, leg, "realm");
	if (has(leg, "trunk")) {
		fputs("  trunk ", out);
		put(out, leg, "trunk");
	}
	fputc('\n', out);
	put_line(out, "they are", leg, "remote_uri");
	put_line(out, "we are", leg, "local_uri");
	put_line(out, "Call-ID", leg, "call_id");
	print_dialog(out, leg);
	print_flow(out, leg);
	if (has(leg, "remote_target"))
		put_line(out, "contact", leg, "remote_target");
	if (has(leg, "route_set"))
		put_line(out, "route set", leg, "route_set");
}

static void print_branch(FILE *out, size_t index, const json_t *branch) {
	fprintf(out, "  %zu. ", index + 1);
	put(out, branch, has(branch, "trunk") ? "trunk" : "request_uri");
	fputs(" at ", out);
	put(out, branch, "target");
	fputs(": ", out);
	put(out, branch, "usage");
	if (print_find_u64(branch, "status") != 0)
		fprintf(out, ", last response %" PRIu64, print_find_u64(branch, "status"));
	fputc('\n', out);
	if (has(branch, "trunk")) {
		fputs("     ", out);
		put(out, branch, "request_uri");
		fputc('\n', out);
	}
}

// ---- media ----

static void print_drops(FILE *out, const json_t *component) {
	const char *name, *before = "  dropped: ";
	json_t *value;

	json_object_foreach(print_find(component, "drops"), name, value) {
		char key[64];

		fprintf(out, "%s%s %" JSON_INTEGER_FORMAT, before, print_escape(name, key, sizeof(key)),
			json_integer_value(value));
		before = ", ";
	}
}

static void print_packets(FILE *out, const json_t *component, const char *ago) {
	head(out, "");
	put(out, component, "forwarded_packets");
	fputs(" packets in and on (", out);
	put(out, component, "forwarded_bytes");
	fputs(" bytes)", out);
	if (has(component, "last_packet_age_ms")) {
		fputs(", last ", out);
		put_ms(out, component, "last_packet_age_ms");
		fputs(ago, out);
	} else {
		fputs(", none yet", out);
	}
	print_drops(out, component);
	fputc('\n', out);
}

static void print_next_hop(FILE *out, const json_t *component) {
	head(out, "");
	fputs("next hop ", out);
	put(out, component, "next_hop.address");
	fputs(" ", out);
	put(out, component, "next_hop.mac");
	fputs(" ", out);
	put(out, component, "next_hop.state");
	fputc('\n', out);
}

static bool learns(const json_t *side) {
	const char *latch = print_find_text(side, "latch");

	return latch != NULL && (strcmp(latch, "address") == 0 || strcmp(latch, "any") == 0);
}

static void print_component(FILE *out, const json_t *side, const json_t *component, const char *ago) {
	bool rtp = strcmp(print_find_text(component, "component") == NULL
				   ? ""
				   : print_find_text(component, "component"),
			   "rtp") == 0;

	head(out, rtp ? "  RTP" : "  RTCP");
	fputs("SDP said ", out);
	put(out, component, "signalled");
	fputs(", learnt ", out);
	put(out, component, "learnt");
	if (json_is_true(print_find(component, "differs")))
		fputs("  (differs)", out);
	fputs(", latch ", out);
	put(out, side, "latch");
	if (json_is_true(print_find(component, "latched")))
		fputs(", latched", out);
	else if (learns(side))
		fputs(", not latched", out);
	fputc('\n', out);
	print_packets(out, component, ago);
	if (has(component, "next_hop"))
		print_next_hop(out, component);
}

static bool is_used(const json_t *component) {
	return strcmp(print_find_text(component, "component") == NULL
			       ? ""
			       : print_find_text(component, "component"),
		       "rtp") == 0 ||
		has(component, "last_packet_age_ms") || print_find_u64(component, "dropped_packets") > 0;
}

static void print_side(FILE *out, const json_t *side, const char *ago) {
	const json_t *components = print_find(side, "components");
	json_t *component;
	size_t i;

	fputs("  ", out);
	put(out, side, "side");
	fputs(" <-> our ", out);
	put(out, side, "local");
	fputs(" in ", out);
	put(out, side, "realm");
	fputc('\n', out);
	json_array_foreach(components, i, component) {
		if (is_used(component))
			print_component(out, side, component, ago);
	}
}

static void print_diagnosis(FILE *out, const json_t *session) {
	const json_t *lines = print_find(session, "diagnosis");
	json_t *line;
	size_t i;

	json_array_foreach(lines, i, line) {
		char text[PRINT_TEXT];

		fprintf(out, "  %s %s\n", i == 0 ? "=>" : "  ", print_value(line, text));
	}
}

static const char *media_of(const json_t *call, const json_t *session, char buf[static PRINT_TEXT]) {
	const char *id = print_find_text(session, "session_id"), *its;
	const json_t *streams = print_find(call, "streams");
	json_t *stream;
	size_t i;

	json_array_foreach(streams, i, stream) {
		its = print_find_text(stream, "session_id");
		if (id != NULL && its != NULL && strcmp(id, its) == 0)
			return print_value(print_find(stream, "media"), buf);
	}
	return "media";
}

static void print_session(FILE *out, const json_t *call, const json_t *session) {
	const json_t *sides = print_find(session, "sides");
	const char *ago = has(call, "ended") ? " before the end" : " ago";
	char media[PRINT_TEXT];
	json_t *side;
	size_t i;

	fprintf(out, "\n%s, session ", media_of(call, session, media));
	put(out, session, "session_id");
	fputc('\n', out);
	print_diagnosis(out, session);
	json_array_foreach(sides, i, side) {
		print_side(out, side, ago);
	}
}

// What signalling knows when the relay could not be asked.
static void print_stream(FILE *out, const json_t *stream) {
	const json_t *sides = print_find(stream, "sides");
	json_t *side;
	size_t i;

	fputc('\n', out);
	put(out, stream, "media");
	fputs(", session ", out);
	put(out, stream, "session_id");
	fputs(json_is_true(print_find(stream, "held")) ? ", held\n" : "\n", out);
	json_array_foreach(sides, i, side) {
		fputs("  ", out);
		put(out, side, "side");
		fputs(" <-> our ", out);
		put(out, side, "local");
		fputs(", SDP said ", out);
		put(out, side, "signalled_rtp");
		fputc('\n', out);
	}
}

void story_print(FILE *out, const json_t *call) {
	const json_t *legs = print_find(call, "legs"), *branches = print_find(call, "branches");
	const json_t *sessions = print_find(call, "sessions"), *streams = print_find(call, "streams");
	json_t *item;
	size_t i;

	print_head(out, call);
	print_end(out, call);
	json_array_foreach(legs, i, item) {
		print_leg(out, item);
	}
	fputs("\nbranches\n", out);
	json_array_foreach(branches, i, item) {
		print_branch(out, i, item);
	}
	json_array_foreach(sessions, i, item) {
		print_session(out, call, item);
	}
	if (sessions == NULL) {
		json_array_foreach(streams, i, item) {
			print_stream(out, item);
		}
	}
}
