// Any JSON as the story of a call. Property: whatever is missing or of another type, the story comes out, and nothing in
// it is a character that a terminal would obey.
#include "control/ops/story.h"

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	json_t *call = json_loadb((const char *)data, size, JSON_ALLOW_NUL, NULL);
	char *text = NULL;
	size_t len = 0;
	FILE *f;

	if (call == NULL)
		return 0;
	f = open_memstream(&text, &len);
	assert(f != NULL);
	story_print(f, call);
	fclose(f);
	for (size_t i = 0; i < len; i++)
		assert(((unsigned char)text[i] >= ' ' && text[i] != 0x7f) || text[i] == '\n');
	free(text);
	json_decref(call);
	return 0;
}
