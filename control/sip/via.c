#include "control/sip/via.h"

#include <errno.h>

#include "control/sip/grammar.h"

static struct span cut_token(struct span *rest) {
	struct span token;
	size_t n = 0;

	*rest = span_trim(*rest);
	while (n < rest->len && sip_char_is(rest->data[n], SIP_CHAR_TOKEN))
		n++;
	token = (struct span){rest->data, n};
	*rest = sip_grammar_behind(*rest, n);
	return token;
}

static bool skip_slash(struct span *rest) {
	*rest = span_trim(*rest);
	if (rest->len == 0 || rest->data[0] != '/')
		return false;
	*rest = sip_grammar_behind(*rest, 1);
	return true;
}

// "SIP / 2.0 / UDP" with blanks where RFC 3261 allows them, at least one behind it.
static int parse_protocol(struct span *rest, struct span *transport) {
	if (!span_equal_nocase(cut_token(rest), span_of("SIP")) || !skip_slash(rest))
		return -EINVAL;
	if (span_is_empty(cut_token(rest)) || !skip_slash(rest))
		return -EINVAL;
	*transport = cut_token(rest);
	if (span_is_empty(*transport) || rest->len == 0 || !sip_char_is(rest->data[0], SIP_CHAR_BLANK))
		return -EINVAL;
	return 0;
}

static int parse_params(struct sip_via *v) {
	struct span rest = v->params;
	struct sip_param p;
	unsigned n_branches = 0;
	int ret;

	while ((ret = sip_param_next(&rest, &p)) == 0) {
		if (span_equal_nocase(p.name, span_of("branch"))) {
			v->branch = p.value;
			n_branches++;
		} else if (span_equal_nocase(p.name, span_of("rport"))) {
			v->has_rport = true;
		}
	}
	if (ret != -ENOENT || n_branches > 1)
		return -EINVAL;
	return n_branches == 0 || sip_grammar_all(v->branch, SIP_CHAR_URI) ? 0 : -EINVAL;
}

int sip_via_parse(struct span *rest, struct sip_via *out) {
	struct span list = *rest, text;
	struct sip_via v = {0};
	struct sip_hostport h;
	size_t at;

	if (sip_grammar_element(&list, &text) < 0)
		return -EINVAL;
	v.whole = text;
	if (parse_protocol(&text, &v.transport) < 0 || sip_grammar_find(text, SIP_CHAR_SEMICOLON, &at) < 0)
		return -EINVAL;
	if (sip_grammar_hostport(span_trim((struct span){text.data, at}), &h) < 0)
		return -EINVAL;
	v.host = h.host;
	v.port = h.port;
	v.host_is_ipv6 = h.is_ipv6;
	v.params = span_trim(sip_grammar_behind(text, at + (at < text.len)));
	if (parse_params(&v) < 0)
		return -EINVAL;
	*out = v;
	*rest = list;
	return 0;
}

int sip_via_count(struct span value) {
	int n = 0;

	if (value.len > 0 && value.data[value.len - 1] == ',')
		return -EINVAL;
	do {
		struct span element;

		if (sip_grammar_element(&value, &element) < 0 || span_is_empty(element))
			return -EINVAL;
		n++;
	} while (value.len > 0);
	return n;
}
