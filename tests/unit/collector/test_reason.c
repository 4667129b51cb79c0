/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reasons are named by the running kernel; what it does not name keeps its number. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdbool.h>
#include <string.h>

#include "bpf/abi.h"
#include "collector/kernel/reason.h"

static int set_up(void **state)
{
	struct reasons *r;

	if (reasons_new(&r) == 0)
		*state = r;
	return 0;
}

static int tear_down(void **state)
{
	*state = reasons_free(*state);
	return 0;
}

/* The kernel's names that the table of classes is built on; found by value because values move
 * between kernels. */
static void kernel_names_are_short(void **state)
{
	static const char *const wanted[] = { "NOT_SPECIFIED", "FULL_RING", "DEV_READY",
					      "TAP_TXFILTER", "QDISC_DROP" };
	unsigned int found = 0;

	if (!*state)
		skip();	/* a kernel without types and without tracefs */
	for (uint32_t value = 0; value < 512; value++)
		for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
			found += !strcmp(reason_name(*state, value), wanted[i]);
	assert_int_equal(found, sizeof(wanted) / sizeof(wanted[0]));
	assert_true(reasons_count(*state) > 40);
}

static void bounds_are_not_reasons(void **state)
{
	if (!*state)
		skip();
	for (uint32_t value = 0; value < 512; value++) {
		assert_string_not_equal(reason_name(*state, value), "MAX");
		assert_null(strstr(reason_name(*state, value), "SKB_DROP_REASON"));
	}
}

static void unknown_numbers_stay_numbers(void **state)
{
	unsigned int before = reasons_count(*state);
	const char *name;

	if (!*state)
		skip();
	name = reason_name(*state, 60001);
	assert_string_equal(name, "REASON_60001");
	assert_ptr_equal(reason_name(*state, 60001), name);	/* remembered, not made again */
	assert_string_equal(reason_name(*state, 77U << 16 | 5), "SUBSYS_77_5");
	assert_string_equal(name, "REASON_60001");
	assert_int_equal(reasons_count(*state), before);
}

static void works_without_a_table(void **state)
{
	(void)state;
	assert_string_equal(reason_name(NULL, TL_REASON_NONE), "NONE");
	assert_string_equal(reason_name(NULL, 2), "UNKNOWN");
	assert_int_equal(reasons_count(NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kernel_names_are_short),
		cmocka_unit_test(bounds_are_not_reasons),
		cmocka_unit_test(unknown_numbers_stay_numbers),
		cmocka_unit_test(works_without_a_table),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
