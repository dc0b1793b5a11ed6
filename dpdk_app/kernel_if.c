#include "dpdk_app/kernel_if.h"

#include "config/log.h"
#include "dpdk_app/host.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static const char clone_device[] = "/dev/net/tun";

static int attach(int fd, const char *name) {
	struct ifreq ifr = {.ifr_flags = IFF_TAP | IFF_NO_PI};

	memcpy(ifr.ifr_name, name, strnlen(name, IFNAMSIZ - 1));
	if (ioctl(fd, TUNSETIFF, &ifr) < 0)
		return -errno;
	// Offloads off: an earlier owner may have left them on, and frames are to come whole and with their checksums.
	if (ioctl(fd, TUNSETOFFLOAD, 0) < 0 || ioctl(fd, TUNSETPERSIST, 1) < 0)
		return -errno;
	return 0;
}

int kernel_if_open(const char *name) {
	int fd = open(clone_device, O_RDWR | O_NONBLOCK | O_CLOEXEC), ret;

	if (fd < 0) {
		ret = -errno;
		log_error("kernel_if=%s: %s can't be opened: %s", name, clone_device, strerror(-ret));
		return ret;
	}
	ret = attach(fd, name);
	if (ret == 0)
		return fd;
	close(fd);
	log_error("kernel_if=%s can't be used: %s", name,
		ret == -EBUSY		 ? "another process has this TAP"
			: ret == -EINVAL ? "an interface of this name exists, and is no TAP of one queue"
					 : strerror(-ret));
	return ret;
}

int kernel_if_configure(const char *name, const uint8_t mac[static 6], unsigned mtu) {
	int ret = host_interface_set(name, mac, mtu);

	if (ret < 0)
		log_error("kernel_if=%s can't be given the NIC's MAC address and an MTU of %u: %s", name, mtu,
			strerror(-ret));
	return ret;
}

int kernel_if_carrier(int fd, bool up) {
	int carrier = up;

	return ioctl(fd, TUNSETCARRIER, &carrier) < 0 ? -errno : 0;
}
