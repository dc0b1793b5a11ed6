#include "tests/bench/load_call.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *text_of(struct in_addr a, char out[static INET_ADDRSTRLEN]) {
	inet_ntop(AF_INET, &a, out, INET_ADDRSTRLEN);
	return out;
}

struct sockaddr_in load_call_media(
	const struct load_network *n, const struct load_call *c, enum load_party party) {
	struct sockaddr_in s = {.sin_family = AF_INET};

	s.sin_addr.s_addr = htonl(ntohl(n->phone[party].s_addr) + c->index % n->n_addresses);
	s.sin_port = htons((uint16_t)(LOAD_MEDIA_PORT + 2 * (c->index / n->n_addresses)));
	return s;
}

static size_t add_sdp(const struct load_network *n, const struct load_call *c, enum load_party party,
	char *out, size_t used) {
	const struct sockaddr_in media = load_call_media(n, c, party);
	char address[INET_ADDRSTRLEN], sdp[512];
	int len;

	text_of(media.sin_addr, address);
	len = snprintf(sdp, sizeof(sdp),
		"v=0\r\no=- 1 1 IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\nm=audio %u RTP/AVP 0 8 101\r\n"
		"a=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\n"
		"a=fmtp:101 0-16\r\na=ptime:20\r\na=sendrecv\r\n",
		address, address, ntohs(media.sin_port));
	return used +
		(size_t)snprintf(out + used, LOAD_MESSAGE - used,
			"Content-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%s", len, sdp);
}

static size_t add_no_body(char *out, size_t used) {
	return used + (size_t)snprintf(out + used, LOAD_MESSAGE - used, "Content-Length: 0\r\n\r\n");
}

// What all the caller's requests begin with. The branch is the transaction's: an ACK of a 2xx has its own.
static size_t begin(const struct load_network *n, const struct load_call *c, const char *method,
	const char *target, unsigned cseq, char *out) {
	char address[INET_ADDRSTRLEN];

	text_of(n->phone[LOAD_CALLER], address);
	return (size_t)snprintf(out, LOAD_MESSAGE,
		"%s %s SIP/2.0\r\nVia: SIP/2.0/UDP %s:5060;branch=z9hG4bK-%u-%u-%s\r\nMax-Forwards: 70\r\n"
		"From: <sip:load@%s>;tag=a%u\r\nTo: <sip:1%08u@kedge>%s%s\r\nCall-ID: %u-%u@%s\r\nCSeq: %u %s\r\n",
		method, target, address, c->index, c->turn, method, address, c->turn, c->index,
		c->to_tag[0] != '\0' ? ";tag=" : "", c->to_tag, c->index, c->turn, address, cseq, method);
}

size_t load_call_invite(
	const struct load_network *n, const struct load_call *c, char out[static LOAD_MESSAGE]) {
	char address[INET_ADDRSTRLEN], target[LOAD_TARGET];
	size_t used;

	snprintf(target, sizeof(target), "sip:1%08u@%s:%u", c->index, text_of(n->edge.sin_addr, address),
		ntohs(n->edge.sin_port));
	used = begin(n, c, "INVITE", target, 1, out);
	used += (size_t)snprintf(out + used, LOAD_MESSAGE - used, "Contact: <sip:load@%s:5060>\r\n",
		text_of(n->phone[LOAD_CALLER], address));
	return add_sdp(n, c, LOAD_CALLER, out, used);
}

size_t load_call_ack(const struct load_network *n, const struct load_call *c, char out[static LOAD_MESSAGE]) {
	return add_no_body(out, begin(n, c, "ACK", c->target, 1, out));
}

size_t load_call_bye(const struct load_network *n, const struct load_call *c, char out[static LOAD_MESSAGE]) {
	return add_no_body(out, begin(n, c, "BYE", c->target, 2, out));
}

static size_t copy_header(const char *request, const char *name, const char *more, char *out, size_t used) {
	size_t len = 0;
	const char *value = load_call_header(request, name, &len);

	if (value == NULL)
		return used;
	return used +
		(size_t)snprintf(
			out + used, LOAD_MESSAGE - used, "%s: %.*s%s\r\n", name, (int)len, value, more);
}

size_t load_call_answer(const struct load_network *n, const struct load_call *c, const char *request,
	char out[static LOAD_MESSAGE]) {
	size_t used = (size_t)snprintf(out, LOAD_MESSAGE, "SIP/2.0 200 OK\r\n");
	char address[INET_ADDRSTRLEN], tag[LOAD_TAG] = "";

	if (c != NULL)
		snprintf(tag, sizeof(tag), ";tag=b%u-%u", c->index, c->turn);
	used = copy_header(request, "Via", "", out, used);
	used = copy_header(request, "From", "", out, used);
	used = copy_header(request, "To", tag, out, used);
	used = copy_header(request, "Call-ID", "", out, used);
	used = copy_header(request, "CSeq", "", out, used);
	if (c == NULL)
		return add_no_body(out, used);
	used += (size_t)snprintf(out + used, LOAD_MESSAGE - used, "Contact: <sip:load@%s:5060>\r\n",
		text_of(n->phone[LOAD_CALLEE], address));
	return add_sdp(n, c, LOAD_CALLEE, out, used);
}

const char *load_call_header(const char *message, const char *name, size_t *len) {
	const size_t name_len = strlen(name);

	for (const char *line = strstr(message, "\r\n"); line != NULL; line = strstr(line, "\r\n")) {
		line += 2;
		if (line[0] == '\r')
			break;
		if (strncmp(line, name, name_len) == 0 && line[name_len] == ':') {
			const char *value = line + name_len + 1 + (line[name_len + 1] == ' ');

			*len = strcspn(value, "\r");
			return value;
		}
	}
	return NULL;
}

bool load_call_index(const char *message, uint32_t *index, uint32_t *turn) {
	size_t len;
	const char *id = load_call_header(message, "Call-ID", &len), *user = strstr(message, " sip:1");

	if (strncmp(message, "SIP/2.0", 7) == 0)
		return id != NULL && sscanf(id, "%u-%u@", index, turn) == 2;
	*turn = 0;
	return user != NULL && sscanf(user, " sip:1%8u@", index) == 1;
}

bool load_call_learn(struct load_call *c, const char *answer) {
	size_t len;
	const char *contact = load_call_header(answer, "Contact", &len), *to = NULL;

	if (contact == NULL || sscanf(contact, "<%127[^>]>", c->target) != 1)
		return false;
	to = load_call_header(answer, "To", &len);
	to = to != NULL ? strstr(to, ";tag=") : NULL;
	return to != NULL && sscanf(to, ";tag=%63[^\r;]", c->to_tag) == 1;
}

struct sockaddr_in load_call_sdp_media(const char *message) {
	struct sockaddr_in s = {.sin_family = AF_INET};
	const char *body = strstr(message, "\r\n\r\n");
	const char *c = body != NULL ? strstr(body, "\r\nc=IN IP4 ") : NULL;
	const char *m = body != NULL ? strstr(body, "\r\nm=audio ") : NULL;
	char address[INET_ADDRSTRLEN];

	if (c == NULL || m == NULL || sscanf(c, "\r\nc=IN IP4 %15[0-9.]", address) != 1 ||
		inet_pton(AF_INET, address, &s.sin_addr) != 1)
		return s;
	s.sin_port = htons((uint16_t)atoi(m + strlen("\r\nm=audio ")));
	return s;
}
