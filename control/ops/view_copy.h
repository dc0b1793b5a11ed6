// A view of a call that outlives the call: what a record keeps until somebody asks for it.
#pragma once

#include "control/call/view.h"

// All that the view borrows from its call, copied into one block that free() frees; texts as long as they are ever shown
// (ROW_TEXT_MAX). Still borrowed: names of states, realms and trunks, which are the program's and its config's.
// *bytes: of the block. NULL: out of memory.
struct call_view *view_copy(const struct call_view *v, size_t *bytes);
