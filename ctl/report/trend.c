/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "trend.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "collector/base.h"
#include "collector/alloc.h"

#define Z95 1.96
#define MAD_TO_SIGMA 1.4826
#define MEDIAN_COST 1.5708	/* variance of a median over that of a mean: pi / 2 */
#define SLOPE_COST 1.1		/* of Theil-Sen over least squares */
/* values come in classes 3.1 % wide (schema/demand.h): a deviation of that over the root of 12 */
#define GRAIN 0.009
#define SEASON_DAYS 21
#define SEASON_GAIN 0.7		/* what is left of the deviation; its square is half the variance */

static int by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static double median(double *v, unsigned int n)
{
	if (!n)
		return 0;
	qsort(v, n, sizeof(*v), by_value);
	return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

/* The days as they are fitted: x in days before the newest one (negative), y deseasonalised. */
struct fit {
	const unsigned int *day;
	const double *value;
	double *x, *y, *rest, *work;	/* work: n * (n - 1) / 2 */
	double season[7], slope, level;
	unsigned int n;
};

static void fit_line(struct fit *f)
{
	unsigned int k = 0;

	for (unsigned int i = 0; i < f->n; i++)
		for (unsigned int j = i + 1; j < f->n; j++)
			f->work[k++] = (f->y[j] - f->y[i]) / (f->x[j] - f->x[i]);
	f->slope = median(f->work, k);
	for (unsigned int i = 0; i < f->n; i++)
		f->work[i] = f->y[i] - f->slope * f->x[i];
	f->level = median(f->work, f->n);
	for (unsigned int i = 0; i < f->n; i++)
		f->rest[i] = f->y[i] - f->level - f->slope * f->x[i];
}

static double deviation(struct fit *f)
{
	for (unsigned int i = 0; i < f->n; i++)
		f->work[i] = fabs(f->rest[i]);
	return MAD_TO_SIGMA * median(f->work, f->n);
}

/* The deviation is taken over the level: a season that is divided out must not look better by
 * making values smaller. */
static double relative_deviation(struct fit *f)
{
	return deviation(f) / fmax(f->level, 1e-9);
}

/* Day 0 was a Thursday; only that they repeat matters. */
static void find_season(struct fit *f)
{
	double sum = 0;

	for (unsigned int w = 0; w < 7; w++) {
		unsigned int k = 0;

		for (unsigned int i = 0; i < f->n; i++) {
			double line = f->level + f->slope * f->x[i];

			if (f->day[i] % 7 == w && line > 0)
				f->work[k++] = f->value[i] / line;
		}
		f->season[w] = k >= 2 ? median(f->work, k) : 1;
		sum += f->season[w];
	}
	for (unsigned int w = 0; w < 7; w++)
		f->season[w] *= sum > 0 ? 7 / sum : 1;
}

static void take_season(struct fit *f)
{
	for (unsigned int i = 0; i < f->n; i++)
		f->y[i] = f->value[i] / fmax(f->season[f->day[i] % 7], 1e-6);
}

/* Is there one? Then y is without it. */
static bool seasonal(struct fit *f)
{
	double before = relative_deviation(f);

	if (f->n < SEASON_DAYS)
		return false;
	for (int round = 0; round < 3; round++) {
		find_season(f);
		take_season(f);
		fit_line(f);
	}
	if (relative_deviation(f) < SEASON_GAIN * before)
		return true;
	for (unsigned int w = 0; w < 7; w++)
		f->season[w] = 1;
	memcpy(f->y, f->value, f->n * sizeof(*f->y));
	fit_line(f);
	return false;
}

/* By ranks of sign and size: a few wild days do not make it. */
static double likeness(const struct fit *f, double sigma)
{
	double up = 0, down = 0;

	for (unsigned int i = 0; i < f->n; i++) {
		double a = fmax(-2 * sigma, fmin(2 * sigma, f->rest[i]));
		double b = i ? fmax(-2 * sigma, fmin(2 * sigma, f->rest[i - 1])) : 0;

		up += a * b;
		down += a * a;
	}
	return down > 0 ? fmax(0, fmin(0.9, up / down)) : 0;
}

static void measure_errors(struct fit *f, struct trend *t)
{
	double sigma = deviation(f), mean = 0, spread = 0, rho = likeness(f, sigma), weight;

	for (unsigned int i = 0; i < f->n; i++)
		mean += f->x[i] / f->n;
	for (unsigned int i = 0; i < f->n; i++)
		spread += (f->x[i] - mean) * (f->x[i] - mean);
	sigma = fmax(sigma, GRAIN * f->level);
	sigma *= sqrt((double)f->n / (double)(f->n - (t->seasonal ? 8 : 2)));
	weight = (1 + rho) / (1 - rho);
	t->middle = -mean;
	t->slope_error = sigma * sqrt(SLOPE_COST * weight / spread);
	t->level_error = sigma * sqrt(MEDIAN_COST * weight / f->n);
	t->busiest = 1;
	for (unsigned int w = 0; w < 7 && t->seasonal; w++)
		t->busiest = fmax(t->busiest, f->season[w]);
	t->busiest_error = t->seasonal ? sigma / f->level * sqrt(MEDIAN_COST * 7 / f->n) : 0;
}

void trend_fit(const unsigned int *day, const double *value, unsigned int n, struct trend *ret)
{
	_cleanup_(freep) double *x = must(malloc((n + 1) * sizeof(double))),
				*y = must(malloc((n + 1) * sizeof(double)));
	_cleanup_(freep) double *rest = must(malloc((n + 1) * sizeof(double)));
	_cleanup_(freep) double *work = must(malloc(((size_t)n * n / 2 + n + 1) * sizeof(double)));
	struct fit f = { day, value, x, y, rest, work, { 1, 1, 1, 1, 1, 1, 1 }, 0, 0, n };

	*ret = (struct trend){ .days = n };
	if (n < TREND_MIN_DAYS || day[n - 1] - day[0] + 1 < TREND_MIN_DAYS)
		return;
	for (unsigned int i = 0; i < n; i++) {
		x[i] = (double)day[i] - (double)day[n - 1];
		y[i] = value[i];
	}
	fit_line(&f);
	ret->seasonal = seasonal(&f);
	measure_errors(&f, ret);
	ret->known = f.level > 0;
	ret->level = f.level;
	ret->slope = f.slope;
	ret->grows = f.slope > Z95 * ret->slope_error && f.slope > 0;
}

/* Of the busiest weekday's line, @days after the newest one. */
static double line_at(const struct trend *t, double days)
{
	return t->busiest * (t->level + t->slope * days);
}

static double error_at(const struct trend *t, double days)
{
	double far = days + t->middle;
	double line = t->busiest * sqrt(t->level_error * t->level_error +
					far * far * t->slope_error * t->slope_error);
	double season = (t->level + t->slope * days) * t->busiest_error;

	return sqrt(line * line + season * season);
}

void trend_meets(const struct trend *t, double level, double error, struct trend_meeting *ret)
{
	*ret = (struct trend_meeting){ .from = -1, .to = -1 };
	if (!t->known || !t->grows)
		return;
	ret->days = fmax(0, (level / t->busiest - t->level) / t->slope);
	for (int d = 0; d <= TREND_HORIZON && ret->to < 0; d++) {
		double band = Z95 * sqrt(error * error + error_at(t, d) * error_at(t, d));

		if (ret->from < 0 && line_at(t, d) + band >= level)
			ret->from = d;
		if (line_at(t, d) - band >= level)
			ret->to = d;
	}
	ret->comes = ret->to >= 0;
}
