#include "dpdk_app/host.h"

#include "config/log.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/ethtool.h>
#include <linux/if_arp.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

// One ioctl on an interface with what ifr holds. Returns 0 or a negative errno.
static int set_interface(const char *name, unsigned long request, struct ifreq *ifr) {
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), ret;

	if (fd < 0)
		return -errno;
	snprintf(ifr->ifr_name, sizeof(ifr->ifr_name), "%s", name);
	ret = ioctl(fd, request, ifr) < 0 ? -errno : 0;
	close(fd);
	return ret;
}

// The same, asking. data: the ethtool command, or NULL.
static int interface_ioctl(const char *name, unsigned long request, void *data, struct ifreq *ifr) {
	*ifr = (struct ifreq){.ifr_data = data};
	return set_interface(name, request, ifr);
}

static void get_channels(struct host_interface *i) {
	struct ethtool_channels channels = {.cmd = ETHTOOL_GCHANNELS};
	struct ethtool_drvinfo driver = {.cmd = ETHTOOL_GDRVINFO};
	struct ifreq ifr;

	if (interface_ioctl(i->name, SIOCETHTOOL, &channels, &ifr) == 0)
		i->channels = (struct host_channels){.rx = channels.rx_count,
			.rx_max = channels.max_rx,
			.combined = channels.combined_count,
			.combined_max = channels.max_combined};
	if (interface_ioctl(i->name, SIOCETHTOOL, &driver, &ifr) == 0)
		i->veth = strncmp(driver.driver, "veth", sizeof(driver.driver)) == 0;
}

int host_interface_get(const char *name, struct host_interface *out) {
	struct host_interface i = {0};
	struct ifreq ifr = {0};
	int ret;

	if (strlen(name) == 0 || strlen(name) >= sizeof(i.name)) {
		log_error("device interface=%s: not an interface's name", name);
		return -ENODEV;
	}
	memcpy(i.name, name, strlen(name));
	ret = interface_ioctl(name, SIOCGIFINDEX, NULL, &ifr);
	i.index = ifr.ifr_ifindex;
	if (ret == 0 && (ret = interface_ioctl(name, SIOCGIFHWADDR, NULL, &ifr)) == 0) {
		memcpy(i.mac, ifr.ifr_hwaddr.sa_data, sizeof(i.mac));
		ret = ifr.ifr_hwaddr.sa_family == ARPHRD_ETHER ? 0 : -EINVAL;
	}
	if (ret == 0 && (ret = interface_ioctl(name, SIOCGIFMTU, NULL, &ifr)) == 0)
		i.mtu = (unsigned)ifr.ifr_mtu;
	if (ret == 0 && (ret = interface_ioctl(name, SIOCGIFFLAGS, NULL, &ifr)) == 0)
		i.up = (ifr.ifr_flags & IFF_UP) != 0;
	if (ret < 0) {
		log_error("device interface=%s can't be used: %s", name,
			ret == -EINVAL ? "not an Ethernet interface" : strerror(-ret));
		return ret;
	}
	get_channels(&i);
	*out = i;
	return 0;
}

// Change what differs only: a MAC address set anew makes the kernel announce it.
int host_interface_set(const char *name, const uint8_t mac[static 6], unsigned mtu) {
	struct ifreq ifr;
	int ret = interface_ioctl(name, SIOCGIFHWADDR, NULL, &ifr);

	if (ret == 0 && memcmp(ifr.ifr_hwaddr.sa_data, mac, 6) != 0) {
		memcpy(ifr.ifr_hwaddr.sa_data, mac, 6);
		ret = set_interface(name, SIOCSIFHWADDR, &ifr);
	}
	if (ret == 0 && (ret = interface_ioctl(name, SIOCGIFMTU, NULL, &ifr)) == 0 &&
		ifr.ifr_mtu != (int)mtu) {
		ifr.ifr_mtu = (int)mtu;
		ret = set_interface(name, SIOCSIFMTU, &ifr);
	}
	if (ret == 0 && (ret = interface_ioctl(name, SIOCGIFFLAGS, NULL, &ifr)) == 0 &&
		(ifr.ifr_flags & IFF_UP) == 0) {
		ifr.ifr_flags |= IFF_UP;
		ret = set_interface(name, SIOCSIFFLAGS, &ifr);
	}
	return ret;
}

int host_set_rx_vlan(const char *name, bool on) {
	struct ethtool_value flags = {.cmd = ETHTOOL_GFLAGS};
	struct ifreq ifr;
	bool was_on;
	int ret = interface_ioctl(name, SIOCETHTOOL, &flags, &ifr);

	if (ret == -EOPNOTSUPP)
		return 0;
	if (ret < 0)
		return ret;
	was_on = (flags.data & ETH_FLAG_RXVLAN) != 0;
	if (was_on == on)
		return was_on;
	flags.cmd = ETHTOOL_SFLAGS;
	flags.data = on ? flags.data | ETH_FLAG_RXVLAN : flags.data & ~(uint32_t)ETH_FLAG_RXVLAN;
	ret = interface_ioctl(name, SIOCETHTOOL, &flags, &ifr);
	return ret < 0 ? ret : was_on;
}

static bool has_address(const struct endpoint *e) {
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = endpoint_v4_addr_be(e)};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	// Any other failure is not about the address: media ranges may leave no port to bind to, for one.
	bool has = fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0 ||
		errno != EADDRNOTAVAIL;

	if (fd >= 0)
		close(fd);
	return has;
}

void host_check_addresses(const struct config_realm *realm) {
	char text[ENDPOINT_TEXT];

	for (int i = 0; i < realm->n_media; i++) {
		const struct endpoint *e = &realm->media[i].address;

		if (e->family == IP_V4 && !has_address(e))
			log_warning(
				"realm name=%s media address %s is not on this host: no media until it is",
				realm->name, endpoint_format_addr(e, text));
	}
}

bool host_may_run(void) {
	static const struct {
		unsigned bit;
		const char *name;
	} needed[] = {{CAP_NET_ADMIN, "CAP_NET_ADMIN"}, {CAP_NET_RAW, "CAP_NET_RAW"},
		{CAP_IPC_LOCK, "CAP_IPC_LOCK"}, {CAP_SYS_ADMIN, "CAP_SYS_ADMIN"}, {CAP_BPF, "CAP_BPF"}};
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {0};
	bool may = true;

	if (syscall(SYS_capget, &header, data) < 0)
		return true; // can't tell; what really lacks shows later
	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
		if ((data[needed[i].bit / 32].effective & 1u << needed[i].bit % 32) != 0)
			continue;
		log_error("permission %s is missing: run as root, or give the service this capability",
			needed[i].name);
		may = false;
	}
	return may;
}
