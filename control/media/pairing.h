// A pairing of two parties: plain data, and the one way in which an offer or answer changes it (plan_make, pure).
#pragma once

#include "control/map.h"
#include "control/media/media.h"

enum { STREAM_MEDIA = 16 };

// What the last description of one side said of a stream.
struct stream_side {
	bool known; // there was one
	bool refused; // port 0, or nothing that we can relay
	bool held; // stopped both ways
	bool one_way; // or held: silence is no fault then
	struct endpoint signalled[2]; // RTP and RTCP
	uint64_t payload_types[2];
};

struct stream_state {
	char media[STREAM_MEDIA]; // "audio"
	struct stream_side side[2];
	struct proto_session session; // what the relay is to hold; session_id 0: none
};

struct stream {
	struct map_node node; // found by session_id, while there is one
	uint64_t session_id;
	struct stream_state now; // as the relay has taken it
	struct endpoint learnt[2][2]; // [side][component]: where the peers' packets came from
	uint32_t events[2];
};

struct party {
	uint16_t realm;
	bool nated;
	struct endpoint vouched; // address alone
	uint64_t tag; // a hash; 0: none
};

// What a pairing becomes when the relay agrees.
struct plan {
	struct party party[2];
	unsigned n;
	struct stream_state states[SDP_STREAMS_MAX];
};

// An offer or answer, from media_offer or media_answer to its result.
struct exchange {
	struct exchange *next;
	uint32_t request;
	uint8_t from;
	bool is_answer;
	struct party party[2];
	struct plan plan;
	size_t len;
	char text[];
};

struct pairing {
	uint64_t owner, call_id;
	struct party party[2];
	uint64_t origin_id[2], version[2], text_hash[2]; // of the descriptions that side i got
	bool offered, answered;
	uint8_t offered_by;
	unsigned n_streams;
	struct stream *streams[SDP_STREAMS_MAX]; // those up to n_streams, and maybe empty ones beyond

	// Machinery.
	bool ended; // media_delete was called: only the final counters are still to come
	bool busy; // the first exchange awaits the relay
	bool set_timeout; // as soon as no exchange is under way
	unsigned n_exchanges;
	struct exchange *first, *last;
	struct timer end;
};

// Silence is counted anew: by the relay, which is told so, and by us.
static inline void stream_set_timeout(struct stream *s, uint32_t ms) {
	if (s->now.session.media_timeout_ms != ms)
		for (int side = 0; side < 2; side++)
			s->events[side] &= ~(uint32_t)EVENTS_ANEW;
	s->now.session.media_timeout_ms = ms;
}

struct party pairing_party(const struct media_party *p);
// Why an exchange can't be: -EBADMSG (streams don't fit the offer or the earlier descriptions), -ENOTSUP (none that we can
// relay), -EINVAL (an answer without an offer, another realm than offered); or 0 and what the pairing becomes.
// Ids of new sessions come from *next_id.
[[nodiscard]] int plan_make(const struct config *config, const struct pairing *p, const struct exchange *x,
	const struct sdp *sdp, uint64_t *next_id, struct plan *out);
// Silence of both sides after which the call is dead, 0: never (RFC 3264 §8.4 hold, or not answered yet).
uint32_t plan_timeout_ms(const struct config *config, const struct pairing *p, const struct stream_state *s);
