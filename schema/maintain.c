/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "maintain_priv.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static const char *const tails[] = { "", "-wal", "-shm", "-journal" };

/* One statement after the other. */

static int look_up(void *stop)
{
	return maintain_stopped(stop);
}

int maintain_open(const char *dir, const char *name, enum schema_kind kind, enum schema_mode mode,
		  const atomic_bool *stop, sqlite3 **ret, char why[static SCHEMA_WHY])
{
	char path[PATH_MAX];
	int r;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	r = schema_open(path, kind, mode, ret, why);
	if (r >= 0 && stop)
		sqlite3_progress_handler(*ret, 10000, look_up, (void *)(uintptr_t)stop);
	return r;
}

int maintain_fault(sqlite3 *db, char why[static SCHEMA_WHY])
{
	const char *path = sqlite3_db_filename(db, "main");

	return schema_say(db, path ? path : "the history", why);
}

int maintain_exec(sqlite3 *db, const char *sql, char why[static SCHEMA_WHY])
{
	return sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : maintain_fault(db, why);
}

static int step(sqlite3 *db, const char *sql, int64_t a, int64_t b, sqlite3_stmt **ret,
		char why[static SCHEMA_WHY])
{
	int rc;

	if (sqlite3_prepare_v2(db, sql, -1, ret, NULL) != SQLITE_OK)
		return maintain_fault(db, why);
	sqlite3_bind_int64(*ret, 1, a);
	sqlite3_bind_int64(*ret, 2, b);
	rc = sqlite3_step(*ret);
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : maintain_fault(db, why);
}

int maintain_run(sqlite3 *db, const char *sql, int64_t a, int64_t b, char why[static SCHEMA_WHY])
{
	sqlite3_stmt *st = NULL;
	int r = step(db, sql, a, b, &st, why);

	sqlite3_finalize(st);
	return r;
}

int maintain_ask(sqlite3 *db, const char *sql, int64_t a, int64_t b, int64_t *ret,
		 char why[static SCHEMA_WHY])
{
	sqlite3_stmt *st = NULL;
	int r = step(db, sql, a, b, &st, why);

	*ret = r >= 0 && sqlite3_stmt_busy(st) ? sqlite3_column_int64(st, 0) : 0;
	sqlite3_finalize(st);
	return r;
}

int maintain_end(sqlite3 *db, int r, char why[static SCHEMA_WHY])
{
	if (r >= 0)
		r = maintain_exec(db, "COMMIT", why);
	if (r < 0 && !sqlite3_get_autocommit(db))
		sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
	return r;
}

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
		bool absorbed, thinned, left;	/* left: damaged, foreign or newer; as it is */
	} *days;
	size_t n;
	int first_error;
	char *why;
};

static uint64_t size_of(const char *dir, const char *name)
{
	char path[PATH_MAX];
	uint64_t sum = 0;
	struct stat st;

	for (size_t i = 0; i < ARRAY_SIZE(tails); i++) {
		snprintf(path, sizeof(path), "%s/%s%s", dir, name, tails[i]);
		if (stat(path, &st) == 0)
			sum += (uint64_t)st.st_size;
	}
	return sum;
}

static void forget_file(const char *dir, const char *name)
{
	char path[PATH_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(tails); i++) {
		snprintf(path, sizeof(path), "%s/%s%s", dir, name, tails[i]);
		unlink(path);
	}
}

/* Keeps the first one's words. */
static void failed(struct pass *p, int r, const char *words)
{
	if (!p->first_error && r < 0) {
		p->first_error = r;
		snprintf(p->why, SCHEMA_WHY, "%s", words);
	}
}

static int look_at(struct pass *p, struct kept *k, sqlite3 *history)
{
	_cleanup_(maintain_closep) sqlite3 *db = NULL;
	char why[SCHEMA_WHY];
	int64_t n = 0;
	int r = 0;

	k->bytes = size_of(p->dir, k->day.name);
	if (history)
		r = maintain_ask(history, "SELECT count(*) FROM day WHERE day = ?1",
				 (int64_t)(k->day.from_ns / NSEC_PER_DAY), 0, &n, why);
	k->absorbed = r >= 0 && n > 0;
	if (!k->absorbed)
		return r;
	r = maintain_open(p->dir, k->day.name, SCHEMA_DAY, SCHEMA_READ, NULL, &db, why);
	if (r >= 0)
		r = maintain_ask(db, "SELECT count(*) FROM thinned", 0, 0, &n, why);
	k->thinned = r >= 0 && n > 0;
	k->left = r < 0;
	return 0;
}

static int list(struct pass *p)
{
	_cleanup_(freep) struct schema_day *days = NULL;
	_cleanup_(maintain_closep) sqlite3 *history = NULL;
	char why[SCHEMA_WHY] = "";
	int r = schema_days(p->dir, &days, &p->n);

	if (r < 0 || !p->n)
		return r;
	p->days = calloc(p->n, sizeof(*p->days));
	if (!p->days)
		return -ENOMEM;
	r = maintain_open(p->dir, HISTORY_FILE, SCHEMA_HISTORY, SCHEMA_READ, NULL, &history, why);
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

static void absorb_all(struct pass *p)
{
	for (size_t i = 0; i + 1 < p->n && !maintain_stopped(p->stop); i++) {
		struct kept *k = &p->days[i];
		char why[SCHEMA_WHY] = "";
		int r = k->absorbed || k->left ? 1 : maintain_rollup(p->dir, &k->day, p->stop, why);

		if (r > 0)
			continue;
		k->absorbed = r >= 0;
		p->done->absorbed += r >= 0;
		k->left = r == -EUCLEAN || r == -EMEDIUMTYPE || r == -EPROTO;
		if (!k->left)
			failed(p, r, why);
	}
}

/* Oldest first, until the newer ones are young enough and fit. */
static void thin_all(struct pass *p)
{
	uint64_t age = p->l->fine_days * NSEC_PER_DAY, sum = 0;

	for (size_t i = 0; i < p->n; i++)
		sum += p->days[i].thinned ? 0 : p->days[i].bytes;
	for (size_t i = 0; i + 1 < p->n && !maintain_stopped(p->stop); i++) {
		struct kept *k = &p->days[i];
		bool old = p->l->fine_days && k->day.to_ns + age <= p->now_ns,
		     big = p->l->fine_bytes && sum > p->l->fine_bytes;
		char why[SCHEMA_WHY] = "";
		int r;

		if (k->thinned || k->left || !k->absorbed || (!old && !big))
			continue;
		sum -= k->bytes;
		r = maintain_downsample(p->dir, &k->day, p->stop, why);
		failed(p, r, why);
		p->done->thinned += r >= 0;
		k->bytes = size_of(p->dir, k->day.name);
	}
}

/* The newest day is never forgotten; one that history.db does not know only when there is no room.
 */
static void forget_days(struct pass *p)
{
	uint64_t age = p->l->days * NSEC_PER_DAY, sum = 0;

	for (size_t i = 0; i < p->n; i++)
		sum += p->days[i].bytes;
	for (size_t i = 0; i + 1 < p->n && !maintain_stopped(p->stop); i++) {
		const struct kept *k = &p->days[i];
		bool old = p->l->days && k->day.to_ns + age <= p->now_ns,
		     big = p->l->bytes && sum > p->l->bytes;

		if (!big && !(old && (k->absorbed || k->left)))
			continue;
		sum -= k->bytes;
		forget_file(p->dir, k->day.name);
		p->done->forgotten++;
		p->done->oldest_ns = p->days[i + 1].day.from_ns;
	}
}

/* history.db. A day at a time, so that no transaction is long; pages that are free go back to the
 * file system. */

static int forget_hours(struct pass *p, sqlite3 *db, char why[static SCHEMA_WHY])
{
	static const char *const tables[] = { "DELETE FROM loss_hour WHERE day = ?1",
					      "DELETE FROM traffic_hour WHERE day = ?1",
					      "DELETE FROM pressure_hour WHERE day = ?1",
					      "UPDATE day SET hours = 0 WHERE day = ?1" };
	int64_t day = 0, limit = (int64_t)(p->now_ns / NSEC_PER_DAY) - (int64_t)p->l->hour_days;
	int r;

	do {
		r = maintain_ask(db, "SELECT min(day) FROM day WHERE hours = 1 AND day < ?1", limit,
				 0, &day, why);
		if (r < 0 || !day || maintain_stopped(p->stop))
			return r;
		r = maintain_exec(db, "BEGIN IMMEDIATE", why);
		if (r < 0)
			return r;
		for (size_t i = 0; i < ARRAY_SIZE(tables) && r >= 0; i++)
			r = maintain_run(db, tables[i], day, 0, why);
		r = maintain_end(db, r, why);
		p->done->hours_forgotten += r >= 0;
	} while (r >= 0);
	return r;
}

static int forget_sums(struct pass *p, sqlite3 *db, char why[static SCHEMA_WHY])
{
	static const char *const tables[] = { "DELETE FROM loss_hour WHERE day = ?1",
					      "DELETE FROM traffic_hour WHERE day = ?1",
					      "DELETE FROM witness_hour WHERE day = ?1",
					      "DELETE FROM loss_day WHERE day = ?1",
					      "DELETE FROM traffic_day WHERE day = ?1",
					      "DELETE FROM coverage WHERE day = ?1",
					      "DELETE FROM pressure_hour WHERE day = ?1",
					      "DELETE FROM pressure_day WHERE day = ?1",
					      "DELETE FROM day WHERE day = ?1" };
	int64_t day = 0, used = 0;
	int r;

	for (;;) {
		r = maintain_ask(db,
				 "SELECT (page_count - freelist_count) * page_size FROM "
				 "pragma_page_count, pragma_freelist_count, pragma_page_size",
				 0, 0, &used, why);
		if (r < 0 || (uint64_t)used <= p->l->history_bytes || maintain_stopped(p->stop))
			return r;
		/* A day that still has its file is asked from there; without it, its sums go. */
		r = maintain_ask(db,
				 "SELECT min(day) FROM day WHERE (SELECT count(*) FROM day) > 1", 0,
				 0, &day, why);
		if (r < 0 || !day)
			return r;
		r = maintain_exec(db, "BEGIN IMMEDIATE", why);
		for (size_t i = 0; i < ARRAY_SIZE(tables) && r >= 0; i++)
			r = maintain_run(db, tables[i], day, 0, why);
		r = maintain_end(db, r, why);
		if (r < 0)
			return r;
		p->done->sums_forgotten++;
	}
}

static void trim_history(struct pass *p)
{
	_cleanup_(maintain_closep) sqlite3 *db = NULL;
	char why[SCHEMA_WHY] = "", path[PATH_MAX];
	int r;

	snprintf(path, sizeof(path), "%s/" HISTORY_FILE, p->dir);
	if ((!p->l->hour_days && !p->l->history_bytes) || access(path, F_OK) < 0)
		return;
	r = maintain_open(p->dir, HISTORY_FILE, SCHEMA_HISTORY, SCHEMA_WRITE, p->stop, &db, why);
	if (r >= 0 && p->l->hour_days)
		r = forget_hours(p, db, why);
	if (r >= 0 && p->l->history_bytes)
		r = forget_sums(p, db, why);
	if (r >= 0 && (p->done->hours_forgotten || p->done->sums_forgotten))
		r = maintain_exec(db, "PRAGMA incremental_vacuum", why);
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
		return schema_refuse(r, why, "%s cannot be read: %s", dir, strerror(-r));
	absorb_all(&p);
	thin_all(&p);
	forget_days(&p);
	trim_history(&p);
	free(p.days);
	return maintain_stopped(stop) ? -EINTR : p.first_error;
}
