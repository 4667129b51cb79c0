/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store_priv.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define PAGE_SIZE 4096
#define MIN_PAGES 1024		/* below this, a day could not hold its own baselines */

static void path_of(const struct store *s, const char *name, char ret[static PATH_MAX])
{
	snprintf(ret, PATH_MAX, "%s/%s", s->dir, name);
}

/* The open day may take what all days together may: closed ones make room for it, it cannot make
 * room for itself. */
static int limit_size(struct store *s)
{
	uint64_t pages = s->opt.max_bytes / PAGE_SIZE;
	char sql[64];

	if (!pages)
		return 0;
	snprintf(sql, sizeof(sql), "PRAGMA max_page_count = %llu",
		 (unsigned long long)(pages > MIN_PAGES ? pages : MIN_PAGES));
	return sqlite3_exec(s->day.db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0
									   : store_fault(&s->day);
}

/* Where the stored time ends. */
static int read_end(struct store *s, uint64_t *ret)
{
	_cleanup_(store_resetp) sqlite3_stmt *st = NULL;
	int r = store_query(&s->day, &st,
			    "SELECT max(coalesce((SELECT to_ns FROM coverage ORDER BY from_ns DESC "
			    "LIMIT 1), 0), "
			    "coalesce((SELECT max(t_ns) FROM tick), 0))",
			    "");

	if (r <= 0)
		return r;
	*ret = store_u64(st, 0);
	return 0;
}

/* A COMMIT that failed with an I/O error may be there all the same. Then the caller's counts are
 * behind the database's, and only a new start sets that right. */
static int settle_doubt(struct store *s)
{
	uint64_t end = 0;
	int r = s->doubt_ns ? read_end(s, &end) : 0;

	if (r < 0 || !s->doubt_ns)
		return r;
	if (end >= s->doubt_ns)
		return store_complain(
			&s->day, -ESTALE,
			"the last tick was stored although the disk failed; start again");
	s->doubt_ns = 0;
	return 0;
}

int store_day_opened(struct store_db *d)
{
	struct store *s = CONTAINER_OF(d, struct store, day);
	int r = limit_size(s);

	store_chores_watch(s);
	return r < 0 ? r : settle_doubt(s);
}

/* Takes @day as the newest file. From here on the one before is history, whatever fails. */
static void turn_to(struct store *s, const struct schema_day *day)
{
	/* the thread puts it in its place when it takes the day up */
	s->day.leave_wal = s->opt.background;
	store_db_close(&s->day);
	s->day.leave_wal = false;
	s->day.met = false;
	s->today = *day;
	path_of(s, day->name, s->day.path);
	s->cover_from_ns = 0;
	hours_clear(&s->hours);
	s->hours.stale = true;
	s->chores_ns = 0;
}

int store_day_resume(struct store *s, char why[static SCHEMA_WHY])
{
	_cleanup_(freep) struct schema_day *days = NULL;
	size_t n = 0;
	int r = schema_days(s->dir, &days, &n);

	if (r < 0)
		return store_say(why, r, "%s cannot be read: %s", s->dir, strerror(-r));
	if (!n)
		return 0;
	turn_to(s, &days[n - 1]);
	r = store_ready(&s->day);
	if (r >= 0)
		r = read_end(s, &s->covered_ns);
	if (r < 0)
		return store_say(why, r, "%s", s->error);
	s->last_ns = s->covered_ns;
	return 0;
}

/* The new day's file: what the old one knows of the counters. */

static int copy_row(sqlite3_stmt *from, sqlite3_stmt *to)
{
	int n = sqlite3_column_count(from), rc = SQLITE_OK;

	for (int i = 0; i < n && rc == SQLITE_OK; i++)
		rc = sqlite3_bind_value(to, i + 1, sqlite3_column_value(from, i));
	if (rc == SQLITE_OK && sqlite3_step(to) == SQLITE_DONE)
		rc = SQLITE_DONE;
	sqlite3_reset(to);
	return rc == SQLITE_DONE ? 0 : -EIO;
}

/* Baselines of devices that are gone stay behind. */
static int is_wanted(struct store *s, const char *table, sqlite3_stmt *row)
{
	_cleanup_(store_resetp) sqlite3_stmt *st = NULL;

	if (strcmp(table, "device_baseline") != 0)
		return 1;
	return store_query(&s->meta, &st, "SELECT 1 FROM device WHERE id = ? AND until_ns IS NULL",
			   "i", sqlite3_column_int64(row, 0));
}

static int copy_table(struct store *s, sqlite3 *db, const char *table, const char *select,
		      const char *insert)
{
	_cleanup_(store_resetp) sqlite3_stmt *from = NULL;
	sqlite3_stmt *to = NULL;
	int r, wanted;

	if (sqlite3_prepare_v2(db, insert, -1, &to, NULL) != SQLITE_OK)
		return schema_fault(db);
	for (r = store_query(&s->day, &from, select, ""); r > 0; r = store_next(&s->day, from)) {
		wanted = is_wanted(s, table, from);
		if (wanted < 0 || (wanted && copy_row(from, to) < 0)) {
			r = wanted < 0 ? wanted : schema_fault(db);
			break;
		}
	}
	sqlite3_finalize(to);
	return r;
}

static int fill(sqlite3 *db, void *arg)
{
	struct store *s = arg;
	int r = copy_table(s, db, "epoch", "SELECT one, boot_id, map_id FROM epoch",
			   "INSERT INTO epoch VALUES (?, ?, ?)");

	if (r >= 0)
		r = copy_table(s, db, "baseline",
			       "SELECT key, born_ns, frames, segments, bytes FROM baseline",
			       "INSERT INTO baseline VALUES (?, ?, ?, ?, ?)");
	if (r >= 0)
		r = copy_table(
			s, db, "device_baseline",
			"SELECT device_id, rx_frames, rx_bytes, tx_frames, tx_bytes, rx_dropped, "
			"tx_dropped, "
			"rx_errors, tx_errors, rx_frame_errors, qdisc_dropped FROM device_baseline",
			"INSERT INTO device_baseline VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
	if (r >= 0)
		r = copy_table(s, db, "self", "SELECT name, total, baseline FROM self",
			       "INSERT INTO self VALUES (?, ?, ?)");
	return r;
}

/* A day that cannot begin is not a tick that cannot be stored: the old file serves on, and says so.
 */
static void say_turn(struct store *s, const char *why, uint64_t now_ns)
{
	char text[SCHEMA_WHY + 128];

	snprintf(text, sizeof(text), "the day's file cannot be made, writing on in %s: %s",
		 s->today.name, why);
	store_source(s, "store", *why ? "failed" : "ok", *why ? text : "", now_ns);
}

static int turn_day(struct store *s, const struct schema_day *want, uint64_t now_ns)
{
	char path[PATH_MAX], why[SCHEMA_WHY] = "";
	bool first = !s->today.name[0];
	int r;

	path_of(s, want->name, path);
	r = first ? 0 : store_ready(&s->day);
	if (r < 0)
		return r;
	r = schema_create(path, SCHEMA_DAY, first ? NULL : fill, s, why);
	if (r >= 0)
		turn_to(s, want);
	else if (first)
		return store_say(s->error, r, "%s", why);
	say_turn(s, why, now_ns);
	return 0;
}

int store_day_for(struct store *s, uint64_t t_ns)
{
	struct schema_day want;
	int r = 0;

	schema_day_of(t_ns, &want);
	if (!s->today.name[0] || want.from_ns > s->today.from_ns)
		r = turn_day(s, &want, t_ns);
	return r < 0 ? r : store_ready(&s->day);
}
