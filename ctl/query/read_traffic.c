/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What was delivered, and what the devices counted. See view.h. */
#include "reader_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/base.h"

/* Traffic and witnesses. */

struct traffic {
	reader_traffic_fn *fn;
	void *arg;
	uint64_t since, until;
	const struct reader *v;
	const struct reader_past *past;
	bool changed;		/* a device of the day changed hands */
};

static uint64_t share(uint64_t n, double part)
{
	return part >= 1 ? n : (uint64_t)((double)n * part + 0.5);
}

static void on_traffic(sqlite3_stmt *st, void *arg)
{
	struct traffic *t = arg;
	uint64_t to = (uint64_t)sqlite3_column_int64(st, 0),
		 span = (uint64_t)sqlite3_column_int64(st, 2), from = to - span;
	uint64_t lo = from > t->since ? from : t->since, hi = to < t->until ? to : t->until;
	double part = span ? (double)(hi - lo) / (double)span : 1;

	if (hi < lo)
		return;
	t->fn(sqlite3_column_int64(st, 1), to, share((uint64_t)sqlite3_column_int64(st, 3), part),
	      share((uint64_t)sqlite3_column_int64(st, 4), part), t->arg);
}

/* An hour without its minutes at the edge of the window: in proportion as well. */
static void on_traffic_hour(sqlite3_stmt *st, void *arg)
{
	struct traffic *t = arg;
	uint64_t from = (uint64_t)sqlite3_column_int64(st, 0), to = from + NSEC_PER_HOUR;
	uint64_t lo = from > t->since ? from : t->since, hi = to < t->until ? to : t->until;
	double part = (double)(hi - lo) / (double)NSEC_PER_HOUR;

	if (hi > lo)
		t->fn(sqlite3_column_int64(st, 1), to,
		      share((uint64_t)sqlite3_column_int64(st, 2), part),
		      share((uint64_t)sqlite3_column_int64(st, 3), part), t->arg);
}

static void on_day_share(sqlite3_stmt *st, void *arg)
{
	struct traffic *t = arg;
	uint64_t lo = t->past->from_ns > t->since ? t->past->from_ns : t->since,
		 hi = t->past->to_ns < t->until ? t->past->to_ns : t->until;
	double part = (double)(hi - lo) / (double)(t->past->to_ns - t->past->from_ns);

	if (hi > lo)
		t->fn(sqlite3_column_int64(st, 0), hi,
		      share((uint64_t)sqlite3_column_int64(st, 1), part),
		      share((uint64_t)sqlite3_column_int64(st, 2), part), t->arg);
}

/* A whole day in one piece, of a device that nobody let go or took in it. */
static void on_traffic_day(sqlite3_stmt *st, void *arg)
{
	struct traffic *t = arg;
	int64_t device = sqlite3_column_int64(st, 0);

	if (reader_attached(t->v, device, t->past->from_ns + 1) !=
	    reader_attached(t->v, device, t->past->to_ns))
		t->changed = true;
	else
		t->fn(device, t->past->to_ns, (uint64_t)sqlite3_column_int64(st, 1),
		      (uint64_t)sqlite3_column_int64(st, 2), t->arg);
}

/* The hours of those that changed hands. */
static void on_changed_hour(sqlite3_stmt *st, void *arg)
{
	struct traffic *t = arg;
	int64_t device = sqlite3_column_int64(st, 1);

	if (reader_attached(t->v, device, t->past->from_ns + 1) !=
	    reader_attached(t->v, device, t->past->to_ns))
		on_traffic_hour(st, t);
}

#define HOURS_OF_DAY                                                                            \
	"SELECT hour * 3600000000000, device_id, rx_frames, tx_frames FROM traffic_hour WHERE " \
	"day = ?1 AND ?2"

static int past_traffic(struct day *d, struct traffic *t)
{
	int r;

	t->past = d->past;
	t->changed = false;
	if (d->past->hours && !day_whole(d))
		return each_row(d, HOURS_OF_DAY, d->past->day, 1, on_traffic_hour, t);
	if (!day_whole(d))	/* only its sum is left */
		return each_row(d,
				"SELECT device_id, rx_frames, tx_frames, ?2 FROM traffic_day WHERE "
				"day = ?1",
				d->past->day, 1, on_day_share, t);
	r = each_row(
		d, "SELECT device_id, rx_frames, tx_frames FROM traffic_day WHERE day = ?1 AND ?2",
		d->past->day, 1, on_traffic_day, t);
	return r >= 0 && t->changed ? each_row(d, HOURS_OF_DAY, d->past->day, 1, on_changed_hour, t)
				    : r;
}

static int raw_traffic(struct day *d, uint64_t after, uint64_t upto, void *arg)
{
	return each_row(d,
			"SELECT t_ns, device_id, span_ns, rx_frames, tx_frames FROM traffic WHERE "
			"t_ns > ?1 AND t_ns <= ?2",
			after, upto, on_traffic, arg);
}

static int hour_of_traffic(struct day *d, uint64_t hour, uint64_t upto, void *arg)
{
	(void)upto;
	return each_row(d,
			"SELECT t_ns, device_id, rx_frames, tx_frames FROM traffic_hour WHERE t_ns "
			"= ?1 AND ?2",
			hour, 1, on_traffic_hour, arg);
}

static int traffic_of_day(struct day *d, void *arg)
{
	return d->past ? past_traffic(d, arg) : each_stretch(d, raw_traffic, hour_of_traffic, arg);
}

int reader_traffic(struct reader *v, uint64_t since, uint64_t until, reader_traffic_fn *fn,
		   void *arg)
{
	struct traffic t = { .fn = fn, .arg = arg, .since = since, .until = until, .v = v };

	return each_day_or_sum(v, since, until, traffic_of_day, &t);
}

struct device_counters {
	reader_witness_fn *fn;
	void *arg;
	uint64_t since, until;
};

static void on_witness(sqlite3_stmt *st, void *arg)
{
	struct device_counters *w = arg;

	w->fn(sqlite3_column_int64(st, 1), (uint64_t)sqlite3_column_int64(st, 0),
	      (const char *)sqlite3_column_text(st, 2), (uint64_t)sqlite3_column_int64(st, 3),
	      w->arg);
}

static void on_past_witness(sqlite3_stmt *st, void *arg)
{
	const struct device_counters *w = arg;
	uint64_t end = (uint64_t)sqlite3_column_int64(st, 0);

	if (end > w->since && end <= w->until)
		on_witness(st, arg);
}

static int witnesses_of_day(struct day *d, void *arg)
{
	if (d->past)
		return each_row(d,
				"SELECT (hour + 1) * 3600000000000, device_id, counter, frames "
				"FROM witness_hour WHERE day = ?1 AND ?2",
				d->past->day, 1, on_past_witness, arg);
	return each_row(d,
			"SELECT t_ns, device_id, counter, frames FROM witness WHERE t_ns > ?1 AND "
			"t_ns <= ?2",
			d->since, d->until, on_witness, arg);
}

int reader_witnesses(struct reader *v, uint64_t since, uint64_t until, reader_witness_fn *fn,
		     void *arg)
{
	struct device_counters w = { fn, arg, since, until };

	return each_day(v, since, until, witnesses_of_day, &w);
}

struct counted {
	reader_device_fn *fn;
	void *arg;
};

static void on_counted(sqlite3_stmt *st, void *arg)
{
	struct counted *c = arg;

	c->fn(sqlite3_column_int64(st, 0), c->arg);
}

static int counted_of_day(struct day *d, void *arg)
{
	if (d->past)
		return each_row(d, "SELECT device_id FROM traffic_day WHERE day = ?1 AND ?2",
				d->past->day, 1, on_counted, arg);
	return each_row(d, "SELECT device_id FROM device_baseline WHERE ?1 AND ?2", 1, 1,
			on_counted, arg);
}

int reader_counted(struct reader *v, uint64_t since, uint64_t until, reader_device_fn *fn,
		   void *arg)
{
	struct counted c = { fn, arg };

	return each_day_or_sum(v, since, until, counted_of_day, &c);
}
