// Dialog state from messages (RFC 3261 §12.1, §12.2).
#include "control/call/internal.h"

#include "control/sip/route_set.h"

#include <errno.h>
#include <stdlib.h>

enum { ROUTE_SET_MAX_BYTES = 4096 };

// *out NULL: no route.
static int route_set_from(const struct sip_msg *m, enum route_order order, char **out) {
	char text[ROUTE_SET_MAX_BYTES];
	struct sink s = sink_over(text, sizeof(text));
	int ret = route_set_collect(m, order, &s);

	*out = NULL;
	if (ret < 0 || s.len == 0)
		return ret;
	*out = span_dup(sink_result(&s));
	return *out == NULL ? -ENOMEM : 0;
}

static int set_target(struct dialog *d, const struct sip_msg *m) {
	struct span rest = m->contact;
	struct sip_addr contact;
	struct sip_uri uri;

	if (rest.len == 0)
		return -ENOENT;
	if (sip_addr_parse(&rest, &contact) < 0 || sip_uri_parse(contact.uri, &uri) < 0 || uri.host.len == 0)
		return -EINVAL;
	return text_set(&d->remote_target, contact.uri);
}

static struct dialog *dialog_from(const struct sip_msg *m, struct span remote_tag, enum route_order order) {
	struct dialog *d = calloc(1, sizeof(*d));

	if (d == NULL)
		return NULL;
	if (text_set(&d->remote_tag, remote_tag) < 0 || route_set_from(m, order, &d->route_set) < 0)
		goto fail;
	if (set_target(d, m) == -ENOMEM)
		goto fail;
	return d;
fail:
	dialog_destroy(d);
	return NULL;
}

struct dialog *dialog_from_request(const struct sip_msg *m) {
	struct dialog *d = dialog_from(m, m->from_tag, ROUTE_AS_RECEIVED);

	if (d == NULL)
		return NULL;
	if (d->remote_target == NULL) { // a caller without a usable Contact can't have a dialog
		dialog_destroy(d);
		return NULL;
	}
	d->remote_cseq = m->cseq;
	return d;
}

struct dialog *dialog_from_response(const struct sip_msg *m) {
	return dialog_from(m, m->to_tag, ROUTE_REVERSED); // an 18x may lack Contact; the 2xx brings it
}

int dialog_refresh(struct dialog *d, const struct sip_msg *m) {
	char *route_set;
	int ret = route_set_from(m, ROUTE_REVERSED, &route_set);

	if (ret < 0)
		return ret;
	// RFC 3261 §13.2.2.4: the route set is made anew from the 2xx.
	free(d->route_set);
	d->route_set = route_set;
	ret = set_target(d, m);
	return ret == -ENOENT && d->remote_target != NULL ? 0 : ret;
}
