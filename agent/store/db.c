/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store_priv.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int store_say(char *why, int error, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, SCHEMA_WHY, fmt, ap);
	va_end(ap);
	return error;
}

int store_complain(struct store_db *d, int error, const char *words)
{
	return store_say(d->error, error, "%s: %s", d->path, words);
}

int store_fault(struct store_db *d)
{
	int r = schema_fault(d->db), kind = sqlite3_errcode(d->db) & 0xff;

	if (!r)
		r = -EIO;
	d->sick |= kind == SQLITE_IOERR || kind == SQLITE_CANTOPEN || kind == SQLITE_READONLY ||
		   r == -EUCLEAN || r == -EMEDIUMTYPE;
	return store_complain(d, r, sqlite3_errmsg(d->db));
}

int store_ready(struct store_db *d)
{
	int r;

	if (d->db)
		return 0;
	if (d->met && access(d->path, F_OK) < 0)
		return store_complain(d, -errno, "it was taken away");
	r = schema_open(d->path, d->kind, SCHEMA_WRITE, &d->db, d->error);
	if (r >= 0 && d->opened)
		r = d->opened(d);
	if (r < 0)
		store_db_close(d);
	else
		d->met = true;
	return r;
}

void store_db_close(struct store_db *d)
{
	for (unsigned int i = 0; i < d->n_stmts; i++)
		sqlite3_finalize(d->stmts[i].st);
	d->n_stmts = 0;
	if ((d->sick || d->leave_wal) && d->db) {
		sqlite3_db_config(d->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
		sqlite3_close_v2(d->db);
	} else {
		schema_close(d->db);
	}
	d->db = NULL;
	d->sick = false;
}

int store_begin(struct store_db *d)
{
	int r = store_ready(d);

	if (r < 0)
		return r;
	r = store_exec(d, "BEGIN IMMEDIATE", "");
	if (r < 0 && d->sick)
		store_db_close(d);
	return r;
}

int store_end(struct store_db *d, int r)
{
	if (r >= 0) {
		int e = store_exec(d, "COMMIT", "");

		r = e < 0 ? e : r;
	}
	if (r < 0 && !sqlite3_get_autocommit(d->db))
		sqlite3_exec(d->db, "ROLLBACK", NULL, NULL, NULL);
	if (d->sick)
		store_db_close(d);
	return r;
}

int store_stmt(struct store_db *d, const char *sql, sqlite3_stmt **ret)
{
	sqlite3_stmt *st;

	for (unsigned int i = 0; i < d->n_stmts; i++)
		if (d->stmts[i].sql == sql) {
			*ret = d->stmts[i].st;
			return 0;
		}
	if (d->n_stmts == STORE_STMTS)
		return store_complain(d, -ENOBUFS, "too many statements");
	if (sqlite3_prepare_v3(d->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &st, NULL) != SQLITE_OK)
		return store_fault(d);
	d->stmts[d->n_stmts].sql = sql;
	d->stmts[d->n_stmts++].st = st;
	*ret = st;
	return 0;
}

static int bind_number(sqlite3_stmt *st, int at, int64_t value, int64_t none)
{
	return value == none ? sqlite3_bind_null(st, at) : sqlite3_bind_int64(st, at, value);
}

static int bind_all(sqlite3_stmt *st, const char *fmt, va_list ap)
{
	int rc = SQLITE_OK;

	for (int at = 1; *fmt && rc == SQLITE_OK; fmt++, at++) {
		switch (*fmt) {
		case 'i':
			rc = sqlite3_bind_int64(st, at, va_arg(ap, int64_t));
			break;
		case 'u':
			rc = sqlite3_bind_int64(st, at, (int64_t)va_arg(ap, uint64_t));
			break;
		case 'o':
			rc = bind_number(st, at, va_arg(ap, int64_t), 0);
			break;
		case 'n':
			rc = bind_number(st, at, va_arg(ap, int), -1);
			break;
		case 't':
			rc = sqlite3_bind_text(st, at, va_arg(ap, const char *), -1, SQLITE_STATIC);
			break;
		default:
			rc = sqlite3_bind_blob(st, at, va_arg(ap, const struct tl_loss_key *),
					       sizeof(struct tl_loss_key), SQLITE_STATIC);
			break;
		}
	}
	return rc;
}

static int run(struct store_db *d, sqlite3_stmt *st, const char *fmt, va_list ap)
{
	int r = 0;

	if (bind_all(st, fmt, ap) != SQLITE_OK || (sqlite3_step(st) & 0xff) != SQLITE_DONE)
		r = store_fault(d);
	sqlite3_reset(st);
	return r;
}

int store_run_stmt(struct store_db *d, sqlite3_stmt *st, const char *fmt, ...)
{
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = run(d, st, fmt, ap);
	va_end(ap);
	return r;
}

int store_exec(struct store_db *d, const char *sql, const char *fmt, ...)
{
	sqlite3_stmt *st;
	va_list ap;
	int r = store_stmt(d, sql, &st);

	if (r < 0)
		return r;
	va_start(ap, fmt);
	r = run(d, st, fmt, ap);
	va_end(ap);
	return r;
}

int store_next(struct store_db *d, sqlite3_stmt *st)
{
	switch (sqlite3_step(st) & 0xff) {
	case SQLITE_ROW:
		return 1;
	case SQLITE_DONE:
		return 0;
	default:
		return store_fault(d);
	}
}

int store_query(struct store_db *d, sqlite3_stmt **ret, const char *sql, const char *fmt, ...)
{
	sqlite3_stmt *st = NULL;
	va_list ap;
	int r = store_ready(d);

	if (r >= 0)
		r = store_stmt(d, sql, &st);
	if (r < 0)
		return r;
	va_start(ap, fmt);
	if (bind_all(st, fmt, ap) != SQLITE_OK)
		r = store_fault(d);
	va_end(ap);
	*ret = st;
	return r < 0 ? r : store_next(d, st);
}
