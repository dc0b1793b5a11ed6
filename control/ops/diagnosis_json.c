#include "control/ops/diagnosis_json.h"

#include "control/ops/row.h"
#include "control/ops/session_json.h"

json_t *diagnosis_json(const struct diagnosis_session *s) {
	struct row r = {.object = session_json(s->state, s->ended)};
	json_t *lines = json_array();
	struct diagnosis diagnosis;

	r.failed = r.object == NULL;
	diagnosis_find(s, &diagnosis);
	for (unsigned i = 0; i < diagnosis.n_lines; i++)
		row_append(&r, lines, json_string(diagnosis.lines[i]));
	row_take(&r, "diagnosis", lines);
	return row_end(&r);
}
