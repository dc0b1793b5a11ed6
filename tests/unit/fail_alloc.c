#include "tests/unit/fail_alloc.h"

#include <errno.h>
#include <stddef.h>

// The linker's --wrap names: __real_X is libc's, __wrap_X is what our objects reach when they call X.
void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void *__real_reallocarray(void *p, size_t n, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
int __real_posix_memalign(void **p, size_t alignment, size_t size);
char *__real_strdup(const char *s);
char *__real_strndup(const char *s, size_t n);

void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);
void *__wrap_reallocarray(void *p, size_t n, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
int __wrap_posix_memalign(void **p, size_t alignment, size_t size);
char *__wrap_strdup(const char *s);
char *__wrap_strndup(const char *s, size_t n);

static _Thread_local unsigned countdown; // 0: not counting
static _Thread_local unsigned paused;
static _Thread_local bool has_failed;

void fail_alloc_at(unsigned k) {
	countdown = k;
	has_failed = false;
}

bool fail_alloc_end(void) {
	countdown = 0;
	return has_failed;
}

void fail_alloc_pause(void) {
	paused++;
}

void fail_alloc_resume(void) {
	paused--;
}

static bool fails(void) {
	if (paused > 0 || countdown == 0 || --countdown > 0)
		return false;
	has_failed = true;
	errno = ENOMEM;
	return true;
}

void *__wrap_malloc(size_t size) {
	return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size) {
	return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t size) {
	return fails() ? NULL : __real_realloc(p, size);
}

void *__wrap_reallocarray(void *p, size_t n, size_t size) {
	return fails() ? NULL : __real_reallocarray(p, n, size);
}

void *__wrap_aligned_alloc(size_t alignment, size_t size) {
	return fails() ? NULL : __real_aligned_alloc(alignment, size);
}

int __wrap_posix_memalign(void **p, size_t alignment, size_t size) {
	return fails() ? ENOMEM : __real_posix_memalign(p, alignment, size);
}

char *__wrap_strdup(const char *s) {
	return fails() ? NULL : __real_strdup(s);
}

char *__wrap_strndup(const char *s, size_t n) {
	return fails() ? NULL : __real_strndup(s, n);
}
