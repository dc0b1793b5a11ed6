// Every message of tests/fuzz/corpus/sip_msg gets the verdict that RFC 4475, RFC 5118 and our rules give it, from a buffer
// of exactly its size, whole and cut short.
#include "control/sip/msg.h"
#include "tests/unit/run_suite.h"

#include <check.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#define CORPUS_DIR SOURCE_ROOT "/tests/fuzz/corpus/sip_msg"

static const struct {
	const char *file;
	enum sip_frame frame;
	enum sip_fault fault;
	const char *what;
} rows[] = {
#define CORPUS(file, frame, fault, what) {#file, SIP_FRAME_##frame, SIP_FAULT_##fault, what},
#include "tests/unit/sip_corpus.def"
#undef CORPUS
};

enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

static struct sip_msg msg;

static char *load(const char *file, size_t *len) {
	char path[512], *buf = malloc(SIP_MESSAGE_MAX), *exact;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s.sip", CORPUS_DIR, file);
	f = fopen(path, "rb");
	ck_assert_msg(f != NULL, "%s", path);
	*len = fread(buf, 1, SIP_MESSAGE_MAX, f);
	fclose(f);
	exact = malloc(*len);
	memcpy(exact, buf, *len);
	free(buf);
	return exact;
}

START_TEST(gets_its_verdict) {
	enum sip_fault fault = SIP_FAULT_KINDS;
	enum sip_frame frame;
	size_t len;
	char *buf = load(rows[_i].file, &len);

	frame = sip_msg_parse(buf, len, &msg, &fault);
	ck_assert_msg(frame == rows[_i].frame, "%s: frame %d, %s", rows[_i].file, (int)frame,
		sip_fault_name(fault));
	ck_assert_msg(fault == rows[_i].fault, "%s: %s", rows[_i].file, sip_fault_name(fault));
	ck_assert(frame != SIP_FRAME_REFUSE || sip_fault_status(fault) >= 400);
	free(buf);
}
END_TEST

// Cut short, a message may be taken only where its header section is whole and no Content-Length says that more was sent.
static void cut_everywhere(const char *file) {
	size_t len;
	char *whole = load(file, &len);
	size_t step = len / 256 + 1;

	for (size_t n = 0; n < len; n += step) {
		char *buf = malloc(n);
		enum sip_fault fault;
		enum sip_frame frame;

		memcpy(buf, whole, n);
		frame = sip_msg_parse(buf, n, &msg, &fault);
		ck_assert_int_lt(frame, SIP_FRAME_KINDS);
		ck_assert((fault == SIP_FAULT_NONE) == (frame <= SIP_FRAME_STUN));
		if (frame == SIP_FRAME_OK)
			ck_assert(
				memmem(whole, n, "\n\r\n", 3) != NULL || memmem(whole, n, "\n\n", 2) != NULL);
		free(buf);
	}
	free(whole);
}

START_TEST(survives_being_cut) {
	for (int i = 0; i < ROWS; i++)
		cut_everywhere(rows[i].file);
}
END_TEST

START_TEST(is_listed_whole) {
	DIR *dir = opendir(CORPUS_DIR);
	struct dirent *entry;
	int n = 0;

	ck_assert_ptr_nonnull(dir);
	while ((entry = readdir(dir)) != NULL)
		n += strstr(entry->d_name, ".sip") != NULL; // a fuzzer may leave its finds beside them
	closedir(dir);
	ck_assert_int_eq(n, ROWS);
}
END_TEST

START_TEST(reaches_every_fault_that_fits_a_datagram) {
	for (unsigned f = 0; f < SIP_FAULT_KINDS; f++) {
		bool reached = f == SIP_FAULT_MESSAGE_TOO_LONG; // test_sip_msg.c

		for (unsigned i = 0; i < ROWS; i++)
			reached |= rows[i].fault == f;
		ck_assert_msg(reached, "%s", sip_fault_name((enum sip_fault)f));
	}
}
END_TEST

int main(void) {
	Suite *suite = suite_create("sip_corpus");
	TCase *tc = tcase_create("sip_corpus");

	tcase_add_loop_test(tc, gets_its_verdict, 0, ROWS);
	tcase_add_test(tc, survives_being_cut);
	tcase_add_test(tc, is_listed_whole);
	tcase_add_test(tc, reaches_every_fault_that_fits_a_datagram);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
