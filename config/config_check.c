// What one row can't see: settings against each other. Mistakes that are known already leave zeros, NULL and -1 behind,
// which nothing here takes for a second mistake.
#include "config/config_loader.h"

#include "relay/relay.h"

#include <string.h>

// The place of a media or SIP address: its realm and its index there.
struct place {
	int realm, item;
};

static bool next_media(const struct config *c, struct place *p) {
	p->item++;
	while (p->realm < c->n_realms && p->item >= c->realms[p->realm].n_media)
		*p = (struct place){.realm = p->realm + 1};
	return p->realm < c->n_realms;
}

static bool next_sip(const struct config *c, struct place *p) {
	p->item++;
	while (p->realm < c->n_realms && p->item >= c->realms[p->realm].n_sip)
		*p = (struct place){.realm = p->realm + 1};
	return p->realm < c->n_realms;
}

static const struct config_media *media_at(const struct config *c, struct place p) {
	return &c->realms[p.realm].media[p.item];
}

static const struct config_sip *sip_at(const struct config *c, struct place p) {
	return &c->realms[p.realm].sip[p.item];
}

static bool is_before(struct place a, struct place b) {
	return a.realm < b.realm || (a.realm == b.realm && a.item < b.item);
}

static bool has(const struct loader *l, const char *list, int i, const char *name) {
	char path[CONFIG_PATH];

	return config_find(l, config_path(path, "%s[%d].%s", list, i, name)) != NULL;
}

// ---- names and devices: each once in its list ----

static void check_once(
	struct loader *l, const char *list, const char *setting, const char *first, size_t stride, int n) {
	for (int i = 1; i < n; i++) {
		const char *text = first + (size_t)i * stride;

		for (int k = 0; k < i; k++) {
			char path[CONFIG_PATH];

			if (text[0] == '\0' || strcmp(text, first + (size_t)k * stride) != 0)
				continue;
			config_path(path, "%s[%d].%s", list, i, setting);
			config_mistake(
				l, path, "each once", "\"%s\" stands in %s[%d] already", text, list, k);
			break;
		}
	}
}

static void check_names(struct loader *l) {
	const struct config *c = l->config;
	const struct config_relay *r = &c->relay;

	if (r->n_ports > 0) {
		check_once(l, "relay.ports", "name", r->ports[0].name, sizeof(r->ports[0]), r->n_ports);
		check_once(
			l, "relay.ports", "device", r->ports[0].device.text, sizeof(r->ports[0]), r->n_ports);
		check_once(l, "relay.ports", "kernel_if", r->ports[0].kernel_if, sizeof(r->ports[0]),
			r->n_ports);
	}
	if (c->n_realms > 0)
		check_once(l, "realms", "name", c->realms[0].name, sizeof(c->realms[0]), c->n_realms);
	if (c->n_trunks > 0)
		check_once(l, "trunks", "name", c->trunks[0].name, sizeof(c->trunks[0]), c->n_trunks);
}

// ---- ports ----

static void refuse_at_port(struct loader *l, int i, const char *setting, const char *allowed) {
	char path[CONFIG_PATH];

	if (!has(l, "relay.ports", i, setting))
		return;
	config_path(path, "relay.ports[%d].%s", i, setting);
	config_mistake(l, path, allowed, "it has no meaning here");
}

// With af_xdp: the NIC stays with the kernel, which needs no other interface.
static void check_port(struct loader *l, int i) {
	const struct config_port *p = &l->config->relay.ports[i];
	char path[CONFIG_PATH];

	if (p->device.text[0] == '\0')
		return;
	if (p->device.kind == DEVICE_AF_XDP)
		refuse_at_port(l, i, "kernel_if", "kernel_if beside a pci: or vdev: device");
	if (p->device.kind == DEVICE_AF_XDP || !has(l, "relay.ports", i, "kernel_if"))
		refuse_at_port(l, i, "punt_pps", "punt_pps beside kernel_if, at a pci: or vdev: device");
	for (int k = 0; k < l->config->relay.n_ports; k++) {
		if (p->kernel_if[0] == '\0' ||
			strcmp(p->kernel_if, l->config->relay.ports[k].device.interface) != 0)
			continue;
		config_path(path, "relay.ports[%d].kernel_if", i);
		config_mistake(l, path, "a name of its own", "\"%s\" is the interface of relay.ports[%d]",
			p->kernel_if, k);
	}
}

// ---- the relay ----

// The first worker on the same CPU.
static int find_worker(const struct config_relay *r, int cpu) {
	int i = 0;

	while (r->workers[i] != cpu)
		i++;
	return i;
}

static void check_workers(struct loader *l) {
	const struct config_relay *r = &l->config->relay;

	for (int i = 1; i < r->n_workers; i++) {
		int first = find_worker(r, r->workers[i]);
		char path[CONFIG_PATH];

		if (first == i)
			continue;
		config_path(path, "relay.workers[%d]", i);
		config_mistake(l, path, "each CPU once", "%d stands in relay.workers[%d] already",
			r->workers[i], first);
	}
}

static void check_relay(struct loader *l) {
	const struct config *c = l->config;

	check_workers(l);
	if (c->relay.control_socket != NULL && c->control.socket != NULL &&
		strcmp(c->relay.control_socket, c->control.socket) == 0)
		config_mistake(l, "control.socket", "a path of its own",
			"\"%s\" is relay.control_socket already", c->control.socket);
}

// ---- addresses ----

static void check_media(struct loader *l, struct place p) {
	const struct config_media *m = media_at(l->config, p);
	char path[CONFIG_PATH], text[ENDPOINT_TEXT];

	if (!endpoint_is_set(&m->address))
		return;
	config_path(path, "realms[%d].media[%d].address", p.realm, p.item);
	for (struct place q = {.item = -1}; next_media(l->config, &q) && is_before(q, p);) {
		if (!endpoint_same_addr(&m->address, &media_at(l->config, q)->address))
			continue;
		config_mistake(l, path, "each media address once, with one range of ports",
			"%s is the address of realms[%d].media[%d] already",
			endpoint_format_addr(&m->address, text), q.realm, q.item);
		return;
	}
}

static void check_sip(struct loader *l, struct place p) {
	const struct config *c = l->config;
	const struct config_sip *s = sip_at(c, p);
	char path[CONFIG_PATH], text[ENDPOINT_TEXT];

	if (!endpoint_is_set(&s->address))
		return;
	config_path(path, "realms[%d].sip[%d].port", p.realm, p.item);
	endpoint_format(&s->address, text);
	for (struct place q = {.item = -1}; next_sip(c, &q) && is_before(q, p);) {
		if (endpoint_equal(&s->address, &sip_at(c, q)->address))
			config_mistake(l, path, "each address and port once",
				"%s is that of realms[%d].sip[%d] already", text, q.realm, q.item);
	}
	for (struct place q = {.item = -1}; next_media(c, &q);) {
		const struct config_media *m = media_at(c, q);

		if (endpoint_same_addr(&s->address, &m->address) && s->address.port >= m->port_first &&
			s->address.port <= m->port_last)
			config_mistake(l, path, "a port outside the media ports of the same address",
				"%s lies within the ports %u to %u of realms[%d].media[%d]", text,
				m->port_first, m->port_last, q.realm, q.item);
	}
}

static void check_addresses(struct loader *l) {
	int n_media = 0;

	for (struct place p = {.item = -1}; next_media(l->config, &p); n_media++)
		check_media(l, p);
	if (n_media > RELAY_MEDIA_MAX)
		config_mistake(l, "realms", "64 media addresses in all realms", "it holds %d media addresses",
			n_media);
	for (struct place p = {.item = -1}; next_sip(l->config, &p);)
		check_sip(l, p);
}

// ---- timers ----

static void check_timers(struct loader *l, const char *list, int i, const struct config_timers *t) {
	char path[CONFIG_PATH];

	if (t->t2_ms >= t->t1_ms || t->t2_ms == 0) // 0: the trunk's realm is not known
		return;
	config_path(path, "%s[%d].timers.%s", list, i, has(l, list, i, "timers.t2_ms") ? "t2_ms" : "t1_ms");
	config_mistake(l, path, "t2_ms not below t1_ms (RFC 3261 section 17)", "t2_ms is %d and t1_ms %d",
		t->t2_ms, t->t1_ms);
}

// ---- routes ----

// Exactly one of two settings. Returns true if it's the first.
static bool check_either(struct loader *l, int i, const char *first, const char *second) {
	bool has_first = has(l, "routes", i, first), has_second = has(l, "routes", i, second);
	char path[CONFIG_PATH], allowed[CONFIG_PATH];

	snprintf(allowed, sizeof(allowed), "either %s or %s", first, second);
	if (has_first && has_second) {
		config_path(path, "routes[%d].%s", i, second);
		config_mistake(l, path, allowed, "it stands beside %s", first);
	} else if (!has_first && !has_second) {
		config_path(path, "routes[%d]", i);
		config_mistake(l, path, allowed, "it has neither %s nor %s", first, second);
	}
	return has_first;
}

static void refuse_beside_to(struct loader *l, int i, const char *setting, const char *allowed) {
	char path[CONFIG_PATH];

	if (!has(l, "routes", i, setting))
		return;
	config_path(path, "routes[%d].%s", i, setting);
	config_mistake(l, path, allowed, "it has no meaning beside to");
}

static void check_route(struct loader *l, int i) {
	char path[CONFIG_PATH];

	(void)check_either(l, i, "from_realm", "from_trunk");
	if (check_either(l, i, "to", "contact")) {
		refuse_beside_to(l, i, "realm", "realm beside contact; a trunk has its own");
		refuse_beside_to(
			l, i, "ring_timeout_s", "ring_timeout_s beside contact; a trunk has its own");
		return;
	}
	if (!has(l, "routes", i, "contact") || has(l, "routes", i, "realm"))
		return;
	config_path(path, "routes[%d].realm", i);
	config_mistake(
		l, path, "the name of the realm that the contact is in", "it is missing beside contact");
}

// ---- warnings ----

static void warn_ports(struct loader *l, int i) {
	const struct config_realm *r = &l->config->realms[i];
	char path[CONFIG_PATH];
	int pairs = 0;

	for (int k = 0; k < r->n_media; k++)
		pairs += (r->media[k].port_last - r->media[k].port_first + 1) / 2;
	if (pairs >= l->config->relay.max_sessions)
		return;
	config_path(path, "realms[%d].media", i);
	config_warning(l, path, "%d pairs of ports for relay.max_sessions = %d: ports will run out first",
		pairs, l->config->relay.max_sessions);
}

static void warn_unreachable(struct loader *l, int i) {
	const struct config_port *p = &l->config->relay.ports[i];
	char path[CONFIG_PATH];

	if (p->device.kind != DEVICE_PCI || p->kernel_if[0] != '\0')
		return;
	config_path(path, "relay.ports[%d].device", i);
	config_warning(l, path, "without kernel_if nothing but media goes through this NIC: no ARP, no SIP");
}

void config_check(struct loader *l) {
	const struct config *c = l->config;

	check_names(l);
	for (int i = 0; i < c->relay.n_ports; i++)
		check_port(l, i);
	check_relay(l);
	check_addresses(l);
	for (int i = 0; i < c->n_realms; i++)
		check_timers(l, "realms", i, &c->realms[i].timers);
	for (int i = 0; i < c->n_trunks; i++) {
		if (has(l, "trunks", i, "timers"))
			check_timers(l, "trunks", i, &c->trunks[i].timers);
	}
	for (int i = 0; i < c->n_routes; i++)
		check_route(l, i);
	for (int i = 0; i < c->n_realms && l->n_mistakes == 0; i++)
		warn_ports(l, i);
	for (int i = 0; i < c->relay.n_ports && l->n_mistakes == 0; i++)
		warn_unreachable(l, i);
}
