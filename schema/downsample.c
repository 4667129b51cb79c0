/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A closed day without its ticks: loss and witnesses by the minute, traffic and pressure by the
 * hour. A new file is made beside the old one and takes its place by rename(2); whoever reads the
 * old one goes on with that. */
#include "maintain_priv.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <uthash.h>

#include "pressure_sql.h"

struct sum {
	struct {
		int64_t id;		/* series or device */
		char word[24];		/* counter; zeroes */
	} key;
	int64_t n[3];
	UT_hash_handle hh;
};

/* One table while it is thinned. Rows come in the order of time, and go a minute at a time, in the
 * order of the table. */
struct thin {
	sqlite3 *from, *to;
	const atomic_bool *stop;
	sqlite3_stmt *put, *tick;
	struct sum *sums;
	int64_t minute;			/* its end; rows are (end - 1 min, end] */
	int numbers;
	bool words;
};

static void forget_sums(struct thin *t)
{
	struct sum *s = t->sums, *next;

	HASH_CLEAR(hh, t->sums);
	for (; s; s = next) {
		next = s->hh.next;
		free(s);
	}
}

static int by_key(const struct sum *a, const struct sum *b)
{
	return a->key.id != b->key.id ? (a->key.id > b->key.id) - (a->key.id < b->key.id)
				      : strcmp(a->key.word, b->key.word);
}

static int put_sum(const struct thin *t, const struct sum *s)
{
	int at = 3;

	sqlite3_bind_int64(t->put, 1, t->minute);
	sqlite3_bind_int64(t->put, 2, s->key.id);
	if (t->words)
		sqlite3_bind_text(t->put, at++, s->key.word, -1, SQLITE_STATIC);
	for (int i = 0; i < t->numbers; i++)
		sqlite3_bind_int64(t->put, at++, s->n[i]);
	at = sqlite3_step(t->put);
	sqlite3_reset(t->put);
	return at == SQLITE_DONE ? 0 : schema_fault(t->to);
}

static int flush(struct thin *t)
{
	int r = 0;

	if (!t->sums)
		return 0;
	sqlite3_bind_int64(t->tick, 1, t->minute);
	if (sqlite3_step(t->tick) != SQLITE_DONE)
		r = schema_fault(t->to);
	sqlite3_reset(t->tick);
	HASH_SORT(t->sums, by_key);
	for (const struct sum *s = t->sums; s && r >= 0; s = s->hh.next)
		r = put_sum(t, s);
	forget_sums(t);
	return r;
}

/* Columns: t_ns, id, then the word when there is one, then the numbers. */
static int take_row(struct thin *t, sqlite3_stmt *row)
{
	int64_t minute = ((sqlite3_column_int64(row, 0) - 1) / (int64_t)NSEC_PER_MIN + 1) *
			 (int64_t)NSEC_PER_MIN;
	struct sum *s, probe;
	int at = 2, r = minute != t->minute ? flush(t) : 0;

	if (r < 0)
		return r;
	t->minute = minute;
	memset(&probe, 0, sizeof(probe));
	probe.key.id = sqlite3_column_int64(row, 1);
	if (t->words)
		snprintf(probe.key.word, sizeof(probe.key.word), "%s",
			 (const char *)sqlite3_column_text(row, at++));
	HASH_FIND(hh, t->sums, &probe.key, sizeof(probe.key), s);
	if (!s) {
		s = malloc(sizeof(*s));
		if (!s)
			return -ENOMEM;
		*s = probe;
		HASH_ADD(hh, t->sums, key, sizeof(s->key), s);
	}
	for (int i = 0; i < t->numbers; i++)
		s->n[i] += sqlite3_column_int64(row, at++);
	return 0;
}

static int thin_table(struct thin *t, const char *select, const char *insert)
{
	sqlite3_stmt *row = NULL;
	int rc = SQLITE_DONE, r = 0;

	if (sqlite3_prepare_v2(t->from, select, -1, &row, NULL) != SQLITE_OK)
		return schema_fault(t->from);
	if (sqlite3_prepare_v2(t->to, insert, -1, &t->put, NULL) != SQLITE_OK ||
	    sqlite3_prepare_v2(t->to, "INSERT OR IGNORE INTO tick VALUES (?1, 60000000000)", -1,
			       &t->tick, NULL) != SQLITE_OK)
		r = schema_fault(t->to);
	while (r >= 0 && (rc = sqlite3_step(row)) == SQLITE_ROW)
		r = maintain_stopped(t->stop) ? -EINTR : take_row(t, row);
	if (r >= 0)
		r = rc == SQLITE_DONE ? flush(t) : schema_fault(t->from);
	forget_sums(t);
	sqlite3_finalize(row);
	sqlite3_finalize(t->put);
	sqlite3_finalize(t->tick);
	t->put = t->tick = NULL;
	return r;
}

/* @whole: by the names of its columns, because the file may be of an older version. */
static int prepare_copy(const struct thin *t, const char *name, bool whole, sqlite3_stmt *from,
			sqlite3_stmt **ret)
{
	char sql[1024], *p = sql, *end = sql + sizeof(sql);
	int n = sqlite3_column_count(from);

	p += snprintf(p, (size_t)(end - p), "INSERT INTO %s%s", name, whole ? " (" : "");
	for (int i = 0; whole && i < n && p < end; i++)
		p += snprintf(p, (size_t)(end - p), "%s%s", i ? ", " : "",
			      sqlite3_column_name(from, i));
	for (int i = 0; i < n && p < end; i++)
		p += snprintf(p, (size_t)(end - p),
			      i	      ? ", ?"
			      : whole ? ") VALUES (?"
				      : " VALUES (?");
	if (p + 2 > end)
		return -ENAMETOOLONG;
	strcpy(p, ")");
	return sqlite3_prepare_v2(t->to, sql, -1, ret, NULL) == SQLITE_OK ? 0 : schema_fault(t->to);
}

/* What @select finds goes to table @name; NULL: all of it. */
static int copy_table(const struct thin *t, const char *name, const char *select)
{
	sqlite3_stmt *from = NULL, *to = NULL;
	char all[64];
	int n, r, rc = SQLITE_DONE;

	snprintf(all, sizeof(all), "SELECT * FROM %s", name);
	if (sqlite3_prepare_v2(t->from, select ? select : all, -1, &from, NULL) != SQLITE_OK)
		return schema_fault(t->from);
	n = sqlite3_column_count(from);
	r = prepare_copy(t, name, !select, from, &to);
	while (r >= 0 && (rc = sqlite3_step(from)) == SQLITE_ROW) {
		for (int i = 0; i < n; i++)
			sqlite3_bind_value(to, i + 1, sqlite3_column_value(from, i));
		r = sqlite3_step(to) == SQLITE_DONE ? 0 : schema_fault(t->to);
		sqlite3_reset(to);
	}
	if (r >= 0 && rc != SQLITE_DONE)
		r = schema_fault(t->from);
	sqlite3_finalize(from);
	sqlite3_finalize(to);
	return r >= 0 && maintain_stopped(t->stop) ? -EINTR : r;
}

static int fill(sqlite3 *db, void *arg)
{
	static const char *const whole[] = { "epoch",	     "device_baseline", "self",
					     "coverage",     "loss_hour",	"rolled",
					     "traffic_hour", "traffic_rolled" };
	struct thin *t = arg;
	int r = 0;

	t->to = db;
	for (size_t i = 0; i < ARRAY_SIZE(whole) && r >= 0; i++)
		r = copy_table(t, whole[i], NULL);
	if (r >= 0)
		r = copy_table(t, "pressure_hour",
			       "SELECT (t_ns - 1) / " HOUR " * " HOUR ", vm_id, " WAITED_ROWS
			       " FROM pressure GROUP BY 1, 2");
	t->numbers = 3;
	if (r >= 0)
		r = thin_table(t, "SELECT t_ns, series_id, frames, segments, bytes FROM loss",
			       "INSERT INTO loss VALUES (?, ?, ?, ?, ?)");
	t->numbers = 1;
	t->words = true;
	if (r >= 0)
		r = thin_table(t, "SELECT t_ns, device_id, counter, frames FROM witness",
			       "INSERT INTO witness VALUES (?, ?, ?, ?)");
	if (r >= 0 && sqlite3_exec(db, "INSERT INTO thinned VALUES (1, 60000000000, 3600000000000)",
				   NULL, NULL, NULL) != SQLITE_OK)
		r = schema_fault(db);
	return r;
}

int maintain_downsample(const char *dir, const struct schema_day *day, const atomic_bool *stop,
			char why[static SCHEMA_WHY])
{
	_cleanup_(maintain_closep) sqlite3 *from = NULL, *to = NULL;
	struct thin t = { .stop = stop };
	char path[4096];
	int r = maintain_open(dir, day->name, SCHEMA_DAY, SCHEMA_READ, stop, &from, why);

	if (r < 0)
		return r;
	t.from = from;
	snprintf(path, sizeof(path), "%s/%s", dir, day->name);
	r = schema_create(path, SCHEMA_DAY, fill, &t, why);
	if (r < 0)
		return r;
	r = maintain_open(dir, day->name, SCHEMA_DAY, SCHEMA_REWRITE, NULL, &to, why);
	return r < 0 ? r : schema_park(to);
}
