// Routes: the first whose origin and pattern take the called user (pcre2, anchored at both ends, with a match limit).
#define PCRE2_CODE_UNIT_WIDTH 8
#include "control/call/internal.h"

#include <errno.h>
#include <pcre2.h>
#include <stdlib.h>

enum { MATCH_LIMIT = 10000, USER_MAX = 256, LOG_BURST = 10 };

struct route_state {
	pcre2_code *pattern;
	pcre2_match_data *match;
	pcre2_match_context *context;
};

static int compile(const char *user, struct route_state *out) {
	PCRE2_SIZE where;
	int error;

	out->pattern = pcre2_compile((PCRE2_SPTR)user, PCRE2_ZERO_TERMINATED,
		PCRE2_ANCHORED | PCRE2_ENDANCHORED, &error, &where, NULL);
	if (out->pattern == NULL)
		return -EINVAL; // the config was checked: this is memory
	out->match = pcre2_match_data_create_from_pattern(out->pattern, NULL);
	out->context = pcre2_match_context_create(NULL);
	if (out->match == NULL || out->context == NULL)
		return -ENOMEM;
	pcre2_set_match_limit(out->context, MATCH_LIMIT);
	return 0;
}

int routes_create(const struct config *config, struct route_state **out) {
	struct route_state *r = calloc((size_t)config->n_routes + 1, sizeof(*r));

	if (r == NULL)
		return -ENOMEM;
	for (int i = 0; i < config->n_routes; i++) {
		int ret = compile(config->routes[i].user, &r[i]);

		if (ret < 0) {
			routes_destroy(r, config->n_routes);
			return ret;
		}
	}
	*out = r;
	return 0;
}

void routes_destroy(struct route_state *r, int n) {
	if (r == NULL)
		return;
	for (int i = 0; i < n; i++) {
		pcre2_code_free(r[i].pattern);
		pcre2_match_data_free(r[i].match);
		pcre2_match_context_free(r[i].context);
	}
	free(r);
}

static bool takes(struct calls *cs, const struct route_state *r, const char *user, int len) {
	int ret = pcre2_match(r->pattern, (PCRE2_SPTR)user, (PCRE2_SIZE)len, 0, 0, r->match, r->context);

	if (ret < 0 && ret != PCRE2_ERROR_NOMATCH &&
		log_gate_open(
			&cs->match_gate, "route match=failed", loop_now_ms(cs->loop) * 1000000, LOG_BURST))
		log_warning("route match=failed pcre2_error=%d", ret);
	return ret >= 0;
}

int route_find(struct calls *cs, int realm, int trunk, struct span user) {
	char unescaped[USER_MAX];
	int len = sip_unescape(user, unescaped, sizeof(unescaped));

	if (len < 0)
		return -1;
	for (int i = 0; i < cs->config->n_routes; i++) {
		const struct config_route *r = &cs->config->routes[i];
		bool from_here = trunk >= 0 ? r->from_trunk == trunk : r->from_realm == realm;

		if (from_here && takes(cs, &cs->routes[i], unescaped, len))
			return i;
	}
	return -1;
}
