/* SPDX-License-Identifier: GPL-2.0-or-later */
/* trend - how a daily figure grows, and when it will reach a level.
 *
 * Method: a straight line by Theil and Sen (the median of the slopes of all pairs: a quarter of the
 * days may be anything), through the median; weekdays by the median of their ratios to it, kept
 * when they halve the variance and there are three weeks. Errors from the median absolute
 * deviation, made larger when one day is like the one before (first-order autocorrelation). The
 * date is where the line of the busiest weekday meets the level; its range is where the 95 % band
 * of line and level does (Fieller). A straight line: no more than it was so far. Pure. */
#ifndef TAPLOSS_CTL_REPORT_TREND_H
#define TAPLOSS_CTL_REPORT_TREND_H

#include <stdbool.h>

#define TREND_MIN_DAYS 14	/* fewer say nothing */
#define TREND_HORIZON 1095	/* days; farther is no forecast */

struct trend {
	bool known;			/* false: not enough evidence */
	bool grows;			/* the slope's 95 % interval lies above 0 */
	bool seasonal;
	unsigned int days;
	double level, slope;		/* on the newest day, deseasonalised; a day */
	double level_error, slope_error;	/* standard */
	double busiest, busiest_error;	/* factor of the busiest weekday; 1 without season */
	double middle;			/* the days' mean, in days before the newest one */
};

/* @day: numbers of days since the epoch, growing; @value: positive. */
void trend_fit(const unsigned int *day, const double *value, unsigned int n, struct trend *ret);

struct trend_meeting {
	/* within the horizon, with 97.5 %; else only `from` may be there */
	bool comes;
	double days;			/* from the newest day on; 0: it is there */
	/* the range; to < 0: not within the horizon; from < 0: neither */
	double from, to;
};

/* When does the line meet @level, known to @error (standard)? */
void trend_meets(const struct trend *t, double level, double error, struct trend_meeting *ret);

#endif
