// What the files of the stack share: the transactions, where they are found, and what they do alike.
#pragma once

#include "config/log.h"
#include "relay/keyed_hash.h"
#include "control/map.h"
#include "control/pool.h"
#include "control/sip/client_transaction.h"
#include "control/sip/head.h"
#include "control/sip/server_transaction.h"
#include "control/sip/stack.h"
#include "control/sip/transport.h"

enum {
	DATAGRAM_MAX = 65507, // of UDP over IPv4
	TAG_MAX = 128, // of the user's tags
	DESTINATION_KEY = 24,
};

struct client {
	enum sip_method method;
	uint64_t cancel; // of an INVITE: its CANCEL
	char *reason; // owned: the Reason of a CANCEL to come
	struct map_node unanswered; // in sip_stack.unanswered until something is heard
	char destination[DESTINATION_KEY];
};

struct server {
	struct head head;
	struct endpoint reply_to;
	bool is_cancelled;
	char tag[TAG_MAX + 1]; // ours, once known; empty: none yet, or the request had it
	struct map_node match, merge, accepted;
};

struct transaction {
	uint64_t handle, owner; // owner 0: nobody to report to
	bool is_server, is_invite, is_nated;
	uint8_t state; // enum client_state, enum server_state
	struct flow flow; // client: where to; server: where from
	struct config_timers timers;
	struct timer again, end;
	int again_ms;
	char *text; // owned. client: the request; server: the last response, behind it the key of `accepted`
	size_t len;
	union {
		struct client client;
		struct server server;
	};
};

struct resolver;

struct sip_stack {
	struct loop *loop;
	const struct config *config;
	struct tokens *tokens;
	struct sip_user user;
	struct transport transport;
	struct resolver *resolver;

	struct pool *transactions;
	uint32_t max_transactions;
	uint32_t max_to_accept; // with more, requests are refused: the rest is for our own
	int longest_proceeding_ms; // a user that never answers, a callee that rings for ever; longer than any call
	struct map *servers; // by match_server_key
	struct map *merges; // by match_merge_key
	struct map *accepted; // INVITE servers with a 2xx, by match_ack_key
	struct map *unanswered; // clients, by destination
	struct keyed_hash *tags; // of stateless responses
	uint64_t n_acks; // makes the branches of 2xx's ACKs differ

	uint64_t second; // of the gate for stateless responses
	uint32_t n_stateless;
	struct log_gate malformed_gate;

	uint64_t counters[SIP_COUNTERS], faults[SIP_FAULT_KINDS];
	struct sip_msg received; // the datagram at hand
	struct sip_msg own; // a request of ours, read again
	char scratch[SIP_MESSAGE_MAX]; // a head
	char out[SIP_MESSAGE_MAX]; // a message to be sent
};

// stack.c
// As sip_stack_create, over any transport. Takes it: closes it in the end, not on failure.
[[nodiscard]] int stack_create(struct loop *loop, const struct config *config, struct tokens *tokens,
	const struct sip_user *user, const struct transport *transport, struct sip_stack **out);
struct transport_user stack_transport_user(struct sip_stack *s);
void stack_count(struct sip_stack *s, enum sip_counter c);
void stack_send(struct sip_stack *s, const struct flow *to, struct span text, uint64_t ref);
// All peers of this flow's realm are behind NATs, so that nothing in a request of theirs says where they are.
bool stack_answers_at_source(const struct sip_stack *s, const struct flow *from);

// transaction.c
// NULL: all are taken or memory is out.
struct transaction *transaction_create(struct sip_stack *s, bool is_server, const struct flow *flow,
	const struct config_timers *timers, uint64_t owner);
void transaction_destroy(struct sip_stack *s, struct transaction *t);
struct transaction *transaction_find(struct sip_stack *s, uint64_t handle, bool is_server);
// Replace the text by a copy. Returns 0, -ENOMEM or -EMSGSIZE (no datagram can hold it, or the sink overflowed).
[[nodiscard]] int transaction_keep(struct transaction *t, const struct sink *text);
void transaction_send(struct sip_stack *s, struct transaction *t, const struct flow *to);
void transaction_again(struct sip_stack *s, struct transaction *t, int ms);
void transaction_end_in(struct sip_stack *s, struct transaction *t, int ms);

// client.c, server.c
void client_clear(struct sip_stack *s, struct transaction *t);
bool client_event(struct sip_stack *s, struct transaction *t, enum client_event event,
	const struct sip_msg *m, const struct flow *from);
void client_on_response(struct sip_stack *s, const struct sip_msg *m, const struct flow *from);
// A quoted datagram of ours couldn't be delivered to its destination.
void client_on_icmp(struct sip_stack *s, const struct flow *to, struct span quoted);

void server_clear(struct sip_stack *s, struct transaction *t);
bool server_event(struct sip_stack *s, struct transaction *t, enum server_event event,
	const struct sip_msg *ack, const struct flow *from);
void server_on_request(struct sip_stack *s, const struct sip_msg *m, const struct flow *from);

// stateless.c: answers without a transaction, at a limited rate. headers: complete lines.
void stateless_answer(struct sip_stack *s, const struct sip_msg *m, const struct flow *from, unsigned status,
	struct span headers);
