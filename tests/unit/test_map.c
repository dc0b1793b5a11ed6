#include "control/map.h"

#include "relay/keyed_hash.h"
#include "tests/unit/fail_alloc.h"
#include "tests/unit/run_suite.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>

enum { N = 5000 };

static struct map *new_map(void) {
	struct map *m;

	ck_assert_int_eq(map_create(&m), 0);
	return m;
}

// The vectors of the SipHash paper (Aumasson, Bernstein 2012, appendix A) and of its reference code.
START_TEST(hash_is_siphash_2_4) {
	static const struct {
		size_t len;
		uint8_t hash[8];
	} vectors[] = {
		{0, {0x31, 0x0e, 0x0e, 0xdd, 0x47, 0xdb, 0x6f, 0x72}},
		{1, {0xfd, 0x67, 0xdc, 0x93, 0xc5, 0x39, 0xf8, 0x74}},
		{8, {0x62, 0x24, 0x93, 0x9a, 0x79, 0xf5, 0xf5, 0x93}},
		{15, {0xe5, 0x45, 0xbe, 0x49, 0x61, 0xca, 0x29, 0xa1}},
	};
	uint8_t key[KEYED_HASH_KEY], data[64];
	struct keyed_hash *h;

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)i;
	memcpy(key, data, sizeof(key));
	ck_assert_int_eq(keyed_hash_create(key, &h), 0);
	for (int round = 0; round < 2; round++) { // the second: nothing of the first is left
		for (size_t i = 0; i < sizeof(vectors) / sizeof(*vectors); i++) {
			uint64_t hash = keyed_hash_of(h, data, vectors[i].len);

			ck_assert_mem_eq(&hash, vectors[i].hash, sizeof(hash));
		}
	}
	keyed_hash_destroy(h);
	keyed_hash_destroy(NULL);
}
END_TEST

START_TEST(finds_all_while_growing_and_shrinking) {
	static struct map_node nodes[N];
	static char keys[N][16];
	struct map *m = new_map();

	memset(nodes, 0, sizeof(nodes));
	for (int i = 0; i < N; i++) {
		snprintf(keys[i], sizeof(keys[i]), "key-%d", i);
		ck_assert_ptr_null(map_find(m, span_of(keys[i])));
		map_add(m, &nodes[i], span_of(keys[i]), (uint64_t)i);
		ck_assert_ptr_eq(map_find(m, span_of(keys[i / 2])), &nodes[i / 2]);
	}
	for (int i = 0; i < N; i++) {
		ck_assert_uint_eq(map_find(m, span_of(keys[i]))->value, (uint64_t)i);
		if (i % 3 == 0)
			map_del(m, &nodes[i]);
	}
	for (int i = 0; i < N; i++) {
		ck_assert_ptr_eq(map_find(m, span_of(keys[i])), i % 3 == 0 ? NULL : &nodes[i]);
		map_del(m, &nodes[i]);
		map_del(m, &nodes[i]); // not there: ignored
		ck_assert_ptr_null(map_find(m, span_of(keys[i])));
	}
	map_destroy(m);
	map_destroy(NULL);
}
END_TEST

START_TEST(keeps_doubles) {
	static struct map_node twins[3], others[N];
	static char keys[N][16];
	struct map *m = new_map();
	struct span key = span_of("twin");
	int seen = 0;

	memset(twins, 0, sizeof(twins));
	memset(others, 0, sizeof(others));
	for (int i = 0; i < N; i++) { // the twins come while the map grows
		snprintf(keys[i], sizeof(keys[i]), "%d", i);
		map_add(m, &others[i], span_of(keys[i]), 0);
		if (i == 60 || i == 66 || i == 130)
			map_add(m, &twins[seen++], key, 1);
	}
	seen = 0;
	for (struct map_node *n = map_find(m, key); n != NULL; n = map_find_next(n), seen++)
		ck_assert_uint_eq(n->value, 1);
	ck_assert_int_eq(seen, 3);
	map_del(m, &twins[1]);
	struct map_node *n = map_find(m, key);
	ck_assert(n == &twins[0] || n == &twins[2]);
	ck_assert_ptr_nonnull(map_find_next(n));
	ck_assert_ptr_null(map_find_next(map_find_next(n)));
	map_destroy(m);
}
END_TEST

START_TEST(keys_are_compared_whole) {
	static const char with_nul[] = "a\0b", other[] = "a\0c";
	struct map_node n = {0};
	struct map *m = new_map();

	map_add(m, &n, (struct span){with_nul, 3}, 1);
	ck_assert_ptr_null(map_find(m, (struct span){other, 3}));
	ck_assert_ptr_null(map_find(m, span_of("a")));
	ck_assert_ptr_null(map_find(m, (struct span){"", 0}));
	ck_assert_ptr_eq(map_find(m, (struct span){with_nul, 3}), &n);
	map_destroy(m);
}
END_TEST

START_TEST(survives_failing_allocations) {
	static struct map_node nodes[200];
	static char keys[200][8];
	struct map *m = NULL;

	for (unsigned k = 1;; k++) {
		fail_alloc_at(k);
		int ret = map_create(&m);

		if (!fail_alloc_end())
			break;
		ck_assert_int_eq(ret, -ENOMEM);
	}
	memset(nodes, 0, sizeof(nodes));
	for (int i = 0; i < 200; i++) {
		snprintf(keys[i], sizeof(keys[i]), "%d", i);
		fail_alloc_at(1); // it can't grow now
		map_add(m, &nodes[i], span_of(keys[i]), 0);
		fail_alloc_end();
	}
	for (int i = 0; i < 200; i++)
		ck_assert_ptr_eq(map_find(m, span_of(keys[i])), &nodes[i]);
	map_destroy(m);
}
END_TEST

int main(void) {
	Suite *s = suite_create("map");
	TCase *c = tcase_create("map");

	tcase_add_test(c, hash_is_siphash_2_4);
	tcase_add_test(c, finds_all_while_growing_and_shrinking);
	tcase_add_test(c, keeps_doubles);
	tcase_add_test(c, keys_are_compared_whole);
	tcase_add_test(c, survives_failing_allocations);
	suite_add_tcase(s, c);
	return run_suite(s);
}
