// rtp_frames DEVICE TO_MAC FROM TO N [TAG…]: N Ethernet frames with RTP from one IPv4 endpoint to another (ADDRESS:PORT), with
// 802.1Q tags of these VLANs, outermost first. What no socket would send: tags and interfaces at will.
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { IP = 20, UDP = 8, RTP = 172, TAGS_MAX = 4, FRAME_MAX = 14 + 4 * TAGS_MAX + IP + UDP + RTP };

static _Noreturn void die(const char *what) {
	fprintf(stderr, "rtp_frames: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint8_t *put16(uint8_t *p, unsigned v) {
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
	return p + 2;
}

static struct sockaddr_in parse_endpoint(const char *text) {
	struct sockaddr_in e = {.sin_family = AF_INET};
	char address[INET_ADDRSTRLEN];
	unsigned port;

	errno = EINVAL;
	if (sscanf(text, "%15[0-9.]:%u", address, &port) != 2 ||
		inet_pton(AF_INET, address, &e.sin_addr) != 1)
		die(text);
	e.sin_port = htons((uint16_t)port);
	return e;
}

static void put_ip(uint8_t *ip, const struct sockaddr_in *from, const struct sockaddr_in *to) {
	uint32_t sum = 0;

	memset(ip, 0, IP);
	ip[0] = 0x45;
	put16(ip + 2, IP + UDP + RTP);
	ip[8] = 64;
	ip[9] = IPPROTO_UDP;
	memcpy(ip + 12, &from->sin_addr, 4);
	memcpy(ip + 16, &to->sin_addr, 4);
	for (int i = 0; i < IP; i += 2)
		sum += (uint32_t)(ip[i] << 8 | ip[i + 1]);
	put16(ip + 10, ~((sum & 0xffff) + (sum >> 16)) & 0xffff);
}

static void put_udp(uint8_t *udp, const struct sockaddr_in *from, const struct sockaddr_in *to) {
	memset(udp, 0, UDP + RTP); // without a checksum (RFC 768)
	memcpy(udp, &from->sin_port, 2);
	memcpy(udp + 2, &to->sin_port, 2);
	put16(udp + 4, UDP + RTP);
	udp[UDP] = 0x80; // PCMU, sequence number 0
}

static int open_device(const char *name, uint8_t mac[6]) {
	struct sockaddr_ll at = {.sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex(name)};
	struct ifreq ifr = {0};
	int fd = socket(AF_PACKET, SOCK_RAW, 0);

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 || ioctl(fd, SIOCGIFHWADDR, &ifr) < 0)
		die(name);
	memcpy(mac, ifr.ifr_hwaddr.sa_data, 6);
	return fd;
}

int main(int argc, char **argv) {
	struct sockaddr_in from, to;
	uint8_t frame[FRAME_MAX], *p = frame;
	int fd;

	if (argc < 6 || argc > 6 + TAGS_MAX) {
		fprintf(stderr, "usage: rtp_frames DEVICE TO_MAC FROM TO N [TAG…]\n");
		return 2;
	}
	fd = open_device(argv[1], frame + 6);
	errno = EINVAL;
	if (sscanf(argv[2], "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", &p[0], &p[1], &p[2], &p[3], &p[4], &p[5]) != 6)
		die(argv[2]);
	from = parse_endpoint(argv[3]);
	to = parse_endpoint(argv[4]);
	p += 12;
	for (int i = 6; i < argc; i++)
		p = put16(put16(p, ETHERTYPE_VLAN), (unsigned)strtoul(argv[i], NULL, 10));
	p = put16(p, ETHERTYPE_IP);
	put_ip(p, &from, &to);
	put_udp(p + IP, &from, &to);
	for (unsigned n = (unsigned)strtoul(argv[5], NULL, 10); n > 0; n--) {
		if (send(fd, frame, (size_t)(p - frame) + IP + UDP + RTP, 0) < 0)
			die("send");
		if (n % 32 == 0)
			usleep(1000); // not more than a device's ring takes
	}
	return 0;
}
