// A file is either refused, with lines that name it, or gives a config that the processes can rely upon.
#include "config/config.h"
#include "relay/relay.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// libconfig 1.5 loses the text of a string that a syntax error cuts short: once a file, and not ours to mend.
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void) {
	return "leak:libconfig.so";
}

static void require(bool holds) {
	if (!holds)
		abort();
}

static void check_timers(const struct config_timers *t) {
	require(t->t1_ms > 0 && t->t2_ms >= t->t1_ms && t->t4_ms > 0);
}

static void check_realm(const struct config *c, const struct config_realm *r) {
	require(r->name[0] != '\0' && r->port >= 0 && r->port < c->relay.n_ports && r->vlan >= 0 &&
		r->vlan < 4095);
	require(r->dscp >= 0 && r->dscp < 64 && r->n_media > 0 && r->n_sip > 0);
	for (int i = 0; i < r->n_media; i++) {
		const struct config_media *m = &r->media[i];

		require(m->address.family == IP_V4 && m->advertise.family == IP_V4);
		require(m->port_first >= 1024 && m->port_first % 2 == 0);
		require(m->port_last > m->port_first && m->port_last % 2 == 1);
	}
	for (int i = 0; i < r->n_sip; i++)
		require(r->sip[i].address.port > 0 && r->sip[i].advertise.port > 0 &&
			r->sip[i].address.family == IP_V4 && r->sip[i].advertise.family == IP_V4);
	for (int i = 0; i < r->n_allow; i++)
		require(r->allow[i].address.family == IP_V4 && r->allow[i].prefix_length <= 32);
	check_timers(&r->timers);
}

static void check_trunk(const struct config *c, const struct config_trunk *t) {
	require(t->name[0] != '\0' && t->realm >= 0 && t->realm < c->n_realms);
	require(t->n_peers > 0 && t->ring_timeout_s > 0 && t->first_response_ms > 0);
	for (int i = 0; i < t->n_peers; i++)
		require(t->peers[i].host != NULL && t->peers[i].port >= 0 && t->peers[i].port <= 65535);
	check_timers(&t->timers);
}

static void check_route(const struct config *c, const struct config_route *r) {
	require((r->from_realm >= 0) != (r->from_trunk >= 0));
	require(r->from_realm < c->n_realms && r->from_trunk < c->n_trunks && r->user != NULL);
	require((r->n_to > 0) != (r->contact != NULL) && r->ring_timeout_s > 0);
	for (int i = 0; i < r->n_to; i++)
		require(r->to[i] >= 0 && r->to[i] < c->n_trunks);
	require(r->contact == NULL || (r->realm >= 0 && r->realm < c->n_realms));
}

static void check_port(const struct config_port *p) {
	static const char *const kinds[] = {
		[DEVICE_AF_XDP] = "af_xdp:", [DEVICE_PCI] = "pci:", [DEVICE_VDEV] = "vdev:"};

	require(strncmp(p->device.text, kinds[p->device.kind], strlen(kinds[p->device.kind])) == 0);
	require(p->name[0] != '\0' && p->device.name[0] != '\0');
	require(p->device.kind != DEVICE_AF_XDP ||
		(p->device.interface[0] != '\0' && p->kernel_if[0] == '\0'));
	for (unsigned i = 0; i < PUNT_CLASS_COUNT; i++)
		require(p->punt_pps[i] >= 0);
}

static void check_workers(const struct config_relay *r) {
	require(r->n_workers >= 1 && r->n_workers <= RELAY_WORKERS_MAX);
	for (int i = 0; i < r->n_workers; i++) {
		require(r->workers[i] >= 0);
		for (int k = 0; k < i; k++)
			require(r->workers[i] != r->workers[k]);
	}
}

static void check_config(const struct config *c) {
	require(c->node[0] != '\0' && c->node_id >= 1 && c->node_id <= 65535);
	require(c->relay.max_sessions > 0 && c->relay.n_ports > 0 && c->n_realms > 0);
	require(c->relay.control_socket != NULL && c->relay.control_socket[0] == '/');
	require(c->control.socket != NULL && c->control.socket[0] == '/');
	check_workers(&c->relay);
	for (int i = 0; i < c->relay.n_ports; i++)
		check_port(&c->relay.ports[i]);
	for (int i = 0; i < c->n_realms; i++)
		check_realm(c, &c->realms[i]);
	for (int i = 0; i < c->n_trunks; i++)
		check_trunk(c, &c->trunks[i]);
	for (int i = 0; i < c->n_routes; i++)
		check_route(c, &c->routes[i]);
}

// Each line begins with the file's name, and holds nothing but printable ASCII.
static void check_words(const char *words, const char *path) {
	while (*words != '\0') {
		size_t n = strcspn(words, "\n");

		require(strncmp(words, path, strlen(path)) == 0 && words[n] == '\n');
		for (size_t i = 0; i < n; i++)
			require(words[i] >= ' ' && words[i] <= '~');
		words += n + 1;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	struct config *c = NULL;
	char path[64], *words = NULL;
	size_t n = 0;
	FILE *errors;
	int fd, ret;

	if (memmem(data, size, "@include", 8) != NULL) // other files are no matter of this text
		return 0;
	fd = memfd_create("config", MFD_CLOEXEC);
	errors = open_memstream(&words, &n);
	require(fd >= 0 && errors != NULL && write(fd, data, size) == (ssize_t)size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ret = config_load(path, errors, &c);
	fclose(errors);
	close(fd);
	check_words(words, path);
	if (ret == 0)
		check_config(c);
	else
		require(c == NULL && words[0] != '\0');
	config_unload(c);
	free(words);
	return 0;
}
