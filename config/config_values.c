#include "config/config_loader.h"

#include <assert.h>
#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/un.h>
#include <unistd.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

// A socket is bound under a temporary name and renamed: the name has to leave room for a suffix.
enum { SOCKET_PATH = 96, PATTERN = 1000, HOST = 253, LABEL = 63, USER_BUFFER = 16384 };
static_assert(SOCKET_PATH < sizeof(((struct sockaddr_un *)0)->sun_path));

static bool wrong_is(char wrong[static CONFIG_WRONG], const char *what) {
	snprintf(wrong, CONFIG_WRONG, "%s", what);
	return false;
}

static bool is_alnum(char c) {
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool is_digits(const char *text, size_t len) {
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
	}
	return len > 0;
}

// Plain decimal digits of a number from min to max.
static bool parse_number(const char *text, size_t len, unsigned min, unsigned max, unsigned *out) {
	unsigned value = 0;

	if (!is_digits(text, len) || len > 5)
		return false;
	for (size_t i = 0; i < len; i++)
		value = value * 10 + (unsigned)(text[i] - '0');
	if (value < min || value > max)
		return false;
	*out = value;
	return true;
}

bool config_value_name(const char *text, void *field, char wrong[static CONFIG_WRONG]) {
	size_t n = strlen(text);

	for (const char *p = text; *p != '\0'; p++) {
		if (!is_alnum(*p) && *p != '_' && *p != '-')
			return wrong_is(wrong, "has other characters in it");
	}
	if (n == 0 || n >= CONFIG_NAME)
		return wrong_is(wrong, n == 0 ? "is empty" : "is too long");
	if (field != NULL)
		memcpy(field, text, n + 1);
	return true;
}

static bool parse_address(
	const char *text, size_t len, struct endpoint *out, char wrong[static CONFIG_WRONG]) {
	if (endpoint_parse(text, len, 0, out) < 0)
		return wrong_is(wrong, "is not an IPv4 address");
	if (out->family != IP_V4)
		return wrong_is(wrong, "is an IPv6 address, which is not available yet");
	return true;
}

// 0/8 and 224/3 (multicast, reserved, broadcast) are nobody's address.
static bool is_unicast(const struct endpoint *e) {
	return e->addr[0] > 0 && e->addr[0] < 224;
}

static bool parse_unicast(
	const char *text, size_t len, struct endpoint *out, char wrong[static CONFIG_WRONG]) {
	if (!parse_address(text, len, out, wrong))
		return false;
	if (!is_unicast(out))
		return wrong_is(wrong, "is not an address that packets can be sent to");
	return true;
}

// Keeps the port that field has.
bool config_value_address(const char *text, void *field, char wrong[static CONFIG_WRONG]) {
	struct endpoint address, *out = field;

	if (!parse_unicast(text, strlen(text), &address, wrong))
		return false;
	address.port = out->port;
	*out = address;
	return true;
}

bool config_value_sip_advertise(const char *text, void *field, char wrong[static CONFIG_WRONG]) {
	const char *colon = strchr(text, ':');
	struct endpoint address;
	unsigned port = 0;

	if (colon != NULL && strchr(colon + 1, ':') != NULL) // IPv6, if anything
		return parse_address(text, strlen(text), &address, wrong);
	if (!parse_unicast(text, colon != NULL ? (size_t)(colon - text) : strlen(text), &address, wrong))
		return false;
	if (colon != NULL && !parse_number(colon + 1, strlen(colon + 1), 1, 65535, &port))
		return wrong_is(wrong, "has no valid port behind its colon");
	address.port = (uint16_t)port; // 0: as bound, filled in later
	*(struct endpoint *)field = address;
	return true;
}

bool config_value_network(const char *text, void *field, char wrong[static CONFIG_WRONG]) {
	const char *slash = strchrnul(text, '/');
	struct config_network network = {0};
	unsigned length = 32, host_bits;
	uint8_t *a = network.address.addr;

	if (!parse_address(text, (size_t)(slash - text), &network.address, wrong))
		return false;
	if (*slash != '\0' && !parse_number(slash + 1, strlen(slash + 1), 0, 32, &length))
		return wrong_is(wrong, "has no prefix length from 0 to 32");
	network.prefix_length = (uint8_t)length;
	host_bits = ((unsigned)a[0] << 24 | (unsigned)a[1] << 16 | (unsigned)a[2] << 8 | a[3]) &
		(uint32_t)((1ull << (32 - length)) - 1);
	if (host_bits != 0)
		return wrong_is(wrong, "has bits set behind its prefix");
	*(struct config_network *)field = network;
	return true;
}

// A DNS name (RFC 1123 §2.1); the last label is not a number (RFC 3261 §25.1, toplabel).
static bool is_dns_name(const char *text, size_t len) {
	const char *end = text + len, *label = text;

	if (len > 0 && end[-1] == '.')
		end--;
	if (end == text || len > HOST)
		return false;
	for (;;) {
		const char *dot = memchr(label, '.', (size_t)(end - label));
		const char *stop = dot != NULL ? dot : end;

		if (stop == label || stop - label > LABEL || label[0] == '-' || stop[-1] == '-')
			return false;
		for (const char *p = label; p < stop; p++) {
			if (!is_alnum(*p) && *p != '-')
				return false;
		}
		if (dot == NULL)
			return !is_digits(label, (size_t)(end - label));
		label = dot + 1;
	}
}

static bool check_host(const char *text, size_t len, char wrong[static CONFIG_WRONG]) {
	struct endpoint address;

	if (endpoint_parse(text, len, 0, &address) == 0)
		return parse_unicast(text, len, &address, wrong);
	if (!is_dns_name(text, len))
		return wrong_is(wrong, "has neither an IPv4 address nor a DNS name in it");
	return true;
}

bool config_value_host(const char *text, void *field, char wrong[static CONFIG_WRONG]) {
	(void)field;
	return check_host(text, strlen(text), wrong);
}

bool config_value_pattern(const char *text, void *field, char wrong[static CONFIG_WRONG]) {
	PCRE2_UCHAR message[96];
	PCRE2_SIZE offset;
	pcre2_code *code;
	int error;

	(void)field;
	if (strlen(text) > PATTERN)
		return wrong_is(wrong, "is too long");
	code = pcre2_compile((PCRE2_SPTR)text, PCRE2_ZERO_TERMINATED, PCRE2_ANCHORED | PCRE2_ENDANCHORED,
		&error, &offset, NULL);
	if (code == NULL) {
		pcre2_get_error_message(error, message, sizeof(message));
		snprintf(wrong, CONFIG_WRONG, "does not compile: %s at offset %zu", (const char *)message,
			offset);
		return false;
	}
	pcre2_code_free(code);
	return true;
}

// Parameters from the first ';' on. Only the transport matters here; it has to be one that we have.
static bool check_uri_params(const char *params, char wrong[static CONFIG_WRONG]) {
	static const char transport[] = "transport=";

	while (*params == ';') {
		size_t n = strcspn(++params, ";");

		if (n == 0)
			return wrong_is(wrong, "has an empty parameter");
		if (strncasecmp(params, transport, sizeof(transport) - 1) == 0 &&
			(n != sizeof(transport) + 2 ||
				strncasecmp(params + sizeof(transport) - 1, "udp", 3) != 0))
			return wrong_is(wrong, "has a transport that is not available");
		params += n;
	}
	return true;
}

static bool check_uri_hostport(const char *host, char wrong[static CONFIG_WRONG]) {
	size_t len = strcspn(host, ";"), host_len = strcspn(host, ":;");
	unsigned port;

	if (*host == '[')
		return wrong_is(wrong, "has an IPv6 address, which is not available yet");
	if (!check_host(host, host_len, wrong))
		return false;
	if (host_len < len && !parse_number(host + host_len + 1, len - host_len - 1, 1, 65535, &port))
		return wrong_is(wrong, "has no valid port behind its colon");
	return check_uri_params(host + len, wrong);
}

// RFC 3261 §19.1.1, without headers: they have no place in a request's target.
bool config_value_contact(const char *text, void *field, char wrong[static CONFIG_WRONG]) {
	const char *rest = text + 4, *at;

	(void)field;
	if (strncasecmp(text, "sips:", 5) == 0)
		return wrong_is(wrong, "wants TLS, which is not available yet");
	if (strncasecmp(text, "sip:", 4) != 0)
		return wrong_is(wrong, "is not a sip: URI");
	for (const char *p = rest; *p != '\0'; p++) {
		if (*p <= ' ' || *p > '~' || strchr("<>\"?\\", *p) != NULL)
			return wrong_is(
				wrong, "has characters in it that don't belong in a request's target");
	}
	at = strrchr(rest, '@');
	if (at == rest)
		return wrong_is(wrong, "has an empty user");
	if (at != NULL && memchr(rest, '@', (size_t)(at - rest)) != NULL)
		return wrong_is(wrong, "has two @ in it");
	return check_uri_hostport(at != NULL ? at + 1 : rest, wrong);
}

bool config_value_socket(const char *text, void *field, char wrong[static CONFIG_WRONG]) {
	(void)field;
	if (text[0] != '/')
		return wrong_is(wrong, "is not an absolute path");
	if (strlen(text) >= SOCKET_PATH)
		return wrong_is(wrong, "is too long for a socket's name");
	if (text[strlen(text) - 1] == '/')
		return wrong_is(wrong, "is a directory's name");
	return true;
}

// Not whether it can be read: the file belongs to kedge-control's user, and others load this file too.
bool config_value_key_file(const char *text, void *field, char wrong[static CONFIG_WRONG]) {
	(void)field;
	if (text[0] != '/')
		return wrong_is(wrong, "is not an absolute path");
	if (access(text, F_OK) < 0 && errno == ENOENT)
		return wrong_is(wrong, "does not exist");
	return true;
}

bool config_value_user(const char *text, void *field, char wrong[static CONFIG_WRONG]) {
	struct config_user *out = field;
	struct passwd entry, *found = NULL;
	char buf[USER_BUFFER];
	int error;

	if (strlen(text) >= sizeof(out->name))
		return wrong_is(wrong, "is too long");
	error = getpwnam_r(text, &entry, buf, sizeof(buf), &found);
	if (found == NULL) {
		snprintf(wrong, CONFIG_WRONG, "can't be found: %s",
			error == 0 ? "there is no such user" : strerror(error));
		return false;
	}
	strcpy(out->name, text);
	out->uid = entry.pw_uid;
	return true;
}
