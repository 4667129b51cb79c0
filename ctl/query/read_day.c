/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The days: which there are, and from which file each is read. See reader.h. */
#include "reader_priv.h"

#include "collector/alloc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Rows that cover a moment of a window end no later than this after it. */
#define SLACK_NS NSEC_PER_HOUR

/* history.db. */

static void on_past(const struct sql *q, void *arg)
{
	struct reader *v = arg;

	if (alloc_double(v->past, v->n_past) < 0)
		abort();
	v->past[v->n_past++] = (struct reader_past){ sql_uint64(q, 0), sql_uint64(q, 1),
						     sql_uint64(q, 2), (int)sql_int64(q, 3) != 0 };
}

int reader_load_past(struct reader *v)
{
	char path[4096], why[SCHEMA_WHY];
	struct day d = { .v = v, .name = "history.db" };
	int r;

	snprintf(path, sizeof(path), "%s/history.db", v->dir);
	r = schema_open(path, SCHEMA_HISTORY, SCHEMA_READ, &v->history, why);
	if (r < 0)
		return r == -ENOENT ? 0 : reader_fail(v, r, "%s", why);
	d.db = v->history;
	return day_rows_all(&d, "SELECT day, from_ns, to_ns, hours FROM day ORDER BY day", on_past,
			    v);
}

static const struct reader_past *past_of(const struct reader *v, uint64_t day)
{
	size_t lo = 0, hi = v->past ? v->n_past : 0;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (v->past[mid].day < day)
			lo = mid + 1;
		else
			hi = mid;
	}
	return v->past && lo < v->n_past && v->past[lo].day == day ? &v->past[lo] : NULL;
}

static int read_past(struct day *d, const struct reader_past *past, day_fn *fn, void *arg)
{
	d->past = past;
	d->db = d->v->history;
	d->name = "history.db";
	return fn(d, arg);
}

/* From the day's file; from history.db when that is gone. */
static int read_day(struct day *d, const struct schema_day *day, day_fn *fn, void *arg)
{
	const struct reader_past *past = past_of(d->v, day->from_ns / NSEC_PER_DAY);
	char path[4096], why[SCHEMA_WHY];
	int r;

	snprintf(path, sizeof(path), "%s/%s", d->v->dir, day->name);
	r = schema_open(path, SCHEMA_DAY, SCHEMA_READ, &d->db, why);
	if (r == -ENOENT)	/* retention took it meanwhile */
		return past ? read_past(d, past, fn, arg) : 0;
	if (r < 0)
		return reader_fail(d->v, r, "%s", why);
	d->name = day->name;
	r = fn(d, arg);
	schema_close(d->db);
	return r;
}

static int walk(struct reader *v, uint64_t since, uint64_t until, bool sums, day_fn *fn, void *arg)
{
	size_t i = 0, k = 0;
	int r = 0;

	while (r >= 0 && (i < v->n_days || k < v->n_past)) {
		struct day d = { .v = v, .since = since, .until = until };
		const struct schema_day *day = i < v->n_days ? &v->days[i] : NULL;
		const struct reader_past *past = k < v->n_past ? &v->past[k] : NULL;
		uint64_t at = day ? day->from_ns / NSEC_PER_DAY : UINT64_MAX;

		if (past && past->day <= at)
			k++;
		if (!past || past->day > at)
			past = NULL;
		if (day && (!past || past->day == at))
			i++;
		else
			day = NULL;
		if ((!day && !past) || (day ? day->to_ns : past->to_ns) <= since)
			continue;
		if (past && past->from_ns >= until + SLACK_NS)
			continue;
		d.from_ns = day ? day->from_ns : past->day * NSEC_PER_DAY;
		if (past && (!day || (sums && past->from_ns >= since && past->to_ns <= until)))
			r = read_past(&d, past, fn, arg);
		else if (day)
			r = read_day(&d, day, fn, arg);
	}
	return r;
}

int each_day(struct reader *v, uint64_t since, uint64_t until, day_fn *fn, void *arg)
{
	return walk(v, since, until, false, fn, arg);
}

int each_day_or_sum(struct reader *v, uint64_t since, uint64_t until, day_fn *fn, void *arg)
{
	return walk(v, since, until, true, fn, arg);
}

struct hours {
	uint64_t *at;
	size_t n;
};

static void on_hour(const struct sql *q, void *arg)
{
	struct hours *h = arg;

	if (alloc_double(h->at, h->n) < 0)
		abort();
	h->at[h->n++] = sql_uint64(q, 0);
}

int each_stretch(struct day *d, stretch_fn *rows, stretch_fn *hour, void *arg)
{
	struct hours hours = { 0 };
	uint64_t at = d->since, end = d->until + 2 * NSEC_PER_MIN;
	int r;

	/* A day that was thinned has no minutes: hours at the edges, too. */
	r = day_rows_between(
		d,
		"SELECT t_ns FROM traffic_rolled WHERE (t_ns >= :after AND t_ns + 3600000000000 "
		"<= :upto) OR (EXISTS (SELECT 1 FROM thinned) "
		"AND t_ns + 3600000000000 > :after AND t_ns < :upto) ORDER BY t_ns",
		d->since, d->until, on_hour, &hours);
	for (size_t i = 0; r >= 0 && i < hours.n; i++) {
		r = at < hours.at[i] ? rows(d, at, hours.at[i], arg) : 0;
		if (r >= 0)
			r = hour(d, hours.at[i], hours.at[i] + NSEC_PER_HOUR, arg);
		at = hours.at[i] + NSEC_PER_HOUR;
	}
	free(hours.at);
	return r < 0 || at >= end ? r : rows(d, at, end, arg);
}

static void on_version(const struct sql *q, void *arg)
{
	*(int *)arg = (int)sql_int64(q, 0);
}

int day_version(struct day *d)
{
	int version = 0;
	int r = day_rows_all(d, "SELECT user_version FROM pragma_user_version", on_version,
			     &version);

	return r < 0 ? r : version;
}
