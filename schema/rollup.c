/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A closed day's sums go to history.db. */
#include "maintain_priv.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "demand.h"
#include "pressure_sql.h"

#define RINGS_SUM \
	"max(ring_peak), min(ring_free), sum(ring_samples), sum(ring_sum), max(qdisc_peak)"

/* Hours that the agent did not get to sum up: the last one, mostly. */
static int roll(sqlite3 *db, const char *table, const char *list, const char *insert,
		char why[static SCHEMA_WHY])
{
	int64_t first, last;
	char sql[256];
	int r;

	snprintf(sql, sizeof(sql),
		 "SELECT (min(t_ns) - 1) / " HOUR " * " HOUR
		 " FROM %s WHERE t_ns > (SELECT coalesce(max(t_ns) + " HOUR ", 0) FROM %s)",
		 table, list);
	r = maintain_ask(db, sql, 0, 0, &first, why);
	if (r < 0 || !first)
		return r;
	snprintf(sql, sizeof(sql), "SELECT (max(t_ns) - 1) / " HOUR " * " HOUR " FROM %s", table);
	r = maintain_ask(db, sql, 0, 0, &last, why);
	for (int64_t hour = first; r >= 0 && hour <= last; hour += (int64_t)NSEC_PER_HOUR) {
		r = maintain_run(db, insert, hour, 0, why);
		if (r < 0 || !sqlite3_changes64(db))
			continue;
		snprintf(sql, sizeof(sql), "INSERT OR IGNORE INTO %s VALUES (?1)", list);
		r = maintain_run(db, sql, hour, 0, why);
	}
	return r;
}

static int roll_hours(sqlite3 *db, char why[static SCHEMA_WHY])
{
	int r = maintain_exec(db, "BEGIN IMMEDIATE", why);

	if (r < 0)
		return r;
	r = roll(db, "loss", "rolled",
		 "INSERT OR REPLACE INTO loss_hour SELECT ?1, series_id, sum(frames), "
		 "sum(segments), sum(bytes) FROM loss "
		 "WHERE t_ns > ?1 AND t_ns <= ?1 + " HOUR " GROUP BY series_id",
		 why);
	if (r >= 0)
		r = roll(db, "traffic", "traffic_rolled",
			 "INSERT OR REPLACE INTO traffic_hour SELECT ?1, device_id, sum(span_ns), "
			 "sum(rx_frames), "
			 "sum(rx_bytes), sum(tx_frames), sum(tx_bytes), max(rx_peak), "
			 "max(tx_peak), sum(rx_lost), sum(tx_lost), " RINGS_SUM " FROM traffic "
			 "WHERE t_ns > ?1 AND t_ns <= ?1 + " HOUR " GROUP BY device_id",
			 why);
	return maintain_end(db, r, why);
}

/* Sums up what is missing and makes the file stand alone. */
static int finish_day(const char *dir, const struct schema_day *day, const atomic_bool *stop,
		      char why[static SCHEMA_WHY])
{
	_cleanup_(maintain_closep) sqlite3 *db = NULL;
	int r = maintain_open(dir, day->name, SCHEMA_DAY, SCHEMA_REWRITE, stop, &db, why);

	if (r >= 0)
		r = roll_hours(db, why);
	if (r < 0)
		return r;
	r = schema_park(db);
	return r < 0 ? schema_refuse(r, why, "%s is being read", day->name) : 0;
}

/* How the minutes of each device were. */

struct devices {
	struct device_demand {
		int64_t id;
		struct demand *d[2];	/* rx, tx; NULL: nothing yet */
	} *all;
	size_t n;
};

static int by_id(const void *a, const void *b)
{
	const struct device_demand *x = a, *y = b;

	return (x->id > y->id) - (x->id < y->id);
}

static void devices_free(struct devices *ds)
{
	for (size_t i = 0; i < ds->n; i++) {
		free(ds->all[i].d[0]);
		free(ds->all[i].d[1]);
	}
	free(ds->all);
}

static int list_devices(sqlite3 *db, struct devices *ds, char why[static SCHEMA_WHY])
{
	sqlite3_stmt *st = NULL;
	int64_t n = 0;
	int r = maintain_ask(db, "SELECT count(DISTINCT device_id) FROM d.traffic_hour", 0, 0, &n,
			     why);

	if (r < 0)
		return r;
	ds->all = calloc((size_t)n + 1, sizeof(*ds->all));
	if (!ds->all)
		return -ENOMEM;
	if (sqlite3_prepare_v2(db, "SELECT DISTINCT device_id FROM d.traffic_hour ORDER BY 1", -1,
			       &st, NULL) != SQLITE_OK)
		return maintain_fault(db, why);
	while (ds->n < (size_t)n && sqlite3_step(st) == SQLITE_ROW)
		ds->all[ds->n++].id = sqlite3_column_int64(st, 0);
	return sqlite3_finalize(st) == SQLITE_OK ? 0 : maintain_fault(db, why);
}

/* Columns: span_ns, then at @column frames, peak, lost of one direction. */
static int add_side(struct demand **d, sqlite3_stmt *st, int column)
{
	uint64_t frames = (uint64_t)sqlite3_column_int64(st, column),
		 peak = (uint64_t)sqlite3_column_int64(st, column + 1);
	uint64_t lost = (uint64_t)sqlite3_column_int64(st, column + 2);

	if (!frames && !lost)
		return 0;
	if (!*d)
		*d = calloc(1, sizeof(**d));
	if (!*d)
		return -ENOMEM;
	demand_add(*d, (uint64_t)sqlite3_column_int64(st, 1), peak, frames, lost);
	return 0;
}

static int add_rows(sqlite3 *db, struct devices *ds, const atomic_bool *stop,
		    char why[static SCHEMA_WHY])
{
	sqlite3_stmt *st = NULL;
	int rc, r = 0;

	if (sqlite3_prepare_v2(db,
			       "SELECT device_id, span_ns, rx_frames, rx_peak, rx_lost, tx_frames, "
			       "tx_peak, tx_lost FROM d.traffic",
			       -1, &st, NULL) != SQLITE_OK)
		return maintain_fault(db, why);
	while (r >= 0 && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		struct device_demand key = { .id = sqlite3_column_int64(st, 0) };
		struct device_demand *dev = bsearch(&key, ds->all, ds->n, sizeof(key), by_id);

		if (dev)
			r = add_side(&dev->d[0], st, 2);
		if (dev && r >= 0)
			r = add_side(&dev->d[1], st, 5);
		if (maintain_stopped(stop))
			r = -EINTR;
	}
	if (r >= 0 && rc != SQLITE_DONE)
		r = maintain_fault(db, why);
	sqlite3_finalize(st);
	return r;
}

static int store_demands(sqlite3 *db, int64_t day, const struct devices *ds,
			 char why[static SCHEMA_WHY])
{
	unsigned char buf[DEMAND_BYTES];
	sqlite3_stmt *st = NULL;
	int r = 0;

	if (sqlite3_prepare_v2(db,
			       "UPDATE traffic_day SET rx_demand = ?3, tx_demand = ?4 WHERE day = "
			       "?1 AND device_id = ?2",
			       -1, &st, NULL) != SQLITE_OK)
		return maintain_fault(db, why);
	for (size_t i = 0; i < ds->n && r >= 0; i++) {
		sqlite3_bind_int64(st, 1, day);
		sqlite3_bind_int64(st, 2, ds->all[i].id);
		for (int d = 0; d < 2; d++)
			if (ds->all[i].d[d])
				sqlite3_bind_blob(st, 3 + d, buf,
						  (int)demand_pack(ds->all[i].d[d], buf),
						  SQLITE_TRANSIENT);
			else
				sqlite3_bind_null(st, 3 + d);
		if (sqlite3_step(st) != SQLITE_DONE)
			r = maintain_fault(db, why);
		sqlite3_reset(st);
	}
	sqlite3_finalize(st);
	return r;
}

static int take_demands(sqlite3 *db, int64_t day, const atomic_bool *stop,
			char why[static SCHEMA_WHY])
{
	struct devices ds = { 0 };
	int r = list_devices(db, &ds, why);

	if (r >= 0)
		r = add_rows(db, &ds, stop, why);
	if (r >= 0)
		r = store_demands(db, day, &ds, why);
	devices_free(&ds);
	return r;
}

/* The day's tables. */

static int take_witnesses(sqlite3 *db, int64_t day, char why[static SCHEMA_WHY])
{
	int64_t first = 0, last = -1;
	int r = maintain_ask(db, "SELECT (min(t_ns) - 1) / " HOUR " FROM d.witness", 0, 0, &first,
			     why);

	if (r >= 0)
		r = maintain_ask(db, "SELECT (max(t_ns) - 1) / " HOUR " FROM d.witness", 0, 0,
				 &last, why);
	for (int64_t hour = first; first && r >= 0 && hour <= last; hour++)
		r = maintain_run(db,
				 "INSERT INTO witness_hour SELECT ?1, ?2, device_id, counter, "
				 "sum(frames) FROM d.witness "
				 "WHERE t_ns > ?2 * " HOUR " AND t_ns <= (?2 + 1) * " HOUR
				 " GROUP BY device_id, counter",
				 day, hour, why);
	return r;
}

static int take_traffic(sqlite3 *db, int64_t day, const atomic_bool *stop,
			char why[static SCHEMA_WHY])
{
	int r = maintain_run(db, "DELETE FROM traffic_hour WHERE day = ?1", day, 0, why);

	if (r >= 0)
		r = maintain_run(db, "DELETE FROM traffic_day WHERE day = ?1", day, 0, why);
	if (r >= 0)
		r = maintain_run(db,
				 "INSERT INTO traffic_hour SELECT ?1, t_ns / " HOUR
				 ", device_id, span_ns, rx_frames, rx_bytes, tx_frames, tx_bytes, "
				 "rx_peak, tx_peak, rx_lost, tx_lost, ring_peak, ring_free, "
				 "ring_samples, ring_sum, qdisc_peak FROM d.traffic_hour",
				 day, 0, why);
	if (r >= 0)
		r = maintain_run(db,
				 "INSERT INTO traffic_day SELECT ?1, device_id, sum(span_ns), "
				 "sum(rx_frames), sum(rx_bytes), sum(tx_frames), "
				 "sum(tx_bytes), max(rx_peak), max(tx_peak), sum(rx_lost), "
				 "sum(tx_lost), NULL, NULL, " RINGS_SUM
				 " FROM d.traffic_hour GROUP BY device_id",
				 day, 0, why);
	if (r >= 0)
		r = maintain_run(db,
				 "INSERT OR IGNORE INTO traffic_day SELECT ?1, device_id, 0, 0, 0, "
				 "0, 0, 0, 0, 0, 0, NULL, NULL, NULL, NULL, 0, 0, NULL "
				 "FROM d.device_baseline",
				 day, 0, why);
	return r < 0 ? r : take_demands(db, day, stop, why);
}

static int take_pressure(sqlite3 *db, int64_t day, char why[static SCHEMA_WHY])
{
	int r = maintain_run(db, "DELETE FROM pressure_hour WHERE day = ?1", day, 0, why);

	if (r >= 0)
		r = maintain_run(db, "DELETE FROM pressure_day WHERE day = ?1", day, 0, why);
	if (r >= 0)
		r = maintain_run(db,
				 "INSERT INTO pressure_hour SELECT ?1, (t_ns - 1) / " HOUR
				 ", vm_id, " WAITED_ROWS " FROM d.pressure GROUP BY 2, 3",
				 day, 0, why);
	if (r >= 0)
		r = maintain_run(db,
				 "INSERT INTO pressure_day SELECT day, vm_id, " WAITED_SUMS
				 " FROM pressure_hour WHERE day = ?1 GROUP BY vm_id",
				 day, 0, why);
	return r;
}

static int take_loss(sqlite3 *db, int64_t day, char why[static SCHEMA_WHY])
{
	static const char *const old[] = { "DELETE FROM loss_hour WHERE day = ?1",
					   "DELETE FROM loss_day WHERE day = ?1",
					   "DELETE FROM witness_hour WHERE day = ?1",
					   "DELETE FROM coverage WHERE day = ?1" };
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(old) && r >= 0; i++)
		r = maintain_run(db, old[i], day, 0, why);
	if (r >= 0)
		r = maintain_run(db,
				 "INSERT INTO loss_hour SELECT ?1, t_ns / " HOUR
				 ", series_id, frames, segments, bytes FROM d.loss_hour",
				 day, 0, why);
	if (r >= 0)
		r = maintain_run(db,
				 "INSERT INTO loss_day SELECT ?1, series_id, sum(frames), "
				 "sum(segments), sum(bytes) FROM d.loss_hour "
				 "GROUP BY series_id",
				 day, 0, why);
	if (r >= 0)
		r = maintain_run(
			db, "INSERT INTO coverage SELECT ?1, from_ns, to_ns, how FROM d.coverage",
			day, 0, why);
	return r < 0 ? r : take_witnesses(db, day, why);
}

/* A clock that was set back, or a day that could not be begun, leaves other days' moments in a
 * file. */
static int vouch(sqlite3 *db, int64_t day, char why[static SCHEMA_WHY])
{
	return maintain_run(db,
			    "INSERT OR REPLACE INTO day SELECT ?1, min(?1 * 24 * " HOUR
			    ", coalesce((SELECT min(t_ns) - 1 FROM d.loss), ?1 * 24 * " HOUR "), "
			    "coalesce((SELECT min(t_ns) FROM d.traffic_hour), ?1 * 24 * " HOUR
			    ")), "
			    "max((?1 + 1) * 24 * " HOUR
			    ", coalesce((SELECT max(t_ns) FROM d.loss), 0), "
			    "coalesce((SELECT max(t_ns) + " HOUR " FROM d.traffic_hour), 0)), 1",
			    day, 0, why);
}

static int take_all(sqlite3 *db, int64_t day, const atomic_bool *stop, char why[static SCHEMA_WHY])
{
	int64_t thinned;
	int r = maintain_ask(db, "SELECT count(*) FROM d.thinned", 0, 0, &thinned, why);

	/* A thinned day no longer knows its minutes; what was taken of them stays right. */
	if (r >= 0 && !thinned)
		r = take_traffic(db, day, stop, why);
	if (r >= 0 && !thinned)
		r = take_pressure(db, day, why);
	if (r >= 0)
		r = take_loss(db, day, why);
	return r < 0 ? r : vouch(db, day, why);
}

int maintain_rollup(const char *dir, const struct schema_day *day, const atomic_bool *stop,
		    char why[static SCHEMA_WHY])
{
	_cleanup_(maintain_closep) sqlite3 *db = NULL;
	sqlite3_stmt *st = NULL;
	char path[4096];
	int r = finish_day(dir, day, stop, why);

	if (r >= 0)
		r = maintain_open(dir, HISTORY_FILE, SCHEMA_HISTORY, SCHEMA_WRITE, stop, &db, why);
	if (r >= 0)
		/* the day's own rows may go next */
		r = maintain_exec(db, "PRAGMA synchronous = FULL", why);
	if (r < 0)
		return r;
	snprintf(path, sizeof(path), "%s/%s", dir, day->name);
	if (sqlite3_prepare_v2(db, "ATTACH ?1 AS d", -1, &st, NULL) != SQLITE_OK ||
	    sqlite3_bind_text(st, 1, path, -1, SQLITE_STATIC) != SQLITE_OK ||
	    sqlite3_step(st) != SQLITE_DONE)
		r = maintain_fault(db, why);
	sqlite3_finalize(st);
	if (r >= 0)
		r = maintain_exec(db, "BEGIN IMMEDIATE", why);
	if (r < 0)
		return r;
	return maintain_end(db, take_all(db, (int64_t)(day->from_ns / NSEC_PER_DAY), stop, why),
			    why);
}

int maintain_invalidate(const char *dir, const struct schema_day *day, char why[static SCHEMA_WHY])
{
	_cleanup_(maintain_closep) sqlite3 *db = NULL;
	char path[4096];
	int r;

	snprintf(path, sizeof(path), "%s/" HISTORY_FILE, dir);
	if (access(path, F_OK) < 0)
		return 0;
	r = maintain_open(dir, HISTORY_FILE, SCHEMA_HISTORY, SCHEMA_WRITE, NULL, &db, why);
	if (r >= 0)
		r = maintain_exec(db, "PRAGMA synchronous = FULL", why);
	return r < 0 ? r
		     : maintain_run(db, "DELETE FROM day WHERE day = ?1",
				    (int64_t)(day->from_ns / NSEC_PER_DAY), 0, why);
}
