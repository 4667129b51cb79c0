/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "collector/clock.h"
#include "store_priv.h"

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
	return db_exec(&s->day, sql);
}

/* A COMMIT that failed with an I/O error may be there all the same. Then the caller's counts are
 * behind the database's, and only a new start sets that right. */
static int settle_doubt(struct store *s)
{
	uint64_t end = 0;
	int r = s->doubt_ns ? store_coverage_end(s, &end) : 0;

	if (r < 0 || !s->doubt_ns)
		return r;
	if (end >= s->doubt_ns)
		return db_fail(&s->day, -ESTALE,
			       "the last tick was stored although the disk failed; restart");
	s->doubt_ns = 0;
	return 0;
}

int store_day_opened(struct store_db *d)
{
	struct store *s = CONTAINER_OF(d, struct store, day);
	int r = limit_size(s);

	store_maintenance_watch(s);
	return r < 0 ? r : settle_doubt(s);
}

/* Takes @day as the newest file. From here on the one before is history, whatever fails. */
static void turn_to(struct store *s, const struct schema_day *day)
{
	/* the thread puts it in its place when it takes the day up */
	s->day.leave_wal = s->opt.background;
	db_close(&s->day);
	s->day.leave_wal = false;
	s->day.met = false;
	s->today = *day;
	path_of(s, day->name, s->day.path);
	s->cover_from_ns = 0;
	hours_clear(&s->hours);
	s->hours.stale = true;
	s->maintenance_ns = 0;
}

int store_day_set_aside(struct store *s)
{
	static const char *const tails[] = { "", "-wal", "-shm" };
	char from[PATH_MAX + 8], to[PATH_MAX + 64];
	unsigned long long now = utc_ns() / NSEC_PER_SEC;

	if (!s->today.name[0])
		return -ENOENT;
	s->day.sick = true;	/* nothing more is written to it */
	db_close(&s->day);
	for (size_t i = 0; i < ARRAY_SIZE(tails); i++) {
		snprintf(from, sizeof(from), "%s%s", s->day.path, tails[i]);
		snprintf(to, sizeof(to), "%s.damaged-%llu%s", s->day.path, now, tails[i]);
		if (rename(from, to) < 0 && errno != ENOENT)
			return -errno;
	}
	snprintf(s->set_aside, sizeof(s->set_aside),
		 "%.40s is damaged; it was renamed to %.40s.damaged-%llu",
		 s->today.name, s->today.name, now);
	return 0;
}

static int resume(struct store *s, const struct schema_day *day)
{
	int r;

	turn_to(s, day);
	r = db_ready(&s->day);
	return r < 0 ? r : store_coverage_end(s, &s->covered_ns);
}

/* The newest day that can be read. What a damaged one knew of the counters since the day before is
 * counted again, as one piece. */
int store_day_resume(struct store *s, char why[static SCHEMA_WHY])
{
	_cleanup_(freep) struct schema_day *days = NULL;
	char path[PATH_MAX];
	size_t n = 0;
	int r = schema_days(s->dir, &days, &n);

	if (r < 0)
		return why_set(r, why, "%s cannot be read: %s", s->dir, strerror(-r));
	for (; n; n--) {
		path_of(s, days[n - 1].name, path);
		if (schema_is_empty(path) && unlink(path) == 0)
			continue;
		r = resume(s, &days[n - 1]);
		/* what is not ours at all (-EMEDIUMTYPE) is left alone */
		if (r != -EUCLEAN || store_day_set_aside(s) < 0)
			break;
		r = 0;
	}
	if (r < 0)
		return why_set(r, why, "%s", s->error);
	if (!n)
		turn_to(s, &(struct schema_day){ 0 });
	s->last_ns = s->covered_ns;
	return 0;
}

const char *store_set_aside(const struct store *s)
{
	return s->set_aside;
}

/* The new day's file: what the old one knows of the counters. */

/* A table of the old file, and where it goes. */
struct copy {
	const char *select, *insert;
	bool of_devices;		/* the first column: those that are gone stay behind */
};

static int is_open(struct store *s, int64_t device_id)
{
	_cleanup_(sql_closep) struct sql q = db_sql(
		&s->meta, "SELECT 1 FROM device WHERE id = :device AND until_ns IS NULL");

	sql_bind_int64(&q, ":device", device_id);
	return sql_step(&q);
}

static int copy_table(struct store *s, sqlite3 *db, const struct copy *c)
{
	_cleanup_(sql_closep) struct sql to = sql_prepare(db, c->insert);
	_cleanup_(sql_closep) struct sql from = db_sql(&s->day, c->select);
	int r;

	if (to.error)
		return to.error;
	while ((r = sql_step(&from)) > 0) {
		int wanted = c->of_devices ? is_open(s, sql_int64(&from, 0)) : 1;

		if (wanted < 0)
			return wanted;
		if (!wanted)
			continue;
		sql_bind_row(&to, &from);
		r = sql_run(&to);
		if (r < 0)
			return r;
	}
	return r;
}

static int fill(sqlite3 *db, void *arg)
{
	static const struct copy all[] = {
		{ .select = "SELECT one, boot_id, map_id FROM epoch",
		  .insert = "INSERT INTO epoch VALUES (?, ?, ?)" },
		{ .select = "SELECT key, born_ns, frames, segments, bytes FROM baseline",
		  .insert = "INSERT INTO baseline VALUES (?, ?, ?, ?, ?)" },
		{ .select = "SELECT device_id, rx_frames, rx_bytes, tx_frames, tx_bytes, "
			    "rx_dropped, tx_dropped, rx_errors, tx_errors, rx_frame_errors, "
			    "qdisc_dropped FROM device_baseline",
		  .insert = "INSERT INTO device_baseline "
			    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		  .of_devices = true },
		{ .select = "SELECT name, total, baseline FROM self",
		  .insert = "INSERT INTO self VALUES (?, ?, ?)" },
	};
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(all) && r >= 0; i++)
		r = copy_table(arg, db, &all[i]);
	return r;
}

/* When a new day's file cannot be created, ticks are still stored in the old one, and the store
 * reports that as the state of source "store". */
static void report_turn(struct store *s, const char *why, uint64_t now_ns)
{
	char text[SCHEMA_WHY + 128];

	snprintf(text, sizeof(text), "cannot create the day's file, still writing to %s: %s",
		 s->today.name, why);
	store_source(s, "store", *why ? "failed" : "ok", *why ? text : "", now_ns);
}

static int turn_day(struct store *s, const struct schema_day *want, uint64_t now_ns)
{
	char path[PATH_MAX], why[SCHEMA_WHY] = "";
	bool first = !s->today.name[0];
	int r;

	path_of(s, want->name, path);
	r = first ? 0 : db_ready(&s->day);
	if (r < 0)
		return r;
	r = schema_create(path, SCHEMA_DAY, first ? NULL : fill, s, why);
	if (r >= 0)
		turn_to(s, want);
	else if (first)
		return why_set(r, s->error, "%s", why);
	report_turn(s, why, now_ns);
	return 0;
}

int store_day_for(struct store *s, uint64_t t_ns)
{
	struct schema_day want;
	int r = 0;

	schema_day_of(t_ns, &want);
	if (!s->today.name[0] || want.from_ns > s->today.from_ns)
		r = turn_day(s, &want, t_ns);
	return r < 0 ? r : db_ready(&s->day);
}
