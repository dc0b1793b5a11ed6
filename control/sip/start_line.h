// Request line and status line (RFC 3261 §7.1, §7.2).
#pragma once

#include "control/sip/msg.h"

// Fill in the start line's fields of m. NOT_SIP and BAD_START_LINE: what follows means nothing.
enum sip_fault start_line_parse(struct span line, struct sip_msg *m);
