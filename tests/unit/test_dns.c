// c-ares on a real loop, as far as it goes without a network: numeric names need none.
#include "control/sip/dns.h"
#include "tests/unit/fail_alloc.h"
#include "tests/unit/run_suite.h"

#include <errno.h>
#include <string.h>

enum { REF = 4711 };

static struct loop *loop;
static struct dns dns;
static unsigned n_answers;
static int answered;
static struct endpoint address;

static void setup(void) {
	n_answers = 0;
	ck_assert_int_eq(loop_create(&loop), 0);
	ck_assert_int_eq(dns_open(loop, &dns), 0);
}

static void teardown(void) {
	dns.close(dns.ctx);
	loop_destroy(loop);
}

static void on_addresses(void *ctx, uint64_t ref, int status, const struct endpoint *addresses, unsigned n) {
	ck_assert_ptr_eq(ctx, &dns);
	ck_assert_uint_eq(ref, REF);
	n_answers++;
	answered = status;
	if (n > 0)
		address = addresses[0];
}

static void on_srv(void *ctx, uint64_t ref, int status, const struct srv_record *records, unsigned n) {
	(void)records;
	ck_assert_ptr_eq(ctx, &dns);
	ck_assert_uint_eq(ref, REF);
	ck_assert_uint_eq(n, 0);
	n_answers++;
	answered = status;
}

START_TEST(a_numeric_name_is_its_address) {
	char text[ENDPOINT_TEXT];

	dns.find_addresses(dns.ctx, "192.0.2.7", on_addresses, &dns, REF);
	ck_assert_uint_eq(n_answers, 1);
	ck_assert_int_eq(answered, 0);
	ck_assert_str_eq(endpoint_format_addr(&address, text), "192.0.2.7");
}
END_TEST

// Whoever asks is told, and nothing is asked.
START_TEST(questions_without_memory) {
	fail_alloc_at(1);
	dns.find_addresses(dns.ctx, "192.0.2.7", on_addresses, &dns, REF);
	ck_assert(fail_alloc_end());
	ck_assert_uint_eq(n_answers, 1);
	ck_assert_int_eq(answered, -ETIMEDOUT);
	fail_alloc_at(1);
	dns.find_srv(dns.ctx, "_sip._udp.example.com", on_srv, &dns, REF);
	ck_assert(fail_alloc_end());
	ck_assert_uint_eq(n_answers, 2);
	ck_assert_int_eq(answered, -ETIMEDOUT);
}
END_TEST

START_TEST(each_allocation_of_the_start_may_fail) {
	struct dns other = {0};
	unsigned k;

	for (k = 1;; k++) {
		int ret;

		fail_alloc_at(k);
		ret = dns_open(loop, &other);
		if (!fail_alloc_end()) {
			ck_assert_int_eq(ret, 0);
			break;
		}
		ck_assert_int_eq(ret, -ENOMEM);
		ck_assert_ptr_null(other.ctx);
	}
	ck_assert_uint_eq(k, 2);
	other.close(other.ctx);
}
END_TEST

// Questions that are open when it ends get no answer, and nothing of them is left.
START_TEST(an_end_with_open_questions) {
	struct dns other;

	ck_assert_int_eq(dns_open(loop, &other), 0);
	other.find_srv(other.ctx, "_sip._udp.example.invalid", on_srv, &dns, REF);
	n_answers = 0; // without any server it had its answer at once
	other.close(other.ctx);
	ck_assert_uint_eq(n_answers, 0);
}
END_TEST

int main(void) {
	Suite *suite = suite_create("dns");
	TCase *tc = tcase_create("all");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, a_numeric_name_is_its_address);
	tcase_add_test(tc, questions_without_memory);
	tcase_add_test(tc, each_allocation_of_the_start_may_fail);
	tcase_add_test(tc, an_end_with_open_questions);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
