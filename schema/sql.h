/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sql - statements of SQLite: values are bound by name, rows are stepped, failures are -errno.
 *
 *	_cleanup_(sql_closep) struct sql q = sql_prepare(db, "SELECT a, b FROM t WHERE c = :c");
 *	int r;
 *
 *	sql_bind_int64(&q, ":c", 7);
 *	while ((r = sql_step(&q)) > 0)
 *		use(sql_int64(&q, 0), sql_text(&q, 1));
 *	return r < 0 ? report(r, sql_why(db)) : 0;
 *
 * A failure to prepare or to bind is kept in the statement, and the next sql_step(), sql_run() or
 * sql_value() returns it: these are the only places to check. A name that is not in the statement,
 * and a parameter that was not bound since the last reset, are errors of the programmer and abort.
 * One thread for each connection. */
#ifndef TAPLOSS_SCHEMA_SQL_H
#define TAPLOSS_SCHEMA_SQL_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SQL_NAMES 24		/* parameters whose index is remembered, of one statement */
#define SQL_KEPT 96		/* statements in a struct sql_kept */

struct sql_kept;

/* One statement, while it is used. */
struct sql {
	sqlite3 *db;
	sqlite3_stmt *st;	/* NULL: it could not be prepared */
	struct sql_kept *kept;	/* whose statement it is; NULL: its own, sql_close() finalizes it */
	int error;		/* the first failure to prepare or bind it, -errno; 0: none */
	bool running;		/* stepped since the last reset */
	int bound;		/* parameters bound since the last reset */
	/* the names bound so far, in order, and the index of each: looked up once */
	const char *names[SQL_NAMES];
	unsigned char at[SQL_NAMES];
};

/* @sql is one statement; it is not used after the call. */
struct sql sql_prepare(sqlite3 *db, const char *sql);

/* Statements that stay prepared as long as their connection is open: for writers that run the same
 * ones again and again. @failed, when not NULL, is called for each failure of one of them, before
 * it is returned. Initialise to zero, but for @db and @failed. */
struct sql_kept {
	sqlite3 *db;
	void (*failed)(struct sql_kept *k, int error);
	unsigned int n;
	struct {
		const char *sql;
		sqlite3_stmt *st;
	} all[SQL_KEPT];
};

/* Like sql_prepare(). @sql must be a string literal: its address is what it is found by. Two uses
 * of one statement at the same time are an error of the programmer. */
struct sql sql_keep(struct sql_kept *k, const char *sql);

/* Finalizes all statements; they must not be used any more. */
void sql_kept_clear(struct sql_kept *k);

/* Binding. @name is a string literal with its colon, ":vm_id". Text and blobs are borrowed until
 * the statement is reset; NULL binds NULL. */
void sql_bind_int64(struct sql *q, const char *name, int64_t value);
void sql_bind_uint64(struct sql *q, const char *name, uint64_t value);	/* up to INT64_MAX */
void sql_bind_double(struct sql *q, const char *name, double value);
void sql_bind_text(struct sql *q, const char *name, const char *text);
void sql_bind_blob(struct sql *q, const char *name, const void *blob, size_t len);
void sql_bind_null(struct sql *q, const char *name);
/* NULL unless @known. */
void sql_bind_known(struct sql *q, const char *name, bool known, int64_t value);
/* Binds each column of the row that @from stands on, in order, to the first parameters of @q. */
void sql_bind_row(struct sql *q, const struct sql *from);

/* 1: @q stands on a row, the first one or the next; 0: there are no more; or -errno. After 0 and
 * -errno it is reset and can be bound and run again. */
int sql_step(struct sql *q);

/* Runs @q to its end, rows are passed over, and resets it. 0 or -errno. */
int sql_run(struct sql *q);

/* Runs @q for the first column of its first row, and resets it. *ret is 0 when that is NULL or
 * there is no row. 0 or -errno. */
int sql_value(struct sql *q, int64_t *ret);

/* Resets @q before its last row was reached. Bindings are gone, as far as the caller is concerned.
 */
void sql_reset(struct sql *q);

/* Resets a statement that is kept, finalizes all others. Safe on one that was never prepared. */
void sql_close(struct sql *q);

static inline void sql_closep(struct sql *q)
{
	sql_close(q);
}

/* Columns of the row that @q stands on, from 0. NULL reads as 0 or "". Pointers are valid until
 * the next step or reset. */
int64_t sql_int64(const struct sql *q, int column);
uint64_t sql_uint64(const struct sql *q, int column);
double sql_double(const struct sql *q, int column);
const char *sql_text(const struct sql *q, int column);
const char *sql_text_or_null(const struct sql *q, int column);
const void *sql_blob(const struct sql *q, int column, size_t *ret_len);
bool sql_is_null(const struct sql *q, int column);
int sql_type(const struct sql *q, int column);		/* SQLITE_INTEGER, SQLITE_TEXT, ... */

int sql_columns(const struct sql *q);
const char *sql_column_name(const struct sql *q, int column);

/* One statement or several, without parameters and without rows. 0 or -errno. */
int sql_exec(sqlite3 *db, const char *sql);

/* BEGIN IMMEDIATE, COMMIT, and ROLLBACK where a transaction is open. Read sql_why() before
 * rolling back: that replaces it. */
int sql_begin(sqlite3 *db);
int sql_commit(sqlite3 *db);
void sql_rollback(sqlite3 *db);

/* Rows that the last INSERT, UPDATE or DELETE on @db changed; the id of the last row inserted. */
int64_t sql_changes(sqlite3 *db);
int64_t sql_last_id(sqlite3 *db);

/* Closes a connection as it is, without a checkpoint of our own. */
static inline void sql_close_dbp(sqlite3 **db)
{
	sqlite3_close_v2(*db);
}

/* SQLite's text about the last failure on @db, valid until the next call on it: to have that of a
 * statement that cannot be prepared, run it before the next one is prepared. */
const char *sql_why(sqlite3 *db);

/* The last failure on @db as -errno, never 0; more exact than its code alone: it also asks what the
 * system reported. @db may be NULL: -ENOMEM. */
int sql_fault(sqlite3 *db);

/* SQLite's result code as -errno; 0 for OK, ROW and DONE. -ENOSPC: full, or a failed write. */
int sql_errno(int rc);

#endif
