/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "knee.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "collector/base.h"

#define DRAWS 200
#define MIN_LOSSY 12		/* minutes with loss at or above the knee */
#define MIN_DAYS 2
#define MIN_ABOVE 0.4		/* of the minutes there */
#define MIN_RATIO 5		/* and so many times as many as below */
#define MIN_GAIN 8.0		/* in log likelihood, over one probability for all rates */

/* Minutes by rate; only the buckets that have any. */
struct minutes {
	unsigned int bucket[DEMAND_BUCKETS];
	double clean[DEMAND_BUCKETS], lossy[DEMAND_BUCKETS];
	unsigned int n;
};

static double likelihood(double clean, double lossy)
{
	double all = clean + lossy;

	return (clean > 0 ? clean * log(clean / all) : 0) +
	       (lossy > 0 ? lossy * log(lossy / all) : 0);
}

struct split {
	unsigned int at;		/* buckets from this one on are above */
	double gain, below, above, lossy_above;
};

/* 0 when no split has more loss above than below. */
static int best_split(const struct minutes *m, struct split *ret)
{
	double clean = 0, lossy = 0, all_clean = 0, all_lossy = 0, whole;

	for (unsigned int i = 0; i < m->n; i++) {
		all_clean += m->clean[i];
		all_lossy += m->lossy[i];
	}
	whole = likelihood(all_clean, all_lossy);
	*ret = (struct split){ .gain = 0 };
	for (unsigned int i = 0; i + 1 < m->n; i++) {
		double up_clean, up_lossy, gain;

		clean += m->clean[i];
		lossy += m->lossy[i];
		up_clean = all_clean - clean;
		up_lossy = all_lossy - lossy;
		if (up_lossy * (clean + lossy) <= lossy * (up_clean + up_lossy))
			continue;
		gain = likelihood(clean, lossy) + likelihood(up_clean, up_lossy) - whole;
		if (gain > ret->gain)
			*ret = (struct split){ i + 1, gain, lossy / (clean + lossy),
					       up_lossy / (up_clean + up_lossy), up_lossy };
	}
	return ret->gain > 0;
}

/* Between the last bucket below and the first above. */
static double rate_at(const struct minutes *m, unsigned int at)
{
	return sqrt(demand_rate(m->bucket[at - 1]) * demand_rate(m->bucket[at]));
}

/* A draw: each day as often as @times says. */
static void add_up(const struct demand *const *days, unsigned int n, const unsigned int *times,
		   const unsigned int *used, unsigned int n_used, struct minutes *ret)
{
	ret->n = 0;
	for (unsigned int k = 0; k < n_used; k++) {
		unsigned int b = used[k];
		double clean = 0, lossy = 0;

		for (unsigned int i = 0; i < n; i++) {
			clean += (double)days[i]->clean[b] * times[i];
			lossy += (double)days[i]->lossy[b] * times[i];
		}
		if (clean + lossy <= 0)
			continue;
		ret->bucket[ret->n] = b;
		ret->clean[ret->n] = clean / 60;
		ret->lossy[ret->n++] = lossy / 60;
	}
}

static int by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static uint32_t draw(uint64_t *state, uint32_t n)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return (uint32_t)((*state >> 32) % n);
}

static void find_interval(const struct demand *const *days, unsigned int n,
			  const unsigned int *used, unsigned int n_used, struct knee *ret)
{
	_cleanup_(freep) unsigned int *times = calloc(n, sizeof(*times));
	_cleanup_(freep) struct minutes *m = calloc(1, sizeof(*m));
	double rates[DRAWS], width;
	uint64_t state = 88172645463325252ULL;
	unsigned int got = 0;

	if (!times || !m)
		abort();
	for (unsigned int k = 0; k < DRAWS; k++) {
		struct split s;

		memset(times, 0, n * sizeof(*times));
		for (unsigned int i = 0; i < n; i++)
			times[draw(&state, n)]++;
		add_up(days, n, times, used, n_used, m);
		if (best_split(m, &s))
			rates[got++] = rate_at(m, s.at);
	}
	qsort(rates, got, sizeof(*rates), by_value);
	width = ret->rate * 0.032;
	ret->low = got ? rates[(unsigned int)(0.025 * (got - 1))] : ret->rate;
	ret->high = got ? rates[(unsigned int)ceil(0.975 * (got - 1))] : ret->rate;
	ret->low = fmin(ret->low, ret->rate - width);
	ret->high = fmax(ret->high, ret->rate + width);
}

static bool has_loss(const struct demand *d)
{
	for (unsigned int b = 0; b < DEMAND_BUCKETS; b++)
		if (d->lossy[b])
			return true;
	return false;
}

static void look_over(const struct demand *const *days, unsigned int n, const struct minutes *m,
		      struct knee *ret)
{
	double lossy = 0;

	for (unsigned int i = 0; i < m->n; i++) {
		lossy += m->lossy[i];
		if (m->clean[i] > 0)
			ret->highest_clean = demand_rate(m->bucket[i]);
	}
	for (unsigned int i = 0; i < n; i++)
		ret->lossy_days += has_loss(days[i]);
	ret->lossy_minutes = (unsigned int)ceil(lossy);
}

void knee_find(const struct demand *const *days, unsigned int n, struct knee *ret)
{
	_cleanup_(freep) unsigned int *times = malloc((n + 1) * sizeof(*times));
	_cleanup_(freep) struct minutes *m = calloc(1, sizeof(*m));
	unsigned int used[DEMAND_BUCKETS], n_used = 0;
	struct split s;

	*ret = (struct knee){ .state = KNEE_NO_LOSS };
	if (!times || !m)
		abort();
	for (unsigned int i = 0; i < n; i++)
		times[i] = 1;
	for (unsigned int b = 0; b < DEMAND_BUCKETS; b++)
		for (unsigned int i = 0; i < n; i++)
			if (days[i]->clean[b] || days[i]->lossy[b]) {
				used[n_used++] = b;
				break;
			}
	add_up(days, n, times, used, n_used, m);
	look_over(days, n, m, ret);
	if (!ret->lossy_days)
		return;
	ret->state = KNEE_FEW;
	if (ret->lossy_minutes < MIN_LOSSY || ret->lossy_days < MIN_DAYS)
		return;
	ret->state = KNEE_FLAT;
	if (!best_split(m, &s) || s.gain < MIN_GAIN || s.above < MIN_RATIO * s.below ||
	    s.above < MIN_ABOVE)
		return;
	ret->state = s.lossy_above < MIN_LOSSY ? KNEE_FEW : KNEE_FOUND;
	ret->rate = rate_at(m, s.at);
	ret->below = s.below;
	ret->above = s.above;
	if (ret->state == KNEE_FOUND)
		find_interval(days, n, used, n_used, ret);
}
