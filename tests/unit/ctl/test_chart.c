/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Charts: the smallest loss is seen, no loss and not observed are not the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <locale.h>
#include <stdlib.h>

#include "collector/base.h"
#include "ctl/print/chart.h"

static void drawn(const char *want, const bool *observed, uint64_t max, const uint64_t values[6])
{
	char *text = chart_text(values, observed, 6, max);

	assert_string_equal(text, want);
	free(text);
}

static void heights(void **state)
{
	static const bool half[] = { true, true, true, false, false, false };

	(void)state;
	setlocale(LC_CTYPE, "C");
	drawn("......", NULL, 0, (uint64_t[6]){ 0 });
	drawn(".__+##", NULL, 1000, (uint64_t[6]){ 0, 1, 124, 600, 999, 1000 });
	drawn("...   ", half, 0, (uint64_t[6]){ 0 });
	/* loss is drawn, observed or not */
	drawn(".#. # ", half, 5, (uint64_t[6]){ 0, 5, 0, 0, 5, 0 });
	drawn("#####_", NULL, UINT64_MAX,
	      (uint64_t[6]){ UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, 1 });
	setlocale(LC_CTYPE, "C.UTF-8");
	drawn("\xc2\xb7\xe2\x96\x81\xe2\x96\x81\xe2\x96\x85\xe2\x96\x88\xe2\x96\x88", NULL, 1000,
	      (uint64_t[6]){ 0, 1, 124, 600, 999, 1000 });
}

static void nothing_to_draw(void **state)
{
	char *text = chart_text(NULL, NULL, 0, 0);

	(void)state;
	assert_string_equal(text, "");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(heights),
					    cmocka_unit_test(nothing_to_draw) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
