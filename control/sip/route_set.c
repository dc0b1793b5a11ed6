#include "control/sip/route_set.h"

#include <errno.h>

// Only the URIs make the set (§12.1.1); parameters of the header stay behind.
static int list_uris(const struct sip_msg *m, struct span uris[SIP_ROUTES_MAX]) {
	const struct sip_header *h;
	int n = 0;

	for (unsigned i = 0; (h = sip_msg_header(m, HEADER_RECORD_ROUTE, i)) != NULL; i++) {
		struct span list = h->value;

		while (list.len > 0) {
			struct sip_addr a;

			if (sip_addr_parse(&list, &a) < 0)
				return -EINVAL;
			if (n == SIP_ROUTES_MAX)
				return -E2BIG;
			uris[n++] = a.uri;
		}
	}
	return n;
}

int route_set_collect(const struct sip_msg *m, enum route_order order, struct sink *out) {
	struct span uris[SIP_ROUTES_MAX];
	int n = list_uris(m, uris);

	for (int i = 0; i < n; i++) {
		sink_text(out, i == 0 ? "<" : ", <");
		sink_span(out, uris[order == ROUTE_REVERSED ? n - 1 - i : i]);
		sink_text(out, ">");
	}
	if (n < 0)
		return n;
	return out->overflow ? -ENOSPC : 0;
}

int route_set_next(struct span *rest, struct sip_uri *out) {
	struct sip_addr a;

	if (span_is_empty(*rest))
		return -ENOENT;
	if (sip_addr_parse(rest, &a) < 0)
		return -EINVAL;
	return sip_uri_parse(a.uri, out);
}

bool route_set_is_loose(const struct sip_uri *route) {
	struct span ignored;

	return sip_param_find(route->params, "lr", &ignored);
}
