// A config file out of a text, without a file: an anonymous one, by its /proc name.
#pragma once

#include <check.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { CONFIG_TEXT_PATH = 64 };

// Put len bytes of text into a new file descriptor, whose path goes to path. The caller closes it.
static inline int config_text_open(const char *text, size_t len, char path[static CONFIG_TEXT_PATH]) {
	int fd = memfd_create("config", MFD_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, len), (ssize_t)len);
	snprintf(path, CONFIG_TEXT_PATH, "/proc/self/fd/%d", fd);
	return fd;
}

// A small whole config without mistakes; line numbers are what the tests of mistakes go by.
#define CONFIG_TEXT_GOOD \
	"node = \"edge1\"; node_id = 1;\n" /* 1 */ \
	"relay: {\n" /* 2 */ \
	"  control_socket = \"/run/kedge/relay.sock\";\n" /* 3 */ \
	"  workers = [ 1 ];\n" /* 4 */ \
	"  max_sessions = 1000;\n" /* 5 */ \
	"  ports = ( { name = \"access\"; device = \"af_xdp:eth0\"; },\n" /* 6 */ \
	"            { name = \"core\"; device = \"af_xdp:eth1\"; } );\n" /* 7 */ \
	"};\n" /* 8 */ \
	"control: { socket = \"/run/kedge/control.sock\"; };\n" /* 9 */ \
	"realms = (\n" /* 10 */ \
	"  { name = \"access\"; port = \"access\"; allow = [ \"192.0.2.0/24\" ];\n" /* 11 */ \
	"    media = ( { address = \"203.0.113.1\"; ports = [ 16384, 32767 ]; } );\n" /* 12 */ \
	"    sip = ( { address = \"203.0.113.1\"; port = 5060; } ); },\n" /* 13 */ \
	"  { name = \"core\"; port = \"core\"; nat = \"never\";\n" /* 14 */ \
	"    media = ( { address = \"198.51.100.1\"; ports = [ 16384, 32767 ]; } );\n" /* 15 */ \
	"    sip = ( { transport = \"udp\"; address = \"198.51.100.1\"; } ); }\n" /* 16 */ \
	");\n" /* 17 */ \
	"trunks = ( { name = \"carrier\"; realm = \"core\";\n" /* 18 */ \
	"             peers = ( { address = \"198.51.100.2\"; port = 5060; } ); } );\n" /* 19 */ \
	"routes = ( { from_realm = \"access\"; user = \"[0-9]+\"; to = ( \"carrier\" ); },\n" /* 20 */ \
	"           { from_trunk = \"carrier\"; user = \".*\"; contact = \"sip:203.0.113.2:5060\"; realm = \"access\"; " \
	"} );\n" /* 21 */
