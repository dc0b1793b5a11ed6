#include "config/config_schema.h"

#include "relay/relay.h"

#include <assert.h>
#include <sched.h>

#define AT(type, member) .offset = offsetof(struct config_##type, member)
#define RANGE(low, high) .min = (low), .max = (high)
#define COUNT(type, member, low, high) .n_offset = offsetof(struct config_##type, member), RANGE(low, high)
#define ITEMS(row, type) .item = &(row), .item_bytes = sizeof(type)
#define GROUPS(schema, type) .group = &(schema), .item_bytes = sizeof(type)
#define SCHEMA(rows) \
	{ (rows), sizeof(rows) / sizeof((rows)[0]) }

#define NAME_TEXT "1 to 31 of A-Z a-z 0-9 _ -"
#define ADDRESS_TEXT "an IPv4 address that packets can be sent to, such as \"203.0.113.1\""
#define SOCKET_TEXT "an absolute path of at most 95 bytes"
// In place of what is to come.
#define SRTP_TEXT "RTP in the clear"
#define TLS_TEXT "SIP over UDP"
#define AUTH_TEXT "`allow` of realms and `peers` of trunks: addresses that may call"

static_assert(sizeof(enum config_auto) == sizeof(int) && sizeof(enum config_latch) == sizeof(int) &&
		sizeof(enum config_hugepages) == sizeof(int) &&
		sizeof(enum config_udp_checksum) == sizeof(int) &&
		sizeof(enum sip_transport) == sizeof(int) && sizeof(enum log_level) == sizeof(int),
	"SETTING_CHOICE stores an int");
static_assert(offsetof(struct config_media, port_last) == offsetof(struct config_media, port_first) + 2,
	"SETTING_RANGE stores two uint16_t");

static const char *const auto_choices[] = {"auto", "always", "never", NULL};
static const char *const latch_choices[] = {"auto", "off", "strict", "address", "any", NULL};
static const char *const checksum_choices[] = {"update", "compute", NULL};
static const char *const hugepages_choices[] = {"auto", "require", "never", NULL};
static const char *const transport_choices[] = {"udp", NULL};
static const char *const transports_later[] = {"tcp", "tls", "ws", "wss", NULL};
static const char *const level_choices[] = {"error", "warning", "info", "debug", NULL};

// ---- relay ----

static const struct setting punt_rows[] = {
#define PUNT_CLASS(NAME, text, packets_per_s, help) \
	{text, SETTING_INT, .offset = PUNT_##NAME * sizeof(int), RANGE(0, 1000000), \
		.initial = (packets_per_s)},
#include "relay/punt_class.def"
#undef PUNT_CLASS
};
static const struct schema punt_schema = SCHEMA(punt_rows);

static const struct setting port_rows[] = {
	{"name", SETTING_VALUE, .required = true, AT(port, name), .value = config_value_name,
		.allowed = NAME_TEXT},
	{"device", SETTING_VALUE, .required = true, AT(port, device), .value = config_value_device,
		.allowed =
			"\"af_xdp:IFNAME\", \"pci:DDDD:BB:DD.F\" or \"vdev:net_NAME[,ARGS]\", of at most 255 bytes"},
	{"kernel_if", SETTING_VALUE, AT(port, kernel_if), .value = config_value_interface,
		.allowed = "an interface's name of 1 to 15 bytes, without / : or spaces"},
	{"punt_pps", SETTING_GROUP, AT(port, punt_pps), .group = &punt_schema},
	{"udp_checksum", SETTING_CHOICE, AT(port, udp_checksum), .choices = checksum_choices,
		.initial = UDP_CHECKSUM_UPDATE},
};
static const struct schema port_schema = SCHEMA(port_rows);

static const struct setting worker_row = {"", SETTING_INT, RANGE(0, CPU_SETSIZE - 1)};

static const struct setting relay_rows[] = {
	{"control_socket", SETTING_TEXT, .required = true, AT(relay, control_socket),
		.value = config_value_socket, .allowed = SOCKET_TEXT},
	{"workers", SETTING_ITEMS, .required = true, AT(relay, workers),
		COUNT(relay, n_workers, 1, RELAY_WORKERS_MAX), ITEMS(worker_row, int)},
	{"hugepages", SETTING_CHOICE, AT(relay, hugepages), .choices = hugepages_choices,
		.initial = HUGEPAGES_AUTO},
	{"max_sessions", SETTING_INT, AT(relay, max_sessions), RANGE(1, 1000000), .initial = 20000},
	{"idle_sleep_us", SETTING_INT, AT(relay, idle_sleep_us), RANGE(0, 50), .initial = 50},
	{"buffers", SETTING_INT, AT(relay, buffers), RANGE(0, 10000000)},
	{"buffer_cache", SETTING_INT, AT(relay, buffer_cache), RANGE(0, 512), .initial = 256},
	{"ports", SETTING_GROUPS, .required = true, AT(relay, ports),
		COUNT(relay, n_ports, 1, RELAY_PORTS_MAX), GROUPS(port_schema, struct config_port)},
};
static const struct schema relay_schema = SCHEMA(relay_rows);

// ---- realms ----

static const struct setting network_row = {"", SETTING_VALUE, .value = config_value_network,
	.allowed = "an IPv4 network, such as \"192.0.2.0/24\", or an IPv4 address"};

static const struct setting media_rows[] = {
	{"address", SETTING_VALUE, .required = true, AT(media, address), .value = config_value_address,
		.allowed = ADDRESS_TEXT},
	{"advertise", SETTING_VALUE, AT(media, advertise), .value = config_value_address,
		.allowed = ADDRESS_TEXT},
	{"ports", SETTING_RANGE, .required = true, AT(media, port_first),
		.allowed = "[ FIRST, LAST ] from 1024 to 65535, FIRST even, LAST odd and above FIRST"},
};
static const struct schema media_schema = SCHEMA(media_rows);

static const struct setting sip_rows[] = {
	{"transport", SETTING_CHOICE, AT(sip, transport), .choices = transport_choices,
		.later = transports_later, .initial = SIP_UDP},
	{"address", SETTING_VALUE, .required = true, AT(sip, address), .value = config_value_address,
		.allowed = ADDRESS_TEXT},
	{"port", SETTING_PORT, AT(sip, address.port), RANGE(1, 65535), .initial = 5060},
	{"advertise", SETTING_VALUE, AT(sip, advertise), .value = config_value_sip_advertise,
		.allowed = "an IPv4 address, \"ADDRESS\" or \"ADDRESS:PORT\""},
};
static const struct schema sip_schema = SCHEMA(sip_rows);

static const struct setting timer_rows[] = {
	{"t1_ms", SETTING_INT, AT(timers, t1_ms), RANGE(10, 10000), .initial = 500},
	{"t2_ms", SETTING_INT, AT(timers, t2_ms), RANGE(10, 60000), .initial = 4000},
	{"t4_ms", SETTING_INT, AT(timers, t4_ms), RANGE(10, 60000), .initial = 5000},
};
static const struct schema timer_schema = SCHEMA(timer_rows);

static const struct setting realm_rows[] = {
	{"name", SETTING_VALUE, .required = true, AT(realm, name), .value = config_value_name,
		.allowed = NAME_TEXT},
	{"port", SETTING_REF, .required = true, AT(realm, port), .ref = REF_PORT},
	{"vlan", SETTING_INT, AT(realm, vlan), RANGE(0, 4094)},
	{"interface", SETTING_VALUE, AT(realm, interface), .value = config_value_interface,
		.allowed = "the name of one of the kernel's interfaces"},
	{"nat", SETTING_CHOICE, AT(realm, nat), .choices = auto_choices, .initial = CONFIG_AUTO},
	{"latch", SETTING_CHOICE, AT(realm, latch), .choices = latch_choices, .initial = CONFIG_LATCH_AUTO},
	{"dscp", SETTING_INT, AT(realm, dscp), RANGE(0, 63)},
	{"nat_keepalive_s", SETTING_INT, AT(realm, nat_keepalive_s), RANGE(0, 3600), .initial = 20},
	{"trusted", SETTING_BOOL, AT(realm, trusted)},
	{"allow", SETTING_ITEMS, AT(realm, allow), COUNT(realm, n_allow, 0, 1000),
		ITEMS(network_row, struct config_network)},
	{"media", SETTING_GROUPS, .required = true, AT(realm, media),
		COUNT(realm, n_media, 1, RELAY_MEDIA_MAX), GROUPS(media_schema, struct config_media)},
	{"sip", SETTING_GROUPS, .required = true, AT(realm, sip), COUNT(realm, n_sip, 1, 64),
		GROUPS(sip_schema, struct config_sip)},
	{"timers", SETTING_GROUP, AT(realm, timers), .group = &timer_schema},
	{"srtp", SETTING_LATER, .allowed = SRTP_TEXT},
	{"tls", SETTING_LATER, .allowed = TLS_TEXT},
	{"auth", SETTING_LATER, .allowed = AUTH_TEXT},
};
static const struct schema realm_schema = SCHEMA(realm_rows);

// ---- trunks ----

static const struct setting peer_rows[] = {
	{"address", SETTING_TEXT, .required = true, AT(peer, host), .value = config_value_host,
		.allowed = "an IPv4 address or a DNS name"},
	{"port", SETTING_INT, AT(peer, port), RANGE(0, 65535)},
	{"transport", SETTING_CHOICE, AT(peer, transport), .choices = transport_choices,
		.later = transports_later, .initial = SIP_UDP},
};
static const struct schema peer_schema = SCHEMA(peer_rows);

static const struct setting trunk_rows[] = {
	{"name", SETTING_VALUE, .required = true, AT(trunk, name), .value = config_value_name,
		.allowed = NAME_TEXT},
	{"realm", SETTING_REF, .required = true, AT(trunk, realm), .ref = REF_REALM},
	{"first_response_ms", SETTING_INT, AT(trunk, first_response_ms), RANGE(100, 60000), .initial = 4000},
	{"ring_timeout_s", SETTING_INT, AT(trunk, ring_timeout_s), RANGE(1, 3600)},
	{"peers", SETTING_GROUPS, .required = true, AT(trunk, peers), COUNT(trunk, n_peers, 1, 64),
		GROUPS(peer_schema, struct config_peer)},
	{"timers", SETTING_GROUP, AT(trunk, timers), .group = &timer_schema, .no_defaults = true},
	{"srtp", SETTING_LATER, .allowed = SRTP_TEXT},
	{"tls", SETTING_LATER, .allowed = TLS_TEXT},
	{"auth", SETTING_LATER, .allowed = AUTH_TEXT},
};
static const struct schema trunk_schema = SCHEMA(trunk_rows);

// ---- routes ----

static const struct setting to_row = {"", SETTING_REF, .ref = REF_TRUNK};

static const struct setting route_rows[] = {
	{"from_realm", SETTING_REF, AT(route, from_realm), .ref = REF_REALM},
	{"from_trunk", SETTING_REF, AT(route, from_trunk), .ref = REF_TRUNK},
	{"user", SETTING_TEXT, .required = true, AT(route, user), .value = config_value_pattern,
		.allowed =
			"a pcre2 pattern of at most 1000 bytes for the whole user part, such as \"\\\\+?[0-9]+\""},
	{"to", SETTING_ITEMS, AT(route, to), COUNT(route, n_to, 1, 64), ITEMS(to_row, int)},
	{"contact", SETTING_TEXT, AT(route, contact), .value = config_value_contact,
		.allowed = "\"sip:[USER@]HOST[:PORT][;transport=udp]\""},
	{"realm", SETTING_REF, AT(route, realm), .ref = REF_REALM},
	{"ring_timeout_s", SETTING_INT, AT(route, ring_timeout_s), RANGE(1, 3600)},
};
static const struct schema route_schema = SCHEMA(route_rows);

// ---- control ----

static const struct setting control_rows[] = {
	{"socket", SETTING_TEXT, .required = true, AT(control, socket), .value = config_value_socket,
		.allowed = SOCKET_TEXT},
	{"user", SETTING_VALUE, AT(control, user), .value = config_value_user,
		.allowed = "the name of a user of this host, of at most 31 bytes"},
	{"media_timeout_s", SETTING_INT, AT(control, media_timeout_s), RANGE(0, 86400), .initial = 300},
	{"ended_calls", SETTING_INT, AT(control, ended_calls), RANGE(0, 1000000), .initial = 1000},
	{"max_calls", SETTING_INT, AT(control, max_calls), RANGE(1, 1000000), .initial = 20000},
	{"max_transactions", SETTING_INT, AT(control, max_transactions), RANGE(1000, 10000000),
		.initial = 300000},
	{"max_call_s", SETTING_INT, AT(control, max_call_s), RANGE(1, 604800), .initial = 43200},
	{"ring_timeout_s", SETTING_INT, AT(control, ring_timeout_s), RANGE(1, 3600), .initial = 180},
	{"relay_deadline_ms", SETTING_INT, AT(control, relay_deadline_ms), RANGE(10, 60000), .initial = 1000},
	{"token_key_file", SETTING_TEXT, AT(control, token_key_file), .value = config_value_key_file,
		.allowed = "the absolute path of a file that exists"},
};
static const struct schema control_schema = SCHEMA(control_rows);

// ---- the file; a later row may refer to names of earlier ones ----

#define ROOT(member) .offset = offsetof(struct config, member)
#define ROOT_COUNT(member, low, high) .n_offset = offsetof(struct config, member), RANGE(low, high)

static const struct setting root_rows[] = {
	{"node", SETTING_VALUE, .required = true, ROOT(node), .value = config_value_name,
		.allowed = NAME_TEXT},
	{"node_id", SETTING_INT, .required = true, ROOT(node_id), RANGE(1, 65535)},
	{"group", SETTING_TEXT, ROOT(group), .value = config_value_name, .allowed = NAME_TEXT},
	{"log_level", SETTING_CHOICE, ROOT(log_level), .choices = level_choices, .initial = LOG_LEVEL_INFO},
	{"relay", SETTING_GROUP, .required = true, ROOT(relay), .group = &relay_schema},
	{"control", SETTING_GROUP, .required = true, ROOT(control), .group = &control_schema},
	{"realms", SETTING_GROUPS, .required = true, ROOT(realms), ROOT_COUNT(n_realms, 1, RELAY_REALMS_MAX),
		GROUPS(realm_schema, struct config_realm)},
	{"trunks", SETTING_GROUPS, ROOT(trunks), ROOT_COUNT(n_trunks, 0, 1000),
		GROUPS(trunk_schema, struct config_trunk)},
	{"routes", SETTING_GROUPS, ROOT(routes), ROOT_COUNT(n_routes, 0, 10000),
		GROUPS(route_schema, struct config_route)},
};
const struct schema config_root_schema = SCHEMA(root_rows);
