#include "config/config.h"
#include "tests/unit/config_text.h"
#include "tests/unit/fail_alloc.h"
#include "tests/unit/run_suite.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static struct config *load(const char *path) {
	char *words = NULL;
	size_t n = 0;
	FILE *errors = open_memstream(&words, &n);
	struct config *c = NULL;
	int ret = config_load(path, errors, &c);

	fclose(errors);
	ck_assert_msg(ret == 0 && words[0] == '\0', "%s: %d %s", path, ret, words);
	free(words);
	return c;
}

static struct config *load_text(const char *text) {
	char path[CONFIG_TEXT_PATH];
	int fd = config_text_open(text, strlen(text), path);
	struct config *c = load(path);

	close(fd);
	return c;
}

static void check_endpoint(const struct endpoint *e, const char *expected) {
	char text[ENDPOINT_TEXT];

	ck_assert_str_eq(endpoint_format(e, text), expected);
}

// ---- defaults, and what is taken from elsewhere ----

START_TEST(defaults_are_as_documented) {
	struct config *c = load_text(CONFIG_TEXT_GOOD);
	const struct config_realm *r = &c->realms[0];

	ck_assert_str_eq(c->node, "edge1");
	ck_assert_int_eq(c->node_id, 1);
	ck_assert_ptr_null(c->group);
	ck_assert_int_eq(c->log_level, LOG_LEVEL_INFO);
	ck_assert_int_eq(c->relay.hugepages, HUGEPAGES_AUTO);
	ck_assert_int_eq(c->relay.idle_sleep_us, 50);
	ck_assert_int_eq(c->relay.buffers, 0);
	ck_assert_int_eq(c->relay.ports[0].udp_checksum, UDP_CHECKSUM_UPDATE);
	ck_assert_int_eq(c->relay.buffer_cache, 256);
	ck_assert_int_eq(c->control.media_timeout_s, 300);
	ck_assert_int_eq(c->control.ended_calls, 1000);
	ck_assert_int_eq(c->control.max_calls, 20000);
	ck_assert_int_eq(c->control.max_transactions, 300000);
	ck_assert_int_eq(c->control.max_call_s, 43200);
	ck_assert_int_eq(c->control.ring_timeout_s, 180);
	ck_assert_int_eq(c->control.relay_deadline_ms, 1000);
	ck_assert_ptr_null(c->control.token_key_file);
	ck_assert_str_eq(c->control.user.name, "");
	ck_assert_int_eq(r->nat, CONFIG_AUTO);
	ck_assert_int_eq(r->latch, CONFIG_LATCH_AUTO);
	ck_assert_int_eq(r->vlan, 0);
	ck_assert_int_eq(r->dscp, 0);
	ck_assert_int_eq(r->nat_keepalive_s, 20);
	ck_assert(!r->trusted);
	ck_assert_int_eq(r->timers.t1_ms, 500);
	ck_assert_int_eq(r->timers.t2_ms, 4000);
	ck_assert_int_eq(r->timers.t4_ms, 5000);
	ck_assert_int_eq(c->realms[1].n_allow, 0);
	ck_assert_int_eq(c->trunks[0].first_response_ms, 4000);
	ck_assert_int_eq(c->trunks[0].ring_timeout_s, 180);
	config_unload(c);
}
END_TEST

START_TEST(values_are_stored) {
	struct config *c = load_text(CONFIG_TEXT_GOOD);
	const struct config_realm *r = c->realms;

	ck_assert_int_eq(c->relay.n_workers, 1);
	ck_assert_int_eq(c->relay.workers[0], 1);
	ck_assert_int_eq(c->relay.max_sessions, 1000);
	ck_assert_int_eq(c->relay.n_ports, 2);
	ck_assert_str_eq(c->relay.ports[1].device.text, "af_xdp:eth1");
	ck_assert_int_eq(c->n_realms, 2);
	ck_assert_int_eq(r[1].port, 1);
	ck_assert_int_eq(r[1].nat, CONFIG_NEVER);
	ck_assert_int_eq(r[0].n_allow, 1);
	check_endpoint(&r[0].allow[0].address, "192.0.2.0:0");
	ck_assert_int_eq(r[0].allow[0].prefix_length, 24);
	check_endpoint(&r[0].media[0].address, "203.0.113.1:0");
	ck_assert_int_eq(r[0].media[0].port_first, 16384);
	ck_assert_int_eq(r[0].media[0].port_last, 32767);
	check_endpoint(&r[1].sip[0].address, "198.51.100.1:5060");
	ck_assert_int_eq(c->trunks[0].realm, 1);
	ck_assert_str_eq(c->trunks[0].peers[0].host, "198.51.100.2");
	ck_assert_int_eq(c->trunks[0].peers[0].port, 5060);
	ck_assert_int_eq(c->n_routes, 2);
	ck_assert_int_eq(c->routes[0].from_realm, 0);
	ck_assert_int_eq(c->routes[0].from_trunk, -1);
	ck_assert_int_eq(c->routes[0].n_to, 1);
	ck_assert_int_eq(c->routes[0].to[0], 0);
	ck_assert_int_eq(c->routes[0].realm, -1);
	ck_assert_str_eq(c->routes[1].contact, "sip:203.0.113.2:5060");
	ck_assert_int_eq(c->routes[1].realm, 0);
	config_unload(c);
}
END_TEST

START_TEST(a_taken_nic) {
	struct config *c = load_text(
		"node = \"n\"; node_id = 1; control: { socket = \"/c\"; };\n"
		"relay: { control_socket = \"/r\"; workers = [ 0 ]; max_sessions = 1;\n"
		"ports = ( { name = \"p\"; device = \"vdev:net_af_packet0,iface=e\"; kernel_if = \"tap\";\n"
		"punt_pps = { arp = 5; other = 0; }; } ); };\n"
		"realms = ( { name = \"r\"; port = \"p\"; sip = ( { address = \"203.0.113.1\"; } );\n"
		"media = ( { address = \"203.0.113.1\"; ports = [ 2000, 2003 ]; } ); } );\n");
	const struct config_port *p = c->relay.ports;

	ck_assert_int_eq(p->device.kind, DEVICE_VDEV);
	ck_assert_str_eq(p->device.interface, "e");
	ck_assert_str_eq(p->kernel_if, "tap");
	ck_assert_int_eq(p->punt_pps[PUNT_ARP], 5);
	ck_assert_int_eq(p->punt_pps[PUNT_ICMP], 1000);
	ck_assert_int_eq(p->punt_pps[PUNT_UDP], 10000);
	ck_assert_int_eq(p->punt_pps[PUNT_TCP], 20000);
	ck_assert_int_eq(p->punt_pps[PUNT_OTHER], 0);
	config_unload(c);
}
END_TEST

// By name, of the host that reads the file.
START_TEST(the_user_that_control_runs_as) {
	const struct passwd *me = getpwuid(getuid());
	char text[2048];
	struct config *c;

	if (me == NULL) // a container's number without a name
		return;
	snprintf(text, sizeof(text),
		"node = \"n\"; node_id = 1; control: { socket = \"/c\"; user = \"%s\"; };\n"
		"relay: { control_socket = \"/r\"; workers = [ 0 ]; max_sessions = 1;\n"
		"ports = ( { name = \"p\"; device = \"af_xdp:e\"; } ); };\n"
		"realms = ( { name = \"r\"; port = \"p\"; sip = ( { address = \"203.0.113.1\"; } );\n"
		"media = ( { address = \"203.0.113.1\"; ports = [ 2000, 2003 ]; } ); } );\n",
		me->pw_name);
	c = load_text(text);
	ck_assert_str_eq(c->control.user.name, me->pw_name);
	ck_assert_uint_eq(c->control.user.uid, getuid());
	config_unload(c);
}
END_TEST

START_TEST(advertised_endpoints_follow_the_bound_ones) {
	static const struct {
		const char *sip, *expected;
	} cases[] = {
		{"address = \"203.0.113.1\"; port = 5070;", "203.0.113.1:5070"},
		{"address = \"203.0.113.1\"; port = 5070; advertise = \"192.0.2.9\";", "192.0.2.9:5070"},
		{"advertise = \"192.0.2.9:5080\"; address = \"203.0.113.1\"; port = 5070;", "192.0.2.9:5080"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[2048];
		struct config *c;

		snprintf(text, sizeof(text),
			"node = \"n\"; node_id = 1; control: { socket = \"/c\"; };\n"
			"relay: { control_socket = \"/r\"; workers = [ 0 ]; max_sessions = 1;\n"
			"ports = ( { name = \"p\"; device = \"af_xdp:e\"; } ); };\n"
			"realms = ( { name = \"r\"; port = \"p\"; sip = ( { %s } );\n"
			"media = ( { address = \"203.0.113.1\"; advertise = \"192.0.2.8\"; ports = [ 2000, 2003 ]; } ); } );\n",
			cases[i].sip);
		c = load_text(text);
		check_endpoint(&c->realms[0].sip[0].address, "203.0.113.1:5070");
		check_endpoint(&c->realms[0].sip[0].advertise, cases[i].expected);
		check_endpoint(&c->realms[0].media[0].address, "203.0.113.1:0");
		check_endpoint(&c->realms[0].media[0].advertise, "192.0.2.8:0");
		config_unload(c);
	}
}
END_TEST

START_TEST(trunks_inherit) {
	static const char text[] =
		"node = \"n\"; node_id = 65535; control: { socket = \"/c\"; ring_timeout_s = 77; };\n"
		"relay: { control_socket = \"/r\"; workers = [ 0 ]; max_sessions = 1;\n"
		"ports = ( { name = \"p\"; device = \"af_xdp:e\"; } ); };\n"
		"realms = ( { name = \"r\"; port = \"p\"; sip = ( { address = \"203.0.113.1\"; } );\n"
		"timers: { t1_ms = 200; t4_ms = 3000; };\n"
		"media = ( { address = \"203.0.113.1\"; ports = [ 2000, 2003 ]; } ); } );\n"
		"trunks = ( { name = \"a\"; realm = \"r\"; peers = ( { address = \"peer.example.net\"; } ); },\n"
		"{ name = \"b\"; realm = \"r\"; ring_timeout_s = 9; timers: { t1_ms = 100; };\n"
		"peers = ( { address = \"192.0.2.1\"; } ); } );\n"
		"routes = ( { from_trunk = \"b\"; user = \".*\"; contact = \"SIP:u%20v@h.example;a=b;Transport=UDP\";\n"
		"realm = \"r\"; } );\n";
	struct config *c = load_text(text);

	ck_assert_int_eq(c->trunks[0].timers.t1_ms, 200);
	ck_assert_int_eq(c->trunks[0].timers.t2_ms, 4000);
	ck_assert_int_eq(c->trunks[0].timers.t4_ms, 3000);
	ck_assert_int_eq(c->trunks[0].ring_timeout_s, 77);
	ck_assert_int_eq(c->trunks[0].peers[0].port, 0);
	ck_assert_int_eq(c->trunks[1].timers.t1_ms, 100);
	ck_assert_int_eq(c->trunks[1].timers.t4_ms, 3000);
	ck_assert_int_eq(c->trunks[1].ring_timeout_s, 9);
	ck_assert_int_eq(c->routes[0].ring_timeout_s, 77);
	config_unload(c);
}
END_TEST

// Realms may share a port, on VLANs or not; what tells them apart is their addresses.
START_TEST(realms_share_a_port) {
	static const char text[] =
		"node = \"n\"; node_id = 1; control: { socket = \"/c\"; };\n"
		"relay: { control_socket = \"/r\"; workers = [ 0 ]; max_sessions = 1;\n"
		"ports = ( { name = \"p\"; device = \"af_xdp:e\"; } ); };\n"
		"realms = ( { name = \"a\"; port = \"p\"; vlan = 4094; sip = ( { address = \"203.0.113.1\"; } );\n"
		"media = ( { address = \"203.0.113.1\"; ports = [ 2000, 2003 ]; } ); },\n"
		"{ name = \"b\"; port = \"p\"; vlan = 1; interface = \"br0.1\"; sip = ( { address = \"203.0.113.2\"; } );\n"
		"media = ( { address = \"203.0.113.2\"; ports = [ 2000, 2003 ]; } ); },\n"
		"{ name = \"c\"; port = \"p\"; sip = ( { address = \"203.0.113.3\"; } );\n"
		"media = ( { address = \"203.0.113.3\"; ports = [ 2000, 2003 ]; } ); },\n"
		"{ name = \"d\"; port = \"p\"; sip = ( { address = \"203.0.113.4\"; } );\n"
		"media = ( { address = \"203.0.113.4\"; ports = [ 2000, 2003 ]; } ); } );\n";
	static const int vlans[] = {4094, 1, 0, 0};
	struct config *c = load_text(text);

	ck_assert_int_eq(c->n_realms, 4);
	for (int i = 0; i < 4; i++) {
		ck_assert_int_eq(c->realms[i].port, 0);
		ck_assert_int_eq(c->realms[i].vlan, vlans[i]);
		ck_assert_str_eq(c->realms[i].interface, i == 1 ? "br0.1" : "");
	}
	config_unload(c);
}
END_TEST

// ---- files ----

START_TEST(the_example_loads) {
	struct config *c = load(SOURCE_ROOT "/config/kedge.conf");

	ck_assert_int_eq(c->n_realms, 2);
	ck_assert_int_eq(c->n_trunks, 1);
	ck_assert_int_eq(c->n_routes, 2);
	ck_assert_str_eq(c->group, "kedge");
	config_unload(c);
}
END_TEST

static void write_file(const char *path, const char *text) {
	FILE *f = fopen(path, "w");

	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	ck_assert_int_eq(fclose(f), 0);
}

// @include looks beside the file, not in the working directory, and mistakes name the included file.
START_TEST(includes_are_beside_the_file) {
	char dir[] = "/tmp/test_config.XXXXXX", path[64], part[64], *words = NULL;
	struct config *c = NULL;
	size_t n = 0;
	FILE *errors;

	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/main.conf", dir);
	snprintf(part, sizeof(part), "%s/part.conf", dir);
	write_file(path, CONFIG_TEXT_GOOD "@include \"part.conf\"\n");
	write_file(part, "# a part\nlog_level = \"debug\";\n");
	c = load(path);
	ck_assert_int_eq(c->log_level, LOG_LEVEL_DEBUG);
	config_unload(c);

	write_file(part, "# a part\n\nlog_level = 99999999999;\n");
	errors = open_memstream(&words, &n);
	ck_assert_int_eq(config_load(path, errors, &c), -EINVAL);
	fclose(errors);
	ck_assert_ptr_nonnull(strstr(words, "/part.conf:3: log_level: the integer has more than 32 bits"));
	ck_assert_msg(strstr(words, "/part.conf:3: log_level: it is an integer; allowed: \"error\"") != NULL,
		"%s", words);
	free(words);

	write_file(part, "@include \"part.conf\"\n");
	errors = open_memstream(&words, &n);
	ck_assert_int_eq(config_load(path, errors, &c), -EINVAL);
	fclose(errors);
	ck_assert_ptr_nonnull(strstr(words, "/part.conf:1: @include: cannot include "));
	free(words);

	ck_assert_int_eq(unlink(path) | unlink(part) | rmdir(dir), 0);
}
END_TEST

START_TEST(unreadable_files_are_named) {
	static const struct {
		const char *path;
		int ret;
	} cases[] = {
		{"/no/such/kedge.conf", -ENOENT}, {"/tmp", -EISDIR}, {"/dev/zero", -EFBIG}, // it doesn't end
		{"/dev/null", -EINVAL}, // nothing is missing but everything
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *words = NULL;
		struct config *c = NULL;
		size_t n = 0;
		FILE *errors = open_memstream(&words, &n);

		ck_assert_int_eq(config_load(cases[i].path, errors, &c), cases[i].ret);
		fclose(errors);
		ck_assert_ptr_null(c);
		ck_assert_msg(strncmp(words, cases[i].path, strlen(cases[i].path)) == 0, "%s", words);
		free(words);
	}
}
END_TEST

// ---- memory ----

START_TEST(each_allocation_may_fail) {
	FILE *errors = fopen("/dev/null", "w");

	for (unsigned k = 1;; k++) {
		struct config *c = NULL;
		bool failed;
		int ret;

		fail_alloc_at(k);
		ret = config_load(SOURCE_ROOT "/config/kedge.conf", errors, &c);
		failed = fail_alloc_end();
		config_unload(c);
		if (!failed) {
			ck_assert_int_eq(ret, 0);
			ck_assert_uint_gt(k, 20); // the loop did something
			break;
		}
		ck_assert_int_eq(ret, -ENOMEM);
		ck_assert_ptr_null(c);
	}
	fclose(errors);
}
END_TEST

int main(void) {
	Suite *s = suite_create("config");
	TCase *t = tcase_create("config");

	tcase_add_test(t, defaults_are_as_documented);
	tcase_add_test(t, values_are_stored);
	tcase_add_test(t, a_taken_nic);
	tcase_add_test(t, the_user_that_control_runs_as);
	tcase_add_test(t, advertised_endpoints_follow_the_bound_ones);
	tcase_add_test(t, trunks_inherit);
	tcase_add_test(t, realms_share_a_port);
	tcase_add_test(t, the_example_loads);
	tcase_add_test(t, includes_are_beside_the_file);
	tcase_add_test(t, unreadable_files_are_named);
	tcase_add_test(t, each_allocation_may_fail);
	suite_add_tcase(s, t);
	return run_suite(s);
}
