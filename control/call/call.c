#include "control/call/call.h"

#include <errno.h>
#include <stdlib.h>

void dialog_destroy(struct dialog *d) {
	if (d == NULL)
		return;
	free(d->remote_tag);
	free(d->remote_target);
	free(d->route_set);
	free(d->sdp);
	free(d->reason);
	free(d);
}

void branch_destroy(struct branch *b) {
	if (b == NULL)
		return;
	for (struct dialog *d = b->dialogs, *next; d != NULL; d = next) {
		next = d->next;
		dialog_destroy(d);
	}
	free(b->request_uri);
	free(b->local_uri);
	free(b->remote_uri);
	free(b);
}

static void leg_fini(struct leg *l) {
	free(l->call_id);
	free(l->local_uri);
	free(l->remote_uri);
}

void call_fini(struct call *c) {
	dialog_destroy(c->leg[LEG_CALLER].dialog); // the callee's belong to their branches
	for (struct branch *b = c->branches, *next; b != NULL; b = next) {
		next = b->next;
		branch_destroy(b);
	}
	for (int i = 0; i < 2; i++)
		leg_fini(&c->leg[i]);
	free(c->from_user);
	free(c->to_user);
	free(c->called_user);
	free(c->from_start);
	free(c->to_start);
	free(c->crossing);
	free(c->asserted);
	free(c->offer);
	free(c->final);
	free(c->final_reason);
	free(c->reason_header);
}

struct branch *call_live_branch(const struct call *c) {
	struct branch *b = c->branches;

	while (b != NULL && b->next != NULL)
		b = b->next;
	return b;
}

struct branch *call_branch_of(const struct call *c, const struct dialog *d) {
	struct branch *b = c->branches;

	while (b != NULL && b->number != (d->part & ~PART_CALLEE))
		b = b->next;
	return b;
}

struct dialog *branch_find_dialog(const struct branch *b, struct span remote_tag) {
	for (struct dialog *d = b->dialogs; d != NULL; d = d->next)
		if (span_equal(span_of(d->remote_tag), remote_tag))
			return d;
	return NULL;
}

const char *dialog_state_name(enum dialog_state s) {
	static const char *const names[] = {"none", "early", "confirmed", "terminated"};

	return names[s];
}

int text_set(char **text, struct span value) {
	char *copy = span_dup(value);

	if (copy == NULL)
		return -ENOMEM;
	free(*text);
	*text = copy;
	return 0;
}
