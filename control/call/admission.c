// Who may call (a trunk's peers, a realm's allow list), and who sits behind a NAT.
#include "control/call/internal.h"

#include "control/sdp/sdp.h"

static bool in_network(const struct endpoint *e, const struct config_network *n) {
	int bits = n->prefix_length;

	if (e->family != n->address.family)
		return false;
	for (int i = 0; bits > 0; i++, bits -= 8) {
		uint8_t mask = bits >= 8 ? 0xff : (uint8_t)(0xff << (8 - bits));

		if ((e->addr[i] ^ n->address.addr[i]) & mask)
			return false;
	}
	return true;
}

static bool is_peer(const struct trunk_peer_state *p, const struct endpoint *e) {
	for (unsigned i = 0; i < p->n_addresses; i++)
		if (endpoint_same_addr(&p->addresses[i], e))
			return true;
	return false;
}

bool admission_check(const struct calls *cs, const struct flow *flow, int *trunk) {
	const struct config_realm *realm = &cs->config->realms[flow->realm];

	for (int t = 0; t < cs->config->n_trunks; t++) {
		if (cs->config->trunks[t].realm != flow->realm)
			continue;
		for (int p = 0; p < cs->config->trunks[t].n_peers; p++)
			if (is_peer(&cs->trunks[t].peers[p], &flow->remote)) {
				*trunk = t;
				return true;
			}
	}
	*trunk = -1;
	for (int i = 0; i < realm->n_allow; i++)
		if (in_network(&flow->remote, &realm->allow[i]))
			return true;
	return false;
}

static bool contact_differs(const struct sip_msg *m, const struct flow *flow) {
	struct span rest = m->contact;
	struct sip_addr contact;
	struct sip_uri uri;
	struct endpoint e;

	if (rest.len == 0 || sip_addr_parse(&rest, &contact) < 0 || sip_uri_parse(contact.uri, &uri) < 0)
		return false;
	if (endpoint_parse(uri.host.data, uri.host.len, 0, &e) < 0)
		return false; // a name says nothing about an address
	return !endpoint_same_addr(&e, &flow->remote);
}

static bool sdp_differs(const struct sip_msg *m, const struct flow *flow) {
	struct span body;
	struct sdp sdp;

	if (!sip_msg_body(m, "application/sdp", &body) || sdp_parse(body, &sdp) < 0)
		return false;
	for (unsigned i = 0; i < sdp.n_streams; i++) {
		const struct endpoint *rtp = &sdp.streams[i].rtp;

		if (endpoint_is_set(rtp) && !sdp_is_hold_address(rtp) &&
			!endpoint_same_addr(rtp, &flow->remote))
			return true;
	}
	return false;
}

bool nat_judge(const struct calls *cs, const struct sip_msg *m, const struct flow *flow, bool has_route_set) {
	switch (cs->config->realms[flow->realm].nat) {
	case CONFIG_ALWAYS:
		return true;
	case CONFIG_NEVER:
		return false;
	default:
		return !has_route_set && (contact_differs(m, flow) || sdp_differs(m, flow));
	}
}
