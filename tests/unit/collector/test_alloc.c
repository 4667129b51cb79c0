/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Arrays grow by the rule, and one that cannot grow stays as it was. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "collector/alloc.h"
#include "collector/base.h"

static void room_doubles(void **state)
{
	_cleanup_(freep) int *a = NULL;
	unsigned int n = 0, size = 0;

	(void)state;
	while (n < 1000) {
		assert_int_equal(alloc_room(a, n, size), 0);
		assert_true(n < size);
		a[n] = (int)n;
		n++;
	}
	assert_int_equal(size, 1024);
	assert_int_equal(a[999], 999);
}

/* The count's own type is the limit. */
static void room_ends(void **state)
{
	_cleanup_(freep) char *a = NULL;
	uint16_t n = 0, size = 0;

	(void)state;
	while (alloc_room(a, n, size) == 0)
		a[n++] = 1;
	assert_int_equal(n, 1 << 15);
	assert_int_equal(size, 1 << 15);
}

static void resize_checks_the_product(void **state)
{
	_cleanup_(freep) uint64_t *a = NULL;
	uint64_t *before;

	(void)state;
	assert_int_equal(alloc_resize(a, (size_t)0), 0);
	before = a;
	assert_non_null(before);
	assert_int_equal(alloc_resize(a, SIZE_MAX / 4), -ENOMEM);
	assert_ptr_equal(a, before);
}

static void doubles_without_a_size(void **state)
{
	_cleanup_(freep) int *a = NULL;

	(void)state;
	for (size_t n = 0; n < 100; n++) {
		assert_int_equal(alloc_double(a, n), 0);
		a[n] = (int)n;
	}
	assert_int_equal(a[99], 99);
}

static void copies(void **state)
{
	_cleanup_(freep) char *text = NULL;

	(void)state;
	assert_int_equal(alloc_copy(NULL, &text), 0);
	assert_null(text);
	assert_int_equal(alloc_copy("tap0", &text), 0);
	assert_string_equal(text, "tap0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(room_doubles),
		cmocka_unit_test(room_ends),
		cmocka_unit_test(resize_checks_the_product),
		cmocka_unit_test(doubles_without_a_size),
		cmocka_unit_test(copies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
