#include "control/ops/ctl.h"

#include "control/ops/row.h"

static int print_summary(const struct ctl *c, const char *path, const struct config *config) {
	struct row r;
	json_t *line;

	if (!c->json) {
		fprintf(c->out, "%s: ok: node %s, %d ports, %d workers, %d realms, %d trunks, %d routes\n",
			path, config->node, config->relay.n_ports, config->relay.n_workers, config->n_realms,
			config->n_trunks, config->n_routes);
		return EXIT_OK;
	}
	row_begin_line(&r, "config");
	row_text(&r, "file", path);
	row_bool(&r, "ok", true);
	row_text(&r, "node", config->node);
	row_text(&r, "group", config->group);
	row_text(&r, "relay_socket", config->relay.control_socket);
	row_text(&r, "control_socket", config->control.socket);
	row_u64(&r, "ports", (uint64_t)config->relay.n_ports);
	row_u64(&r, "workers", (uint64_t)config->relay.n_workers);
	row_u64(&r, "realms", (uint64_t)config->n_realms);
	row_u64(&r, "trunks", (uint64_t)config->n_trunks);
	row_u64(&r, "routes", (uint64_t)config->n_routes);
	row_text(&r, "control_user", config->control.user.name[0] == '\0' ? NULL : config->control.user.name);
	line = row_end(&r);
	if (line == NULL)
		return ctl_fail(c, EXIT_REFUSED, "out of memory");
	print_json(c->out, line);
	json_decref(line);
	return EXIT_OK;
}

int ctl_check_config(struct ctl *c) {
	const char *path = c->argument == NULL ? c->config_path : c->argument;
	struct config *config;
	int ret = config_load(path, c->err, &config);

	if (ret < 0)
		return EXIT_USAGE; // every mistake has had its line
	ret = print_summary(c, path, config);
	config_unload(config);
	return ret;
}
