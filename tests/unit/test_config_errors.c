// Every mistake is named with its line, its setting and what is allowed instead.
#include "config/config.h"
#include "tests/unit/config_text.h"
#include "tests/unit/run_suite.h"

#include <errno.h>
#include <stdlib.h>

static const char good[] = CONFIG_TEXT_GOOD;

// The good file with `from` replaced by `to` has exactly one mistake.
static const struct mistake {
	const char *what, *from, *to;
	int line;
	const char *setting, *allowed;
} mistakes[] = {
	// Syntax
	{"a brace that isn't closed", "[ 1 ];", "[ 1 ;", 4, "syntax", "NAME = VALUE"},
	{"a setting twice", "node_id = 1;", "node_id = 1; node_id = 2;", 1, "syntax", "each name once"},
	{"an array of two types", "[ 1 ]", "[ 1, \"2\" ]", 4, "syntax", "arrays [ ] of one type"},
	{"an include that isn't there", "relay: {", "@include \"no-such-file\"\nrelay: {", 2, "@include",
		"regular files"},
	{"an include of a directory", "relay: {", "@include \"/\"\nrelay: {", 2, "@include", "regular files"},
	{"an integer of 33 bits", "1000", "4294968296", 5, "relay.max_sessions", "to 2147483647"},
	{"a long hexadecimal integer", "1000", "0x100000001", 5, "relay.max_sessions", "to 2147483647"},
	{"an integer of 33 bits in a list", "port = 5060; } ); },", "port = 4294972356; } ); },", 13,
		"realms[0].sip[0].port", "to 2147483647"},
	{"NUL in a text", "edge1", "edge1\\x00", 1, "node", "without NUL"},

	// Names
	{"an unknown setting", "workers", "pets = 1; workers", 4, "relay.pets",
		"control_socket, workers, hugepages"},
	{"an unknown setting, close to one", "nat = ", "natt = ", 14, "realms[1].natt",
		"name, port, vlan, interface, nat"},
	{"a secret", "socket = \"/run/kedge/control.sock\"", "socket = \"/c\"; token_key = \"0123\"", 9,
		"control.token_key", "name ends in _file"},
	{"a password", "name = \"carrier\"", "name = \"carrier\"; password = \"x\"", 18, "trunks[0].password",
		"name ends in _file"},
	{"a name that is missing", "node = \"edge1\"; ", "", 1, "node", "A-Z a-z 0-9"},
	{"an empty name", "\"edge1\"", "\"\"", 1, "node", "1 to 31"},
	{"a long name", "edge1", "edge1-0123456789-0123456789-0123", 1, "node", "1 to 31"},
	{"a name with a space", "edge1", "edge 1", 1, "node", "A-Z a-z 0-9"},
	{"a name that forges a line", "edge1", "edge1\\nedge:1", 1, "node", "A-Z a-z 0-9"},
	{"two ports of a name", "\"af_xdp:eth1\"; }",
		"\"af_xdp:eth1\"; }, { name = \"core\"; device = \"af_xdp:x\"; }", 7, "relay.ports[2].name",
		"each once"},
	{"two ports of a device", "eth1", "eth0", 7, "relay.ports[1].device", "each once"},

	// Types and ranges
	{"a text for an integer", "node_id = 1", "node_id = \"1\"", 1, "node_id", "integers from 1 to 65535"},
	{"an integer for a text", "\"edge1\"", "1", 1, "node", "A-Z a-z 0-9"},
	{"a fraction", "1000", "1000.5", 5, "relay.max_sessions", "integers from 1 to 1000000"},
	{"a list for a group", "control: { socket = \"/run/kedge/control.sock\"; };", "control: ( );", 9,
		"control", "a group {"},
	{"a group for a list", "sip = ( { transport = \"udp\"; address = \"198.51.100.1\"; } )", "sip = { }",
		16, "realms[1].sip", "a list ("},
	{"a number in a list of groups", "ports = ( { name = \"access\"", "ports = ( 7, { name = \"access\"",
		6, "relay.ports[0]", "a group {"},
	{"a text for a truth value", "nat = \"never\"", "trusted = \"yes\"", 14, "realms[1].trusted",
		"true, false"},
	{"a value that isn't a choice", "\"never\"", "\"perhaps\"", 14, "realms[1].nat",
		"\"auto\", \"always\", \"never\""},
	{"node_id 0", "node_id = 1", "node_id = 0", 1, "node_id", "integers from 1 to 65535"},
	{"a negative integer", "1000", "-1", 5, "relay.max_sessions", "integers from 1 to"},
	{"an integer of 64 bits", "1000", "4294968296L", 5, "relay.max_sessions", "integers from 1 to"},
	{"dscp 64", "nat = \"never\"", "dscp = 64", 14, "realms[1].dscp", "integers from 0 to 63"},
	{"a long idle sleep", "workers", "idle_sleep_us = 51; workers", 4, "relay.idle_sleep_us",
		"integers from 0 to 50"},
	{"an unknown log level", "node_id = 1;", "node_id = 1; log_level = \"verbose\";", 1, "log_level",
		"\"debug\""},
	{"media timeout below 0", "/control.sock\";", "/control.sock\"; media_timeout_s = -1;", 9,
		"control.media_timeout_s", "integers from 0 to 86400"},

	// The relay
	{"no worker", "[ 1 ]", "[ ]", 4, "relay.workers", "1 to 16 values"},
	{"a CPU twice", "[ 1 ]", "[ 1, 2, 1 ]", 4, "relay.workers[2]", "each CPU once"},
	{"a CPU below 0", "[ 1 ]", "[ -1 ]", 4, "relay.workers[0]", "integers from 0 to"},
	{"no workers", "  workers = [ 1 ];\n", "\n", 2, "relay.workers", "1 to 16 values"},
	{"a udp_checksum of no kind", "\"af_xdp:eth1\";", "\"af_xdp:eth1\"; udp_checksum = \"none\";", 7,
		"relay.ports[1].udp_checksum", "\"update\", \"compute\""},
	{"half a PCI address", "af_xdp:eth1", "pci:3b:00.0", 7, "relay.ports[1].device",
		"\"pci:DDDD:BB:DD.F\""},
	{"a virtual device that is no network device", "af_xdp:eth1", "vdev:crypto_null0", 7,
		"relay.ports[1].device", "\"vdev:net_NAME[,ARGS]\""},
	{"a TAP beside AF_XDP", "\"af_xdp:eth1\";", "\"af_xdp:eth1\"; kernel_if = \"tap1\";", 7,
		"relay.ports[1].kernel_if", "beside a pci: or vdev: device"},
	{"limits beside AF_XDP", "\"af_xdp:eth1\";", "\"af_xdp:eth1\"; punt_pps = { arp = 1; };", 7,
		"relay.ports[1].punt_pps", "beside kernel_if"},
	{"limits of nothing", "\"af_xdp:eth1\";", "\"vdev:net_null0\"; punt_pps = { };", 7,
		"relay.ports[1].punt_pps", "beside kernel_if"},
	{"a limit of an unknown class", "\"af_xdp:eth1\";",
		"\"vdev:net_null0\"; kernel_if = \"tap1\"; punt_pps = { ipx = 1; };", 7,
		"relay.ports[1].punt_pps.ipx", "arp, icmp, udp, tcp, other"},
	{"a limit below 0", "\"af_xdp:eth1\";",
		"\"vdev:net_null0\"; kernel_if = \"tap1\"; punt_pps = { udp = -1; };", 7,
		"relay.ports[1].punt_pps.udp", "integers from 0 to 1000000"},
	{"a TAP's name of 16 bytes", "\"af_xdp:eth1\";",
		"\"vdev:net_null0\"; kernel_if = \"tap4567890123456\";", 7, "relay.ports[1].kernel_if",
		"1 to 15 bytes"},
	{"a TAP of another port's name", "\"af_xdp:eth1\";", "\"vdev:net_null0\"; kernel_if = \"eth0\";", 7,
		"relay.ports[1].kernel_if", "a name of its own"},
	{"two TAPs of a name", "\"af_xdp:eth1\"; }",
		"\"vdev:net_null0\"; kernel_if = \"t\"; }, { name = \"c\"; device = \"vdev:net_null1\"; kernel_if = \"t\"; }",
		7, "relay.ports[2].kernel_if", "each once"},
	{"an unknown device", "af_xdp:eth1", "eth1", 7, "relay.ports[1].device", "\"af_xdp:IFNAME\""},
	{"an interface name of 16 bytes", "af_xdp:eth1", "af_xdp:eth0123456789abc", 7,
		"relay.ports[1].device", "\"af_xdp:IFNAME\""},
	{"a relative socket path", "/run/kedge/relay.sock", "relay.sock", 3, "relay.control_socket",
		"absolute path"},
	{"a socket path of 96 bytes", "/run/kedge/relay.sock",
		"/run/0123456789/0123456789/0123456789/0123456789/0123456789/0123456789/0123456789/0123456789/xyz",
		3, "relay.control_socket", "at most 95 bytes"},
	{"one path for both sockets", "/run/kedge/control.sock", "/run/kedge/relay.sock", 9, "control.socket",
		"a path of its own"},
	{"a key file that isn't there", "/control.sock\";", "/control.sock\"; token_key_file = \"/no/such\";",
		9, "control.token_key_file", "a file that exists"},
	{"a user that isn't there", "/control.sock\";", "/control.sock\"; user = \"no-such-user\";", 9,
		"control.user", "a user of this host"},
	{"no user", "/control.sock\";", "/control.sock\"; user = \"\";", 9, "control.user",
		"a user of this host"},
	{"a user by number", "/control.sock\";", "/control.sock\"; user = 0;", 9, "control.user",
		"a user of this host"},
	{"a user of 32 bytes", "/control.sock\";",
		"/control.sock\"; user = \"user-0123456789-0123456789-01234\";", 9, "control.user",
		"a user of this host"},

	// Realms
	{"a port that isn't there", "port = \"core\"", "port = \"cor\"", 14, "realms[1].port",
		"\"access\", \"core\""},
	{"a VLAN that is reserved", "nat = \"never\"", "vlan = 4095", 14, "realms[1].vlan", "0 to 4094"},
	{"an interface of two words", "nat = \"never\"", "interface = \"eth0 100\"", 14,
		"realms[1].interface", "interfaces"},
	{"an interface's name of 16 bytes", "nat = \"never\"", "interface = \"0123456789abcdef\"", 14,
		"realms[1].interface", "interfaces"},
	{"a negative VLAN", "nat = \"never\"", "vlan = -1", 14, "realms[1].vlan", "0 to 4094"},
	{"a network without a mask", "192.0.2.0/24", "192.0.2.0/", 11, "realms[0].allow[0]", "192.0.2.0/24"},
	{"a network with a long mask", "192.0.2.0/24", "192.0.2.0/33", 11, "realms[0].allow[0]",
		"192.0.2.0/24"},
	{"a network with host bits", "192.0.2.0/24", "192.0.2.1/24", 11, "realms[0].allow[0]",
		"192.0.2.0/24"},
	{"an IPv6 network", "192.0.2.0/24", "2001:db8::/32", 11, "realms[0].allow[0]", "an IPv4 network"},
	{"a name for a network", "192.0.2.0/24", "example.net", 11, "realms[0].allow[0]", "an IPv4 network"},
	{"a media address with a port", "{ address = \"203.0.113.1\"; ports",
		"{ address = \"203.0.113.1:80\"; ports", 12, "realms[0].media[0].address", "an IPv4 address"},
	{"an IPv6 media address", "{ address = \"203.0.113.1\"; ports", "{ address = \"2001:db8::1\"; ports",
		12, "realms[0].media[0].address", "an IPv4 address"},
	{"any address for media", "{ address = \"203.0.113.1\"; ports", "{ address = \"0.0.0.0\"; ports", 12,
		"realms[0].media[0].address", "packets can be sent to"},
	{"a multicast address", "{ address = \"203.0.113.1\"; ports", "{ address = \"224.0.0.1\"; ports", 12,
		"realms[0].media[0].address", "packets can be sent to"},
	{"a bad advertised address", "{ address = \"203.0.113.1\"; ports",
		"{ address = \"203.0.113.1\"; advertise = \"x\"; ports", 12, "realms[0].media[0].advertise",
		"an IPv4 address"},
	{"no media address", "( { address = \"203.0.113.1\"; ports = [ 16384, 32767 ]; } )", "( )", 12,
		"realms[0].media", "1 to 64 groups"},
	{"a first media port that is odd", "\"203.0.113.1\"; ports = [ 16384,",
		"\"203.0.113.1\"; ports = [ 16385,", 12, "realms[0].media[0].ports", "FIRST even"},
	{"a last media port that is even", "\"203.0.113.1\"; ports = [ 16384, 32767",
		"\"203.0.113.1\"; ports = [ 16384, 32766", 12, "realms[0].media[0].ports", "LAST odd"},
	{"media ports reversed", "\"203.0.113.1\"; ports = [ 16384, 32767",
		"\"203.0.113.1\"; ports = [ 32768, 16385", 12, "realms[0].media[0].ports",
		"LAST odd and above FIRST"},
	{"a media port out of range", "\"203.0.113.1\"; ports = [ 16384, 32767",
		"\"203.0.113.1\"; ports = [ 16384, 65537", 12, "realms[0].media[0].ports",
		"from 1024 to 65535"},
	{"one media port", "\"203.0.113.1\"; ports = [ 16384, 32767", "\"203.0.113.1\"; ports = [ 16384", 12,
		"realms[0].media[0].ports", "[ FIRST, LAST ]"},
	{"a media address twice, ranges overlapping", "\"198.51.100.1\"; ports", "\"203.0.113.1\"; ports", 15,
		"realms[1].media[0].address", "each media address once"},
	{"a media address twice, ranges apart", "\"198.51.100.1\"; ports = [ 16384, 32767 ]",
		"\"203.0.113.1\"; ports = [ 40000, 44001 ]", 15, "realms[1].media[0].address",
		"each media address once"},
	{"a SIP port within the media ports", "port = 5060; } ); },", "port = 16384; } ); },", 13,
		"realms[0].sip[0].port", "outside the media ports"},
	{"the last media port for SIP", "port = 5060; } ); },", "port = 32767; } ); },", 13,
		"realms[0].sip[0].port", "outside the media ports"},
	{"a SIP address and port twice", "{ transport = \"udp\"; address = \"198.51.100.1\"; }",
		"{ address = \"203.0.113.1\"; }", 16, "realms[1].sip[0].port", "each address and port once"},
	{"SIP port 0", "port = 5060; } ); },", "port = 0; } ); },", 13, "realms[0].sip[0].port",
		"integers from 1 to 65535"},
	{"SIP over TCP", "\"udp\"", "\"tcp\"", 16, "realms[1].sip[0].transport", "\"udp\""},
	{"a bad advertised port", "port = 5060; } ); },", "advertise = \"192.0.2.1:0\"; } ); },", 13,
		"realms[0].sip[0].advertise", "\"ADDRESS:PORT\""},
	{"T2 below T1", "nat = \"never\";", "timers: { t1_ms = 4001; };", 14, "realms[1].timers.t1_ms",
		"t2_ms not below t1_ms"},
	{"T1 out of range", "nat = \"never\";", "timers: { t1_ms = 1; };", 14, "realms[1].timers.t1_ms",
		"integers from 10 to 10000"},

	// Trunks
	{"a realm that isn't there", "realm = \"core\"", "realm = \"nowhere\"", 18, "trunks[0].realm",
		"\"access\", \"core\""},
	{"no peers", "{ address = \"198.51.100.2\"; port = 5060; }", "", 19, "trunks[0].peers",
		"1 to 64 groups"},
	{"an IPv6 peer", "198.51.100.2", "2001:db8::2", 19, "trunks[0].peers[0].address",
		"an IPv4 address or a DNS name"},
	{"a peer that is no name", "198.51.100.2", "sip:peer", 19, "trunks[0].peers[0].address",
		"a DNS name"},
	{"a peer of four large numbers", "198.51.100.2", "198.51.100.256", 19, "trunks[0].peers[0].address",
		"a DNS name"},
	{"a peer's port out of range", "\"198.51.100.2\"; port = 5060", "\"198.51.100.2\"; port = 65536", 19,
		"trunks[0].peers[0].port", "integers from 0 to 65535"},
	{"T2 below the realm's T1", "name = \"carrier\";", "name = \"carrier\"; timers: { t2_ms = 499; };",
		18, "trunks[0].timers.t2_ms", "t2_ms not below t1_ms"},
	{"an impatient trunk", "name = \"carrier\";", "name = \"carrier\"; first_response_ms = 99;", 18,
		"trunks[0].first_response_ms", "integers from 100 to 60000"},

	// Routes
	{"a trunk that isn't there", "( \"carrier\" )", "( \"carrier\", \"other\" )", 20, "routes[0].to[1]",
		"\"carrier\""},
	{"a bad pattern", "[0-9]+", "[0-9", 20, "routes[0].user", "a pcre2 pattern"},
	{"from a realm and a trunk", "from_realm = \"access\"",
		"from_realm = \"access\"; from_trunk = \"carrier\"", 20, "routes[0].from_trunk",
		"either from_realm or from_trunk"},
	{"from nowhere", "from_realm = \"access\"; ", "", 20, "routes[0]", "either from_realm or from_trunk"},
	{"to a trunk and a contact", "to = ( \"carrier\" )",
		"to = ( \"carrier\" ); contact = \"sip:192.0.2.1\"", 20, "routes[0].contact",
		"either to or contact"},
	{"to nowhere", " to = ( \"carrier\" );", "", 20, "routes[0]", "either to or contact"},
	{"to no trunk", "( \"carrier\" )", "( )", 20, "routes[0].to", "1 to 64 values"},
	{"a contact without a realm", " realm = \"access\"; }", " }", 21, "routes[1].realm",
		"the name of the realm"},
	{"a realm beside a trunk", "to = ( \"carrier\" );", "to = ( \"carrier\" ); realm = \"core\";", 20,
		"routes[0].realm", "beside contact"},
	{"a ring timeout beside a trunk", "to = ( \"carrier\" );",
		"to = ( \"carrier\" ); ring_timeout_s = 60;", 20, "routes[0].ring_timeout_s",
		"beside contact"},
	{"a contact that is a number", "sip:203.0.113.2:5060", "tel:+15550100", 21, "routes[1].contact",
		"sip:"},
	{"a contact over TLS", "sip:203.0.113.2:5060", "sips:203.0.113.2", 21, "routes[1].contact", "sip:"},
	{"a contact over TCP", "sip:203.0.113.2:5060", "sip:203.0.113.2;transport=tcp", 21,
		"routes[1].contact", "transport=udp"},
	{"a contact with an empty user", "sip:203.0.113.2:5060", "sip:@203.0.113.2", 21, "routes[1].contact",
		"[USER@]HOST"},
	{"a contact with a bad port", "sip:203.0.113.2:5060", "sip:203.0.113.2:x", 21, "routes[1].contact",
		"[:PORT]"},
	{"a contact with headers", "sip:203.0.113.2:5060", "sip:203.0.113.2?a=b", 21, "routes[1].contact",
		"[:PORT]"},
	{"an IPv6 contact", "sip:203.0.113.2:5060", "sip:[2001:db8::2]:5060", 21, "routes[1].contact",
		"[:PORT]"},
	{"a contact without a host", "sip:203.0.113.2:5060", "sip:user@", 21, "routes[1].contact",
		"[USER@]HOST"},
};

// What config_load says of a text, and what it returns. The caller frees the words.
static char *load(const char *text, size_t len, int *ret) {
	char path[CONFIG_TEXT_PATH], *words = NULL;
	size_t n = 0;
	FILE *errors = open_memstream(&words, &n);
	struct config *c = NULL;
	int fd = config_text_open(text, len, path);

	*ret = config_load(path, errors, &c);
	ck_assert_int_eq(*ret == 0, c != NULL);
	config_unload(c);
	fclose(errors);
	close(fd);
	return words;
}

static int count_lines(const char *words) {
	int n = 0;

	for (; *words != '\0'; words++)
		n += *words == '\n';
	return n;
}

// The good file with the case's replacement, which must fit in exactly one place.
static char *damage(const struct mistake *m) {
	const char *at = strstr(good, m->from);
	size_t before;
	char *text;

	ck_assert_msg(at != NULL && strstr(at + 1, m->from) == NULL, "%s: \"%s\" must be there once", m->what,
		m->from);
	before = (size_t)(at - good);
	text = malloc(sizeof(good) + strlen(m->to));
	ck_assert_ptr_nonnull(text);
	sprintf(text, "%.*s%s%s", (int)before, good, m->to, at + strlen(m->from));
	return text;
}

START_TEST(each_mistake_is_named) {
	const struct mistake *m = &mistakes[_i];
	char *text = damage(m), *words, expected[256], *at;
	int ret;

	words = load(text, strlen(text), &ret);
	ck_assert_msg(ret == -EINVAL, "%s: %d, %s", m->what, ret, words);
	ck_assert_msg(count_lines(words) == 1, "%s: more than one line: %s", m->what, words);
	snprintf(expected, sizeof(expected), ":%d: %s: ", m->line, m->setting);
	at = strstr(words, expected);
	ck_assert_msg(at != NULL, "%s: not at %s: %s", m->what, expected, words);
	ck_assert_msg(
		strncmp(words, "/proc/self/fd/", 14) == 0 && strcspn(words, ":") == (size_t)(at - words),
		"%s: not this file: %s", m->what, words);
	at = strstr(words, "; allowed: ");
	ck_assert_msg(at != NULL && strstr(at, m->allowed) != NULL, "%s: not allowed %s: %s", m->what,
		m->allowed, words);
	free(words);
	free(text);
}
END_TEST

START_TEST(the_good_file_is_good) {
	int ret;
	char *words = load(good, strlen(good), &ret);

	ck_assert_msg(ret == 0 && words[0] == '\0', "%d: %s", ret, words);
	free(words);
}
END_TEST

START_TEST(all_mistakes_are_reported) {
	static const char text[] =
		"node_id = 0;\n"
		"relay: { workers = [ 1 ]; control_socket = \"/r\"; max_sessions = \"many\";\n"
		"ports = ( { name = \"a\"; device = \"pci:1\"; } ); };\n"
		"control: { socket = \"/c\"; };\n"
		"realms = ( { name = \"a\"; port = \"b\";\n"
		"media = ( { address = \"192.0.2.1\"; ports = [ 3000, 2001 ]; } ); sip = ( ); } );\n";
	static const char *const expected[] = {":1: node: it is missing",
		":1: node_id: ", ":2: relay.max_sessions: ", ":3: relay.ports[0].device: ",
		":5: realms[0].port: ", ":6: realms[0].media[0].ports: ", ":6: realms[0].sip: "};
	int ret;
	char *words = load(text, strlen(text), &ret);

	ck_assert_int_eq(ret, -EINVAL);
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
		ck_assert_msg(strstr(words, expected[i]) != NULL, "no %s in %s", expected[i], words);
	ck_assert_msg(count_lines(words) == (int)(sizeof(expected) / sizeof(expected[0])), "%s", words);
	free(words);
}
END_TEST

START_TEST(patterns_mistakes_are_pcre2s) {
	struct mistake m = {"", "[0-9]+", "(a", 20, NULL, NULL};
	char *text = damage(&m);
	int ret;
	char *words = load(text, strlen(text), &ret);

	ck_assert_ptr_nonnull(strstr(words, "missing closing parenthesis at offset 2"));
	free(words);
	free(text);
}
END_TEST

START_TEST(near_misses_are_named) {
	struct mistake m = {"", "max_sessions", "max_session", 5, NULL, NULL};
	char *text = damage(&m);
	int ret;
	char *words = load(text, strlen(text), &ret);

	ck_assert_ptr_nonnull(strstr(words, "relay.max_session: unknown setting, \"max_sessions\" is close"));
	free(words);
	free(text);
}
END_TEST

// What is to come is told from what nobody knows.
static const struct {
	const char *from, *to, *words;
} later[] = {
	{"nat = \"never\"", "srtp = \"require\"",
		":14: realms[1].srtp: it is not available yet; allowed: RTP in the clear"},
	{"nat = \"never\"", "tls = { certificate_file = \"/c\"; }",
		":14: realms[1].tls: it is not available yet; allowed: SIP over UDP"},
	{"nat = \"never\"", "auth = { }", ":14: realms[1].auth: it is not available yet; allowed: `allow`"},
	{"name = \"carrier\";", "name = \"carrier\"; srtp = true;",
		":18: trunks[0].srtp: it is not available yet; allowed: RTP in the clear"},
	{"name = \"carrier\";", "name = \"carrier\"; tls = ( );",
		":18: trunks[0].tls: it is not available yet; allowed: SIP over UDP"},
	{"name = \"carrier\";", "name = \"carrier\"; auth = { user = \"u\"; };",
		":18: trunks[0].auth: it is not available yet; allowed: `allow`"},
	{"\"udp\"", "\"tcp\"",
		":16: realms[1].sip[0].transport: \"tcp\" is not available yet; allowed: \"udp\"\n"},
	{"\"198.51.100.2\"; port = 5060", "\"198.51.100.2\"; transport = \"tls\"",
		":19: trunks[0].peers[0].transport: \"tls\" is not available yet; allowed: \"udp\"\n"},
	{"\"udp\"", "\"pigeon\"",
		":16: realms[1].sip[0].transport: \"pigeon\" is not known; allowed: \"udp\"\n"},
	{"\"203.0.113.1\"; ports", "\"2001:db8::1\"; ports",
		"\"2001:db8::1\" is an IPv6 address, which is not available yet; allowed: an IPv4 address"},
};

START_TEST(what_is_to_come_is_refused_by_name) {
	struct mistake m = {later[_i].to, later[_i].from, later[_i].to, 0, NULL, NULL};
	char *text = damage(&m);
	int ret;
	char *words = load(text, strlen(text), &ret);

	ck_assert_int_eq(ret, -EINVAL);
	ck_assert_msg(strstr(words, later[_i].words) != NULL, "%s: %s", m.what, words);
	ck_assert_int_eq(count_lines(words), 1);
	free(words);
	free(text);
}
END_TEST

// Nor is it among what is allowed in place of an unknown setting.
START_TEST(what_is_to_come_is_not_offered) {
	struct mistake m = {"", "nat = \"never\"", "srpt = true", 14, NULL, NULL};
	char *text = damage(&m);
	int ret;
	char *words = load(text, strlen(text), &ret);

	ck_assert_ptr_nonnull(strstr(words, "realms[1].srpt: unknown setting; allowed: name, "));
	ck_assert_ptr_null(strstr(words, "srtp"));
	free(words);
	free(text);
}
END_TEST

START_TEST(values_cant_forge_lines) {
	struct mistake m = {"", "\"never\"", "\"x\\nforged:1: \\x1b[2J\"", 14, NULL, NULL};
	char *text = damage(&m);
	int ret;
	char *words = load(text, strlen(text), &ret);

	ck_assert_int_eq(count_lines(words), 1);
	ck_assert_ptr_nonnull(strstr(words, "\"x\\x0aforged:1: \\x1b[2J\""));
	free(words);
	free(text);
}
END_TEST

START_TEST(few_ports_are_warned_of) {
	struct mistake m = {"", "1000", "8193", 5, NULL, NULL};
	char *text = damage(&m);
	int ret;
	char *words = load(text, strlen(text), &ret);

	ck_assert_int_eq(ret, 0);
	ck_assert_ptr_nonnull(strstr(words, ":12: warning: realms[0].media: 8192 pairs"));
	ck_assert_ptr_nonnull(strstr(words, ":15: warning: realms[1].media: 8192 pairs"));
	ck_assert_int_eq(count_lines(words), 2);
	free(words);
	free(text);
}
END_TEST

// ARP and SIP have no other way than the TAP.
START_TEST(an_unreachable_nic_is_warned_of) {
	struct mistake m = {"", "af_xdp:eth1", "pci:0000:3b:00.1", 7, NULL, NULL};
	char *text = damage(&m);
	int ret;
	char *words = load(text, strlen(text), &ret);

	ck_assert_int_eq(ret, 0);
	ck_assert_ptr_nonnull(strstr(words, ":7: warning: relay.ports[1].device: without kernel_if"));
	ck_assert_int_eq(count_lines(words), 1);
	free(words);
	free(text);
}
END_TEST

START_TEST(binary_files_are_refused) {
	int ret;
	char *words = load("node = 1;\0node", 14, &ret);

	ck_assert_int_eq(ret, -EINVAL);
	ck_assert_ptr_nonnull(strstr(words, ":1: file: it holds NUL bytes; allowed: plain text"));
	free(words);
}
END_TEST

int main(void) {
	Suite *s = suite_create("config_errors");
	TCase *t = tcase_create("mistakes");

	tcase_add_loop_test(t, each_mistake_is_named, 0, sizeof(mistakes) / sizeof(mistakes[0]));
	tcase_add_test(t, the_good_file_is_good);
	tcase_add_test(t, all_mistakes_are_reported);
	tcase_add_test(t, patterns_mistakes_are_pcre2s);
	tcase_add_test(t, near_misses_are_named);
	tcase_add_loop_test(t, what_is_to_come_is_refused_by_name, 0, sizeof(later) / sizeof(later[0]));
	tcase_add_test(t, what_is_to_come_is_not_offered);
	tcase_add_test(t, values_cant_forge_lines);
	tcase_add_test(t, few_ports_are_warned_of);
	tcase_add_test(t, an_unreachable_nic_is_warned_of);
	tcase_add_test(t, binary_files_are_refused);
	suite_add_tcase(s, t);
	return run_suite(s);
}
