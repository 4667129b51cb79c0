/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two hundred made-up histories with known knee, growth and date: minutes of two months with a
 * day's and a week's rhythm, noise, bursts above any knee, loss below it now and then. What is
 * found has to be what was put in. The same histories each time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "collector/base.h"
#include "ctl/report/knee.h"
#include "ctl/report/trend.h"

#define HISTORIES 200
#define DAYS 63
#define FIRST 20500		/* days since the epoch */

static uint64_t state = 0x9e3779b97f4a7c15ULL;

static double uniform(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (double)(state >> 11) / 9007199254740992.0;
}

static double normal(void)
{
	return sqrt(-2 * log(uniform() + 1e-300)) * cos(2 * M_PI * uniform());
}

/* Busiest second of a minute, over the day's level: two humps, noise, and once in five hundred a
 * burst. */
static double shape(unsigned int minute)
{
	double hour = minute / 60.0, hump = 0.35 + 0.65 * exp(-(hour - 14) * (hour - 14) / 18) +
					    0.2 * exp(-(hour - 20) * (hour - 20) / 4);

	return hump * exp(0.08 * normal()) * (uniform() < 0.002 ? 1.5 + 2 * uniform() : 1);
}

static int by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* The 99th percentile of a day at level 1, of a thousand days: what the truth is told by. */
static double p99_of_level(void)
{
	static double all[1440 * 200];

	for (unsigned int i = 0; i < ARRAY_SIZE(all); i++)
		all[i] = shape(i % 1440);
	qsort(all, ARRAY_SIZE(all), sizeof(*all), by_value);
	return all[ARRAY_SIZE(all) * 99 / 100];
}

struct truth {
	double level, growth;		/* on day 0; of that level a day */
	double knee, weekend;
};

static double level_on(const struct truth *t, unsigned int d)
{
	return t->level * (1 + t->growth * d);
}

static void make_day(const struct truth *t, unsigned int d, struct demand *ret)
{
	double day = level_on(t, d) * ((FIRST + d) % 7 < 2 ? t->weekend : 1) * exp(0.02 * normal());

	memset(ret, 0, sizeof(*ret));
	for (unsigned int m = 0; m < 1440; m++) {
		double peak = day * shape(m);
		bool lost = peak > t->knee * exp(0.01 * normal()) || uniform() < 0.0005;

		demand_add(ret, NSEC_PER_MIN, (uint64_t)peak, (uint64_t)(peak * 30),
			   lost ? 1 + (uint64_t)(peak * 0.01) : 0);
	}
}

struct score {
	unsigned int knee_found, knee_right, knee_inside, growth_right, dated, inside, false_alarms;
	double worst_knee, sum_width;
};

static struct demand days[DAYS];

static void fit(struct truth *t, struct knee *knee, struct trend *trend)
{
	const struct demand *list[DAYS];
	unsigned int day[DAYS];
	double p99[DAYS];

	for (unsigned int d = 0; d < DAYS; d++) {
		make_day(t, d, &days[d]);
		list[d] = &days[d];
		day[d] = FIRST + d;
		p99[d] = demand_quantile(&days[d], 0.99);
	}
	knee_find(list, DAYS, knee);
	trend_fit(day, p99, DAYS, trend);
}

static void growing_histories(void **unused)
{
	double factor = p99_of_level();
	struct score s = { 0 };

	(void)unused;
	for (int i = 0; i < HISTORIES; i++) {
		struct truth t = {
			.level = exp(log(2000) + uniform() * log(200)),
			.growth = 0.003 + 0.012 * uniform(),
			.weekend = i % 2 ? 0.6 : 1,
		};
		double last = level_on(&t, DAYS - 1) * factor, meets, slope, error;
		struct trend_meeting meeting;
		struct knee knee;
		struct trend trend;

		t.knee = last * (1.05 + 0.6 * uniform());
		fit(&t, &knee, &trend);
		meets = (t.knee / last - 1) * (1 + t.growth * (DAYS - 1)) / t.growth;
		slope = trend.slope * trend.busiest / (t.level * factor);
		s.growth_right += fabs(slope / t.growth - 1) < 0.10;
		s.knee_found += knee.state == KNEE_FOUND;
		if (knee.state != KNEE_FOUND)
			continue;
		error = fabs(knee.rate / t.knee - 1);
		s.worst_knee = fmax(s.worst_knee, error);
		s.knee_right += error < 0.05;
		s.knee_inside += knee.low <= t.knee && t.knee <= knee.high;
		trend_meets(&trend, knee.rate, (knee.high - knee.low) / 3.92, &meeting);
		s.dated += meeting.from >= 0;
		s.inside += meeting.from >= 0 && meets >= meeting.from - 1 &&
			    (meeting.to < 0 || meets <= meeting.to + 1);
		s.sum_width += meeting.to >= 0 ? meeting.to - meeting.from : 0;
	}
	print_message(
		"%d histories: knee found %u, within 5 %% %u (worst %.1f %%), in its interval %u; "
		"growth within 10 %% %u; dated %u, date in range %u, mean range %.0f days\n",
		HISTORIES, s.knee_found, s.knee_right, s.worst_knee * 100, s.knee_inside,
		s.growth_right, s.dated, s.inside, s.sum_width / HISTORIES);
	assert_true(s.knee_found >= HISTORIES * 9 / 10);
	assert_true(s.knee_right >= s.knee_found * 99 / 100);
	assert_true(s.knee_inside >= s.knee_found * 9 / 10);
	assert_true(s.growth_right >= HISTORIES * 95 / 100);
	assert_true(s.dated >= s.knee_found * 95 / 100);
	assert_true(s.inside >= s.dated * 9 / 10);
}

static void flat_histories(void **unused)
{
	struct score s = { 0 };

	(void)unused;
	for (int i = 0; i < HISTORIES; i++) {
		struct truth t = {
			.level = exp(log(2000) + uniform() * log(200)),
			.weekend = i % 2 ? 0.6 : 1,
		};
		struct trend_meeting meeting;
		struct knee knee;
		struct trend trend;

		t.knee = t.level * 1.8;
		fit(&t, &knee, &trend);
		trend_meets(&trend, t.knee, t.knee * 0.02, &meeting);
		s.false_alarms += meeting.from >= 0;
	}
	print_message("%d flat histories: %u false alarms\n", HISTORIES, s.false_alarms);
	assert_true(s.false_alarms <= HISTORIES * 5 / 100);
}

/* Loss that has nothing to do with the rate has no knee; nor has what never lost, or lost once. */
static void no_knee_is_no_knee(void **unused)
{
	const struct demand *list[DAYS];
	struct knee knee;

	(void)unused;
	for (unsigned int kind = 0; kind < 3; kind++) {
		for (unsigned int d = 0; d < DAYS; d++) {
			memset(&days[d], 0, sizeof(days[d]));
			list[d] = &days[d];
			for (unsigned int m = 0; m < 1440; m++) {
				uint64_t rate = (uint64_t)(10000 * shape(m));

				demand_add(&days[d], NSEC_PER_MIN, rate, rate * 30,
					   kind == 1 ? uniform() < 0.02
						     : kind == 2 && d == 5 && m > 700 && m < 760);
			}
		}
		knee_find(list, DAYS, &knee);
		assert_int_equal(knee.state, kind == 0	 ? KNEE_NO_LOSS
					     : kind == 1 ? KNEE_FLAT
							 : KNEE_FEW);
	}
}

static void too_little_is_said(void **unused)
{
	unsigned int day[TREND_MIN_DAYS];
	double value[TREND_MIN_DAYS];
	struct trend_meeting meeting;
	struct trend t;

	(void)unused;
	for (unsigned int i = 0; i < TREND_MIN_DAYS; i++) {
		day[i] = FIRST + i;
		value[i] = 1000 + 10 * i;
	}
	trend_fit(day, value, TREND_MIN_DAYS - 1, &t);
	assert_false(t.known);
	trend_meets(&t, 2000, 1, &meeting);
	assert_true(meeting.from < 0 && !meeting.comes);
	trend_fit(day, value, 0, &t);
	assert_false(t.known);
	trend_fit(day, value, TREND_MIN_DAYS, &t);
	assert_true(t.known && t.grows && fabs(t.slope - 10) < 1e-6 && fabs(t.level - 1130) < 1e-6);
	trend_meets(&t, 2000, 0, &meeting);
	assert_true(fabs(meeting.days - 87) < 0.01 && meeting.from < 87 && meeting.from > 60 &&
		    meeting.to > 87 && meeting.to < 130);
	value[3] = 1e9;		/* a wild day */
	trend_fit(day, value, TREND_MIN_DAYS, &t);
	assert_true(fabs(t.slope - 10) < 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(growing_histories),
					    cmocka_unit_test(flat_histories),
					    cmocka_unit_test(no_knee_is_no_knee),
					    cmocka_unit_test(too_little_is_said) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
