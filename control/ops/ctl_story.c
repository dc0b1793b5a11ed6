// `call ID`: the story of one call. Control tells the signalling; what the packets of a live call do is asked of the relay
// and put beside it, in the shape in which an ended call's record has it already. Printed from the merged JSON, so
// that people and programs see the same.
#include "control/ops/ctl.h"

#include "control/ops/diagnosis_json.h"
#include "control/ops/row.h"
#include "control/ops/story.h"

#include <stdlib.h>
#include <string.h>

struct merge {
	json_t *call; // NULL: control has not found it
	json_t *sessions;
	bool no_memory;
};

static bool keep_call(void *ctx, const json_t *row) {
	struct merge *m = ctx;

	m->call = json_deep_copy(row);
	m->no_memory = m->call == NULL;
	return false;
}

// The stream that a session carries, NULL if control doesn't know.
static const json_t *stream_of(const json_t *call, uint64_t session_id) {
	const json_t *streams = print_find(call, "streams");
	char id[ROW_ID_TEXT];
	json_t *stream;
	size_t i;

	row_format_id(session_id, id);
	json_array_foreach(streams, i, stream) {
		const char *its = print_find_text(stream, "session_id");

		if (its != NULL && strcmp(its, id) == 0)
			return stream;
	}
	return NULL;
}

static bool add_session(void *ctx, const struct proto_session_state *state) {
	struct merge *m = ctx;
	struct diagnosis_session input = {
		.state = state,
		.held = json_is_true(print_find(stream_of(m->call, state->wanted.session_id), "held")),
		.answered = print_find_text(m->call, "answered") != NULL,
	};

	if (json_array_append_new(m->sessions, diagnosis_json(&input)) < 0)
		m->no_memory = true;
	return !m->no_memory;
}

// Returns enum exit_status; without the relay the story is told without its packets.
static int ask_relay(const struct ctl *c, struct merge *m) {
	const char *id = print_find_text(m->call, "id");
	struct relay_observer *o;
	int status = ctl_open_relay(c, &o), ret;

	if (status != EXIT_OK)
		return status;
	m->sessions = json_array();
	m->no_memory = m->sessions == NULL;
	ret = m->no_memory || id == NULL ? 0 : relay_observer_list(o, strtoull(id, NULL, 16), add_session, m);
	relay_observer_close(o);
	if (ret < 0)
		status = ctl_relay_failed(c, ret);
	if (m->sessions != NULL && json_object_set(m->call, "sessions", m->sessions) < 0)
		m->no_memory = true;
	json_decref(m->sessions);
	return status;
}

static json_t *call_request(const char *id) {
	json_t *request = json_object(), *text = json_string(id);

	if (json_object_set_new(request, "command", json_string("call")) == 0 &&
		json_object_set_new(request, "id", text) == 0)
		return request;
	json_decref(request);
	return NULL;
}

int ctl_call(struct ctl *c) {
	struct merge m = {0};
	json_t *request = call_request(c->argument);
	int status;

	if (request == NULL)
		return ctl_fail(c, EXIT_REFUSED, "%s: not found", "an id that is not UTF-8");
	status = ctl_ask(c, request, keep_call, &m);
	if (status == EXIT_OK && m.call != NULL && print_find(m.call, "sessions") == NULL)
		status = ask_relay(c, &m);
	if (m.no_memory) {
		status = ctl_fail(c, EXIT_REFUSED, "out of memory");
	} else if (m.call != NULL && c->json) {
		print_json(c->out, m.call);
	} else if (m.call != NULL) {
		story_print(c->out, m.call);
	}
	json_decref(m.call);
	return status;
}
