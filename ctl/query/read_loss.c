/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Loss. See view.h. */
#include "reader_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/base.h"

/* Loss. Whole hours come from loss_hour where they are rolled, the rest from loss. */

struct reading {
	const struct reader *v;
	const bool *wanted;	/* by series; NULL: all */
	/* " AND series_id ...", the same for SQLite, who passes over rows faster than we do */
	char *among;
	reader_row_fn *fn;
	void *arg;
	uint64_t span_ns;	/* of hours and days */
	uint64_t day_span;	/* not 0: rows are days, and end at t_ns */
	uint64_t since, until;
	bool sums;		/* whole days in one piece will do */
	uint64_t *hours;
	size_t n_hours;
};

/* A list of more would cost SQLite more than it saves. */
#define AMONG_MAX 500

static void set_among(struct reading *rd)
{
	size_t n = 0, first = 0, last = 0, at;
	char *p;

	for (size_t i = 1; rd->wanted && i < rd->v->n_series; i++) {
		if (!rd->wanted[i])
			continue;
		first = first ? first : i;
		last = i;
		n++;
	}
	rd->among = p = malloc(128 + (n <= AMONG_MAX ? n : 0) * 16);
	if (!p)
		abort();
	*p = '\0';
	if (!rd->wanted)
		return;
	at = (size_t)sprintf(p, " AND series_id BETWEEN %zu AND %zu", first, last);
	if (n > AMONG_MAX || n > (last - first) / 2)
		return;
	at += (size_t)sprintf(p + at, " AND series_id IN (0");
	for (size_t i = first; i <= last && n; i++)
		if (rd->wanted[i])
			at += (size_t)sprintf(p + at, ",%zu", i);
	strcpy(p + at, ")");
}

static void on_row(sqlite3_stmt *st, void *arg)
{
	struct reading *rd = arg;
	struct reader_sum sum = { (uint64_t)sqlite3_column_int64(st, 2),
				  (uint64_t)sqlite3_column_int64(st, 3),
				  (uint64_t)sqlite3_column_int64(st, 4) };
	uint64_t t = (uint64_t)sqlite3_column_int64(st, 0);
	int64_t series = sqlite3_column_int64(st, 1);

	/* One that was made after the names were read: the next look shows it. */
	if (series <= 0 || (size_t)series >= rd->v->n_series || !rd->v->series[series].id ||
	    (rd->wanted && !rd->wanted[series]))
		return;
	if (rd->day_span)
		rd->fn(series, t, rd->day_span, &sum, rd->arg);
	else if (rd->span_ns)
		rd->fn(series, t + rd->span_ns, rd->span_ns, &sum, rd->arg);
	else
		rd->fn(series, t, (uint64_t)sqlite3_column_int64(st, 5), &sum, rd->arg);
}

static void on_hour(sqlite3_stmt *st, void *arg)
{
	struct reading *rd = arg;
	uint64_t *p = realloc(rd->hours, (rd->n_hours + 1) * sizeof(*p));

	if (!p)
		abort();
	rd->hours = p;
	rd->hours[rd->n_hours++] = (uint64_t)sqlite3_column_int64(st, 0);
}

/* A day without its file. Its hours or its sum stand at their ends, as all loss does that was
 * stored in one piece. */
static void on_past_row(sqlite3_stmt *st, void *arg)
{
	struct reading *rd = arg;

	if ((uint64_t)sqlite3_column_int64(st, 0) + rd->span_ns > rd->since &&
	    (uint64_t)sqlite3_column_int64(st, 0) + rd->span_ns <= rd->until)
		on_row(st, rd);
}

static int loss_rows(struct day *d, struct reading *rd, const char *sql, uint64_t a, uint64_t b)
{
	char *text;
	int r;

	if (asprintf(&text, "%s%s", sql, rd->among) < 0)
		abort();
	r = each_row(d, text, a, b, on_row, rd);
	free(text);
	return r;
}

/* ?1: the day. */
static int past_sql(struct day *d, struct reading *rd, const char *sql, uint64_t b)
{
	char *text;
	int r;

	if (asprintf(&text, "%s%s", sql, rd->among) < 0)
		abort();
	r = each_row(d, text, d->past->day, b, on_past_row, rd);
	free(text);
	return r;
}

/* t_ns > ?1 AND t_ns <= ?2 */
static int raw_rows(struct day *d, struct reading *rd, uint64_t after, uint64_t upto)
{
	static const char sql[] = "SELECT l.t_ns, l.series_id, l.frames, l.segments, l.bytes, "
				  "k.span_ns FROM loss l LEFT JOIN tick k ON k.t_ns = l.t_ns"
				  " WHERE l.t_ns > ?1 AND l.t_ns <= ?2";

	if (after >= upto)
		return 0;
	rd->span_ns = 0;
	return loss_rows(d, rd, sql, after, upto);
}

static int hour_rows(struct day *d, struct reading *rd, uint64_t hour)
{
	static const char sql[] = "SELECT t_ns, series_id, frames, segments, bytes FROM loss_hour "
				  "WHERE t_ns >= ?1 AND t_ns <= ?2";

	rd->span_ns = NSEC_PER_HOUR;
	return loss_rows(d, rd, sql, hour, hour);
}

/* Hours are (hour, hour + 1 h], as the window is (since, until]. */
static int past_rows(struct day *d, struct reading *rd)
{
	int r = 0;

	rd->since = d->since;
	rd->until = d->until;
	rd->span_ns = NSEC_PER_HOUR;
	if (!d->past->hours || (rd->sums && day_whole(d))) {
		rd->span_ns = 0;
		rd->day_span = d->past->to_ns - d->past->from_ns;
		r = past_sql(d, rd,
			     "SELECT ?2, series_id, frames, segments, bytes FROM loss_day WHERE "
			     "day = ?1",
			     d->past->to_ns);
		rd->day_span = 0;
		return r;
	}
	if (!*rd->among)
		return past_sql(d, rd,
				"SELECT hour * 3600000000000, series_id, frames, segments, bytes "
				"FROM loss_hour WHERE day = ?1 AND ?2",
				1);
	for (uint64_t h = d->past->from_ns / NSEC_PER_HOUR;
	     r >= 0 && h * NSEC_PER_HOUR < d->past->to_ns; h++)
		r = past_sql(d, rd,
			     "SELECT hour * 3600000000000, series_id, frames, segments, bytes FROM "
			     "loss_hour WHERE day = ?1 AND hour = ?2",
			     h);
	return r;
}

static int rows_of_day(struct day *d, void *arg)
{
	struct reading *rd = arg;
	uint64_t at = d->since;
	int r;

	if (d->past)
		return past_rows(d, rd);
	rd->n_hours = 0;
	r = each_row(d,
		     "SELECT t_ns FROM rolled WHERE t_ns >= ?1 AND t_ns + 3600000000000 <= ?2 "
		     "ORDER BY t_ns",
		     d->since, d->until, on_hour, rd);
	for (size_t i = 0; r >= 0 && i < rd->n_hours; i++) {
		uint64_t hour = rd->hours[i];

		r = raw_rows(d, rd, at, hour);
		if (r >= 0)
			r = hour_rows(d, rd, hour);
		at = hour + NSEC_PER_HOUR;
	}
	return r < 0 ? r : raw_rows(d, rd, at, d->until);
}

static int raw_day(struct day *d, void *arg)
{
	if (d->past)
		return past_rows(d, arg);
	return raw_rows(d, arg, d->since, d->until);
}

int reader_rows(struct reader *v, uint64_t since, uint64_t until, bool hours, const bool *wanted,
		reader_row_fn *fn, void *arg)
{
	struct reading rd = { .v = v, .wanted = wanted, .fn = fn, .arg = arg };
	int r;

	set_among(&rd);
	r = hours ? each_day_or_sum(v, since, until, rows_of_day, &rd)
		  : each_day(v, since, until, raw_day, &rd);
	free(rd.hours);
	free(rd.among);
	return r;
}

static void add_up(int64_t series, uint64_t t_ns, uint64_t span_ns, const struct reader_sum *sum,
		   void *arg)
{
	struct reader_sum *sums = arg;

	(void)t_ns;
	(void)span_ns;
	sums[series].frames += sum->frames;
	sums[series].segments += sum->segments;
	sums[series].bytes += sum->bytes;
}

int reader_losses(struct reader *v, uint64_t since, uint64_t until, struct reader_sum **ret)
{
	struct reader_sum *sums = calloc(v->n_series + 1, sizeof(*sums));
	struct reading rd = { .v = v, .fn = add_up, .arg = sums, .sums = true };
	int r;

	if (!sums)
		abort();
	set_among(&rd);
	r = each_day_or_sum(v, since, until, rows_of_day, &rd);
	free(rd.hours);
	free(rd.among);
	if (r < 0) {
		free(sums);
		return r;
	}
	*ret = sums;
	return 0;
}
