#include "config/config.h"

#include "config/config_loader.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

// The directory that path lies in: where @include looks, whatever the working directory is.
static int directory_of(const char *path, char out[static PATH_MAX]) {
	const char *slash = strrchr(path, '/');
	size_t n = slash == NULL ? 0 : (size_t)(slash - path);

	if (n >= PATH_MAX)
		return -ENAMETOOLONG;
	memcpy(out, path, n);
	out[n] = '\0';
	if (n == 0)
		strcpy(out, slash == NULL ? "." : "/");
	return 0;
}

static void inherit_timers(struct config_timers *t, const struct config_timers *from) {
	if (t->t1_ms == 0)
		t->t1_ms = from->t1_ms;
	if (t->t2_ms == 0)
		t->t2_ms = from->t2_ms;
	if (t->t4_ms == 0)
		t->t4_ms = from->t4_ms;
}

static void inherit_realm(struct config_realm *r) {
	for (int i = 0; i < r->n_media; i++) {
		if (!endpoint_is_set(&r->media[i].advertise))
			r->media[i].advertise = r->media[i].address;
	}
	for (int i = 0; i < r->n_sip; i++) {
		struct config_sip *s = &r->sip[i];

		if (!endpoint_is_set(&s->advertise))
			s->advertise = s->address;
		if (s->advertise.port == 0)
			s->advertise.port = s->address.port;
	}
}

// Fill in what has another setting's value unless it is set.
static void inherit(struct config *c) {
	for (int i = 0; i < c->n_realms; i++)
		inherit_realm(&c->realms[i]);
	for (int i = 0; i < c->n_trunks; i++) {
		struct config_trunk *t = &c->trunks[i];

		if (t->realm >= 0)
			inherit_timers(&t->timers, &c->realms[t->realm].timers);
		if (t->ring_timeout_s == 0)
			t->ring_timeout_s = c->control.ring_timeout_s;
	}
	for (int i = 0; i < c->n_routes; i++) {
		if (c->routes[i].ring_timeout_s == 0)
			c->routes[i].ring_timeout_s = c->control.ring_timeout_s;
	}
}

static int parse(struct loader *l) {
	config_set_include_dir(&l->tree, l->dir);
	if (config_read_string(&l->tree, l->text) == CONFIG_TRUE)
		return 0;
	config_mistake_at(l, config_error_file(&l->tree), (unsigned)config_error_line(&l->tree), "syntax",
		"NAME = VALUE; with each name once a group, groups { }, lists ( ), arrays [ ] of one type",
		"%s", config_error_text(&l->tree));
	return -EINVAL;
}

static int load(struct loader *l, size_t len) {
	if (config_literals_scan(l, len) < 0 || l->no_memory || parse(l) < 0)
		return l->no_memory ? -ENOMEM : -EINVAL;
	l->config = calloc(1, sizeof(*l->config));
	if (l->config == NULL)
		return -ENOMEM;
	config_schema_read(l);
	if (l->no_memory)
		return -ENOMEM;
	inherit(l->config);
	config_check(l);
	return l->n_mistakes == 0 ? 0 : -EINVAL;
}

int config_load(const char *path, FILE *errors, struct config **out) {
	struct loader l = {.path = path, .errors = errors};
	char dir[PATH_MAX], *text = NULL;
	size_t len;
	int ret = directory_of(path, dir);

	if (ret == 0)
		ret = config_text_read(path, false, &text, &len);
	if (ret < 0) {
		fprintf(errors, "%s: cannot be read: %s; allowed: a readable file of at most 1 MiB\n", path,
			strerror(-ret));
		return ret;
	}
	l.dir = dir;
	l.text = text;
	config_init(&l.tree);
	ret = load(&l, len);
	config_destroy(&l.tree);
	free(text);
	if (ret == -ENOMEM)
		fprintf(errors, "%s: out of memory\n", path);
	if (ret < 0) {
		config_unload(l.config);
		return ret;
	}
	*out = l.config;
	return 0;
}

void config_unload(struct config *c) {
	if (c == NULL)
		return;
	config_schema_free(c);
	free(c);
}
