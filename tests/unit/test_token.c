#include "control/token.h"

#include "tests/unit/fail_alloc.h"
#include "tests/unit/run_suite.h"

#include <check.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char key_path[64];

static struct tokens *new_tokens(uint16_t node_id, const char *key_file) {
	struct tokens *t;

	ck_assert_int_eq(tokens_create(node_id, key_file, &t), 0);
	return t;
}

static void write_key(const char *text, mode_t mode) {
	FILE *f = fopen(key_path, "w");

	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	fclose(f);
	ck_assert_int_eq(chmod(key_path, mode), 0);
}

static void setup(void) {
	int fd;

	strcpy(key_path, "/tmp/test_token.XXXXXX");
	fd = mkstemp(key_path);
	ck_assert_int_ge(fd, 0);
	close(fd);
	write_key("0123456789abcdef0123456789abcdef", 0600);
}

static void teardown(void) {
	unlink(key_path);
}

START_TEST(opens_what_it_minted) {
	static const uint64_t handles[] = {1, 0xffffffff, 0x123456789abcdef0, UINT64_MAX};
	static const uint16_t parts[] = {0, 1, 0xabcd, UINT16_MAX};
	struct tokens *t = new_tokens(0xfffe, NULL);

	for (size_t i = 0; i < 4; i++) {
		char text[TOKEN_TEXT];
		uint64_t handle;
		uint16_t part;

		token_mint(t, 'd', handles[i], parts[i], text);
		for (const char *p = text; *p != '\0'; p++)
			ck_assert(islower((unsigned char)*p) || isdigit((unsigned char)*p));
		ck_assert_int_eq(token_open(t, 'd', span_of(text), &handle, &part), 0);
		ck_assert_uint_eq(handle, handles[i]);
		ck_assert_uint_eq(part, parts[i]);
	}
	tokens_destroy(t);
	tokens_destroy(NULL);
}
END_TEST

// The layout is kept over restarts and shared by nodes. Everything but the check, as Python's base64.b32hexencode
// writes the bytes 01 02 | 00 | 64 | 00 00 00 07 00 00 00 09 | 00 03.
START_TEST(has_the_layout_it_promises) {
	struct tokens *t = new_tokens(0x0102, key_path);
	char text[TOKEN_TEXT];

	token_mint(t, 'd', UINT64_C(7) << 32 | 9, 3, text);
	ck_assert_uint_eq(strlen(text), 36);
	ck_assert_msg(strncmp(text, "04100p000000e000004g00", 22) == 0, "%s", text);
	tokens_destroy(t);
}
END_TEST

START_TEST(every_changed_digit_is_seen) {
	static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyzABV-_. \n";
	struct tokens *t = new_tokens(1, NULL);
	char text[TOKEN_TEXT], forged[TOKEN_TEXT];
	uint64_t handle = 99;
	uint16_t part = 99;

	token_mint(t, 'b', 0x0123456789abcdef, 5, text);
	for (size_t i = 0; text[i] != '\0'; i++) {
		for (const char *d = digits; *d != '\0'; d++) {
			if (*d == text[i])
				continue;
			strcpy(forged, text);
			forged[i] = *d;
			ck_assert_int_eq(token_open(t, 'b', span_of(forged), &handle, &part), -EBADMSG);
		}
	}
	ck_assert_uint_eq(handle, 99);
	ck_assert_uint_eq(part, 99);
	tokens_destroy(t);
}
END_TEST

START_TEST(refuses_what_is_not_its_own) {
	struct tokens *t = new_tokens(1, key_path), *other_node = new_tokens(2, key_path);
	struct tokens *other_key = new_tokens(1, NULL), *restarted = new_tokens(1, key_path);
	char text[TOKEN_TEXT], longer[TOKEN_TEXT + 1];
	uint64_t handle;
	uint16_t part;

	token_mint(t, 'c', 77, 0, text);
	snprintf(longer, sizeof(longer), "%s0", text);
	ck_assert_int_eq(token_open(t, 'd', span_of(text), &handle, &part), -EBADMSG);
	ck_assert_int_eq(token_open(t, 'c', span_of(longer), &handle, &part), -EBADMSG);
	ck_assert_int_eq(token_open(t, 'c', (struct span){text, strlen(text) - 1}, &handle, &part), -EBADMSG);
	ck_assert_int_eq(token_open(t, 'c', (struct span){0}, &handle, &part), -EBADMSG);
	ck_assert_int_eq(token_open(other_node, 'c', span_of(text), &handle, &part), -EBADMSG);
	ck_assert_int_eq(token_open(other_key, 'c', span_of(text), &handle, &part), -EBADMSG);
	ck_assert_int_eq(token_open(restarted, 'c', span_of(text), &handle, &part), 0);
	tokens_destroy(t);
	tokens_destroy(other_node);
	tokens_destroy(other_key);
	tokens_destroy(restarted);
}
END_TEST

START_TEST(checks_the_key_file) {
	static const struct {
		const char *what, *text;
		mode_t mode;
		int ret;
	} cases[] = {
		{"good", "0123456789abcdef0123456789abcdef", 0600, 0},
		{"stricter", "0123456789abcdef0123456789abcdef", 0400, 0},
		{"group may read", "0123456789abcdef0123456789abcdef", 0640, -EPERM},
		{"others may read", "0123456789abcdef0123456789abcdef", 0604, -EPERM},
		{"others may run", "0123456789abcdef0123456789abcdef", 0601, -EPERM},
		{"a byte short", "0123456789abcdef0123456789abcde", 0600, -EINVAL},
		{"empty", "", 0600, -EINVAL},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct tokens *t = NULL;

		write_key(cases[i].text, cases[i].mode);
		int ret = tokens_create(1, key_path, &t);
		ck_assert_msg(ret == cases[i].ret, "%s: %d", cases[i].what, ret);
		tokens_destroy(t);
		chmod(key_path, 0600);
	}
	unlink(key_path);
	struct tokens *t = NULL;
	ck_assert_int_eq(tokens_create(1, key_path, &t), -ENOENT);
	ck_assert_int_eq(tokens_create(1, "/dev/zero", &t), -EINVAL);
	ck_assert_ptr_null(t);
}
END_TEST

START_TEST(survives_failing_allocations) {
	struct tokens *t = NULL;

	for (unsigned k = 1;; k++) {
		fail_alloc_at(k);
		int ret = tokens_create(1, key_path, &t);

		if (!fail_alloc_end())
			break;
		ck_assert_int_eq(ret, -ENOMEM);
	}
	tokens_destroy(t);
}
END_TEST

int main(void) {
	Suite *s = suite_create("token");
	TCase *c = tcase_create("token");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, opens_what_it_minted);
	tcase_add_test(c, has_the_layout_it_promises);
	tcase_add_test(c, every_changed_digit_is_seen);
	tcase_add_test(c, refuses_what_is_not_its_own);
	tcase_add_test(c, checks_the_key_file);
	tcase_add_test(c, survives_failing_allocations);
	suite_add_tcase(s, c);
	return run_suite(s);
}
