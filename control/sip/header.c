#include "control/sip/header.h"

static const struct {
	struct span name;
	char compact; // lower case; 0: none
	bool is_single;
} rows[] = {
#define HEADER(name, text, compact, single) {{text, sizeof(text) - 1}, compact, single},
#include "control/sip/header.def"
#undef HEADER
};

const char *sip_header_name(enum sip_header_id id) {
	return id < HEADER_OTHER ? rows[id].name.data : "";
}

enum sip_header_id sip_header_find(struct span name) {
	char first;

	if (name.len == 0)
		return HEADER_OTHER;
	first = name.data[0] | 0x20; // lower case, where it is a letter
	for (unsigned id = 0; id < HEADER_OTHER; id++) {
		if (name.len == 1) {
			if (rows[id].compact == first)
				return (enum sip_header_id)id;
		} else if (rows[id].name.len == name.len && (rows[id].name.data[0] | 0x20) == first &&
			span_equal_nocase(rows[id].name, name)) {
			return (enum sip_header_id)id;
		}
	}
	return HEADER_OTHER;
}

bool sip_header_is_single(enum sip_header_id id) {
	return id < HEADER_OTHER && rows[id].is_single;
}
