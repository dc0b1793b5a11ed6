// The kinds of device that a packet port may be.
#include "config/config_loader.h"

#include <ctype.h>
#include <net/if.h>
#include <string.h>

static_assert((int)CONFIG_INTERFACE == (int)IFNAMSIZ);

static bool wrong_is(char wrong[static CONFIG_WRONG], const char *what) {
	snprintf(wrong, CONFIG_WRONG, "%s", what);
	return false;
}

// As the kernel has it (dev_valid_name), without what would not survive in an argument.
static bool is_interface(const char *name, size_t len) {
	if (len == 0 || len >= IFNAMSIZ || (name[0] == '.' && (len == 1 || (len == 2 && name[1] == '.'))))
		return false;
	for (size_t i = 0; i < len; i++) {
		if (name[i] == '/' || name[i] == ':' || name[i] == ',' || !isgraph((unsigned char)name[i]))
			return false;
	}
	return true;
}

static bool parse_af_xdp(const char *name, struct config_device *d, char wrong[static CONFIG_WRONG]) {
	if (!is_interface(name, strlen(name)))
		return wrong_is(wrong, "has no valid interface name in it");
	snprintf(d->name, sizeof(d->name), "%s", name);
	snprintf(d->interface, sizeof(d->interface), "%s", name);
	return true;
}

// "0000:3b:00.0", as lspci -D has it; DPDK compares small letters.
static bool parse_pci(const char *name, struct config_device *d, char wrong[static CONFIG_WRONG]) {
	static const char shape[] = "xxxx:xx:xx.7";
	size_t n = strlen(name);

	for (size_t i = 0; i < n && n == sizeof(shape) - 1; i++) {
		const char c = name[i];
		bool good = shape[i] == 'x' ? isxdigit((unsigned char)c) != 0
			: shape[i] == '7'   ? c >= '0' && c <= '7'
					    : c == shape[i];

		d->name[i] = (char)tolower((unsigned char)c);
		if (!good)
			n = 0;
	}
	return n == sizeof(shape) - 1 || wrong_is(wrong, "has no valid PCI address in it");
}

// The interface that a virtual device sits upon: net_af_packet0,iface=eth1.
static bool parse_iface(struct config_device *d, char wrong[static CONFIG_WRONG]) {
	static const char key[] = "iface=";

	for (const char *p = d->args; *p != '\0';) {
		size_t n = strcspn(p, ",");

		if (strncmp(p, key, sizeof(key) - 1) == 0) {
			const char *name = p + sizeof(key) - 1;
			size_t len = n - (sizeof(key) - 1);

			if (!is_interface(name, len))
				return wrong_is(wrong, "has no valid interface name in it");
			snprintf(d->interface, sizeof(d->interface), "%.*s", (int)len, name);
		}
		p += n;
		p += *p == ',';
	}
	return true;
}

static bool parse_vdev(const char *text, struct config_device *d, char wrong[static CONFIG_WRONG]) {
	static const char net[] = "net_";
	size_t n = strcspn(text, ",");

	if (strncmp(text, net, sizeof(net) - 1) != 0 || n == sizeof(net) - 1 || n >= sizeof(d->name))
		return wrong_is(wrong, "is no virtual network device");
	for (const char *p = text; *p != '\0'; p++) {
		if (!isgraph((unsigned char)*p) || (p < text + n && !isalnum((unsigned char)*p) && *p != '_'))
			return wrong_is(wrong, "has other characters in it");
	}
	memcpy(d->name, text, n);
	snprintf(d->args, sizeof(d->args), "%s", text[n] == ',' ? text + n + 1 : "");
	return parse_iface(d, wrong);
}

bool config_value_device(const char *text, void *field, char wrong[static CONFIG_WRONG]) {
	static const struct {
		const char *prefix;
		bool (*parse)(const char *rest, struct config_device *d, char wrong[static CONFIG_WRONG]);
	} kinds[] = {
		[DEVICE_AF_XDP] = {"af_xdp:", parse_af_xdp},
		[DEVICE_PCI] = {"pci:", parse_pci},
		[DEVICE_VDEV] = {"vdev:", parse_vdev},
	};
	struct config_device d = {0};

	if (strlen(text) >= sizeof(d.text))
		return wrong_is(wrong, "is too long");
	strcpy(d.text, text);
	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
		const size_t n = strlen(kinds[k].prefix);

		if (strncmp(text, kinds[k].prefix, n) != 0)
			continue;
		d.kind = (enum config_device_kind)k;
		if (!kinds[k].parse(text + n, &d, wrong))
			return false;
		if (field != NULL)
			*(struct config_device *)field = d;
		return true;
	}
	return wrong_is(wrong, "is no device");
}

bool config_value_interface(const char *text, void *field, char wrong[static CONFIG_WRONG]) {
	if (!is_interface(text, strlen(text)))
		return wrong_is(wrong, "is no interface's name");
	if (field != NULL)
		memcpy(field, text, strlen(text) + 1);
	return true;
}
