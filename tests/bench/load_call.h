// The messages of call_load's phones: made by template from a call's number, and read only as far as a phone needs that knows
// who it talks to. Not for hostile input.
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LOAD_MESSAGE = 4096, LOAD_TARGET = 128, LOAD_TAG = 64, LOAD_MEDIA_PORT = 20000 };

enum load_party { LOAD_CALLER, LOAD_CALLEE };

// Where the phones and what lies between them are.
struct load_network {
	struct in_addr phone
		[2]; // first address of either party: its SIP (port 5060), and media with the following ones
	uint32_t n_addresses; // of media, each party
	struct sockaddr_in edge; // where callers send requests to
};

struct load_call {
	uint32_t index, turn; // the number dialled, and how often it was
	uint64_t invited_ns; // CLOCK_REALTIME
	bool is_answered, is_ended, has_arrived;
	char target[LOAD_TARGET]; // Contact of the answer
	char to_tag[LOAD_TAG];
	struct sockaddr_in media[2]; // what the other side was told to send to, of either party
};

// A party's own RTP endpoint in its SDP.
struct sockaddr_in load_call_media(
	const struct load_network *n, const struct load_call *c, enum load_party party);

// Each writes a message of the caller and returns its length.
size_t load_call_invite(
	const struct load_network *n, const struct load_call *c, char out[static LOAD_MESSAGE]);
size_t load_call_ack(const struct load_network *n, const struct load_call *c, char out[static LOAD_MESSAGE]);
size_t load_call_bye(const struct load_network *n, const struct load_call *c, char out[static LOAD_MESSAGE]);
// The callee's 200 to a request, which it repeats what must be from. offer: the INVITE of call c, answered with SDP; else NULL.
size_t load_call_answer(const struct load_network *n, const struct load_call *c, const char *request,
	char out[static LOAD_MESSAGE]);

// The value of a header by its full name, up to its line's end; NULL: it has none. Message: NUL-terminated.
const char *load_call_header(const char *message, const char *name, size_t *len);
// The number that a message is about, by the caller's Call-ID or the callee's Request-URI. Returns false if it has none.
bool load_call_index(const char *message, uint32_t *index, uint32_t *turn);
// Keep what an answer to the INVITE says (target, tag); false: it lacks one.
bool load_call_learn(struct load_call *c, const char *answer);
// Where a message's SDP wants media; port 0: it has none.
struct sockaddr_in load_call_sdp_media(const char *message);
