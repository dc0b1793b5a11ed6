// Makes the k-th allocation of our own code fail: the test's linker wraps malloc and its kin where our objects call
// them. What shared libraries allocate for themselves is not touched.
//
//	for (unsigned k = 1;; k++) {
//		fail_alloc_at(k);
//		int ret = thing_create(&t);
//		bool failed = fail_alloc_end();
//		if (!failed)
//			break; // k is more than it allocates
//		ck_assert_int_eq(ret, -ENOMEM);
//	}
#pragma once

#include <stdbool.h>

// From now on the k-th allocation (1: the next) gives NULL; later ones succeed again.
void fail_alloc_at(unsigned k);
// Stop counting. Returns true if an allocation was made to fail since fail_alloc_at.
bool fail_alloc_end(void);
// Between the two nothing counts and nothing fails: for what a test's scenery allocates. They nest.
void fail_alloc_pause(void);
void fail_alloc_resume(void);
