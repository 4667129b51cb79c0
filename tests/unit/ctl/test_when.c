/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Times as people type them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "collector/base.h"
#include "ctl/print/when.h"

#define NOW (1795242018ULL * NSEC_PER_SEC + 500)	/* 2026-11-21 06:20:18 UTC, a Saturday */

static void moments(void **state)
{
	static const struct {
		const char *text;
		uint64_t want;
	} good[] = {
		{ "now", NOW },
		{ "-1h", NOW - NSEC_PER_HOUR },
		{ "90s", NOW - 90 * NSEC_PER_SEC },
		{ "2h ago", NOW - 2 * NSEC_PER_HOUR },
		{ "1h30min", NOW - 90 * NSEC_PER_MIN },
		{ "1.5h ago", NOW - 90 * NSEC_PER_MIN },
		{ "1 day ago", NOW - NSEC_PER_DAY },
		{ "today", 1795219200 * NSEC_PER_SEC },
		{ "yesterday", (1795219200 - 86400) * NSEC_PER_SEC },
		{ "@1700000000", 1700000000 * NSEC_PER_SEC },
		{ "@1700000000.25", 1700000000 * NSEC_PER_SEC + NSEC_PER_SEC / 4 },
		{ "2026-11-21", 1795219200 * NSEC_PER_SEC },
		{ "2026-11-21 06:20:18", 1795242018 * NSEC_PER_SEC },
		{ "2026-11-21 06:20", 1795242000 * NSEC_PER_SEC },
		{ "2026-11-21T06:20:18Z", 1795242018 * NSEC_PER_SEC },
		{ "2026-11-21T07:20:18+01:00", 1795242018 * NSEC_PER_SEC },
		{ "2026-11-21T06:20:18.5Z", 1795242018 * NSEC_PER_SEC + NSEC_PER_SEC / 2 },
		{ "06:00", (1795219200 + 6 * 3600) * NSEC_PER_SEC },
		{ "06:00:07", (1795219200 + 6 * 3600 + 7) * NSEC_PER_SEC },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		uint64_t t = 0;
		int r = when_parse(good[i].text, NOW, &t);

		if (r < 0 || t != good[i].want)
			fail_msg("%s: %d, %llu instead of %llu", good[i].text, r,
				 (unsigned long long)t, (unsigned long long)good[i].want);
	}
}

static void nonsense_is_refused(void **state)
{
	static const char *const bad[] = { "",
					   "-",
					   "h",
					   "1",
					   "5 5",
					   "1x",
					   "-1h ago ago",
					   "2026-13-01",
					   "2026-11-21x",
					   "@",
					   "@x",
					   "@1.x",
					   "25:00",
					   "ago",
					   "-99999999999d",
					   "@99999999999999999999",
					   "1h-",
					   "nan",
					   "inf s" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		uint64_t t = 42;

		if (when_parse(bad[i], NOW, &t) >= 0 || t != 42)
			fail_msg("\"%s\" was taken for %llu", bad[i], (unsigned long long)t);
	}
}

static void lengths(void **state)
{
	uint64_t ns = 42;

	(void)state;
	assert_int_equal(when_length("500ms", &ns), 0);
	assert_int_equal(ns, 500 * NSEC_PER_MSEC);
	assert_int_equal(when_length("10", &ns), 0);
	assert_int_equal(ns, 10 * NSEC_PER_SEC);
	assert_int_equal(when_length("1h30min", &ns), 0);
	assert_int_equal(ns, 90 * NSEC_PER_MIN);
	assert_int_equal(when_length("2w", &ns), 0);
	assert_int_equal(ns, 14 * NSEC_PER_DAY);
	assert_int_equal(when_length("0", &ns), -EINVAL);
	assert_int_equal(when_length("-1s", &ns), -EINVAL);
	assert_int_equal(when_length("1h5", &ns), -EINVAL);
	assert_int_equal(when_length("", &ns), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(moments),
					    cmocka_unit_test(nonsense_is_refused),
					    cmocka_unit_test(lengths) };

	setenv("TZ", "UTC", 1);
	tzset();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
