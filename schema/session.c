/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "session.h"

#include <limits.h>
#include <stdio.h>

#define STEPS 10000	/* of SQLite's virtual machine, between two looks at @stop */

static int is_stopped(void *stop)
{
	return session_stopped(stop);
}

int session_open(const char *dir, const char *name, enum schema_kind kind, enum schema_mode mode,
		 const atomic_bool *stop, sqlite3 **ret, char why[static SCHEMA_WHY])
{
	char path[PATH_MAX];
	int r;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	r = schema_open(path, kind, mode, ret, why);
	if (r >= 0 && stop)
		sqlite3_progress_handler(*ret, STEPS, is_stopped, (void *)(uintptr_t)stop);
	return r;
}

int session_check(sqlite3 *db, int r, char why[static SCHEMA_WHY])
{
	const char *path = sqlite3_db_filename(db, "main");

	if (r < 0)
		why_sql(db, path ? path : "the history", why);
	return r;
}

int session_exec(sqlite3 *db, const char *sql, char why[static SCHEMA_WHY])
{
	return session_check(db, sql_exec(db, sql), why);
}

int session_run(struct sql *q, char why[static SCHEMA_WHY])
{
	return session_check(q->db, sql_run(q), why);
}

int session_value(sqlite3 *db, const char *sql, int64_t *ret, char why[static SCHEMA_WHY])
{
	_cleanup_(sql_closep) struct sql q = sql_prepare(db, sql);

	return session_check(db, sql_value(&q, ret), why);
}

int session_run_day(sqlite3 *db, const char *const *sql, size_t n, int64_t day,
		    char why[static SCHEMA_WHY])
{
	int r = 0;

	for (size_t i = 0; i < n && r >= 0; i++) {
		_cleanup_(sql_closep) struct sql q = sql_prepare(db, sql[i]);

		sql_bind_int64(&q, ":day", day);
		r = session_run(&q, why);
	}
	return r;
}

int session_begin(sqlite3 *db, char why[static SCHEMA_WHY])
{
	return session_check(db, sql_begin(db), why);
}

int session_end(sqlite3 *db, int r, char why[static SCHEMA_WHY])
{
	if (r >= 0)
		r = session_check(db, sql_commit(db), why);
	if (r < 0)
		sql_rollback(db);
	return r;
}
