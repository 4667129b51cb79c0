/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "rollup.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>

#include "demand.h"
#include "pressure_sql.h"
#include "session.h"

#define RINGS_SUM \
	"max(ring_peak), min(ring_free), sum(ring_samples), sum(ring_sum), max(qdisc_peak)"

/* Hours that the agent did not get to sum up: mostly the last one. */

struct hourly {
	const char *first, *last;	/* the first hour that is missing, the last one with rows */
	const char *sum, *done;		/* of the hour :hour; done: where it is listed */
};

static int run_hour(sqlite3 *db, const char *sql, int64_t hour, char why[static SCHEMA_WHY])
{
	_cleanup_(sql_closep) struct sql q = sql_prepare(db, sql);

	sql_bind_int64(&q, ":hour", hour);
	return session_run(&q, why);
}

static int sum_hours(sqlite3 *db, const struct hourly *t, char why[static SCHEMA_WHY])
{
	int64_t first, last;
	int r = session_value(db, t->first, &first, why);

	if (r < 0 || !first)
		return r;
	r = session_value(db, t->last, &last, why);
	for (int64_t hour = first; r >= 0 && hour <= last; hour += (int64_t)NSEC_PER_HOUR) {
		r = run_hour(db, t->sum, hour, why);
		if (r >= 0 && sql_changes(db))
			r = run_hour(db, t->done, hour, why);
	}
	return r;
}

static const struct hourly loss = {
	.first = "SELECT (min(t_ns) - 1) / " HOUR " * " HOUR " FROM loss "
		 "WHERE t_ns > (SELECT coalesce(max(t_ns) + " HOUR ", 0) FROM rolled)",
	.last = "SELECT (max(t_ns) - 1) / " HOUR " * " HOUR " FROM loss",
	.sum = "INSERT OR REPLACE INTO loss_hour "
	       "SELECT :hour, series_id, sum(frames), sum(segments), sum(bytes) FROM loss "
	       "WHERE t_ns > :hour AND t_ns <= :hour + " HOUR " GROUP BY series_id",
	.done = "INSERT OR IGNORE INTO rolled VALUES (:hour)",
};

static const struct hourly traffic = {
	.first = "SELECT (min(t_ns) - 1) / " HOUR " * " HOUR " FROM traffic "
		 "WHERE t_ns > (SELECT coalesce(max(t_ns) + " HOUR ", 0) FROM traffic_rolled)",
	.last = "SELECT (max(t_ns) - 1) / " HOUR " * " HOUR " FROM traffic",
	.sum = "INSERT OR REPLACE INTO traffic_hour "
	       "SELECT :hour, device_id, sum(span_ns), sum(rx_frames), sum(rx_bytes), "
	       "sum(tx_frames), sum(tx_bytes), max(rx_peak), max(tx_peak), sum(rx_lost), "
	       "sum(tx_lost), " RINGS_SUM " FROM traffic "
	       "WHERE t_ns > :hour AND t_ns <= :hour + " HOUR " GROUP BY device_id",
	.done = "INSERT OR IGNORE INTO traffic_rolled VALUES (:hour)",
};

static int sum_all_hours(sqlite3 *db, char why[static SCHEMA_WHY])
{
	int r = session_begin(db, why);

	if (r < 0)
		return r;
	r = sum_hours(db, &loss, why);
	if (r >= 0)
		r = sum_hours(db, &traffic, why);
	return session_end(db, r, why);
}

/* Sums up what is missing and makes the file stand alone. */
static int finish_day(const char *dir, const struct schema_day *day, const atomic_bool *stop,
		      char why[static SCHEMA_WHY])
{
	_cleanup_(schema_closep) sqlite3 *db = NULL;
	int r = session_open(dir, day->name, SCHEMA_DAY, SCHEMA_REWRITE, stop, &db, why);

	if (r >= 0)
		r = sum_all_hours(db, why);
	if (r < 0)
		return r;
	r = schema_park(db);
	return r < 0 ? why_set(r, why, "%s is being read by another program", day->name) : 0;
}

/* How the minutes of each device were. */

struct devices {
	struct device_demand {
		int64_t id;
		struct demand *d[2];		/* rx, tx; NULL: nothing yet */
	} * all;
	size_t n;
};

static int by_id(const void *a, const void *b)
{
	const struct device_demand *x = a, *y = b;

	return (x->id > y->id) - (x->id < y->id);
}

static void devices_clear(struct devices *ds)
{
	for (size_t i = 0; i < ds->n; i++) {
		free(ds->all[i].d[0]);
		free(ds->all[i].d[1]);
	}
	free(ds->all);
}

static int list_devices(sqlite3 *db, struct devices *ds, char why[static SCHEMA_WHY])
{
	int64_t n = 0;
	int r = session_value(db, "SELECT count(DISTINCT device_id) FROM d.traffic_hour", &n, why);

	if (r < 0)
		return r;
	ds->all = calloc((size_t)n + 1, sizeof(*ds->all));
	if (!ds->all)
		return -ENOMEM;
	_cleanup_(sql_closep) struct sql q =
		sql_prepare(db, "SELECT DISTINCT device_id FROM d.traffic_hour ORDER BY 1");

	while (ds->n < (size_t)n && (r = sql_step(&q)) > 0)
		ds->all[ds->n++].id = sql_int64(&q, 0);
	return session_check(db, r < 0 ? r : 0, why);
}

/* Columns: span_ns, then at @column frames, peak, lost of one direction. */
static int add_side(struct demand **d, const struct sql *q, int column)
{
	uint64_t frames = sql_uint64(q, column), peak = sql_uint64(q, column + 1);
	uint64_t lost = sql_uint64(q, column + 2);

	if (!frames && !lost)
		return 0;
	if (!*d)
		*d = calloc(1, sizeof(**d));
	if (!*d)
		return -ENOMEM;
	demand_add(*d, sql_uint64(q, 1), peak, frames, lost);
	return 0;
}

static int add_row(struct devices *ds, const struct sql *q)
{
	struct device_demand key = { .id = sql_int64(q, 0) };
	struct device_demand *dev = bsearch(&key, ds->all, ds->n, sizeof(key), by_id);
	int r = dev ? add_side(&dev->d[0], q, 2) : 0;

	return r >= 0 && dev ? add_side(&dev->d[1], q, 5) : r;
}

static int add_rows(sqlite3 *db, struct devices *ds, const atomic_bool *stop,
		    char why[static SCHEMA_WHY])
{
	_cleanup_(sql_closep) struct sql q =
		sql_prepare(db, "SELECT device_id, span_ns, rx_frames, rx_peak, rx_lost, "
				"tx_frames, tx_peak, tx_lost FROM d.traffic");
	int r, e = 0;

	while ((r = sql_step(&q)) > 0) {
		e = session_stopped(stop) ? -EINTR : add_row(ds, &q);
		if (e < 0)
			return e;
	}
	return session_check(db, r, why);
}

/* @buf: DEMAND_BYTES, until the statement has run. */
static void bind_demand(struct sql *q, const char *name, const struct demand *d, unsigned char *buf)
{
	sql_bind_blob(q, name, d ? buf : NULL, d ? demand_pack(d, buf) : 0);
}

static int store_demands(sqlite3 *db, int64_t day, const struct devices *ds,
			 char why[static SCHEMA_WHY])
{
	_cleanup_(sql_closep) struct sql q =
		sql_prepare(db, "UPDATE traffic_day SET rx_demand = :rx, tx_demand = :tx "
				"WHERE day = :day AND device_id = :device");
	unsigned char rx[DEMAND_BYTES], tx[DEMAND_BYTES];
	int r = 0;

	for (size_t i = 0; i < ds->n && r >= 0; i++) {
		sql_bind_int64(&q, ":day", day);
		sql_bind_int64(&q, ":device", ds->all[i].id);
		bind_demand(&q, ":rx", ds->all[i].d[0], rx);
		bind_demand(&q, ":tx", ds->all[i].d[1], tx);
		r = session_run(&q, why);
	}
	return r;
}

static int roll_up_demands(sqlite3 *db, int64_t day, const atomic_bool *stop,
			   char why[static SCHEMA_WHY])
{
	_cleanup_(devices_clear) struct devices ds = { 0 };
	int r = list_devices(db, &ds, why);

	if (r >= 0)
		r = add_rows(db, &ds, stop, why);
	return r < 0 ? r : store_demands(db, day, &ds, why);
}

/* The day's tables. */

static int sum_witnesses(sqlite3 *db, int64_t day, int64_t hour, char why[static SCHEMA_WHY])
{
	_cleanup_(sql_closep) struct sql q =
		sql_prepare(db,
			    "INSERT INTO witness_hour "
			    "SELECT :day, :hour, device_id, counter, sum(frames) FROM d.witness "
			    "WHERE t_ns > :hour * " HOUR " AND t_ns <= (:hour + 1) * " HOUR
			    " GROUP BY device_id, counter");

	sql_bind_int64(&q, ":day", day);
	sql_bind_int64(&q, ":hour", hour);
	return session_run(&q, why);
}

static int roll_up_witnesses(sqlite3 *db, int64_t day, char why[static SCHEMA_WHY])
{
	int64_t first = 0, last = -1;
	int r = session_value(db, "SELECT (min(t_ns) - 1) / " HOUR " FROM d.witness", &first, why);

	if (r >= 0)
		r = session_value(db, "SELECT (max(t_ns) - 1) / " HOUR " FROM d.witness", &last,
				  why);
	for (int64_t hour = first; first && r >= 0 && hour <= last; hour++)
		r = sum_witnesses(db, day, hour, why);
	return r;
}

static int roll_up_traffic(sqlite3 *db, int64_t day, const atomic_bool *stop,
			   char why[static SCHEMA_WHY])
{
	static const char *const all[] = {
		"DELETE FROM traffic_hour WHERE day = :day",
		"DELETE FROM traffic_day WHERE day = :day",
		"INSERT INTO traffic_hour SELECT :day, t_ns / " HOUR ", device_id, span_ns, "
		"rx_frames, rx_bytes, tx_frames, tx_bytes, rx_peak, tx_peak, rx_lost, tx_lost, "
		"ring_peak, ring_free, ring_samples, ring_sum, qdisc_peak FROM d.traffic_hour",
		"INSERT INTO traffic_day SELECT :day, device_id, sum(span_ns), sum(rx_frames), "
		"sum(rx_bytes), sum(tx_frames), sum(tx_bytes), max(rx_peak), max(tx_peak), "
		"sum(rx_lost), sum(tx_lost), NULL, NULL, " RINGS_SUM
		" FROM d.traffic_hour GROUP BY device_id",
		"INSERT OR IGNORE INTO traffic_day SELECT :day, device_id, 0, 0, 0, 0, 0, 0, 0, "
		"0, 0, NULL, NULL, NULL, NULL, 0, 0, NULL FROM d.device_baseline",
	};
	int r = session_run_day(db, all, ARRAY_SIZE(all), day, why);

	return r < 0 ? r : roll_up_demands(db, day, stop, why);
}

static int roll_up_pressure(sqlite3 *db, int64_t day, char why[static SCHEMA_WHY])
{
	static const char *const all[] = {
		"DELETE FROM pressure_hour WHERE day = :day",
		"DELETE FROM pressure_day WHERE day = :day",
		"INSERT INTO pressure_hour SELECT :day, (t_ns - 1) / " HOUR ", vm_id, " WAITED_ROWS
		" FROM d.pressure GROUP BY 2, 3",
		"INSERT INTO pressure_day SELECT day, vm_id, " WAITED_SUMS
		" FROM pressure_hour WHERE day = :day GROUP BY vm_id",
	};

	return session_run_day(db, all, ARRAY_SIZE(all), day, why);
}

static int roll_up_loss(sqlite3 *db, int64_t day, char why[static SCHEMA_WHY])
{
	static const char *const all[] = {
		"DELETE FROM loss_hour WHERE day = :day",
		"DELETE FROM loss_day WHERE day = :day",
		"DELETE FROM witness_hour WHERE day = :day",
		"DELETE FROM coverage WHERE day = :day",
		"INSERT INTO loss_hour SELECT :day, t_ns / " HOUR
		", series_id, frames, segments, bytes FROM d.loss_hour",
		"INSERT INTO loss_day SELECT :day, series_id, sum(frames), sum(segments), "
		"sum(bytes) FROM d.loss_hour GROUP BY series_id",
		"INSERT INTO coverage SELECT :day, from_ns, to_ns, how FROM d.coverage",
	};
	int r = session_run_day(db, all, ARRAY_SIZE(all), day, why);

	return r < 0 ? r : roll_up_witnesses(db, day, why);
}

/* From here on history.db answers for the day. A clock that was set back, or a day that could not
 * be begun, leaves other days' moments in a file. */
static int mark_rolled_up(sqlite3 *db, int64_t day, char why[static SCHEMA_WHY])
{
	static const char *const insert[] = {
		"INSERT OR REPLACE INTO day SELECT :day, "
		"min(:day * 24 * " HOUR ", "
		"coalesce((SELECT min(t_ns) - 1 FROM d.loss), :day * 24 * " HOUR "), "
		"coalesce((SELECT min(t_ns) FROM d.traffic_hour), :day * 24 * " HOUR ")), "
		"max((:day + 1) * 24 * " HOUR ", "
		"coalesce((SELECT max(t_ns) FROM d.loss), 0), "
		"coalesce((SELECT max(t_ns) + " HOUR " FROM d.traffic_hour), 0)), 1",
	};

	return session_run_day(db, insert, 1, day, why);
}

static int roll_up(sqlite3 *db, int64_t day, const atomic_bool *stop, char why[static SCHEMA_WHY])
{
	int64_t downsampled;
	int r = session_value(db, "SELECT count(*) FROM d.thinned", &downsampled, why);

	/* Then it no longer knows its minutes; what was made of them stays right. */
	if (r >= 0 && !downsampled)
		r = roll_up_traffic(db, day, stop, why);
	if (r >= 0 && !downsampled)
		r = roll_up_pressure(db, day, why);
	if (r >= 0)
		r = roll_up_loss(db, day, why);
	return r < 0 ? r : mark_rolled_up(db, day, why);
}

/* history.db. The day's own rows may be deleted next: what is written here must last. */
static int open_history(const char *dir, const atomic_bool *stop, sqlite3 **ret,
			char why[static SCHEMA_WHY])
{
	_cleanup_(schema_closep) sqlite3 *db = NULL;
	int r = session_open(dir, HISTORY_FILE, SCHEMA_HISTORY, SCHEMA_WRITE, stop, &db, why);

	if (r >= 0)
		r = session_exec(db, "PRAGMA synchronous = FULL", why);
	if (r >= 0)
		*ret = TAKE_PTR(db);
	return r;
}

static int attach(sqlite3 *db, const char *dir, const char *name, char why[static SCHEMA_WHY])
{
	_cleanup_(sql_closep) struct sql q = sql_prepare(db, "ATTACH :path AS d");
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	sql_bind_text(&q, ":path", path);
	return session_run(&q, why);
}

int rollup_day(const char *dir, const struct schema_day *day, const atomic_bool *stop,
	       char why[static SCHEMA_WHY])
{
	_cleanup_(schema_closep) sqlite3 *db = NULL;
	int r = finish_day(dir, day, stop, why);

	if (r >= 0)
		r = open_history(dir, stop, &db, why);
	if (r >= 0)
		r = attach(db, dir, day->name, why);
	if (r >= 0)
		r = session_begin(db, why);
	if (r < 0)
		return r;
	r = roll_up(db, (int64_t)(day->from_ns / NSEC_PER_DAY), stop, why);
	return session_end(db, r, why);
}

int rollup_invalidate(const char *dir, const struct schema_day *day, char why[static SCHEMA_WHY])
{
	static const char *const forget[] = { "DELETE FROM day WHERE day = :day" };
	_cleanup_(schema_closep) sqlite3 *db = NULL;
	char path[PATH_MAX];
	int r;

	snprintf(path, sizeof(path), "%s/" HISTORY_FILE, dir);
	if (access(path, F_OK) < 0)
		return 0;
	r = open_history(dir, NULL, &db, why);
	return r < 0 ? r
		     : session_run_day(db, forget, 1, (int64_t)(day->from_ns / NSEC_PER_DAY), why);
}
