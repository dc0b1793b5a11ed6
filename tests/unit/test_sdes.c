// Datagrams written out by hand after RFC 3550 §6.4 to §6.7, before and behind the mask. In what is wanted "?" stands for a
// letter or digit of a masked name.
#include "relay/sdes.h"

#include "relay/keyed_hash.h"
#include "relay/rtp.h"
#include "tests/unit/run_suite.h"

#include <check.h>
#include <string.h>

#define LEN(a) (sizeof(a) / sizeof((a)[0]))
#define TEXT(s) s, sizeof(s) - 1

#define SSRC "\x11\x22\x33\x44"
#define REPORT "\x80\xc9\0\1" SSRC // a receiver report without blocks
#define NAME "sip:1001@10.20.0.2" // 18 letters

static const uint8_t key[KEYED_HASH_KEY] = {1, 2, 3};
static struct keyed_hash *names;

static const struct {
	const char *what, *in;
	size_t len;
	const char *want;
	size_t want_len; // 0: unchanged
} vectors[] = {
	{"a name", TEXT(REPORT "\x81\xca\0\6" SSRC "\1\x12" NAME),
		TEXT(REPORT "\x81\xca\0\6" SSRC "\1\x12??????????????????")},
	{"end and padding behind it", TEXT("\x81\xca\0\3" SSRC "\1\3a@b\0\0\0"),
		TEXT("\x81\xca\0\3" SSRC "\1\3???\0\0\0")},
	{"all kinds of items",
		TEXT("\x81\xca\0\x0a" SSRC "\1\1x\2\2Al\3\3a@b\4\2+1\5\1X\6\3bar\7\1n\x08\4\1k=v\0\0\0"),
		TEXT("\x81\xca\0\x0a" SSRC "\1\1?\2\2  \3\3   \4\2  \5\1 \6\3   \7\1 \x08\4\0   \0\0\0")},
	{"an unknown item", TEXT("\x81\xca\0\2" SSRC "\x77\2ab"), TEXT("\x81\xca\0\2" SSRC "\x77\2  ")},
	{"two chunks", TEXT("\x82\xca\0\6" SSRC "\1\2ab\0\0\0\0" SSRC "\1\3abc\0\0\0"),
		TEXT("\x82\xca\0\6" SSRC "\1\2??\0\0\0\0" SSRC "\1\3???\0\0\0")},
	{"one more than its count", TEXT("\x81\xca\0\6" SSRC "\1\2ab\0\0\0\0" SSRC "\1\3abc\0\0\0"),
		TEXT("\x81\xca\0\6" SSRC "\1\2??\0\0\0\0" SSRC "\1\3???\0\0\0")},
	{"an end at a word's last byte",
		TEXT("\x82\xca\0\5" SSRC "\1\1a\0" SSRC "\1\1b\0"
		     "\0\0\0\0"),
		TEXT("\x82\xca\0\5" SSRC "\1\1?\0" SSRC "\1\1?\0"
		     "\0\0\0\0")},
	{"no end", TEXT("\x81\xca\0\2" SSRC "\1\2ab"), TEXT("\x81\xca\0\2" SSRC "\1\2??")},
	{"longer than its packet",
		TEXT("\x81\xca\0\2" SSRC "\1\xff"
		     "ab" REPORT),
		TEXT("\x81\xca\0\2" SSRC "\1\xff??" REPORT)},
	{"half an item", TEXT("\x81\xca\0\2" SSRC "\2\1x\1"), TEXT("\x81\xca\0\2" SSRC "\2\1 \1")},
	{"padding stays",
		TEXT("\xa1\xca\0\4" SSRC "\1\1a\0"
		     "\1\2\3\4\5\6\7\x08"),
		TEXT("\xa1\xca\0\4" SSRC "\1\1?\0"
		     "\1\2\3\4\5\6\7\x08")},
	{"nothing but padding",
		TEXT("\xa1\xca\0\1"
		     "abc\4"),
		NULL, 0},
	{"no text", TEXT("\x81\xca\0\2" SSRC "\1\0\0\0"), NULL, 0},
	{"no chunk", TEXT("\x80\xca\0\0"), NULL, 0},
	{"no room for one", TEXT("\x81\xca\0\1" SSRC), NULL, 0},
	{"a reason",
		TEXT("\x81\xcb\0\3" SSRC "\6"
		     "at .42\0"),
		TEXT("\x81\xcb\0\3" SSRC "\6"
		     "      \0")},
	{"of two sources",
		TEXT("\x82\xcb\0\3" SSRC SSRC "\3"
		     "abc"),
		TEXT("\x82\xcb\0\3" SSRC SSRC "\3"
		     "   ")},
	{"a reason that is too long",
		TEXT("\x81\xcb\0\2" SSRC "\x09"
		     "abc"),
		TEXT("\x81\xcb\0\2" SSRC "\x09"
		     "   ")},
	{"no reason", TEXT("\x81\xcb\0\1" SSRC), NULL, 0},
	{"more sources than there are", TEXT("\x9f\xcb\0\2" SSRC SSRC), NULL, 0},
	{"reports, feedback and applications' own",
		TEXT("\x80\xc8\0\6" SSRC "\1\3abcdefghijklmnopqr" REPORT "\x80\xcc\0\3" SSRC "name"
		     "\1\2ab"),
		NULL, 0},
};

START_TEST(masks) {
	const char *want = vectors[_i].want_len > 0 ? vectors[_i].want : vectors[_i].in;
	uint8_t text[64];

	ck_assert_uint_le(vectors[_i].len, sizeof(text));
	ck_assert(vectors[_i].want_len == 0 || vectors[_i].want_len == vectors[_i].len);
	memcpy(text, vectors[_i].in, vectors[_i].len);
	ck_assert_msg(rtcp_parse(text, vectors[_i].len) == 0, "%s: not what may come here", vectors[_i].what);
	ck_assert_msg(sdes_mask(text, vectors[_i].len, names) == (vectors[_i].want_len > 0), "%s",
		vectors[_i].what);
	for (size_t i = 0; i < vectors[_i].len; i++) {
		bool fits = want[i] == '?' ? strchr("abcdefghijklmnopqrstuvwxyz234567", text[i]) != NULL
					   : text[i] == (uint8_t)want[i];

		ck_assert_msg(fits, "%s: byte %zu is %02x", vectors[_i].what, i, text[i]);
	}
	ck_assert_int_eq(rtcp_parse(text, vectors[_i].len), 0);
}
END_TEST

// A description with this name, masked.
static void describe(const char name[static sizeof(NAME)], struct keyed_hash *h, uint8_t out[static 28]) {
	memcpy(out, "\x81\xca\0\6" SSRC "\1\x12", 10);
	memcpy(out + 10, name, sizeof(NAME) - 1);
	ck_assert(sdes_mask(out, 28, h));
}

// Streams of one source are known by their name (RFC 3550 §6.5.1), here and with nobody else's key.
START_TEST(names_tell_sources_apart) {
	static const uint8_t other_key[KEYED_HASH_KEY] = {1, 2, 4};
	uint8_t audio[28], video[28], neighbour[28], elsewhere[28];
	struct keyed_hash *other;

	ck_assert_int_eq(keyed_hash_create(other_key, &other), 0);
	describe(NAME, names, audio);
	describe("sip:1001@10.20.0.3", names, neighbour);
	describe(NAME, names, video);
	describe(NAME, other, elsewhere);
	ck_assert_mem_eq(audio, video, sizeof(audio));
	ck_assert_mem_ne(audio, neighbour, sizeof(audio));
	ck_assert_mem_ne(audio, elsewhere, sizeof(audio));
	keyed_hash_destroy(other);
}
END_TEST

static void setup(void) {
	ck_assert_int_eq(keyed_hash_create(key, &names), 0);
}

static void teardown(void) {
	keyed_hash_destroy(names);
}

int main(void) {
	Suite *suite = suite_create("sdes");
	TCase *tcase = tcase_create("sdes");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_loop_test(tcase, masks, 0, LEN(vectors));
	tcase_add_test(tcase, names_tell_sources_apart);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
