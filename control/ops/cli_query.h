// One request of the CLI, and what answers it row by row: versioned JSON lines both ways.
//
//	→ {"version":1,"command":"calls","ended":true,"after":"…","limit":50,"filter":"…"}
//	← {"version":1,"type":"call",…}   any number of rows
//	← {"version":1,"type":"end","status":0}   with "after" where the limit cut the list off
#pragma once

#include "control/loop.h"
#include "control/ops/records.h"
#include "control/sip/stack.h"

#include <event2/buffer.h>
#include <jansson.h>

// What the answers are made of. All borrowed.
struct cli_sources {
	struct loop *loop;
	const struct config *config;
	struct calls *calls;
	struct media *media;
	struct sip_stack *stack;
	struct records *records;
	uint64_t started_ms; // by the loop's clock
};

enum { CLI_TEXT = 1024 };

struct cli_command;

struct cli_query {
	const struct cli_command *command; // NULL: none under way
	char id[CLI_TEXT], filter[CLI_TEXT];
	bool ended;
	uint64_t limit; // rows, 0: all
	uint64_t cursor; // where the list stands: that of its last row
	uint64_t n_rows;
};

enum cli_step {
	CLI_ROW, // one line was added to out
	CLI_SKIPPED, // looked at one that the filter leaves out
	CLI_DONE, // no more
	CLI_NOT_FOUND,
	CLI_NO_MEMORY,
};

// Read one request line. Returns 0, or -EINVAL with *wrong saying why and *q left without a command.
[[nodiscard]] int cli_query_parse(const char *line, size_t len, struct cli_query *q, const char **wrong);
// Do one small step of the query; rows are added to out. Not to be called again after DONE and the errors.
enum cli_step cli_query_step(struct cli_query *q, const struct cli_sources *s, struct evbuffer *out);
// Add the end line. status: that of the program (config/program.h); error NULL: none.
[[nodiscard]] int cli_query_end(
	const struct cli_query *q, bool cut, int status, const char *error, struct evbuffer *out);
// Add one JSON line. Owns json, which may be NULL. Returns 0 or -ENOMEM.
[[nodiscard]] int cli_query_line(json_t *json, struct evbuffer *out);
