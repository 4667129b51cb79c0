/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What others named, shown so that it cannot drive a terminal; numbers for people. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "collector/base.h"
#include "ctl/print/text.h"

static void names_are_made_safe(void **state)
{
	static const char *const cases[][2] = {
		{ "web-17", "web-17" },
		{ "gr\xc3\xb6\xc3\x9f"
		  "e",
		  "gr\xc3\xb6\xc3\x9f"
		  "e" },
		{ "\xe6\x97\xa5", "\xe6\x97\xa5" },
		{ "a\033[31mb", "a\\x1b[31mb" },
		{ "line\nend\t", "line\\x0aend\\x09" },
		{ "back\\slash", "back\\\\slash" },
		{ "del\x7f", "del\\x7f" },
		{ "c1\xc2\x9bx", "c1\\x9bx" },
		{ "bidi\xe2\x80\xae", "bidi\\u{202e}" },
		{ "bad\xff\xc3", "bad\\xff\\xc3" },
		{ "cut\xe2\x82", "cut\\xe2\\x82" },
		{ "", "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char *safe = text_safe(cases[i][0]);

		assert_string_equal(safe, cases[i][1]);
		free(safe);
	}
}

static void long_names_are_cut_in_the_middle(void **state)
{
	char *s = text_short("abcdefghijklmnopqrstuvwxyz", 12);

	(void)state;
	assert_non_null(strstr(s, "xyz"));
	assert_memory_equal(s, "abcd", 4);
	assert_true(strlen(s) <= 14);
	free(s);
	s = text_short("short", 12);
	assert_string_equal(s, "short");
	free(s);
}

static void numbers(void **state)
{
	char b[64];

	(void)state;
	assert_string_equal(text_count(b, 0), "0");
	assert_string_equal(text_count(b, 999), "999");
	assert_string_equal(text_count(b, 1000), "1,000");
	assert_string_equal(text_count(b, 18446744073709551615ULL), "18,446,744,073,709,551,615");
	assert_string_equal(text_bytes(b, 1023), "1023 B");
	assert_string_equal(text_bytes(b, 1536), "1.5 KiB");
	assert_string_equal(text_percent(b, 0), "0.00 %");
	assert_string_equal(text_percent(b, 0.001), "<0.01 %");
	assert_string_equal(text_percent(b, 100), "100.0 %");
	assert_string_equal(text_duration(b, 150 * NSEC_PER_MSEC), "150 ms");
	assert_string_equal(text_duration(b, 3 * NSEC_PER_HOUR + 20 * NSEC_PER_MIN), "3 h 20 min");
}

static void assert_folded(const char *text, size_t columns, const char *want)
{
	char *got = NULL;
	size_t size = 0;
	FILE *to = open_memstream(&got, &size);

	assert_non_null(to);
	text_fold(to, text, columns);
	assert_int_equal(fclose(to), 0);
	assert_string_equal(got, want);
	free(got);
}

static void long_lines_are_folded(void **state)
{
	(void)state;
	assert_folded("one two three four\n", 0, "one two three four\n");
	assert_folded("one two three four\n", 18, "one two three four\n");
	assert_folded("one two three four\n", 17, "one two three\n  four\n");
	assert_folded("  one two three four\nnext\n", 13, "  one two\n    three\n    four\nnext\n");
	assert_folded("averylongword and\n", 8, "averylongword\n  and\n");
	assert_folded("\n\ngr\xc3\xb6\xc3\x9f" "e ab\n", 8, "\n\ngr\xc3\xb6\xc3\x9f" "e ab\n");
	assert_folded("no end", 80, "no end\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(names_are_made_safe),
					    cmocka_unit_test(long_names_are_cut_in_the_middle),
					    cmocka_unit_test(numbers),
					    cmocka_unit_test(long_lines_are_folded) };

	setlocale(LC_ALL, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
