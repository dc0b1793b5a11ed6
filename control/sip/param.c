#include "control/sip/param.h"

#include <errno.h>

#include "control/sip/grammar.h"

static bool is_value(struct span value) {
	if (value.data[0] == '"')
		return sip_grammar_quoted(value) == value.len;
	for (size_t i = 0; i < value.len; i++) {
		if (sip_char_is(value.data[i],
			    SIP_CHAR_BLANK | SIP_CHAR_ANGLE | SIP_CHAR_QUOTE | SIP_CHAR_CONTROL))
			return false;
	}
	return true;
}

// No '=' can stand in a name, so the first one separates, even where the value is quoted.
static int parse_one(struct span text, struct sip_param *out) {
	struct sip_param p = {.value = text};

	p.name = span_trim(span_cut(&p.value, '='));
	p.value = span_trim(p.value);
	if (!sip_grammar_all(p.name, SIP_CHAR_URI) || (p.value.len > 0 && !is_value(p.value)))
		return -EINVAL;
	*out = p;
	return 0;
}

int sip_param_next(struct span *rest, struct sip_param *out) {
	size_t at;
	int ret;

	if (span_is_empty(*rest))
		return -ENOENT;
	if (sip_grammar_find(*rest, SIP_CHAR_SEMICOLON, &at) < 0)
		return -EINVAL;
	ret = parse_one((struct span){rest->data, at}, out);
	// A ";" at the very end is forgiven: old phones write it.
	if (ret == 0)
		*rest = sip_grammar_behind(*rest, at + (at < rest->len));
	return ret;
}

int sip_param_count(struct span params, const char *name, struct span *out) {
	const struct span wanted = span_of(name);
	struct sip_param p;
	int n = 0, ret;

	while ((ret = sip_param_next(&params, &p)) == 0) {
		if (!span_equal_nocase(p.name, wanted))
			continue;
		if (n++ == 0)
			*out = p.value;
	}
	return ret == -ENOENT ? n : ret;
}

bool sip_param_find(struct span params, const char *name, struct span *out) {
	const struct span wanted = span_of(name);
	struct sip_param p;

	while (sip_param_next(&params, &p) == 0) {
		if (span_equal_nocase(p.name, wanted)) {
			*out = p.value;
			return true;
		}
	}
	return false;
}
