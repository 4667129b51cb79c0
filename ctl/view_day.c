/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The day files: loss, traffic, witnesses, coverage. See view.h. */
#include "view.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../collector/base.h"
#include "cmd.h"
#include "when.h"

/* An agent that runs extends its coverage with each tick, or when nothing happens every 10 s. */
#define FRESH_NS (15 * NSEC_PER_SEC)

/* One day file, while its rows are read. */
struct day {
	struct view *v;
	sqlite3 *db;
	const char *name;
	uint64_t since, until;
};

typedef int day_fn(struct day *d, void *arg);

static int day_failed(const struct day *d)
{
	int rc = sqlite3_errcode(d->db);

	complain("%s/%s: %s", d->v->dir, d->name, sqlite3_errmsg(d->db));
	return schema_errno(rc) < 0 ? schema_errno(rc) : -EIO;
}

typedef void row_fn(sqlite3_stmt *st, void *arg);

/* Runs @sql with ?1, ?2 = @a, @b. */
static int each_row(struct day *d, const char *sql, uint64_t a, uint64_t b, row_fn *fn, void *arg)
{
	sqlite3_stmt *st = NULL;
	int rc = sqlite3_prepare_v2(d->db, sql, -1, &st, NULL);

	if (rc == SQLITE_OK) {
		sqlite3_bind_int64(st, 1, (sqlite3_int64)a);
		sqlite3_bind_int64(st, 2, (sqlite3_int64)b);
		while ((rc = sqlite3_step(st)) == SQLITE_ROW)
			fn(st, arg);
	}
	if (rc != SQLITE_DONE)
		rc = day_failed(d);
	sqlite3_finalize(st);
	return rc == SQLITE_DONE ? 0 : rc;
}

/* Opens each day that can hold moments of the window. A clock that was set back leaves older moments in newer files, so
 * all days from the one of @since on are looked at. */
static int each_day(struct view *v, uint64_t since, uint64_t until, day_fn *fn, void *arg)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < v->n_days; i++) {
		struct day d = { .v = v, .name = v->days[i].name, .since = since, .until = until };
		char path[4096], why[SCHEMA_WHY];

		if (v->days[i].to_ns <= since)
			continue;
		snprintf(path, sizeof(path), "%s/%s", v->dir, d.name);
		r = schema_open(path, SCHEMA_DAY, SCHEMA_READ, &d.db, why);
		if (r == -ENOENT) {
			r = 0;	/* retention took it meanwhile */
			continue;
		}
		if (r < 0) {
			complain("%s", why);
			return r;
		}
		r = fn(&d, arg);
		schema_close(d.db);
	}
	return r;
}

/* Loss. Whole hours come from loss_hour where they are rolled, the rest from loss. */

struct reading {
	const struct view *v;
	const bool *wanted;	/* by series; NULL: all */
	char *among;		/* " AND series_id ...", the same for SQLite, who passes over rows faster than we do */
	view_row_fn *fn;
	void *arg;
	uint64_t span_ns;	/* of hours */
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
	struct view_sum sum = { (uint64_t)sqlite3_column_int64(st, 2), (uint64_t)sqlite3_column_int64(st, 3), (uint64_t)sqlite3_column_int64(st, 4) };
	uint64_t t = (uint64_t)sqlite3_column_int64(st, 0);
	int64_t series = sqlite3_column_int64(st, 1);

	/* One that was made after the names were read: the next look shows it. */
	if (series <= 0 || (size_t)series >= rd->v->n_series || !rd->v->series[series].id || (rd->wanted && !rd->wanted[series]))
		return;
	if (rd->span_ns)
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

/* t_ns > ?1 AND t_ns <= ?2 */
static int raw_rows(struct day *d, struct reading *rd, uint64_t after, uint64_t upto)
{
	static const char sql[] = "SELECT l.t_ns, l.series_id, l.frames, l.segments, l.bytes, k.span_ns FROM loss l LEFT JOIN tick k ON k.t_ns = l.t_ns"
				  " WHERE l.t_ns > ?1 AND l.t_ns <= ?2";

	if (after >= upto)
		return 0;
	rd->span_ns = 0;
	return loss_rows(d, rd, sql, after, upto);
}

static int hour_rows(struct day *d, struct reading *rd, uint64_t hour)
{
	static const char sql[] = "SELECT t_ns, series_id, frames, segments, bytes FROM loss_hour WHERE t_ns >= ?1 AND t_ns <= ?2";

	rd->span_ns = NSEC_PER_HOUR;
	return loss_rows(d, rd, sql, hour, hour);
}

/* Hours are (hour, hour + 1 h], as the window is (since, until]. */
static int rows_of_day(struct day *d, void *arg)
{
	struct reading *rd = arg;
	uint64_t at = d->since;
	int r;

	rd->n_hours = 0;
	r = each_row(d, "SELECT t_ns FROM rolled WHERE t_ns >= ?1 AND t_ns + 3600000000000 <= ?2 ORDER BY t_ns", d->since, d->until, on_hour, rd);
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
	return raw_rows(d, arg, d->since, d->until);
}

int view_rows(struct view *v, uint64_t since, uint64_t until, bool hours, const bool *wanted, view_row_fn *fn, void *arg)
{
	struct reading rd = { .v = v, .wanted = wanted, .fn = fn, .arg = arg };
	int r;

	set_among(&rd);
	r = each_day(v, since, until, hours ? rows_of_day : raw_day, &rd);
	free(rd.hours);
	free(rd.among);
	return r;
}

static void add_up(int64_t series, uint64_t t_ns, uint64_t span_ns, const struct view_sum *sum, void *arg)
{
	struct view_sum *sums = arg;

	(void)t_ns;
	(void)span_ns;
	sums[series].frames += sum->frames;
	sums[series].segments += sum->segments;
	sums[series].bytes += sum->bytes;
}

int view_losses(struct view *v, uint64_t since, uint64_t until, struct view_sum **ret)
{
	struct view_sum *sums = calloc(v->n_series + 1, sizeof(*sums));
	int r;

	if (!sums)
		abort();
	r = view_rows(v, since, until, true, NULL, add_up, sums);
	if (r < 0) {
		free(sums);
		return r;
	}
	*ret = sums;
	return 0;
}

/* Traffic and witnesses. */

struct traffic {
	view_traffic_fn *fn;
	void *arg;
	uint64_t since, until;
};

static uint64_t share(uint64_t n, double part)
{
	return part >= 1 ? n : (uint64_t)((double)n * part + 0.5);
}

static void on_traffic(sqlite3_stmt *st, void *arg)
{
	struct traffic *t = arg;
	uint64_t to = (uint64_t)sqlite3_column_int64(st, 0), span = (uint64_t)sqlite3_column_int64(st, 2), from = to - span;
	uint64_t lo = from > t->since ? from : t->since, hi = to < t->until ? to : t->until;
	double part = span ? (double)(hi - lo) / (double)span : 1;

	if (hi < lo)
		return;
	t->fn(sqlite3_column_int64(st, 1), to, share((uint64_t)sqlite3_column_int64(st, 3), part),
	      share((uint64_t)sqlite3_column_int64(st, 4), part), t->arg);
}

static void on_traffic_hour(sqlite3_stmt *st, void *arg)
{
	struct traffic *t = arg;

	t->fn(sqlite3_column_int64(st, 1), (uint64_t)sqlite3_column_int64(st, 0) + NSEC_PER_HOUR, (uint64_t)sqlite3_column_int64(st, 2),
	      (uint64_t)sqlite3_column_int64(st, 3), t->arg);
}

static int raw_traffic(struct day *d, struct traffic *t, uint64_t after, uint64_t upto)
{
	if (after >= upto)
		return 0;
	return each_row(d, "SELECT t_ns, device_id, span_ns, rx_frames, tx_frames FROM traffic WHERE t_ns > ?1 AND t_ns <= ?2", after, upto, on_traffic, t);
}

/* Whole hours where they are summed up. A row covers up to a minute before its moment, so the last one may lie just behind the window. */
static int traffic_of_day(struct day *d, void *arg)
{
	struct traffic *t = arg;
	struct reading hours = { 0 };
	uint64_t at = d->since;
	int r = each_row(d, "SELECT t_ns FROM traffic_rolled WHERE t_ns >= ?1 AND t_ns + 3600000000000 <= ?2 ORDER BY t_ns", d->since, d->until, on_hour,
			 &hours);

	for (size_t i = 0; r >= 0 && i < hours.n_hours; i++) {
		r = raw_traffic(d, t, at, hours.hours[i]);
		if (r >= 0)
			r = each_row(d, "SELECT t_ns, device_id, rx_frames, tx_frames FROM traffic_hour WHERE t_ns = ?1 AND ?2", hours.hours[i], 1,
				     on_traffic_hour, t);
		at = hours.hours[i] + NSEC_PER_HOUR;
	}
	free(hours.hours);
	return r < 0 ? r : raw_traffic(d, t, at, d->until + 2 * NSEC_PER_MIN);
}

int view_traffic(struct view *v, uint64_t since, uint64_t until, view_traffic_fn *fn, void *arg)
{
	struct traffic t = { fn, arg, since, until };

	return each_day(v, since, until, traffic_of_day, &t);
}

struct witness {
	view_witness_fn *fn;
	void *arg;
};

static void on_witness(sqlite3_stmt *st, void *arg)
{
	struct witness *w = arg;

	w->fn(sqlite3_column_int64(st, 1), (uint64_t)sqlite3_column_int64(st, 0), (const char *)sqlite3_column_text(st, 2),
	      (uint64_t)sqlite3_column_int64(st, 3), w->arg);
}

static int witnesses_of_day(struct day *d, void *arg)
{
	return each_row(d, "SELECT t_ns, device_id, counter, frames FROM witness WHERE t_ns > ?1 AND t_ns <= ?2", d->since, d->until, on_witness, arg);
}

int view_witnesses(struct view *v, uint64_t since, uint64_t until, view_witness_fn *fn, void *arg)
{
	struct witness w = { fn, arg };

	return each_day(v, since, until, witnesses_of_day, &w);
}

struct counted {
	view_device_fn *fn;
	void *arg;
};

static void on_counted(sqlite3_stmt *st, void *arg)
{
	struct counted *c = arg;

	c->fn(sqlite3_column_int64(st, 0), c->arg);
}

static int counted_of_day(struct day *d, void *arg)
{
	return each_row(d, "SELECT device_id FROM device_baseline WHERE ?1 AND ?2", 1, 1, on_counted, arg);
}

int view_counted(struct view *v, uint64_t since, uint64_t until, view_device_fn *fn, void *arg)
{
	struct counted c = { fn, arg };

	return each_day(v, since, until, counted_of_day, &c);
}

/* Coverage. */

struct intervals {
	struct view_interval *all;
	size_t n;
};

static void on_coverage(sqlite3_stmt *st, void *arg)
{
	struct intervals *c = arg;
	struct view_interval *p = realloc(c->all, (c->n + 1) * sizeof(*p));

	if (!p)
		abort();
	c->all = p;
	c->all[c->n++] = (struct view_interval){ (uint64_t)sqlite3_column_int64(st, 0), (uint64_t)sqlite3_column_int64(st, 1),
						 !strcmp((const char *)sqlite3_column_text(st, 2), "catch-up") };
}

static int coverage_of_day(struct day *d, void *arg)
{
	return each_row(d, "SELECT from_ns, to_ns, how FROM coverage WHERE to_ns > ?1 AND from_ns < ?2 ORDER BY from_ns", d->since, d->until, on_coverage,
			arg);
}

static int by_start(const void *a, const void *b)
{
	const struct view_interval *x = a, *y = b;

	return x->from_ns < y->from_ns ? -1 : x->from_ns > y->from_ns;
}

/* The last interval grows while the agent lives, although nobody writes so each moment. */
static void extend_last(const struct view *v, struct intervals *c, uint64_t now)
{
	struct view_interval *last = c->n ? &c->all[c->n - 1] : NULL;

	if (last && v->running && last->to_ns < now && last->to_ns + FRESH_NS + v->interval_ns > now)
		last->to_ns = now;
}

int view_coverage(struct view *v, uint64_t since, uint64_t until, struct view_interval **ret, size_t *n)
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
		if (c.all[i].to_ns <= since)
			skip++;
		else
			c.all[i - skip] = c.all[i];
	}
	*ret = c.all;
	*n = c.n - skip;
	return 0;
}

int view_observed(struct view *v, uint64_t since, uint64_t step_ns, bool *steps, size_t n)
{
	_cleanup_(freep) struct view_interval *all = NULL;
	size_t intervals = 0;
	int r = view_coverage(v, since, since + n * step_ns, &all, &intervals);

	for (size_t i = 0; r >= 0 && i < intervals; i++) {
		uint64_t from = all[i].from_ns > since ? all[i].from_ns - since : 0;

		for (size_t k = from / step_ns; k < n && since + k * step_ns < all[i].to_ns; k++)
			steps[k] = true;
	}
	return r;
}

double view_covered_pct(struct view *v, uint64_t since, uint64_t until)
{
	_cleanup_(freep) struct view_interval *all = NULL;
	uint64_t sum = 0, end = since, now = now_ns();
	size_t n = 0;
	int r = view_coverage(v, since, until, &all, &n);

	if (r < 0)
		return r;
	if (until > now)
		until = now;
	for (size_t i = 0; i < n; i++) {
		uint64_t from = all[i].from_ns > end ? all[i].from_ns : end, to = all[i].to_ns < until ? all[i].to_ns : until;

		if (to > from) {
			sum += to - from;
			end = to;
		}
	}
	return until > since ? (double)sum * 100 / (double)(until - since) : 0;
}

static void on_total(sqlite3_stmt *st, void *arg)
{
	*(uint64_t *)arg = (uint64_t)sqlite3_column_int64(st, 0);
}

struct self {
	const char *name;
	uint64_t total;
};

static int self_of_day(struct day *d, void *arg)
{
	struct self *s = arg;
	char sql[128];

	/* Totals are carried from day to day, so the last file's word is the one that holds. */
	snprintf(sql, sizeof(sql), "SELECT total FROM self WHERE name = '%.40s' AND ?1 AND ?2", s->name);
	return each_row(d, sql, 1, 1, on_total, &s->total);
}

int view_self(struct view *v, const char *name, uint64_t *ret)
{
	struct self s = { .name = name };
	int r = v->n_days ? each_day(v, v->days[v->n_days - 1].from_ns, UINT64_MAX >> 1, self_of_day, &s) : 0;

	*ret = s.total;
	return r;
}
