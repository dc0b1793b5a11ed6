// A session's state and diagnosis together, as `call ID` shows them.
#pragma once

#include "control/ops/diagnosis.h"

#include <jansson.h>

// session_json with "diagnosis", a list of lines. NULL when out of memory; the caller owns it.
[[nodiscard]] json_t *diagnosis_json(const struct diagnosis_session *s);
