#include "tests/bench/load_plan.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PORT_STEP = 2 }; // RTP, and RTCP one above

// "+N" where it stands, else 1.
static int parse_count(const char **text, uint32_t *out) {
	char *end;
	unsigned long n;

	if (**text != '+') {
		*out = 1;
		return 0;
	}
	n = strtoul(*text + 1, &end, 10);
	if (n == 0 || n > UINT32_MAX)
		return -EINVAL;
	*out = (uint32_t)n;
	*text = end;
	return 0;
}

static int parse_range(const char *text, struct load_range *out) {
	char addr[INET_ADDRSTRLEN];
	struct load_range range;
	size_t len = strcspn(text, "+:");
	struct in_addr in;
	char *end;

	if (len >= sizeof(addr))
		return -EINVAL;
	snprintf(addr, sizeof(addr), "%.*s", (int)len, text);
	text += len;
	if (inet_pton(AF_INET, addr, &in) != 1 || parse_count(&text, &range.n_addrs) < 0 || *text != ':')
		return -EINVAL;
	range.addr = ntohl(in.s_addr);
	range.port = (uint16_t)strtoul(text + 1, &end, 10);
	text = end;
	if (range.port == 0 || parse_count(&text, &range.n_ports) < 0 || *text != '\0' ||
		range.port + PORT_STEP * (uint64_t)range.n_ports > UINT16_MAX + 1u)
		return -EINVAL;
	*out = range;
	return 0;
}

static int parse_latch(const char *text, enum latch_mode *out) {
	static const char *const names[] = {[LATCH_OFF] = "off",
		[LATCH_STRICT] = "strict",
		[LATCH_ADDRESS] = "address",
		[LATCH_ANY] = "any"};

	for (unsigned i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (strcmp(text, names[i]) == 0) {
			*out = (enum latch_mode)i;
			return 0;
		}
	return -EINVAL;
}

int load_plan_parse_side(char *text, struct load_side *out) {
	enum { REALM, LOCAL, REMOTE, LATCH, LEARNT };
	static char *const keys[] = {"realm", "local", "remote", "latch", "learnt", NULL};
	struct load_side side = {0};
	int ret = 0;

	while (*text != '\0' && ret == 0) {
		char *value;
		const int key = getsubopt(&text, keys, &value);

		if (key < 0 || (value == NULL) != (key == LEARNT))
			return -EINVAL;
		if (key == REALM)
			snprintf(side.realm, sizeof(side.realm), "%s", value);
		else if (key == LOCAL)
			ret = parse_range(value, &side.local);
		else if (key == REMOTE)
			ret = parse_range(value, &side.remote);
		else if (key == LATCH)
			ret = parse_latch(value, &side.latch);
		else
			side.is_learnt = true;
	}
	if (ret == 0 && (side.realm[0] == '\0' || side.remote.addr == 0))
		ret = -EINVAL;
	if (ret == 0)
		*out = side;
	return ret;
}

struct endpoint load_range_at(const struct load_range *range, uint32_t i) {
	const uint32_t addr = range->addr + i % range->n_addrs;
	const uint32_t port = range->port + PORT_STEP * (i / range->n_addrs % range->n_ports);

	return endpoint_v4(htonl(addr), (uint16_t)port);
}

uint64_t load_plan_session_id(const struct load_plan *plan, uint32_t i) {
	return (uint64_t)plan->owner_id << 48 | (plan->first + i);
}

static void fill_side(const struct load_side *side, uint32_t i, struct proto_side *out) {
	struct endpoint remote = load_range_at(&side->remote, i);

	memcpy(out->realm, side->realm, sizeof(out->realm));
	if (side->local.addr != 0)
		out->local = load_range_at(&side->local, i);
	out->latch = (uint8_t)side->latch;
	out->vouched = remote;
	for (unsigned component = 0; component < 2; component++, remote.port++) {
		out->remote[component] = remote;
		if (side->is_learnt)
			out->learnt[component] = remote;
	}
}

struct proto_session load_plan_session(const struct load_plan *plan, uint32_t i) {
	struct proto_session s = {.length = sizeof(s)};

	s.session_id = load_plan_session_id(plan, i);
	s.call_id = s.session_id;
	for (unsigned side = 0; side < 2; side++)
		fill_side(&plan->side[side], i, &s.side[side]);
	return s;
}
