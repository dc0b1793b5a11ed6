#include "dpdk_app/neighbour.h"

#include "config/log.h"
#include "dpdk_app/clock.h"
#include "dpdk_app/netlink.h"
#include "dpdk_app/realm_link.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FLIGHT = 32 }; // questions under way: their answers always fit the socket's buffer

static const uint64_t ANSWER_WITHIN =
	1000000000u; // ns; the kernel answers at once, unless it lost the answer

struct neighbour {
	struct next_hops *table;
	struct poller *poller;
	const struct port *ports;
	unsigned n_ports;
	int follow_fd, ask_fd;
	struct poller_source follow, ask;
	uint32_t seq;
	unsigned n_flying;
	uint64_t asked_ns;
	struct {
		uint32_t seq; // 0: free
		struct next_hops_ask ask;
	} flying[FLIGHT];
	struct neighbour_link links[RELAY_PORTS_MAX];
	struct realm_link realms[RELAY_REALMS_MAX];
	unsigned n_realms;
	bool links_wanted, list_wanted, lost_news, lost_device;
	uint32_t list_seq; // of the list of all interfaces that is under way, 0: none
	uint32_t listed_nics, listed_taps; // in that list, a bit for each port
	struct log_gate refused, full, lost;
};

// ---- links ----

// The kernel's interface of a port.
static int index_of(const struct port *p) {
	return p->interface.index;
}

static void lose(struct neighbour *n, const struct port *p, const char *interface, const char *why) {
	if (!n->lost_device)
		log_error("port name=%s interface=%s %s", p->name, interface, why);
	n->lost_device = true;
}

// True while the relay can go on with the interface.
static bool check_link(
	struct neighbour *n, const struct port *p, const char *interface, const struct netlink_event *e) {
	if (e->kind == NETLINK_EVENT_LINK_GONE)
		lose(n, p, interface, "is gone");
	else if (e->has_mac && memcmp(e->mac, p->interface.mac, sizeof(e->mac)) != 0)
		lose(n, p, interface, "has another MAC now: the relay must be started anew");
	return e->kind != NETLINK_EVENT_LINK_GONE;
}

static void on_nic(struct neighbour *n, unsigned index, const struct netlink_event *e) {
	const struct port *p = &n->ports[index];
	const char *interface = p->config->device.interface;
	struct neighbour_link *l = &n->links[index];
	const bool up = e->up && e->running;

	if (!check_link(n, p, interface, e))
		return;
	if (up != l->up)
		log_info("port name=%s interface=%s link=%s", p->name, interface, up ? "up" : "down");
	l->up = up;
	if (e->has_stats) {
		l->rx = e->rx;
		l->tx = e->tx;
		l->rx_dropped = e->rx_dropped;
	}
}

static void set_interface(struct neighbour *n, unsigned realm) {
	next_hops_set_interface(n->table, (uint16_t)realm, n->realms[realm].ifindex);
}

static void on_any_link(struct neighbour *n, const struct netlink_event *e) {
	for (unsigned i = 0; i < n->n_ports; i++) {
		const struct port *p = &n->ports[i];

		if (p->nic_index != 0 && p->nic_index == e->ifindex) {
			n->listed_nics |= 1u << i;
			on_nic(n, i, e);
		} else if (p->interface.index != 0 && p->interface.index == e->ifindex) { // the TAP
			n->listed_taps |= 1u << i;
			(void)check_link(n, p, p->interface.name, e);
		}
	}
	for (unsigned i = 0; i < n->n_realms; i++) {
		if (realm_link_on(&n->realms[i], e))
			set_interface(n, i);
	}
}

static void on_list_end(struct neighbour *n, int error) {
	n->list_seq = 0;
	for (unsigned i = 0; i < n->n_ports && error == 0; i++) {
		const struct port *p = &n->ports[i];

		if (p->nic_index != 0 && !(n->listed_nics >> i & 1))
			lose(n, p, p->config->device.interface, "is gone");
		if (p->tap_fd >= 0 && !(n->listed_taps >> i & 1))
			lose(n, p, p->interface.name, "is gone");
	}
	for (unsigned i = 0; i < n->n_realms && error == 0; i++) {
		if (realm_link_list_end(&n->realms[i]))
			set_interface(n, i);
	}
}

// Other interfaces come and go (containers, tunnels) without changing anything for us: routes are asked for with ours given.
static bool is_ours(const struct neighbour *n, int ifindex) {
	for (unsigned i = 0; i < n->n_ports; i++) {
		if (index_of(&n->ports[i]) == ifindex)
			return true;
	}
	for (unsigned i = 0; i < n->n_realms; i++) {
		if (n->realms[i].ifindex == ifindex)
			return true;
	}
	return false;
}

// ---- news ----

static void on_news(void *ctx, const struct netlink_event *e) {
	struct neighbour *n = ctx;

	switch (e->kind) {
	case NETLINK_EVENT_LINK:
	case NETLINK_EVENT_LINK_GONE:
		on_any_link(n, e);
		if (is_ours(n, e->ifindex))
			next_hops_on_change(n->table);
		break;
	case NETLINK_EVENT_ROUTE:
		next_hops_on_route_change(n->table, &e->network, e->prefix_length);
		break;
	case NETLINK_EVENT_ALL_ROUTES:
		next_hops_on_change(n->table);
		break;
	case NETLINK_EVENT_NEIGHBOUR:
		next_hops_on_neighbour(n->table, e->ifindex, &e->address, e->nud, e->has_mac ? e->mac : NULL,
			clock_now_ns());
		break;
	case NETLINK_EVENT_NEIGHBOUR_GONE:
		next_hops_on_neighbour_gone(n->table, e->ifindex, &e->address, clock_now_ns());
		break;
	case NETLINK_EVENT_ANSWERED:
		break;
	}
}

static void on_loss(struct neighbour *n, const char *what) {
	if (log_gate_open(&n->lost, "netlink lost", clock_now_ns(), 1))
		log_warning("netlink %s lost: asking for everything again", what);
	next_hops_on_loss(n->table);
	n->list_wanted = true;
}

// What was lost is asked for when older news are all read: they would else overwrite the answers.
static void follow_ready(void *ctx) {
	struct neighbour *n = ctx;
	const int ret = netlink_receive(n->follow_fd, on_news, n);

	if (ret < 0) {
		n->lost_news = true;
	} else if (ret == 0 && n->lost_news) {
		n->lost_news = false;
		on_loss(n, "news");
	}
}

// ---- answers ----

static void on_refusal(struct neighbour *n, const struct next_hops_ask *ask, int error) {
	char dst[ENDPOINT_TEXT], src[ENDPOINT_TEXT];
	const struct endpoint none = {0};

	if (ask->question == ASK_NEIGHBOUR)
		next_hops_on_unknown(n->table, ask);
	if (ask->question == ASK_USE && error == -ENOBUFS &&
		log_gate_open(&n->full, "neighbours", clock_now_ns(), 1))
		log_error("neighbour address=%s has no place in the kernel's table: raise sysctl "
			  "net.ipv4.neigh.default.gc_thresh3",
			endpoint_format_addr(&ask->address, dst));
	if (ask->question != ASK_ROUTE)
		return;
	// With an interface given the kernel refuses only what can't be at all; "no route" is told by the answer.
	if (log_gate_open(&n->refused, "route refused", clock_now_ns(), 1))
		log_warning(
			"route to=%s from=%s refused: %s: is the interface up, and the media address on this host?",
			endpoint_format_addr(&ask->address, dst), endpoint_format_addr(&ask->source, src),
			strerror(-error));
	next_hops_on_route(n->table, ask, false, &none, clock_now_ns());
}

static void on_reply(struct neighbour *n, const struct next_hops_ask *ask, const struct netlink_event *e) {
	const uint64_t now = clock_now_ns();

	if (e->kind == NETLINK_EVENT_ANSWERED && e->error < 0)
		on_refusal(n, ask, e->error);
	else if (e->kind == NETLINK_EVENT_ROUTE && ask->question == ASK_ROUTE)
		next_hops_on_route(n->table, ask, e->usable && e->ifindex == ask->ifindex, &e->address, now);
	else if (e->kind == NETLINK_EVENT_NEIGHBOUR && ask->question == ASK_NEIGHBOUR) {
		next_hops_on_neighbour(
			n->table, e->ifindex, &e->address, e->nud, e->has_mac ? e->mac : NULL, now);
		if (!e->has_mac)
			next_hops_on_unknown(
				n->table, ask); // there, but without an address: have it resolved
	}
}

static void on_answer(void *ctx, const struct netlink_event *e) {
	struct neighbour *n = ctx;

	if (e->kind == NETLINK_EVENT_LINK) {
		on_any_link(n, e);
		return;
	}
	if (e->seq == n->list_seq && e->kind == NETLINK_EVENT_ANSWERED) {
		on_list_end(n, e->error);
		return;
	}
	for (unsigned i = 0; i < FLIGHT; i++) {
		if (n->flying[i].seq == 0 || n->flying[i].seq != e->seq)
			continue;
		n->flying[i].seq = 0;
		n->n_flying--;
		on_reply(n, &n->flying[i].ask, e);
		return;
	}
}

static void forget_flight(struct neighbour *n) {
	memset(n->flying, 0, sizeof(n->flying));
	n->n_flying = 0;
	on_loss(n, "answers");
}

static void ask_ready(void *ctx) {
	struct neighbour *n = ctx;

	if (netlink_receive(n->ask_fd, on_answer, n) < 0)
		forget_flight(n);
}

// ---- questions ----

static void put_question(struct netlink_batch *b, uint32_t seq, const struct next_hops_ask *ask) {
	switch (ask->question) {
	case ASK_ROUTE:
		netlink_put_route(b, seq, &ask->address, &ask->source, ask->ifindex);
		break;
	case ASK_NEIGHBOUR:
		netlink_put_neighbour(b, seq, ask->ifindex, &ask->address);
		break;
	case ASK_USE:
		netlink_put_use(b, seq, ask->ifindex, &ask->address);
		break;
	case ASK_NOTHING:
		break;
	}
}

static uint32_t next_seq(struct neighbour *n) {
	if (++n->seq == 0)
		n->seq = 1;
	return n->seq;
}

static void put_links(struct neighbour *n, struct netlink_batch *b) {
	for (unsigned i = 0; i < n->n_ports && n->links_wanted; i++) {
		if (n->ports[i].nic_index != 0)
			netlink_put_link(b, next_seq(n), n->ports[i].nic_index);
	}
	n->links_wanted = false;
	if (!n->list_wanted)
		return;
	n->listed_nics = n->listed_taps = 0;
	for (unsigned i = 0; i < n->n_realms; i++)
		realm_link_list_begin(&n->realms[i]);
	n->list_seq = next_seq(n);
	n->list_wanted = false;
	netlink_put_all_links(b, n->list_seq);
}

void neighbour_ask(struct neighbour *n) {
	struct netlink_batch b = {.used = 0};

	if (n->n_flying > 0)
		return; // their answers wake the loop
	put_links(n, &b);
	for (unsigned i = 0; i < FLIGHT && netlink_has_room(&b); i++) {
		struct next_hops_ask ask = next_hops_ask(n->table);

		if (ask.question == ASK_NOTHING)
			break;
		n->flying[i].seq = next_seq(n);
		n->flying[i].ask = ask;
		n->n_flying++;
		put_question(&b, n->flying[i].seq, &ask);
	}
	if (b.used == 0)
		return;
	n->asked_ns = clock_now_ns();
	if (netlink_send(n->ask_fd, &b) < 0)
		forget_flight(n);
}

void neighbour_tick(struct neighbour *n, uint64_t now_ns) {
	if (n->n_flying > 0 && now_ns - n->asked_ns > ANSWER_WITHIN)
		forget_flight(n);
	if (n->lost_news)
		follow_ready(n); // should there be nothing more to wake us
	next_hops_tick(n->table, now_ns);
}

void neighbour_ask_links(struct neighbour *n) {
	n->links_wanted = true;
}

struct neighbour_link neighbour_link(const struct neighbour *n, unsigned port) {
	return n->links[port];
}

bool neighbour_lost_device(const struct neighbour *n) {
	return n->lost_device;
}

// ---- creation ----

static void init_realms(struct neighbour *n, const struct config *c) {
	for (int i = 0; i < c->n_realms; i++) {
		const struct config_realm *r = &c->realms[i];

		n->realms[n->n_realms++] = realm_link_begin(r, &n->ports[r->port].interface);
		set_interface(n, (unsigned)i);
	}
}

int neighbour_open(struct next_hops *table, const struct port *ports, const struct config *config,
	struct poller *p, struct neighbour **out) {
	struct neighbour *n = calloc(1, sizeof(*n));
	int ret;

	if (n == NULL)
		return -ENOMEM;
	*n = (struct neighbour){.table = table,
		.poller = p,
		.ports = ports,
		.n_ports = (unsigned)config->relay.n_ports,
		.follow_fd = -1,
		.ask_fd = -1,
		.list_wanted = true};
	for (unsigned i = 0; i < n->n_ports; i++)
		n->links[i].up = true; // so that a link that is down gets its line
	init_realms(n, config);
	n->follow = (struct poller_source){.ready = follow_ready, .ctx = n};
	n->ask = (struct poller_source){.ready = ask_ready, .ctx = n};
	ret = n->follow_fd = netlink_open(true);
	if (ret >= 0)
		ret = n->ask_fd = netlink_open(false);
	if (ret >= 0)
		ret = poller_add(p, n->follow_fd, &n->follow);
	if (ret >= 0)
		ret = poller_add(p, n->ask_fd, &n->ask);
	if (ret < 0) {
		log_error("netlink doesn't open: %s", strerror(-ret));
		neighbour_close(n);
		return ret;
	}
	*out = n;
	return 0;
}

void neighbour_close(struct neighbour *n) {
	if (n == NULL)
		return;
	if (n->follow_fd >= 0) {
		poller_del(n->poller, n->follow_fd);
		close(n->follow_fd);
	}
	if (n->ask_fd >= 0) {
		poller_del(n->poller, n->ask_fd);
		close(n->ask_fd);
	}
	free(n);
}
