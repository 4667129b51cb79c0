/* SPDX-License-Identifier: GPL-2.0-or-later */
/* session - a connection to one file of a store, for the long work of maintenance: it can be
 * stopped, and its failures become sentences. */
#ifndef TAPLOSS_SCHEMA_SESSION_H
#define TAPLOSS_SCHEMA_SESSION_H

#include <stdatomic.h>

#include "schema.h"

#define HISTORY_FILE "history.db"
#define HOUR "3600000000000" /* in SQL */

/* Opens a file of @dir; statements on it end with -EINTR soon after @stop becomes true. @stop may
 * be NULL. As schema_open(). */
int session_open(const char *dir, const char *name, enum schema_kind kind, enum schema_mode mode,
		 const atomic_bool *stop, sqlite3 **ret, char why[static SCHEMA_WHY]);

static inline bool session_stopped(const atomic_bool *stop)
{
	return stop && atomic_load_explicit(stop, memory_order_relaxed);
}

/* Writes @why about @r, when that is negative, from the last failure on @db. Returns @r. */
int session_check(sqlite3 *db, int r, char why[static SCHEMA_WHY]);

int session_exec(sqlite3 *db, const char *sql, char why[static SCHEMA_WHY]);
int session_run(struct sql *q, char why[static SCHEMA_WHY]);
/* The first value of @sql, which has no parameters; 0 when that is NULL or there is no row. */
int session_value(sqlite3 *db, const char *sql, int64_t *ret, char why[static SCHEMA_WHY]);
/* Statements whose only parameter is :day, one after the other. */
int session_run_day(sqlite3 *db, const char *const *sql, size_t n, int64_t day,
		    char why[static SCHEMA_WHY]);

int session_begin(sqlite3 *db, char why[static SCHEMA_WHY]);
/* COMMIT when @r is not negative, else ROLLBACK. Returns @r, or why it could not be committed. */
int session_end(sqlite3 *db, int r, char why[static SCHEMA_WHY]);

#endif
