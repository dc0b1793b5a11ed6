// The calls that ended last, and the log line of each.
#pragma once

#include "config/config.h"
#include "control/call/view.h"

// A call takes 5 KiB or so. Peers with long texts can't make all together take more than so much for each that is asked
// for: the oldest go first.
enum { RECORDS_BYTES_A_CALL = 16384 };

struct records;

// Room for config.control.ended_calls. Borrows config until destroy. Returns 0 or -ENOMEM.
[[nodiscard]] int records_create(const struct config *config, struct records **out);
void records_destroy(struct records *r); // NULL is fine

// A call, or an attempt that never became one, has ended: log it (cdr_log) and keep it. Copies all it needs. Without
// memory the log line still goes out and the record is counted as lost.
void records_add(struct records *r, const struct call_view *v);

// From the newest to the oldest: *cursor 0 at first, changed by each call. NULL at the end. Borrowed until the next add.
const struct call_view *records_next(const struct records *r, uint64_t *cursor);
// By our id (16 hex digits) or either leg's Call-ID; the newest wins. NULL: not found. Borrowed until the next add.
const struct call_view *records_find(const struct records *r, const char *id);

uint32_t records_kept(const struct records *r);
uint64_t records_lost(const struct records *r);
