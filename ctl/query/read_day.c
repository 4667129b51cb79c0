/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The days: which there are, and what of them was observed. See view.h. */
#include "reader_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/base.h"
#include "ctl/print/message.h"
#include "ctl/print/when.h"

/* An agent that runs extends its coverage with each tick, or when nothing happens every 10 s. */
#define FRESH_NS (15 * NSEC_PER_SEC)
/* Rows that cover a moment of a window end no later than this after it. */
#define SLACK_NS NSEC_PER_HOUR

static int day_failed(const struct day *d)
{
	int rc = sqlite3_errcode(d->db);

	message_error("%s/%s: %s", d->v->dir, d->name, sqlite3_errmsg(d->db));
	return schema_errno(rc) < 0 ? schema_errno(rc) : -EIO;
}

int each_row(struct day *d, const char *sql, uint64_t a, uint64_t b, row_fn *fn, void *arg)
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

/* history.db. */

static void on_past(sqlite3_stmt *st, void *arg)
{
	struct reader *v = arg;
	struct reader_past *p = realloc(v->past, (v->n_past + 1) * sizeof(*p));

	if (!p)
		abort();
	v->past = p;
	v->past[v->n_past++] = (struct reader_past){ (uint64_t)sqlite3_column_int64(st, 0),
						     (uint64_t)sqlite3_column_int64(st, 1),
						     (uint64_t)sqlite3_column_int64(st, 2),
						     sqlite3_column_int(st, 3) != 0 };
}

int reader_load_past(struct reader *v)
{
	char path[4096], why[SCHEMA_WHY];
	struct day d = { .v = v, .name = "history.db" };
	int r;

	snprintf(path, sizeof(path), "%s/history.db", v->dir);
	r = schema_open(path, SCHEMA_HISTORY, SCHEMA_READ, &v->history, why);
	if (r == -ENOENT)
		return 0;
	if (r < 0) {
		message_error("%s", why);
		return r;
	}
	d.db = v->history;
	return each_row(&d,
			"SELECT day, from_ns, to_ns, hours FROM day WHERE ?1 AND ?2 ORDER BY day",
			1, 1, on_past, v);
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
	if (r < 0) {
		message_error("%s", why);
		return r;
	}
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

static void on_hour(sqlite3_stmt *st, void *arg)
{
	struct hours *h = arg;
	uint64_t *p = realloc(h->at, (h->n + 1) * sizeof(*p));

	if (!p)
		abort();
	h->at = p;
	h->at[h->n++] = (uint64_t)sqlite3_column_int64(st, 0);
}

int each_stretch(struct day *d, stretch_fn *rows, stretch_fn *hour, void *arg)
{
	struct hours hours = { 0 };
	uint64_t at = d->since, end = d->until + 2 * NSEC_PER_MIN;
	int r;

	/* A day that was thinned has no minutes: hours at the edges, too. */
	r = each_row(d,
		     "SELECT t_ns FROM traffic_rolled WHERE (t_ns >= ?1 AND t_ns + 3600000000000 "
		     "<= ?2) OR (EXISTS (SELECT 1 FROM thinned) "
		     "AND t_ns + 3600000000000 > ?1 AND t_ns < ?2) ORDER BY t_ns",
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

static void on_version(sqlite3_stmt *st, void *arg)
{
	*(int *)arg = sqlite3_column_int(st, 0);
}

int day_version(struct day *d)
{
	int version = 0,
	    r = each_row(d, "SELECT user_version FROM pragma_user_version WHERE ?1 AND ?2", 1, 1,
			 on_version, &version);

	return r < 0 ? r : version;
}

/* Coverage. */

struct intervals {
	struct reader_interval *all;
	size_t n;
};

static void on_coverage(sqlite3_stmt *st, void *arg)
{
	struct intervals *c = arg;
	struct reader_interval *p = realloc(c->all, (c->n + 1) * sizeof(*p));
	const char *how = (const char *)sqlite3_column_text(st, 2);

	if (!p)
		abort();
	c->all = p;
	p += c->n++;
	*p = (struct reader_interval){ (uint64_t)sqlite3_column_int64(st, 0),
				       (uint64_t)sqlite3_column_int64(st, 1), "" };
	if (strcmp(how, "tick") != 0 && strcmp(how, "catch-up") != 0)
		snprintf(p->only, sizeof(p->only), "%s", how);
}

static int coverage_of_day(struct day *d, void *arg)
{
	if (d->past)
		return each_row(d,
				"SELECT from_ns, to_ns, how FROM coverage WHERE day = ?1 AND ?2 "
				"ORDER BY from_ns",
				d->past->day, 1, on_coverage, arg);
	return each_row(d,
			"SELECT from_ns, to_ns, how FROM coverage WHERE to_ns > ?1 AND from_ns < "
			"?2 ORDER BY from_ns",
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
	snprintf(sql, sizeof(sql), "SELECT total FROM self WHERE name = '%.40s' AND ?1 AND ?2",
		 s->name);
	return each_row(d, sql, 1, 1, on_total, &s->total);
}

int reader_self(struct reader *v, const char *name, uint64_t *ret)
{
	struct self s = { .name = name };
	int r = v->n_days ? each_day(v, v->days[v->n_days - 1].from_ns, UINT64_MAX >> 1,
				     self_of_day, &s)
			  : 0;

	*ret = s.total;
	return r;
}
