// The one config file, loaded and checked. Owns all its strings and arrays.
#pragma once

#include "relay/counters.h"
#include "config/log.h"

#include <stdio.h>
#include <sys/types.h>

enum { CONFIG_NAME = 32 }; // bytes of a name with its NUL: [A-Za-z0-9_-]+
enum { CONFIG_INTERFACE = 16 }; // bytes of an interface's name with its NUL (the kernel's IFNAMSIZ)

enum config_auto { CONFIG_AUTO, CONFIG_ALWAYS, CONFIG_NEVER };
enum config_udp_checksum { UDP_CHECKSUM_UPDATE, UDP_CHECKSUM_COMPUTE };
enum config_hugepages { HUGEPAGES_AUTO, HUGEPAGES_REQUIRE, HUGEPAGES_NEVER };
enum config_latch {
	CONFIG_LATCH_AUTO,
	CONFIG_LATCH_OFF,
	CONFIG_LATCH_STRICT,
	CONFIG_LATCH_ADDRESS,
	CONFIG_LATCH_ANY
};
enum sip_transport { SIP_UDP }; // more to come

enum config_device_kind { DEVICE_AF_XDP, DEVICE_PCI, DEVICE_VDEV };
enum { CONFIG_DEVICE = 256 }; // bytes of a device with its NUL

struct config_device {
	char text[CONFIG_DEVICE]; // as configured: "af_xdp:eth0", "vdev:net_pcap0,rx_pcap=a.pcap"
	enum config_device_kind kind;
	char name[64]; // AF_XDP: the interface; else DPDK's name of the device
	char args[CONFIG_DEVICE]; // VDEV: what stands behind the name
	char interface[CONFIG_INTERFACE]; // of the kernel, that the device is or sits upon; empty where there is none
};

struct config_port {
	char name[CONFIG_NAME];
	struct config_device device;
	char kernel_if[CONFIG_INTERFACE]; // the TAP that the kernel sees in place of the NIC; empty: none
	int punt_pps[PUNT_CLASS_COUNT]; // packets a second for the kernel, by enum punt_class
	enum config_udp_checksum udp_checksum; // of what is sent on of the packets received here
};

struct config_relay {
	char *control_socket;
	int *workers; // CPU numbers
	int n_workers;
	enum config_hugepages hugepages;
	int max_sessions;
	int idle_sleep_us; // 0: poll always; at most 50
	int buffers; // packet buffers, 0: by formula
	int buffer_cache; // of them, kept by each worker for itself
	struct config_port *ports;
	int n_ports;
};

// RFC 3261 §17 timers.
struct config_timers {
	int t1_ms, t2_ms, t4_ms;
};

struct config_media {
	struct endpoint address; // port 0; where packets really arrive
	struct endpoint advertise; // what SDP says; equal to address unless set
	uint16_t port_first, port_last;
};

struct config_sip {
	enum sip_transport transport;
	struct endpoint address; // with port
	struct endpoint advertise; // what Via and Contact say; equal to address unless set
};

struct config_network { // CIDR
	struct endpoint address;
	uint8_t prefix_length;
};

struct config_realm {
	char name[CONFIG_NAME];
	int port; // index into relay.ports
	int vlan; // 802.1Q id; 0: untagged
	char interface[CONFIG_INTERFACE]; // the kernel's, for routes and neighbours; empty: the port's or its VLAN's
	enum config_auto nat;
	enum config_latch latch;
	int dscp;
	int nat_keepalive_s; // CRLFCRLF to NATed peers during calls; 0: off
	bool trusted; // P-Asserted-Identity crosses to it
	struct config_network *allow;
	int n_allow;
	struct config_media *media;
	int n_media;
	struct config_sip *sip;
	int n_sip;
	struct config_timers timers;
};

struct config_peer {
	char *host; // numeric address or DNS name
	int port; // 0: by RFC 3263
	enum sip_transport transport;
};

struct config_trunk {
	char name[CONFIG_NAME];
	int realm;
	int first_response_ms; // failover when nothing was heard by then
	int ring_timeout_s;
	struct config_peer *peers;
	int n_peers;
	struct config_timers timers; // the realm's unless overridden
};

struct config_route {
	int from_realm, from_trunk; // one of them, the other -1
	char *user; // pcre2 pattern, anchored at both ends
	int *to; // trunks in order of preference, or
	int n_to;
	char *contact; // a SIP URI to send to, in realm
	int realm;
	int ring_timeout_s; // of a contact route; trunks have their own
};

struct config_user {
	char name[CONFIG_NAME]; // empty: not set
	uid_t uid; // that this host knows it by
};

struct config_control {
	char *socket;
	struct config_user user; // that kedge-control runs as
	int media_timeout_s; // 0: off
	int ended_calls; // kept for `calls --ended`
	int max_calls;
	int max_transactions;
	int max_call_s; // hard cap of a call's life
	int ring_timeout_s;
	int relay_deadline_ms;
	char *token_key_file; // NULL: random each start
};

struct config {
	char node[CONFIG_NAME];
	int node_id; // 1..65535, also the owner id at the relay
	char *group; // owns both sockets; NULL: the process's own
	enum log_level log_level;
	struct config_relay relay;
	struct config_realm *realms;
	int n_realms;
	struct config_trunk *trunks;
	int n_trunks;
	struct config_route *routes;
	int n_routes;
	struct config_control control;
};

// Load and check the file, whole or not at all. On failure writes one line a mistake to errors, as
// "FILE:LINE: SETTING: what is wrong; what is allowed", and returns -EINVAL (or -ENOMEM, -ENOENT, -EACCES…).
// Warnings go to errors too, as "FILE:LINE: warning: …", with 0. Gives *out, for config_unload.
[[nodiscard]] int config_load(const char *path, FILE *errors, struct config **out);
// NULL is fine. (Not config_destroy: libconfig exports that name, and calls it through the PLT.)
void config_unload(struct config *c);
