// What the main of every test program ends with.
#pragma once

#include <check.h>

// Run a suite and free it. Returns main's status: 0 if all passed.
static inline int run_suite(Suite *suite) {
	SRunner *runner = srunner_create(suite);
	int n_failed;

	srunner_run_all(runner, CK_NORMAL);
	n_failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return n_failed == 0 ? 0 : 1;
}
