/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Shapes of packet rings: every rule is refused with words, and what is accepted here the kernel
 * accepts, too (tests/capture/ring.sh). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "collector/base.h"
#include "collector/capture/ring.h"

static void wrong(struct ring_shape s, const char *part)
{
	char why[256] = "";

	assert_int_equal(ring_check(&s, 4096, why), -EINVAL);
	if (!strstr(why, part))
		fail_msg("no \"%s\" in \"%s\"", part, why);
}

static void rules(void **state)
{
	struct ring_shape v3 = ring_default(RING_V3), v2 = ring_default(RING_V2), s;
	char why[256];

	(void)state;
	assert_int_equal(ring_check(&v3, 4096, why), 0);
	assert_int_equal(ring_check(&v2, 4096, why), 0);
	assert_int_equal(ring_check(
				 &(struct ring_shape){
					 .version = RING_V1,
					 .block_bytes = 4096,
					 .blocks = 2,
					 .frame_bytes = 2048,
				 },
				 4096, why),
			 0);
	s = v3, s.block_bytes = 131073, wrong(s, "nearest: 135168");
	s = v3, s.block_bytes = 0, wrong(s, "nearest: 4096");
	s = v3, s.block_bytes = 32768, wrong(s, "super-frames; nearest: 131072");
	s = v3, s.blocks = 0, wrong(s, "a block at least");
	s = v3, s.blocks = 4096, wrong(s, "4095 of them");
	s = v3, s.retire_ms = 0, wrong(s, "nearest: 8");
	s = v3, s.retire_ms = 65536, wrong(s, "nearest: 65535");
	s = v3, s.retire_ms = 1, wrong(s, "nearest: 500 blocks, or 8 ms");
	s = v3, s.priv_bytes = 65529, wrong(s, "65528");
	s = v3, s.frame_bytes = 2040, wrong(s, "2048");
	s = v2, s.frame_bytes = 16, wrong(s, "nearest: 64");
	s = v2, s.frame_bytes = 2 << 20, wrong(s, "does not fit");
	s = v2, s.frame_bytes = 3008, wrong(s, "no multiple of 3008");
	s = v2, s.retire_ms = 8, wrong(s, "version 3");
	s = v2, s.version = 4, wrong(s, "1, 2 or 3");
}

/* As measured: capture.md's 6,898 frames of 64 bytes in a MiB of V3, 512 in V2. */
static void density(void **state)
{
	struct ring_shape v3 = ring_default(RING_V3), v2 = ring_default(RING_V2);

	(void)state;
	assert_int_equal(ring_frame_cost(64), 152);
	assert_int_equal(ring_frames_per_block(&v3, 64), 6898);
	assert_int_equal(ring_frames_per_block(&v3, 1500), 661);
	assert_int_equal(ring_frames_per_block(&v2, 64), 512);
	assert_int_equal(ring_longest_frame(&v2), 1982);
	assert_int_equal(ring_bytes(&v3), 64 << 20);
}

static void stalls(void **state)
{
	struct ring_shape v3 = ring_default(RING_V3), v2 = ring_default(RING_V2);

	(void)state;
	assert_int_equal(ring_stall_ns(&v2, 64, 500000), 65536000);		/* 32,768 frames */
	/* blocks x retire time */
	assert_int_equal(ring_stall_ns(&v3, 64, 500000), 512 * NSEC_PER_MSEC);
	assert_int_equal(ring_stall_ns(&v3, 64, 5), 512 * NSEC_PER_MSEC);
	assert_int_equal(ring_stall_ns(&v3, 64, 0), UINT64_MAX);
	assert_true(ring_stall_ns(&v3, 64, 2000000) < 221 * NSEC_PER_MSEC);

	/* And back: what is asked for is bridged, at full and at low rate. */
	for (uint64_t pps = 10; pps < 10000000; pps *= 10)
		for (uint64_t stall = 10; stall <= 1000; stall *= 10) {
			struct ring_shape s = ring_default(RING_V3);

			assert_int_equal(ring_for(&s, 64, pps, stall), 0);
			assert_true(ring_stall_ns(&s, 64, pps) >= stall * NSEC_PER_MSEC);
			assert_true(s.blocks * s.retire_ms >= 500);
		}
	assert_int_equal(ring_for(&v3, 1500, 100000000, 10000), -ERANGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(rules), cmocka_unit_test(density),
					    cmocka_unit_test(stalls) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
