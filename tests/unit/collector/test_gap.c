/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where a ring of blocks lost frames, from what can be seen of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "collector/capture/gap.h"

/* Block 10 of a ring of 4 was given back: 14 will use its memory. */
static void places(void **state)
{
	static const struct {
		struct gap_sight in;
		int n;
		uint64_t before[2], lost[2];
		bool exact;
	} cases[] = {
		{ {
			  .released = 10,
			  .blocks = 4,
			  .newest_before = 11,
			  .newest = 12,
		  },
		  0,
		  { 0 },
		  { 0 },
		  true },
		/* the ring was full: the ordinary case */
		{ {
			  .released = 10,
			  .blocks = 4,
			  .newest_before = 13,
			  .newest = 13,
			  .drops = 500,
			  .freezes = 1,
		  },
		  1,
		  { 14 },
		  { 500 },
		  true },
		/* full again before the count was read: between two places */
		{ {
			  .released = 10,
			  .blocks = 4,
			  .newest_before = 13,
			  .newest = 13,
			  .drops = 500,
			  .freezes = 2,
			  .again = true,
		  },
		  1,
		  { 14 },
		  { 500 },
		  false },
		/* not full: the kernel dropped one while it changed blocks */
		{ {
			  .released = 10,
			  .blocks = 4,
			  .newest_before = 11,
			  .newest = 12,
			  .losing = 12,
			  .drops = 1,
		  },
		  1,
		  { 12 },
		  { 1 },
		  true },
		{ {
			  .released = 10,
			  .blocks = 4,
			  .newest_before = 11,
			  .newest = 12,
			  .drops = 2,
		  },
		  1,
		  { 13 },
		  { 2 },
		  true },
		/* both */
		{ {
			  .released = 10,
			  .blocks = 4,
			  .newest_before = 11,
			  .newest = 13,
			  .losing = 12,
			  .drops = 9,
			  .freezes = 1,
		  },
		  2,
		  { 12, 14 },
		  { 1, 8 },
		  false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct gap got[2] = { { 0 }, { 0 } };

		assert_int_equal(gap_place(&cases[i].in, got), cases[i].n);
		for (int k = 0; k < cases[i].n; k++) {
			assert_int_equal(got[k].before, cases[i].before[k]);
			assert_int_equal(got[k].lost, cases[i].lost[k]);
			assert_int_equal(got[k].exact, cases[i].exact);
			assert_true(got[k].lo <= got[k].before && got[k].before <= got[k].hi);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(places) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
