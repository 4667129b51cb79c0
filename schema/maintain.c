/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "maintain.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "downsample.h"
#include "rollup.h"
#include "session.h"

static const char *const suffixes[] = { "", "-wal", "-shm", "-journal" };

/* The days, as this pass finds them. */

struct pass {
	const char *dir;
	const struct maintain_limits *l;
	const atomic_bool *stop;
	struct maintain_done *done;
	uint64_t now_ns;
	struct kept {
		struct schema_day day;
		uint64_t bytes;
		bool rolled_up, downsampled;
		bool left;		/* as it is: damaged, foreign or newer */
	} * days;
	size_t n;
	int first_error;
	char *why;
};

static uint64_t size_of(const char *dir, const char *name)
{
	char path[PATH_MAX];
	uint64_t sum = 0;
	struct stat st;

	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
		snprintf(path, sizeof(path), "%s/%s%s", dir, name, suffixes[i]);
		if (stat(path, &st) == 0)
			sum += (uint64_t)st.st_size;
	}
	return sum;
}

static void delete_file(const char *dir, const char *name)
{
	char path[PATH_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
		snprintf(path, sizeof(path), "%s/%s%s", dir, name, suffixes[i]);
		unlink(path);
	}
}

/* The first failure is the one that is reported. */
static void failed(struct pass *p, int r, const char *why)
{
	if (!p->first_error && r < 0) {
		p->first_error = r;
		snprintf(p->why, SCHEMA_WHY, "%s", why);
	}
}

static int is_rolled_up(sqlite3 *history, const struct schema_day *day, int64_t *ret)
{
	_cleanup_(sql_closep) struct sql q =
		sql_prepare(history, "SELECT count(*) FROM day WHERE day = :day");

	sql_bind_int64(&q, ":day", (int64_t)(day->from_ns / NSEC_PER_DAY));
	return sql_value(&q, ret);
}

static int is_downsampled(sqlite3 *day, int64_t *ret)
{
	_cleanup_(sql_closep) struct sql q = sql_prepare(day, "SELECT count(*) FROM thinned");

	return sql_value(&q, ret);
}

static int look_at(struct pass *p, struct kept *k, sqlite3 *history)
{
	_cleanup_(schema_closep) sqlite3 *db = NULL;
	char why[SCHEMA_WHY];
	int64_t n = 0;
	int r = 0;

	k->bytes = size_of(p->dir, k->day.name);
	if (history)
		r = is_rolled_up(history, &k->day, &n);
	k->rolled_up = r >= 0 && n > 0;
	if (!k->rolled_up)
		return r;
	r = session_open(p->dir, k->day.name, SCHEMA_DAY, SCHEMA_READ, NULL, &db, why);
	if (r >= 0)
		r = is_downsampled(db, &n);
	k->downsampled = r >= 0 && n > 0;
	k->left = r < 0;
	return 0;
}

static int list(struct pass *p)
{
	_cleanup_(freep) struct schema_day *days = NULL;
	_cleanup_(schema_closep) sqlite3 *history = NULL;
	char why[SCHEMA_WHY] = "";
	int r = schema_days(p->dir, &days, &p->n);

	if (r < 0 || !p->n)
		return r;
	p->days = calloc(p->n, sizeof(*p->days));
	if (!p->days)
		return -ENOMEM;
	r = session_open(p->dir, HISTORY_FILE, SCHEMA_HISTORY, SCHEMA_READ, NULL, &history, why);
	if (r < 0 && r != -ENOENT)
		failed(p, r, why);
	for (size_t i = 0; i < p->n; i++) {
		p->days[i].day = days[i];
		r = look_at(p, &p->days[i], history);
		if (r < 0)
			failed(p, r, "history.db cannot be read");
	}
	return 0;
}

static void roll_up_all(struct pass *p)
{
	for (size_t i = 0; i + 1 < p->n && !session_stopped(p->stop); i++) {
		struct kept *k = &p->days[i];
		char why[SCHEMA_WHY] = "";
		int r = k->rolled_up || k->left ? 1 : rollup_day(p->dir, &k->day, p->stop, why);

		if (r > 0)
			continue;
		k->rolled_up = r >= 0;
		p->done->rolled_up += r >= 0;
		k->left = r == -EUCLEAN || r == -EMEDIUMTYPE || r == -EPROTO;
		if (!k->left)
			failed(p, r, why);
	}
}

/* Oldest first, until the newer ones are young enough and fit. */
static void downsample_all(struct pass *p)
{
	uint64_t age = p->l->fine_days * NSEC_PER_DAY, sum = 0;

	for (size_t i = 0; i < p->n; i++)
		sum += p->days[i].downsampled ? 0 : p->days[i].bytes;
	for (size_t i = 0; i + 1 < p->n && !session_stopped(p->stop); i++) {
		struct kept *k = &p->days[i];
		bool old = p->l->fine_days && k->day.to_ns + age <= p->now_ns,
		     big = p->l->fine_bytes && sum > p->l->fine_bytes;
		char why[SCHEMA_WHY] = "";
		int r;

		if (k->downsampled || k->left || !k->rolled_up || (!old && !big))
			continue;
		sum -= k->bytes;
		r = downsample_day(p->dir, &k->day, p->stop, why);
		failed(p, r, why);
		p->done->downsampled += r >= 0;
		k->bytes = size_of(p->dir, k->day.name);
	}
}

/* The newest day is never deleted; one that is not rolled up only when there is no room. */
static void delete_days(struct pass *p)
{
	uint64_t age = p->l->days * NSEC_PER_DAY, sum = 0;

	for (size_t i = 0; i < p->n; i++)
		sum += p->days[i].bytes;
	for (size_t i = 0; i + 1 < p->n && !session_stopped(p->stop); i++) {
		const struct kept *k = &p->days[i];
		bool old = p->l->days && k->day.to_ns + age <= p->now_ns,
		     big = p->l->bytes && sum > p->l->bytes;

		if (!big && !(old && (k->rolled_up || k->left)))
			continue;
		sum -= k->bytes;
		delete_file(p->dir, k->day.name);
		p->done->deleted++;
		p->done->oldest_ns = p->days[i + 1].day.from_ns;
	}
}

/* history.db. A day at a time, so that no transaction is long; pages that are free go back to the
 * file system. */

/* In one transaction. */
static int run_day(sqlite3 *db, const char *const *sql, size_t n, int64_t day,
		   char why[static SCHEMA_WHY])
{
	int r = session_begin(db, why);

	return r < 0 ? r : session_end(db, session_run_day(db, sql, n, day, why), why);
}

static int oldest_hours(sqlite3 *db, int64_t limit, int64_t *ret, char why[static SCHEMA_WHY])
{
	_cleanup_(sql_closep) struct sql q =
		sql_prepare(db, "SELECT min(day) FROM day WHERE hours = 1 AND day < :limit");

	sql_bind_int64(&q, ":limit", limit);
	return session_check(db, sql_value(&q, ret), why);
}

static int delete_hours(struct pass *p, sqlite3 *db, char why[static SCHEMA_WHY])
{
	static const char *const all[] = {
		"DELETE FROM loss_hour WHERE day = :day",
		"DELETE FROM traffic_hour WHERE day = :day",
		"DELETE FROM pressure_hour WHERE day = :day",
		"UPDATE day SET hours = 0 WHERE day = :day",
	};
	int64_t day = 0, limit = (int64_t)(p->now_ns / NSEC_PER_DAY) - (int64_t)p->l->hour_days;
	int r;

	do {
		r = oldest_hours(db, limit, &day, why);
		if (r < 0 || !day || session_stopped(p->stop))
			return r;
		r = run_day(db, all, ARRAY_SIZE(all), day, why);
		p->done->hours_deleted += r >= 0;
	} while (r >= 0);
	return r;
}

static int delete_sums(struct pass *p, sqlite3 *db, char why[static SCHEMA_WHY])
{
	static const char *const all[] = {
		"DELETE FROM loss_hour WHERE day = :day",
		"DELETE FROM traffic_hour WHERE day = :day",
		"DELETE FROM witness_hour WHERE day = :day",
		"DELETE FROM loss_day WHERE day = :day",
		"DELETE FROM traffic_day WHERE day = :day",
		"DELETE FROM coverage WHERE day = :day",
		"DELETE FROM pressure_hour WHERE day = :day",
		"DELETE FROM pressure_day WHERE day = :day",
		"DELETE FROM day WHERE day = :day",
	};
	static const char size[] = "SELECT (page_count - freelist_count) * page_size FROM "
				   "pragma_page_count, pragma_freelist_count, pragma_page_size";
	/* A day that still has its file is read from there; without it, its sums go. */
	static const char oldest[] =
		"SELECT min(day) FROM day WHERE (SELECT count(*) FROM day) > 1";
	int64_t day = 0, used = 0;
	int r;

	do {
		r = session_value(db, size, &used, why);
		if (r < 0 || (uint64_t)used <= p->l->history_bytes || session_stopped(p->stop))
			return r;
		r = session_value(db, oldest, &day, why);
		if (r < 0 || !day)
			return r;
		r = run_day(db, all, ARRAY_SIZE(all), day, why);
		p->done->sums_deleted += r >= 0;
	} while (r >= 0);
	return r;
}

static void trim_history(struct pass *p)
{
	_cleanup_(schema_closep) sqlite3 *db = NULL;
	char why[SCHEMA_WHY] = "", path[PATH_MAX];
	int r;

	snprintf(path, sizeof(path), "%s/" HISTORY_FILE, p->dir);
	if ((!p->l->hour_days && !p->l->history_bytes) || access(path, F_OK) < 0)
		return;
	r = session_open(p->dir, HISTORY_FILE, SCHEMA_HISTORY, SCHEMA_WRITE, p->stop, &db, why);
	if (r >= 0 && p->l->hour_days)
		r = delete_hours(p, db, why);
	if (r >= 0 && p->l->history_bytes)
		r = delete_sums(p, db, why);
	if (r >= 0 && (p->done->hours_deleted || p->done->sums_deleted))
		r = session_exec(db, "PRAGMA incremental_vacuum", why);
	failed(p, r, why);
}

int maintain(const char *dir, const struct maintain_limits *l, uint64_t now_ns,
	     const atomic_bool *stop, struct maintain_done *ret, char why[static SCHEMA_WHY])
{
	struct pass p = {
		.dir = dir,
		.l = l,
		.stop = stop,
		.done = ret,
		.now_ns = now_ns,
		.why = why,
	};
	int r;

	*ret = (struct maintain_done){ 0 };
	r = list(&p);
	if (r < 0)
		return why_set(r, why, "%s cannot be read: %s", dir, strerror(-r));
	roll_up_all(&p);
	downsample_all(&p);
	delete_days(&p);
	trim_history(&p);
	free(p.days);
	return session_stopped(stop) ? -EINTR : p.first_error;
}
