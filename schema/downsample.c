/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "downsample.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <uthash.h>

#include "pressure_sql.h"
#include "session.h"

struct sum {
	struct {
		int64_t id;		/* series or device */
		char counter[24];		/* zero-padded; empty: the table has none */
	} key;
	int64_t n[3];
	UT_hash_handle hh;
};

/* One table while it is summed up. Rows come in the order of time, and are written a minute at a
 * time, in the order of the table. */
struct minutes {
	sqlite3 *from, *to;
	const atomic_bool *stop;
	const struct table *table;
	struct sql put, tick;
	struct sum *sums;
	int64_t end;		/* of the minute: rows are in (end - 1 min, end] */
};

/* Columns: t_ns, the id, the counter when there is one, then the numbers. */
struct table {
	const char *select, *insert;
	bool counter;
	int numbers;
	const char *names[3];		/* of the numbers in @insert */
};

static void forget_sums(struct minutes *m)
{
	struct sum *s = m->sums, *next;

	HASH_CLEAR(hh, m->sums);
	for (; s; s = next) {
		next = s->hh.next;
		free(s);
	}
}

static int by_key(const struct sum *a, const struct sum *b)
{
	return a->key.id != b->key.id ? (a->key.id > b->key.id) - (a->key.id < b->key.id)
				      : strcmp(a->key.counter, b->key.counter);
}

static int put_sum(struct minutes *m, const struct sum *s)
{
	sql_bind_int64(&m->put, ":t_ns", m->end);
	sql_bind_int64(&m->put, ":id", s->key.id);
	if (m->table->counter)
		sql_bind_text(&m->put, ":counter", s->key.counter);
	for (int i = 0; i < m->table->numbers; i++)
		sql_bind_int64(&m->put, m->table->names[i], s->n[i]);
	return sql_run(&m->put);
}

static int flush(struct minutes *m)
{
	int r;

	if (!m->sums)
		return 0;
	sql_bind_int64(&m->tick, ":t_ns", m->end);
	r = sql_run(&m->tick);
	HASH_SORT(m->sums, by_key);
	for (const struct sum *s = m->sums; s && r >= 0; s = s->hh.next)
		r = put_sum(m, s);
	forget_sums(m);
	return r;
}

static int sum_of(struct minutes *m, const struct sum *key, struct sum **ret)
{
	struct sum *s;

	HASH_FIND(hh, m->sums, &key->key, sizeof(key->key), s);
	if (!s) {
		s = malloc(sizeof(*s));
		if (!s)
			return -ENOMEM;
		*s = *key;
		HASH_ADD(hh, m->sums, key, sizeof(s->key), s);
	}
	*ret = s;
	return 0;
}

static int add_row(struct minutes *m, const struct sql *row)
{
	int64_t minute = (int64_t)NSEC_PER_MIN,
		end = ((sql_int64(row, 0) - 1) / minute + 1) * minute;
	int at = 2, r = end != m->end ? flush(m) : 0;
	struct sum key, *s;

	if (r < 0)
		return r;
	m->end = end;
	memset(&key, 0, sizeof(key));
	key.key.id = sql_int64(row, 1);
	if (m->table->counter)
		snprintf(key.key.counter, sizeof(key.key.counter), "%s", sql_text(row, at++));
	r = sum_of(m, &key, &s);
	for (int i = 0; i < m->table->numbers && r >= 0; i++)
		s->n[i] += sql_int64(row, at++);
	return r;
}

static int add_rows(struct minutes *m)
{
	_cleanup_(sql_closep) struct sql row = sql_prepare(m->from, m->table->select);
	int r, e = 0;

	while ((r = sql_step(&row)) > 0) {
		e = session_stopped(m->stop) ? -EINTR : add_row(m, &row);
		if (e < 0)
			return e;
	}
	return r < 0 ? r : flush(m);
}

static int sum_table(struct minutes *m, const struct table *table)
{
	int r;

	m->table = table;
	m->put = sql_prepare(m->to, table->insert);
	m->tick = sql_prepare(m->to, "INSERT OR IGNORE INTO tick VALUES (:t_ns, 60000000000)");
	r = add_rows(m);
	forget_sums(m);
	sql_close(&m->put);
	sql_close(&m->tick);
	return r;
}

/* What is copied as it is. */

/* INSERT of as many values as @from has columns. @whole: by the names of its columns, because the
 * file may be of an older version. */
static int insert_text(const char *name, bool whole, const struct sql *from, char *sql, size_t size)
{
	int n = sql_columns(from);
	char *p = sql, *end = sql + size;

	p += snprintf(p, (size_t)(end - p), "INSERT INTO %s%s", name, whole ? " (" : "");
	for (int i = 0; whole && i < n && p < end; i++)
		p += snprintf(p, (size_t)(end - p), "%s%s", i ? ", " : "",
			      sql_column_name(from, i));
	if (p < end)
		p += snprintf(p, (size_t)(end - p), whole ? ") VALUES (" : " VALUES (");
	for (int i = 0; i < n && p < end; i++)
		p += snprintf(p, (size_t)(end - p), i ? ", ?" : "?");
	if (p + 2 > end)
		return -ENAMETOOLONG;
	strcpy(p, ")");
	return 0;
}

static int copy_rows(const struct minutes *m, struct sql *from, const char *insert)
{
	_cleanup_(sql_closep) struct sql to = sql_prepare(m->to, insert);
	int r, e;

	while ((r = sql_step(from)) > 0) {
		sql_bind_row(&to, from);
		e = sql_run(&to);
		if (e < 0)
			return e;
	}
	return r;
}

/* What @select finds goes to table @name; NULL: all of it. */
static int copy_table(const struct minutes *m, const char *name, const char *select)
{
	char all[64], insert[1024];

	snprintf(all, sizeof(all), "SELECT * FROM %s", name);
	_cleanup_(sql_closep) struct sql from = sql_prepare(m->from, select ? select : all);
	int r = from.error;

	if (r >= 0)
		r = insert_text(name, !select, &from, insert, sizeof(insert));
	if (r >= 0)
		r = copy_rows(m, &from, insert);
	return r >= 0 && session_stopped(m->stop) ? -EINTR : r;
}

static const struct table loss = {
	.select = "SELECT t_ns, series_id, frames, segments, bytes FROM loss",
	.insert = "INSERT INTO loss VALUES (:t_ns, :id, :frames, :segments, :bytes)",
	.numbers = 3,
	.names = { ":frames", ":segments", ":bytes" },
};

static const struct table witness = {
	.select = "SELECT t_ns, device_id, counter, frames FROM witness",
	.insert = "INSERT INTO witness VALUES (:t_ns, :id, :counter, :frames)",
	.counter = true,
	.numbers = 1,
	.names = { ":frames" },
};

static int fill(sqlite3 *db, void *arg)
{
	static const char *const whole[] = { "epoch",	     "device_baseline", "self",
					     "coverage",     "loss_hour",	"rolled",
					     "traffic_hour", "traffic_rolled" };
	struct minutes *m = arg;
	int r = 0;

	m->to = db;
	for (size_t i = 0; i < ARRAY_SIZE(whole) && r >= 0; i++)
		r = copy_table(m, whole[i], NULL);
	if (r >= 0)
		r = copy_table(m, "pressure_hour",
			       "SELECT (t_ns - 1) / " HOUR " * " HOUR ", vm_id, " WAITED_ROWS
			       " FROM pressure GROUP BY 1, 2");
	if (r >= 0)
		r = sum_table(m, &loss);
	if (r >= 0)
		r = sum_table(m, &witness);
	return r < 0 ? r
		     : sql_exec(db, "INSERT INTO thinned VALUES (1, 60000000000, 3600000000000)");
}

int downsample_day(const char *dir, const struct schema_day *day, const atomic_bool *stop,
		   char why[static SCHEMA_WHY])
{
	_cleanup_(schema_closep) sqlite3 *from = NULL, *to = NULL;
	struct minutes m = { .stop = stop };
	char path[PATH_MAX];
	int r = session_open(dir, day->name, SCHEMA_DAY, SCHEMA_READ, stop, &from, why);

	if (r < 0)
		return r;
	m.from = from;
	snprintf(path, sizeof(path), "%s/%s", dir, day->name);
	r = schema_create(path, SCHEMA_DAY, fill, &m, why);
	if (r < 0)
		return r;
	r = session_open(dir, day->name, SCHEMA_DAY, SCHEMA_REWRITE, NULL, &to, why);
	return r < 0 ? r : schema_park(to);
}
