#include "control/sip/names.h"

static const struct {
	struct span name;
	bool is_done;
} methods[] = {
#define METHOD(name, done) {{#name, sizeof(#name) - 1}, done},
#include "control/sip/method.def"
#undef METHOD
};

static const struct {
	unsigned status;
	const char *phrase;
} reasons[] = {
#define REASON(status, phrase) {status, phrase},
#include "control/sip/reason.def"
#undef REASON
};

static const struct {
	const char *name;
	unsigned status;
} faults[] = {
#define SIP_FAULT(name, text, status) {text, status},
#include "control/sip/fault.def"
#undef SIP_FAULT
};

const char *sip_method_name(enum sip_method m) {
	return m < METHOD_UNKNOWN ? methods[m].name.data : "";
}

enum sip_method sip_method_find(struct span name) {
	for (unsigned m = 0; m < METHOD_UNKNOWN; m++) {
		if (span_equal(methods[m].name, name))
			return (enum sip_method)m;
	}
	return METHOD_UNKNOWN;
}

bool sip_method_is_done(enum sip_method m) {
	return m < METHOD_UNKNOWN && methods[m].is_done;
}

const char *sip_reason(unsigned status) {
	static const char *const classes[] = {"Unknown", "Provisional", "Success", "Redirection",
		"Request Failure", "Server Failure", "Global Failure"};
	unsigned class = status / 100;

	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		if (reasons[i].status == status)
			return reasons[i].phrase;
	}
	return classes[class < sizeof(classes) / sizeof(classes[0]) ? class : 0];
}

const char *sip_fault_name(enum sip_fault f) {
	return f < SIP_FAULT_KINDS ? faults[f].name : "";
}

unsigned sip_fault_status(enum sip_fault f) {
	return f < SIP_FAULT_KINDS ? faults[f].status : 0;
}
