#include "dpdk_app/reserved_ports.h"

#include "config/log.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char sysctl_path[] = "/proc/sys/net/ipv4/ip_local_reserved_ports";

static bool has(const uint8_t *bitmap, unsigned port) {
	return (bitmap[port / 8] & 1u << port % 8) != 0;
}

static void add_range(uint8_t *bitmap, unsigned first, unsigned last) {
	for (unsigned port = first; port <= last; port++)
		bitmap[port / 8] |= (uint8_t)(1u << port % 8);
}

static bool parse_port(const char **text, unsigned *port) {
	char *end;
	unsigned long value;

	if (!isdigit((unsigned char)**text))
		return false;
	value = strtoul(*text, &end, 10);
	*text = end;
	*port = (unsigned)value;
	return value <= 65535;
}

int reserved_ports_parse(const char *text, uint8_t bitmap[static 65536 / 8]) {
	uint8_t read[65536 / 8] = {0};

	while (*text != '\0' && *text != '\n') {
		unsigned first = 0, last;

		if (!parse_port(&text, &first))
			return -EINVAL;
		last = first;
		if (*text == '-' && (text++, !parse_port(&text, &last) || last < first))
			return -EINVAL;
		if (*text == ',')
			text++;
		else if (*text != '\0' && *text != '\n')
			return -EINVAL;
		add_range(read, first, last);
	}
	memcpy(bitmap, read, sizeof(read));
	return 0;
}

size_t reserved_ports_format(const uint8_t bitmap[static 65536 / 8], char *buf, size_t size) {
	size_t used = 0;

	for (unsigned port = 0; port < 65536 && used + 16 < size; port++) {
		unsigned last = port;

		if (!has(bitmap, port))
			continue;
		while (last < 65535 && has(bitmap, last + 1))
			last++;
		if (used > 0)
			buf[used++] = ',';
		used += (size_t)sprintf(buf + used, "%u", port);
		if (last > port)
			used += (size_t)sprintf(buf + used, "-%u", last);
		port = last;
	}
	buf[used] = '\0';
	return used;
}

// The kernel's list may be long; it is read and written whole.
static int read_list(char *buf, size_t size) {
	int fd = open(sysctl_path, O_RDONLY | O_CLOEXEC);
	size_t used = 0;
	ssize_t n;

	if (fd < 0)
		return -errno;
	while (used < size - 1 && (n = read(fd, buf + used, size - 1 - used)) > 0)
		used += (size_t)n;
	buf[used] = '\0';
	close(fd);
	return 0;
}

static int write_list(const char *text, size_t length) {
	int fd = open(sysctl_path, O_WRONLY | O_CLOEXEC), ret = 0;

	if (fd < 0)
		return -errno;
	// An empty list is written as a line end: a write of nothing changes nothing.
	if (write(fd, length > 0 ? text : "\n", length > 0 ? length : 1) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

// Set or clear ports in the kernel's list. Clears from `change` what there was no need to touch.
static int change_list(uint8_t change[static 65536 / 8], bool set) {
	char *text = calloc(1, RESERVED_PORTS_TEXT);
	uint8_t list[65536 / 8];
	int ret = text == NULL ? -ENOMEM : read_list(text, RESERVED_PORTS_TEXT);

	if (ret == 0)
		ret = reserved_ports_parse(text, list);
	for (size_t i = 0; i < sizeof(list) && ret == 0; i++) {
		change[i] &= set ? (uint8_t)~list[i] : list[i];
		list[i] = set ? list[i] | change[i] : (uint8_t)(list[i] & ~change[i]);
	}
	if (ret == 0)
		ret = write_list(text, reserved_ports_format(list, text, RESERVED_PORTS_TEXT));
	free(text);
	return ret;
}

void reserved_ports_add(const struct config *c, struct reserved_ports *out) {
	int ret;

	memset(out, 0, sizeof(*out));
	for (int i = 0; i < c->n_realms; i++) {
		for (int j = 0; j < c->realms[i].n_media; j++)
			add_range(out->added, c->realms[i].media[j].port_first,
				c->realms[i].media[j].port_last);
	}
	ret = change_list(out->added, true);
	if (ret < 0) {
		memset(out, 0, sizeof(*out));
		log_warning(
			"sysctl net.ipv4.ip_local_reserved_ports can't be extended by the media ports: %s; a program "
			"on this host may be given one of them as an ephemeral port",
			strerror(-ret));
	}
}

void reserved_ports_release(const struct reserved_ports *r) {
	struct reserved_ports mine = *r;
	int ret = change_list(mine.added, false);

	if (ret < 0)
		log_warning(
			"sysctl net.ipv4.ip_local_reserved_ports keeps the media ports: %s", strerror(-ret));
}
