#include "dpdk_app/reserved_ports.h"

#include "config/log.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char reserved_ports_sysctl[] = "/proc/sys/net/ipv4/ip_local_reserved_ports";

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

// It may be long, and is read and written whole.
static int read_file(const char *path, char *buf, size_t size) {
	int fd = open(path, O_RDONLY | O_CLOEXEC);
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

static int read_list(const struct reserved_ports *r, char *text, uint8_t list[static 65536 / 8]) {
	int ret = read_file(r->path, text, RESERVED_PORTS_TEXT);

	return ret < 0 ? ret : reserved_ports_parse(text, list);
}

static int write_list(const struct reserved_ports *r, char *text, const uint8_t list[static 65536 / 8]) {
	size_t length = reserved_ports_format(list, text, RESERVED_PORTS_TEXT);
	int fd = open(r->path, O_WRONLY | O_TRUNC | O_CLOEXEC), ret = 0;

	if (fd < 0)
		return -errno;
	// An empty list is written as a line end: a write of nothing changes nothing.
	if (write(fd, length > 0 ? text : "\n", length > 0 ? length : 1) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

// ---- the record of a relay that runs: the ids of boot and network namespace, and the list of what it has added ----

enum { BOOT_ID = 36, PLACE = BOOT_ID + 1 + 16 };

// Which list it is: each network namespace has its own, until the next boot.
static int read_place(char buf[static PLACE + 1]) {
	int ret = read_file("/proc/sys/kernel/random/boot_id", buf, BOOT_ID + 1);
	struct stat st;

	if (ret < 0)
		return ret;
	if (stat("/proc/self/ns/net", &st) < 0 || strlen(buf) != BOOT_ID)
		return -EBADMSG;
	snprintf(buf + BOOT_ID, PLACE + 1 - BOOT_ID, " %016llx", (unsigned long long)st.st_ino);
	return 0;
}

// What is left of a relay that was killed; nothing if that was before this boot or elsewhere.
static void read_record(const struct reserved_ports *r, char *text, uint8_t left[static 65536 / 8]) {
	char place[PLACE + 1];
	ssize_t n = pread(r->record_fd, text, RESERVED_PORTS_TEXT - 1, 0);

	memset(left, 0, 65536 / 8);
	if (n <= PLACE || read_place(place) < 0 || memcmp(text, place, PLACE) != 0)
		return;
	text[n] = '\0';
	(void)!reserved_ports_parse(text + PLACE + 1, left); // damaged: nothing
}

// Should it fail, a kill leaves the ports reserved, and nothing worse.
static void write_record(const struct reserved_ports *r, char *text) {
	size_t length;

	if (ftruncate(r->record_fd, 0) < 0 || read_place(text) < 0)
		return;
	text[PLACE] = ' ';
	length = PLACE + 1 +
		reserved_ports_format(r->added, text + PLACE + 1, RESERVED_PORTS_TEXT - PLACE - 1);
	(void)!pwrite(r->record_fd, text, length, 0);
}

// ---- both together ----

static void want_ports(const struct config *c, uint8_t wanted[static 65536 / 8]) {
	for (int i = 0; i < c->n_realms; i++) {
		for (int j = 0; j < c->realms[i].n_media; j++)
			add_range(wanted, c->realms[i].media[j].port_first, c->realms[i].media[j].port_last);
	}
}

// Put `wanted` in the place of what a dead relay has left.
static int add(struct reserved_ports *r, char *text, const uint8_t wanted[static 65536 / 8]) {
	uint8_t list[65536 / 8], left[65536 / 8];
	int ret = read_list(r, text, list);

	if (ret < 0)
		return ret;
	read_record(r, text, left);
	for (size_t i = 0; i < sizeof(list); i++) {
		list[i] &= (uint8_t)~left[i];
		r->added[i] = wanted[i] & (uint8_t)~list[i];
		list[i] |= wanted[i];
	}
	write_record(r, text); // first: should we be killed in between, nothing is left for good
	ret = write_list(r, text, list);
	if (ret < 0)
		(void)!ftruncate(r->record_fd, 0);
	return ret;
}

void reserved_ports_add(struct reserved_ports *r, const char *path, int record_fd, const struct config *c) {
	char *text = calloc(1, RESERVED_PORTS_TEXT);
	uint8_t wanted[65536 / 8] = {0};
	int ret;

	*r = (struct reserved_ports){.path = path, .record_fd = record_fd};
	want_ports(c, wanted);
	ret = text == NULL ? -ENOMEM : add(r, text, wanted);
	free(text);
	if (ret == 0)
		return;
	memset(r->added, 0, sizeof(r->added));
	log_warning(
		"sysctl net.ipv4.ip_local_reserved_ports can't be extended by the media ports: %s; a program "
		"on this host may be given one of them as an ephemeral port",
		strerror(-ret));
}

static int release(const struct reserved_ports *r, char *text) {
	uint8_t list[65536 / 8];
	int ret = read_list(r, text, list);

	if (ret < 0)
		return ret;
	for (size_t i = 0; i < sizeof(list); i++)
		list[i] &= (uint8_t)~r->added[i];
	ret = write_list(r, text, list);
	if (ret == 0)
		(void)!ftruncate(r->record_fd, 0);
	return ret;
}

void reserved_ports_release(const struct reserved_ports *r) {
	char *text = calloc(1, RESERVED_PORTS_TEXT);
	int ret = text == NULL ? -ENOMEM : release(r, text);

	free(text);
	if (ret < 0)
		log_warning(
			"sysctl net.ipv4.ip_local_reserved_ports keeps the media ports: %s", strerror(-ret));
}
