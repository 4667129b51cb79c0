/* SPDX-License-Identifier: GPL-2.0-or-later */
/* collector/notes: first in, first out; bounded; long words are cut. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "collector/capture/pending_comments.h"

static void take(struct pending_comments *n, const char *want)
{
	char *got = pending_comments_take(n);

	assert_string_equal(got, want);
	free(got);
}

static void test_order(void **state)
{
	struct pending_comments n = { 0 };
	char text[32];

	(void)state;
	assert_null(pending_comments_take(&n));
	for (int i = 0; i < 3 * PENDING_COMMENTS_MAX; i++) {	/* around the queue's end */
		snprintf(text, sizeof(text), "%d", i);
		assert_int_equal(pending_comments_add(&n, text), 0);
		if (i)
			snprintf(text, sizeof(text), "%d", i - 1), take(&n, text);
	}
	pending_comments_clear(&n);
	assert_null(pending_comments_take(&n));
}

static void test_bound(void **state)
{
	struct pending_comments n = { 0 };

	(void)state;
	for (int i = 0; i < PENDING_COMMENTS_MAX; i++)
		assert_int_equal(pending_comments_add(&n, "x"), 0);
	assert_int_equal(pending_comments_add(&n, "y"), -ENOSPC);
	take(&n, "x");
	assert_int_equal(pending_comments_add(&n, "y"), 0);
	pending_comments_clear(&n);
}

static void test_length(void **state)
{
	struct pending_comments n = { 0 };
	char text[2 * PENDING_COMMENT_BYTES], *got;

	(void)state;
	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(pending_comments_add(&n, text), 0);
	got = pending_comments_take(&n);
	assert_int_equal(strlen(got), PENDING_COMMENT_BYTES - 1);
	free(got);
	pending_comments_clear(&n);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_order),
					    cmocka_unit_test(test_bound),
					    cmocka_unit_test(test_length) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
