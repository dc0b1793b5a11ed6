#include "control/sip/addr.h"

#include <errno.h>

#include "control/sip/grammar.h"

// A URI of any scheme; what sip_uri_parse makes of it is its caller's business.
static bool may_be_uri(struct span s) {
	return sip_grammar_all(s, SIP_CHAR_URI) && memchr(s.data, ':', s.len) != NULL;
}

// A quoted display name is one quoted string and nothing else.
static bool has_stray_quote(struct span display) {
	if (display.len == 0 || memchr(display.data, '"', display.len) == NULL)
		return false;
	return sip_grammar_quoted(display) != display.len;
}

// "display" <uri>: at is where the "<" stands. Gives what follows the ">".
static int parse_name_addr(struct span element, size_t at, struct sip_addr *a, struct span *behind) {
	size_t all;

	a->display = span_trim((struct span){element.data, at});
	if (has_stray_quote(a->display))
		return -EINVAL;
	*behind = sip_grammar_behind(element, at + 1);
	all = behind->len;
	a->uri = span_cut(behind, '>');
	if (a->uri.len == all)
		return -EINVAL; // no ">"
	a->uri = span_trim(a->uri);
	return 0;
}

// Without < > a comma, question mark or semicolon cannot belong to the URI (RFC 3261 §20).
static int parse_addr_spec(struct span element, size_t at, struct sip_addr *a, struct span *behind) {
	a->uri = span_trim((struct span){element.data, at});
	*behind = sip_grammar_behind(element, at);
	return memchr(element.data, '?', at) == NULL ? 0 : -EINVAL;
}

static int parse_params(struct span text, struct span *out) {
	struct sip_param p;
	int ret;

	text = span_trim(text);
	*out = (struct span){0};
	if (span_is_empty(text))
		return 0;
	if (text.data[0] != ';')
		return -EINVAL;
	text = span_trim(sip_grammar_behind(text, 1));
	*out = text;
	while ((ret = sip_param_next(&text, &p)) == 0)
		;
	return ret == -ENOENT ? 0 : ret;
}

// Where an element of the list ends: at a comma that no quotes and no angles hold.
static int cut_element(struct span *rest, size_t angle, struct span *out) {
	size_t from = 0, at;

	if (angle < rest->len && rest->data[angle] == '<') {
		const char *close = memchr(rest->data + angle, '>', rest->len - angle);

		if (close == NULL)
			return -EINVAL;
		from = (size_t)(close - rest->data);
	}
	if (sip_grammar_find(sip_grammar_behind(*rest, from), SIP_CHAR_COMMA, &at) < 0)
		return -EINVAL;
	at += from;
	*out = (struct span){rest->data, at};
	*rest = sip_grammar_behind(*rest, at + (at < rest->len));
	return 0;
}

int sip_addr_parse(struct span *rest, struct sip_addr *out) {
	struct span list = *rest, element, behind;
	struct sip_addr a = {0};
	size_t at;
	int ret;

	if (span_is_empty(list) ||
		sip_grammar_find(list, SIP_CHAR_ANGLE | SIP_CHAR_SEMICOLON | SIP_CHAR_COMMA, &at) < 0)
		return -EINVAL;
	if (cut_element(&list, at, &element) < 0)
		return -EINVAL;
	if (at < element.len && element.data[at] == '<')
		ret = parse_name_addr(element, at, &a, &behind);
	else
		ret = parse_addr_spec(element, at, &a, &behind);
	if (ret < 0 || !may_be_uri(a.uri) || parse_params(behind, &a.params) < 0)
		return -EINVAL;
	*out = a;
	*rest = list;
	return 0;
}

int sip_addr_parse_single(struct span value, struct sip_addr *out) {
	struct span rest = value;
	struct sip_addr a;

	// A comma at the end leaves nothing behind it, but makes a list all the same.
	if (sip_addr_parse(&rest, &a) < 0 || rest.len > 0 || value.data[value.len - 1] == ',')
		return -EINVAL;
	*out = a;
	return 0;
}

int sip_addr_tag(const struct sip_addr *a, struct span *out) {
	struct span tag = {0};
	int n = sip_param_count(a->params, "tag", &tag);

	if (n < 0 || n > 1 || (n == 1 && !sip_grammar_all(tag, SIP_CHAR_URI)))
		return -EINVAL;
	*out = tag;
	return 0;
}
