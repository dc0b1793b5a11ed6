#include "control/ops/view_copy.h"

#include "control/ops/row.h"

#include <stdlib.h>
#include <string.h>

// Where texts go, one behind the other. base NULL: they are only measured.
struct texts {
	char *base;
	size_t used;
};

// One byte more than is shown, so that what is too long still looks so.
static struct span put(struct texts *t, struct span s) {
	const size_t len = s.len <= ROW_TEXT_MAX ? s.len : ROW_TEXT_MAX + 1;
	char *at = t->base == NULL ? NULL : t->base + t->used;

	t->used += len + 1;
	if (at == NULL)
		return s;
	if (len > 0)
		memcpy(at, s.data, len);
	at[len] = '\0';
	return (struct span){at, len};
}

static void keep(struct texts *t, const char **text) {
	if (*text != NULL)
		*text = put(t, span_of(*text)).data;
}

static void keep_texts(struct texts *t, struct call_view *v) {
	keep(t, &v->from);
	keep(t, &v->to);
	for (unsigned i = 0; i < 2; i++) {
		struct call_leg_view *l = &v->leg[i];

		keep(t, &l->call_id);
		keep(t, &l->local_uri);
		keep(t, &l->remote_uri);
		keep(t, &l->local_tag);
		keep(t, &l->remote_tag);
		keep(t, &l->remote_target);
		keep(t, &l->route_set);
	}
	for (unsigned i = 0; i < v->n_branches; i++)
		keep(t, &v->branch[i].request_uri);
	for (unsigned i = 0; i < v->n_streams; i++)
		v->stream[i].media = put(t, v->stream[i].media);
}

struct call_view *view_copy(const struct call_view *v, size_t *bytes) {
	const size_t final_bytes = v->n_final * sizeof(*v->final);
	struct texts texts = {0};
	struct call_view copy = *v, *out;

	keep_texts(&texts, &copy);
	*bytes = sizeof(*out) + final_bytes + texts.used;
	out = malloc(*bytes);
	if (out == NULL)
		return NULL;
	*out = *v;
	if (final_bytes > 0)
		out->final = memcpy(out + 1, v->final, final_bytes);
	texts = (struct texts){.base = (char *)(out + 1) + final_bytes};
	keep_texts(&texts, out);
	return out;
}
