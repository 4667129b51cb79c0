/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "db.h"

#include <errno.h>

int db_fail(struct store_db *d, int error, const char *text)
{
	return why_set(error, d->error, "%s: %s", d->path, text);
}

static void on_failed(struct sql_kept *k, int error)
{
	struct store_db *d = CONTAINER_OF(k, struct store_db, sql);
	int kind = sqlite3_errcode(k->db) & 0xff;

	d->sick |= kind == SQLITE_IOERR || kind == SQLITE_CANTOPEN || kind == SQLITE_READONLY ||
		   error == -EUCLEAN || error == -EMEDIUMTYPE;
	db_fail(d, error, sql_why(k->db));
}

void db_init(struct store_db *d, enum schema_kind kind, enum schema_mode mode, char *error)
{
	d->kind = kind;
	d->mode = mode;
	d->error = error;
	d->sql.failed = on_failed;
}

int db_ready(struct store_db *d)
{
	int r;

	if (d->sql.db)
		return 0;
	if (d->met && access(d->path, F_OK) < 0)
		return db_fail(d, -errno, "it was removed while in use");
	r = schema_open(d->path, d->kind, d->mode, &d->sql.db, d->error);
	if (r >= 0 && d->opened)
		r = d->opened(d);
	if (r < 0)
		db_close(d);
	else
		d->met = true;
	return r;
}

void db_close(struct store_db *d)
{
	sql_kept_clear(&d->sql);
	if ((d->sick || d->leave_wal) && d->sql.db) {
		sqlite3_db_config(d->sql.db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
		sqlite3_close_v2(d->sql.db);
	} else {
		schema_close(d->sql.db);
	}
	d->sql.db = NULL;
	d->sick = false;
}

struct sql db_sql(struct store_db *d, const char *sql)
{
	int r = db_ready(d);

	if (r < 0)
		return (struct sql){ .error = r };
	return sql_keep(&d->sql, sql);
}

int db_run(struct store_db *d, const char *sql)
{
	struct sql q = db_sql(d, sql);

	return sql_run(&q);
}

int db_exec(struct store_db *d, const char *sql)
{
	int r = sql_exec(d->sql.db, sql);

	if (r < 0)
		on_failed(&d->sql, r);
	return r;
}

int db_begin(struct store_db *d)
{
	int r = db_ready(d);

	if (r < 0)
		return r;
	r = db_run(d, "BEGIN IMMEDIATE");
	if (r < 0 && d->sick)
		db_close(d);
	return r;
}

int db_end(struct store_db *d, int r)
{
	int e = r >= 0 ? db_run(d, "COMMIT") : 0;

	r = e < 0 ? e : r;
	if (r < 0)
		sql_rollback(d->sql.db);
	if (d->sick)
		db_close(d);
	return r;
}
