/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sql.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

/* Failures. */

int sql_errno(int rc)
{
	if (rc == SQLITE_IOERR_WRITE || rc == SQLITE_IOERR_SHMSIZE)
		return -ENOSPC;
	if (rc == SQLITE_IOERR_NOMEM)
		return -ENOMEM;
	switch (rc & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return 0;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_CORRUPT:
		return -EUCLEAN;
	case SQLITE_NOTADB:
		return -EMEDIUMTYPE;
	case SQLITE_PERM:
	case SQLITE_AUTH:
	case SQLITE_READONLY:
		return -EACCES;
	case SQLITE_CONSTRAINT:
	case SQLITE_MISMATCH:
	case SQLITE_RANGE:
	case SQLITE_TOOBIG:
		return -EINVAL;
	case SQLITE_INTERRUPT:
		return -EINTR;
	default:
		return -EIO;
	}
}

static int fault_of(sqlite3 *db)
{
	int rc = db ? sqlite3_extended_errcode(db) : SQLITE_NOMEM;
	int kind = rc & 0xff, sys;

	if (kind != SQLITE_CANTOPEN && kind != SQLITE_IOERR)
		return sql_errno(rc);
	sys = sqlite3_system_errno(db);
	if (sys == ENOSPC || sys == EDQUOT || sys == EFBIG)
		return -ENOSPC;
	if (sys == EACCES || sys == EPERM)
		return -EACCES;
	if (sys == EROFS || sys == EIO)
		return -sys;
	return sql_errno(rc);
}

int sql_fault(sqlite3 *db)
{
	int r = fault_of(db);

	return r ? r : -EIO;
}

const char *sql_why(sqlite3 *db)
{
	return sqlite3_errmsg(db);
}

static int failed(const struct sql *q)
{
	int r = sql_fault(q->db);

	if (q->kept && q->kept->failed)
		q->kept->failed(q->kept, r);
	return r;
}

/* Preparing. */

static void prepare(struct sql *q, const char *sql, unsigned int flags)
{
	if (sqlite3_prepare_v3(q->db, sql, -1, flags, &q->st, NULL) != SQLITE_OK)
		q->error = failed(q);
}

struct sql sql_prepare(sqlite3 *db, const char *sql)
{
	struct sql q = { .db = db };

	prepare(&q, sql, 0);
	return q;
}

struct sql sql_keep(struct sql_kept *k, const char *sql)
{
	struct sql q = { .db = k->db, .kept = k };

	for (unsigned int i = 0; i < k->n; i++)
		if (k->all[i].sql == sql) {
			q.st = k->all[i].st;
			assert(!sqlite3_stmt_busy(q.st));
			return q;
		}
	assert(k->n < SQL_KEPT);
	prepare(&q, sql, SQLITE_PREPARE_PERSISTENT);
	if (q.st) {
		k->all[k->n].sql = sql;
		k->all[k->n++].st = q.st;
	}
	return q;
}

void sql_kept_clear(struct sql_kept *k)
{
	for (unsigned int i = 0; i < k->n; i++)
		sqlite3_finalize(k->all[i].st);
	k->n = 0;
}

void sql_reset(struct sql *q)
{
	q->running = false;
	q->bound = 0;
	if (!q->st)
		return;
	sqlite3_reset(q->st);
	q->error = 0;
}

void sql_close(struct sql *q)
{
	sql_reset(q);
	if (!q->kept)
		sqlite3_finalize(q->st);
	q->st = NULL;
}

/* Binding. */

/* Loops bind the same names in the same order: each is looked up the first time only. */
static int index_of(struct sql *q, const char *name)
{
	int n = q->bound++, at;

	if (n < SQL_NAMES && q->names[n] == name)
		return q->at[n];
	at = sqlite3_bind_parameter_index(q->st, name);
	assert(at > 0);
	if (n < SQL_NAMES && at <= UINT8_MAX) {
		q->names[n] = name;
		q->at[n] = (unsigned char)at;
	}
	return at;
}

static void bound(struct sql *q, int rc)
{
	if (rc != SQLITE_OK && !q->error)
		q->error = failed(q);
}

void sql_bind_int64(struct sql *q, const char *name, int64_t value)
{
	if (q->st)
		bound(q, sqlite3_bind_int64(q->st, index_of(q, name), value));
}

void sql_bind_uint64(struct sql *q, const char *name, uint64_t value)
{
	sql_bind_int64(q, name, (int64_t)value);
}

void sql_bind_double(struct sql *q, const char *name, double value)
{
	if (q->st)
		bound(q, sqlite3_bind_double(q->st, index_of(q, name), value));
}

void sql_bind_text(struct sql *q, const char *name, const char *text)
{
	if (q->st)
		bound(q, sqlite3_bind_text(q->st, index_of(q, name), text, -1, SQLITE_STATIC));
}

void sql_bind_blob(struct sql *q, const char *name, const void *blob, size_t len)
{
	if (q->st)
		bound(q, sqlite3_bind_blob64(q->st, index_of(q, name), blob, len, SQLITE_STATIC));
}

void sql_bind_null(struct sql *q, const char *name)
{
	if (q->st)
		bound(q, sqlite3_bind_null(q->st, index_of(q, name)));
}

void sql_bind_known(struct sql *q, const char *name, bool known, int64_t value)
{
	if (known)
		sql_bind_int64(q, name, value);
	else
		sql_bind_null(q, name);
}

void sql_bind_row(struct sql *q, const struct sql *from)
{
	int n = sqlite3_data_count(from->st);

	for (int i = 0; q->st && i < n; i++, q->bound++)
		bound(q, sqlite3_bind_value(q->st, i + 1, sqlite3_column_value(from->st, i)));
}

/* Running. */

static int end_with(struct sql *q, int r)
{
	sql_reset(q);
	return r;
}

int sql_step(struct sql *q)
{
	int rc;

	if (q->error)
		return end_with(q, q->error);
	if (!q->running)
		assert(q->bound >= sqlite3_bind_parameter_count(q->st));
	q->running = true;
	rc = sqlite3_step(q->st) & 0xff;
	if (rc == SQLITE_ROW)
		return 1;
	return end_with(q, rc == SQLITE_DONE ? 0 : failed(q));
}

int sql_run(struct sql *q)
{
	int r;

	do
		r = sql_step(q);
	while (r > 0);
	return r;
}

int sql_value(struct sql *q, int64_t *ret)
{
	int r = sql_step(q);

	if (r < 0)
		return r;
	*ret = r > 0 ? sql_int64(q, 0) : 0;
	return end_with(q, 0);
}

int sql_exec(sqlite3 *db, const char *sql)
{
	return sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : sql_fault(db);
}

int sql_begin(sqlite3 *db)
{
	return sql_exec(db, "BEGIN IMMEDIATE");
}

int sql_commit(sqlite3 *db)
{
	return sql_exec(db, "COMMIT");
}

void sql_rollback(sqlite3 *db)
{
	if (!sqlite3_get_autocommit(db))
		sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
}

int64_t sql_changes(sqlite3 *db)
{
	return sqlite3_changes64(db);
}

int64_t sql_last_id(sqlite3 *db)
{
	return sqlite3_last_insert_rowid(db);
}

/* Columns. */

int64_t sql_int64(const struct sql *q, int column)
{
	return sqlite3_column_int64(q->st, column);
}

uint64_t sql_uint64(const struct sql *q, int column)
{
	return (uint64_t)sqlite3_column_int64(q->st, column);
}

double sql_double(const struct sql *q, int column)
{
	return sqlite3_column_double(q->st, column);
}

const char *sql_text_or_null(const struct sql *q, int column)
{
	return (const char *)sqlite3_column_text(q->st, column);
}

const char *sql_text(const struct sql *q, int column)
{
	const char *text = sql_text_or_null(q, column);

	return text ? text : "";
}

const void *sql_blob(const struct sql *q, int column, size_t *ret_len)
{
	const void *blob = sqlite3_column_blob(q->st, column);

	*ret_len = (size_t)sqlite3_column_bytes(q->st, column);
	return blob;
}

int sql_type(const struct sql *q, int column)
{
	return sqlite3_column_type(q->st, column);
}

bool sql_is_null(const struct sql *q, int column)
{
	return sql_type(q, column) == SQLITE_NULL;
}

int sql_columns(const struct sql *q)
{
	return sqlite3_column_count(q->st);
}

const char *sql_column_name(const struct sql *q, int column)
{
	return sqlite3_column_name(q->st, column);
}
