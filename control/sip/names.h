// SIP's vocabulary: methods, reason phrases, and our words for what was wrong with a message.
#pragma once

#include "control/span.h"

enum sip_method {
#define METHOD(name, done) METHOD_##name,
#include "control/sip/method.def"
#undef METHOD
	METHOD_UNKNOWN,
};

const char *sip_method_name(enum sip_method m); // "" for METHOD_UNKNOWN
enum sip_method sip_method_find(struct span name); // case-sensitive (RFC 3261 §7.1)
bool sip_method_is_done(enum sip_method m);

// The reason phrase we use for a status ("Ringing"); a general one by class for others. RFC 3261 §21.
const char *sip_reason(unsigned status);

// What to say of a message that was dropped or refused; counted each.
enum sip_fault {
#define SIP_FAULT(name, text, status) SIP_FAULT_##name,
#include "control/sip/fault.def"
#undef SIP_FAULT
	SIP_FAULT_KINDS,
};
const char *sip_fault_name(enum sip_fault f);
unsigned sip_fault_status(enum sip_fault f); // 0: nothing to answer
