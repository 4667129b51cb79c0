/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Loss. See reader.h. */
#include "reader_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/base.h"
#include "collector/alloc.h"

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
	size_t n_hours, size; /* size: room for hours */
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

static void on_row(const struct sql *q, void *arg)
{
	struct reading *rd = arg;
	struct reader_sum sum = { sql_uint64(q, 2), sql_uint64(q, 3), sql_uint64(q, 4) };
	uint64_t t = sql_uint64(q, 0);
	int64_t series = sql_int64(q, 1);

	/* One that was made after the names were read: the next look shows it. */
	if (series <= 0 || (size_t)series >= rd->v->n_series || !rd->v->series[series].id ||
	    (rd->wanted && !rd->wanted[series]))
		return;
	if (rd->day_span)
		rd->fn(series, t, rd->day_span, &sum, rd->arg);
	else if (rd->span_ns)
		rd->fn(series, t + rd->span_ns, rd->span_ns, &sum, rd->arg);
	else
		rd->fn(series, t, sql_uint64(q, 5), &sum, rd->arg);
}

static void on_hour(const struct sql *q, void *arg)
{
	struct reading *rd = arg;
	if (alloc_room(rd->hours, rd->n_hours, rd->size) < 0)
		abort();
	rd->hours[rd->n_hours++] = sql_uint64(q, 0);
}

/* A day without its file. Its hours or its sum stand at their ends, as all loss does that was
 * stored in one piece. */
static void on_past_row(const struct sql *q, void *arg)
{
	struct reading *rd = arg;

	if (sql_uint64(q, 0) + rd->span_ns > rd->since &&
	    sql_uint64(q, 0) + rd->span_ns <= rd->until)
		on_row(q, rd);
}

static struct sql loss_query(const struct day *d, const struct reading *rd, const char *sql)
{
	_cleanup_(freep) char *text = NULL;

	if (asprintf(&text, "%s%s", sql, rd->among) < 0)
		abort();
	return sql_prepare(d->db, text);
}

static int raw_rows(struct day *d, struct reading *rd, uint64_t after, uint64_t upto)
{
	struct sql q;

	if (after >= upto)
		return 0;
	rd->span_ns = 0;
	q = loss_query(d, rd,
		       "SELECT l.t_ns, l.series_id, l.frames, l.segments, l.bytes, k.span_ns "
		       "FROM loss l LEFT JOIN tick k ON k.t_ns = l.t_ns "
		       "WHERE l.t_ns > :after AND l.t_ns <= :upto");
	sql_bind_uint64(&q, ":after", after);
	sql_bind_uint64(&q, ":upto", upto);
	return day_rows(d, &q, on_row, rd);
}

static int hour_rows(struct day *d, struct reading *rd, uint64_t hour)
{
	struct sql q = loss_query(d, rd,
				  "SELECT t_ns, series_id, frames, segments, bytes FROM loss_hour "
				  "WHERE t_ns = :hour");

	rd->span_ns = NSEC_PER_HOUR;
	sql_bind_uint64(&q, ":hour", hour);
	return day_rows(d, &q, on_row, rd);
}

/* A day in one piece. */
static int past_sum(struct day *d, struct reading *rd)
{
	struct sql q = loss_query(d, rd,
				  "SELECT :to, series_id, frames, segments, bytes FROM loss_day "
				  "WHERE day = :day");
	int r;

	rd->span_ns = 0;
	rd->day_span = d->past->to_ns - d->past->from_ns;
	sql_bind_uint64(&q, ":to", d->past->to_ns);
	sql_bind_uint64(&q, ":day", d->past->day);
	r = day_rows(d, &q, on_past_row, rd);
	rd->day_span = 0;
	return r;
}

#define PAST_HOURS                                                                        \
	"SELECT hour * 3600000000000, series_id, frames, segments, bytes FROM loss_hour " \
	"WHERE day = :day"

static int past_hour(struct day *d, struct reading *rd, uint64_t hour)
{
	struct sql q = loss_query(d, rd, PAST_HOURS " AND hour = :hour");

	sql_bind_uint64(&q, ":day", d->past->day);
	sql_bind_uint64(&q, ":hour", hour);
	return day_rows(d, &q, on_past_row, rd);
}

/* Hours are (hour, hour + 1 h], as the window is (since, until]. */
static int past_rows(struct day *d, struct reading *rd)
{
	int r = 0;

	rd->since = d->since;
	rd->until = d->until;
	if (!d->past->hours || (rd->sums && day_whole(d)))
		return past_sum(d, rd);
	rd->span_ns = NSEC_PER_HOUR;
	if (!*rd->among)
		return day_rows_past(d, PAST_HOURS, on_past_row, rd);
	for (uint64_t h = d->past->from_ns / NSEC_PER_HOUR;
	     r >= 0 && h * NSEC_PER_HOUR < d->past->to_ns; h++)
		r = past_hour(d, rd, h);
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
	r = day_rows_between(d,
			     "SELECT t_ns FROM rolled WHERE t_ns >= :after AND "
			     "t_ns + 3600000000000 <= :upto ORDER BY t_ns",
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
