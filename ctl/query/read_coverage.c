/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What of the time was observed. See reader.h. */
#include "collector/alloc.h"
#include "reader_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/print/when.h"

/* An agent that runs extends its coverage with each tick, or when nothing happens every 10 s. */
#define FRESH_NS (15 * NSEC_PER_SEC)

struct intervals {
	struct reader_interval *all;
	size_t n;
};

static void on_coverage(const struct sql *q, void *arg)
{
	struct intervals *c = arg;
	struct reader_interval *p;
	const char *how = sql_text_or_null(q, 2);

	if (alloc_double(c->all, c->n) < 0)
		abort();
	p = &c->all[c->n++];
	*p = (struct reader_interval){ sql_uint64(q, 0), sql_uint64(q, 1), "" };
	if (strcmp(how, "tick") != 0 && strcmp(how, "catch-up") != 0)
		snprintf(p->only, sizeof(p->only), "%s", how);
}

static int coverage_of_day(struct day *d, void *arg)
{
	if (d->past)
		return day_rows_past(d,
				     "SELECT from_ns, to_ns, how FROM coverage WHERE day = :day "
				     "ORDER BY from_ns",
				     on_coverage, arg);
	return day_rows_between(d,
				"SELECT from_ns, to_ns, how FROM coverage WHERE to_ns > :after AND "
				"from_ns < :upto ORDER BY from_ns",
				d->since, d->until, on_coverage, arg);
}

static int by_start(const void *a, const void *b)
{
	const struct reader_interval *x = a, *y = b;

	return x->from_ns < y->from_ns ? -1 : x->from_ns > y->from_ns;
}

/* The last interval grows while the agent lives, although nobody writes so each moment. */
static void extend_last(const struct reader *v, struct intervals *c, uint64_t now)
{
	struct reader_interval *last = c->n ? &c->all[c->n - 1] : NULL;

	if (last && v->running && last->to_ns < now &&
	    last->to_ns + FRESH_NS + v->interval_ns > now)
		last->to_ns = now;
}

int reader_coverage(struct reader *v, uint64_t since, uint64_t until, struct reader_interval **ret,
		    size_t *n)
{
	struct intervals c = { 0 };
	uint64_t early = FRESH_NS + v->interval_ns;
	size_t skip = 0;
	int r = each_day(v, since > early ? since - early : 0, until, coverage_of_day, &c);

	if (r < 0) {
		free(c.all);
		return r;
	}
	if (c.n)
		qsort(c.all, c.n, sizeof(*c.all), by_start);
	extend_last(v, &c, now_ns());
	for (size_t i = 0; i < c.n; i++) {
		if (c.all[i].to_ns <= since || c.all[i].from_ns >= until)
			skip++;
		else
			c.all[i - skip] = c.all[i];
	}
	*ret = c.all;
	*n = c.n - skip;
	return 0;
}

int reader_observed(struct reader *v, uint64_t since, uint64_t step_ns, bool *steps, size_t n)
{
	_cleanup_(freep) struct reader_interval *all = NULL;
	size_t intervals = 0;
	int r = reader_coverage(v, since, since + n * step_ns, &all, &intervals);

	for (size_t i = 0; r >= 0 && i < intervals; i++) {
		uint64_t from = all[i].from_ns > since ? all[i].from_ns - since : 0;

		for (size_t k = from / step_ns; k < n && since + k * step_ns < all[i].to_ns; k++)
			steps[k] = true;
	}
	return r;
}

double reader_covered_pct(struct reader *v, uint64_t since, uint64_t until)
{
	_cleanup_(freep) struct reader_interval *all = NULL;
	uint64_t sum = 0, end = since, now = now_ns();
	size_t n = 0;
	int r = reader_coverage(v, since, until, &all, &n);

	if (r < 0)
		return r;
	if (until > now)
		until = now;
	for (size_t i = 0; i < n; i++) {
		uint64_t from = all[i].from_ns > end ? all[i].from_ns : end,
			 to = all[i].to_ns < until ? all[i].to_ns : until;

		if (to > from) {
			sum += to - from;
			end = to;
		}
	}
	return until > since ? (double)sum * 100 / (double)(until - since) : 0;
}
