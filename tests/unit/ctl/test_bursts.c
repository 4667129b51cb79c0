/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bursts are put together from what CPUs and senders saw of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "collector/base.h"
#include "ctl/query/bursts.h"

#define MS NSEC_PER_MSEC
#define T0 (1700000000 * NSEC_PER_SEC)

/* 1 and 2: the same queue, other senders; 3: another queue; 4: another class. */
static struct reader_series series[] = {
	{ 0 },
	{
		.id = 1,
		.vm_id = 1,
		.device_id = 1,
		.direction = (char *)"rx",
		.class = (char *)"PTR_FULL",
		.sender = (char *)"a",
	},
	{
		.id = 2,
		.vm_id = 1,
		.device_id = 1,
		.direction = (char *)"rx",
		.class = (char *)"PTR_FULL",
		.sender = (char *)"b",
	},
	{
		.id = 3,
		.vm_id = 1,
		.device_id = 1,
		.queue = 1,
		.direction = (char *)"rx",
		.class = (char *)"PTR_FULL",
	},
	{
		.id = 4,
		.vm_id = 1,
		.device_id = 1,
		.direction = (char *)"rx",
		.class = (char *)"OVERRUN",
	},
};
static const struct reader v = { .series = series, .n_series = ARRAY_SIZE(series) };

static struct burst_piece piece(int64_t s, uint64_t from_ms, uint64_t to_ms, uint64_t frames,
				uint32_t cpu)
{
	return (struct burst_piece){
		.series = s,
		.start_ns = T0 + from_ms * MS,
		.last_ns = T0 + to_ms * MS,
		.frames = frames,
		.cpu = cpu,
		.place = from_ms,
	};
}

static void pieces_of_one_queue_are_one_burst(void **state)
{
	struct burst_piece p[] = { piece(2, 3, 12, 30, 1), piece(1, 0, 8, 10, 0),
				   piece(1, 21, 30, 5, 0) };
	struct bursts b;

	(void)state;
	bursts_join(&v, p, ARRAY_SIZE(p), &b);
	assert_int_equal(b.n, 1);
	assert_int_equal(b.all[0].start_ns, T0);
	assert_int_equal(b.all[0].last_ns, T0 + 30 * MS);
	assert_int_equal(b.all[0].frames, 45);
	assert_string_equal(b.all[0].most->sender, "b");
	bursts_free(&b);
}

static void a_gap_of_10_ms_divides(void **state)
{
	struct burst_piece p[] = { piece(1, 0, 8, 10, 0), piece(1, 18, 20, 7, 0),
				   piece(1, 29, 40, 1, 0) };
	struct bursts b;

	(void)state;
	bursts_join(&v, p, ARRAY_SIZE(p), &b);
	assert_int_equal(b.n, 2);
	assert_int_equal(b.all[0].gap_ns, 0);
	assert_int_equal(b.all[1].gap_ns, 10 * MS);
	assert_int_equal(b.all[1].frames, 8);
	assert_int_equal(b.all[1].place, 18);
	bursts_free(&b);
}

static void queues_and_classes_stay_apart(void **state)
{
	struct burst_piece p[] = { piece(4, 2, 4, 1, 0), piece(3, 1, 5, 2, 0),
				   piece(1, 0, 8, 10, 0) };
	struct bursts b;

	(void)state;
	bursts_join(&v, p, ARRAY_SIZE(p), &b);
	assert_int_equal(b.n, 3);
	assert_int_equal(b.all[0].frames, 10);
	assert_int_equal(b.all[1].frames, 2);
	assert_int_equal(b.all[2].frames, 1);
	bursts_free(&b);
}

/* Two files tell of it, with the difference of two looks at a clock. Another CPU's piece of the
 * same moment is another one. */
static void what_was_told_twice_counts_once(void **state)
{
	struct burst_piece p[] = { piece(1, 0, 8, 10, 0), piece(1, 0, 8, 10, 0),
				   piece(1, 0, 8, 10, 1) };
	struct bursts b;

	(void)state;
	p[1].start_ns += 700;
	bursts_join(&v, p, ARRAY_SIZE(p), &b);
	assert_int_equal(b.n, 1);
	assert_int_equal(b.all[0].frames, 20);
	bursts_free(&b);
	bursts_join(&v, p, 0, &b);
	assert_int_equal(b.n, 0);
	bursts_free(&b);
}

static void the_rate_between_bursts(void **state)
{
	struct reader_series tap = { .id = 1, .device_id = 1, .direction = (char *)"rx" },
			     other = { .id = 2, .device_id = 2, .direction = (char *)"rx" };
	struct burst all[] = {
		{ .series = &tap, .start_ns = 1 * NSEC_PER_SEC, .frames = 100, .place = 1001 },
		{
			.series = &other,
			.start_ns = 2 * NSEC_PER_SEC - 1,
			.frames = 5000,
			.place = 9000,
		},
		{ .series = &tap, .start_ns = 2 * NSEC_PER_SEC, .frames = 100, .place = 1901 },
		/* another queue, at once */
		{ .series = &tap, .start_ns = 2 * NSEC_PER_SEC + 1, .frames = 100, .place = 1901 },
		{ .series = &tap, .start_ns = 3 * NSEC_PER_SEC, .frames = 50, .place = 3001 },
		{ .series = &tap, .start_ns = 30 * NSEC_PER_SEC, .frames = 50, .place = 3002 },
	};
	struct bursts b = { all, ARRAY_SIZE(all) };

	(void)state;
	assert_int_equal(bursts_rate_around(&b, &all[2]), (2000 + 300) / 2);
	assert_int_equal(bursts_rate_around(&b, &all[0]), 900 + 100);
	assert_int_equal(bursts_rate_around(&b, &all[1]), 0);		/* alone */
	assert_int_equal(bursts_rate_around(&b, &all[5]), 0);		/* too far */
	all[2].place = 0;
	assert_int_equal(bursts_rate_around(&b, &all[2]), 0);
}

static void quantiles(void **state)
{
	static const uint64_t values[] = { 1, 2, 3, 4, 100 };

	(void)state;
	assert_int_equal(bursts_quantile(values, 5, 50), 3);
	assert_int_equal(bursts_quantile(values, 5, 100), 100);
	assert_int_equal(bursts_quantile(values, 0, 50), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces_of_one_queue_are_one_burst),
		cmocka_unit_test(a_gap_of_10_ms_divides),
		cmocka_unit_test(queues_and_classes_stay_apart),
		cmocka_unit_test(what_was_told_twice_counts_once),
		cmocka_unit_test(the_rate_between_bursts),
		cmocka_unit_test(quantiles),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
