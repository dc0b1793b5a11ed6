// Writing header fields. Nothing that came from a peer can break out of its line: a text with a control byte in it
// makes the sink overflow, as one that is too long does.
#pragma once

#include "control/sink.h"
#include "control/sip/msg.h"

// "Name: value\r\n"
void sip_compose_header(struct sink *s, enum sip_header_id id, struct span value);
void sip_compose_named(struct sink *s, const char *name, struct span value);
// "Name: " display <uri>;tag=tag "\r\n". display as sip_compose_display takes it; an empty display or tag is left out.
void sip_compose_addr(
	struct sink *s, enum sip_header_id id, struct span display, struct span uri, struct span tag);

// A display name as it stands in a received address, as a quoted string: quoted ones pass as they are.
void sip_compose_display(struct sink *s, struct span display);
// Plain text as a quoted string (RFC 3261 §25.1): quotes and backslashes escaped.
void sip_compose_quoted(struct sink *s, struct span text);
// A display name as plain text: quotes and escapes undone. Returns the length or -ENOSPC; out is NUL-terminated.
int sip_compose_unquote(struct span display, char *out, size_t size);
// A received From or To with its tag parameter left out; other parameters stay.
void sip_compose_without_tag(struct sink *s, const struct sip_addr *a);
