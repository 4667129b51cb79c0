/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What was delivered, and what the devices counted. See reader.h. */
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

static void on_traffic(const struct sql *q, void *arg)
{
	struct traffic *t = arg;
	uint64_t to = sql_uint64(q, 0), span = sql_uint64(q, 2), from = to - span;
	uint64_t lo = from > t->since ? from : t->since, hi = to < t->until ? to : t->until;
	double part = span ? (double)(hi - lo) / (double)span : 1;

	if (hi < lo)
		return;
	t->fn(sql_int64(q, 1), to, share(sql_uint64(q, 3), part), share(sql_uint64(q, 4), part),
	      t->arg);
}

/* An hour without its minutes at the edge of the window: in proportion as well. */
static void on_traffic_hour(const struct sql *q, void *arg)
{
	struct traffic *t = arg;
	uint64_t from = sql_uint64(q, 0), to = from + NSEC_PER_HOUR;
	uint64_t lo = from > t->since ? from : t->since, hi = to < t->until ? to : t->until;
	double part = (double)(hi - lo) / (double)NSEC_PER_HOUR;

	if (hi > lo)
		t->fn(sql_int64(q, 1), to, share(sql_uint64(q, 2), part),
		      share(sql_uint64(q, 3), part), t->arg);
}

static void on_day_share(const struct sql *q, void *arg)
{
	struct traffic *t = arg;
	uint64_t lo = t->past->from_ns > t->since ? t->past->from_ns : t->since,
		 hi = t->past->to_ns < t->until ? t->past->to_ns : t->until;
	double part = (double)(hi - lo) / (double)(t->past->to_ns - t->past->from_ns);

	if (hi > lo)
		t->fn(sql_int64(q, 0), hi, share(sql_uint64(q, 1), part),
		      share(sql_uint64(q, 2), part), t->arg);
}

/* A whole day in one piece, of a device that nobody let go or took in it. */
static void on_traffic_day(const struct sql *q, void *arg)
{
	struct traffic *t = arg;
	int64_t device = sql_int64(q, 0);

	if (reader_attached(t->v, device, t->past->from_ns + 1) !=
	    reader_attached(t->v, device, t->past->to_ns))
		t->changed = true;
	else
		t->fn(device, t->past->to_ns, sql_uint64(q, 1), sql_uint64(q, 2), t->arg);
}

/* The hours of those that changed hands. */
static void on_changed_hour(const struct sql *q, void *arg)
{
	struct traffic *t = arg;
	int64_t device = sql_int64(q, 1);

	if (reader_attached(t->v, device, t->past->from_ns + 1) !=
	    reader_attached(t->v, device, t->past->to_ns))
		on_traffic_hour(q, t);
}

#define HOURS_OF_DAY                                                                            \
	"SELECT hour * 3600000000000, device_id, rx_frames, tx_frames FROM traffic_hour WHERE " \
	"day = :day"
#define SUMS_OF_DAY "SELECT device_id, rx_frames, tx_frames FROM traffic_day WHERE day = :day"

static int past_traffic(struct day *d, struct traffic *t)
{
	int r;

	t->past = d->past;
	t->changed = false;
	if (d->past->hours && !day_whole(d))
		return day_rows_past(d, HOURS_OF_DAY, on_traffic_hour, t);
	if (!day_whole(d))	/* only its sum is left */
		return day_rows_past(d, SUMS_OF_DAY, on_day_share, t);
	r = day_rows_past(d, SUMS_OF_DAY, on_traffic_day, t);
	return r >= 0 && t->changed ? day_rows_past(d, HOURS_OF_DAY, on_changed_hour, t) : r;
}

static int raw_traffic(struct day *d, uint64_t after, uint64_t upto, void *arg)
{
	return day_rows_between(d,
				"SELECT t_ns, device_id, span_ns, rx_frames, tx_frames FROM "
				"traffic WHERE t_ns > :after AND t_ns <= :upto",
				after, upto, on_traffic, arg);
}

static int hour_of_traffic(struct day *d, uint64_t hour, uint64_t upto, void *arg)
{
	struct sql q = sql_prepare(d->db, "SELECT t_ns, device_id, rx_frames, tx_frames FROM "
					  "traffic_hour WHERE t_ns = :hour");

	(void)upto;
	sql_bind_uint64(&q, ":hour", hour);
	return day_rows(d, &q, on_traffic_hour, arg);
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

static void on_witness(const struct sql *q, void *arg)
{
	struct device_counters *w = arg;

	w->fn(sql_int64(q, 1), sql_uint64(q, 0), sql_text_or_null(q, 2), sql_uint64(q, 3), w->arg);
}

static void on_past_witness(const struct sql *q, void *arg)
{
	const struct device_counters *w = arg;
	uint64_t end = sql_uint64(q, 0);

	if (end > w->since && end <= w->until)
		on_witness(q, arg);
}

static int witnesses_of_day(struct day *d, void *arg)
{
	if (d->past)
		return day_rows_past(d,
				     "SELECT (hour + 1) * 3600000000000, device_id, counter, "
				     "frames FROM witness_hour WHERE day = :day",
				     on_past_witness, arg);
	return day_rows_between(d,
				"SELECT t_ns, device_id, counter, frames FROM witness WHERE "
				"t_ns > :after AND t_ns <= :upto",
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

static void on_counted(const struct sql *q, void *arg)
{
	struct counted *c = arg;

	c->fn(sql_int64(q, 0), c->arg);
}

static int counted_of_day(struct day *d, void *arg)
{
	if (d->past)
		return day_rows_past(d, "SELECT device_id FROM traffic_day WHERE day = :day",
				     on_counted, arg);
	return day_rows_all(d, "SELECT device_id FROM device_baseline", on_counted, arg);
}

int reader_counted(struct reader *v, uint64_t since, uint64_t until, reader_device_fn *fn,
		   void *arg)
{
	struct counted c = { fn, arg };

	return each_day_or_sum(v, since, until, counted_of_day, &c);
}

/* Rows as they are stored. */

struct reading {
	const char *devices; /* "3, 9" */
	reader_traffic_row_fn *fn;
	void *arg;
};

static void on_row(const struct sql *q, void *arg)
{
	const struct reading *rd = arg;
	const struct reader_traffic_row t = {
		.device = sql_int64(q, 1),
		.from_ns = sql_uint64(q, 0) - sql_uint64(q, 2),
		.to_ns = sql_uint64(q, 0),
		.delivered = { sql_uint64(q, 3), sql_uint64(q, 4) },
		.lost = { sql_uint64(q, 5), sql_uint64(q, 6) },
		.peak = { sql_uint64(q, 7), sql_uint64(q, 8) },
		.ring_peak = sql_uint64(q, 9),
		.ring_samples = sql_uint64(q, 10),
		.ring_sum = sql_uint64(q, 11),
	};

	rd->fn(&t, rd->arg);
}

static int rows_of_day(struct day *d, void *arg)
{
	const struct reading *rd = arg;
	_cleanup_(freep) char *sql = NULL;
	int version = d->past ? 0 : day_version(d);

	if (version <= 0)
		return version;
	if (asprintf(&sql,
		     "SELECT t_ns, device_id, span_ns, rx_frames, tx_frames, rx_lost, tx_lost, "
		     "rx_peak, tx_peak, %s FROM traffic WHERE t_ns > :after AND "
		     "t_ns <= :upto + 60000000000 AND device_id IN (%s) ORDER BY t_ns",
		     version < 2 ? "0, 0, 0" : "ring_peak, ring_samples, ring_sum",
		     rd->devices) < 0)
		abort();
	return day_rows_between(d, sql, d->since, d->until, on_row, arg);
}

/* A day of a big host has millions of rows: others are left out before they are looked at. */
static char *list_devices(const struct reader *v, const bool *wanted)
{
	char *list = NULL;
	size_t size;
	FILE *f = open_memstream(&list, &size);

	if (!f)
		abort();
	putc('0', f);
	for (size_t i = 1; i < v->n_devices; i++)
		if (wanted[i])
			fprintf(f, ", %zu", i);
	if (fclose(f))
		abort();
	return list;
}

int reader_traffic_rows(struct reader *v, const bool *wanted, uint64_t since, uint64_t until,
			reader_traffic_row_fn *fn, void *arg)
{
	_cleanup_(freep) char *devices = list_devices(v, wanted);
	struct reading rd = { devices, fn, arg };

	return each_day(v, since, until, rows_of_day, &rd);
}
