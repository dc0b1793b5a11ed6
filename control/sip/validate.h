// The second half of sip_msg_parse: from header lines to checked fields.
#pragma once

#include "control/sip/msg.h"

// Fill in the fields of m that its headers give. All are tried, so that what can be read of a bad message is there.
// Returns the first fault in the order of the checks, or SIP_FAULT_NONE.
enum sip_fault validate_fields(struct sip_msg *m);
// Cut the body out of what follows the header section in the datagram (RFC 3261 §18.3). NONE or BAD_LENGTH.
enum sip_fault validate_body(struct sip_msg *m, struct span behind);
// True if all is there that an answer copies (RFC 3261 §8.2.6.2) and the request is one that may be answered.
bool validate_is_answerable(const struct sip_msg *m);
