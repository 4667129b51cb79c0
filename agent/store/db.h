/* SPDX-License-Identifier: GPL-2.0-or-later */
/* db - one database that the store writes: opened when it is needed, given up after an I/O error
 * and opened again, with the statements that stay prepared meanwhile. */
#ifndef TAPLOSS_AGENT_STORE_DB_H
#define TAPLOSS_AGENT_STORE_DB_H

#include <limits.h>

#include "schema/schema.h"

struct store_db {
	struct sql_kept sql;	/* .db NULL: not open, or given up; db_ready() opens it again */
	enum schema_kind kind;
	enum schema_mode mode;
	char path[PATH_MAX];
	bool sick;		/* an I/O error: give it up at the end of the transaction */
	bool leave_wal;		/* no checkpoint when it is closed */
	bool met;		/* was open before: a missing file is not created again */
	int (*opened)(struct store_db *d);	/* what else belongs to opening it; may be NULL */
	char *error;		/* SCHEMA_WHY bytes: the last failure */
};

/* @error: borrowed. The caller fills in the path. */
void db_init(struct store_db *d, enum schema_kind kind, enum schema_mode mode, char *error);

/* Opens it unless it is open. 0, or as schema_open(). */
int db_ready(struct store_db *d);
/* With a checkpoint, except when sick or leave_wal. */
void db_close(struct store_db *d);

/* A statement that stays prepared, of a database that is opened when need be. @sql must be a string
 * literal. Its failures are kept in d->error; those of the disk make @d sick. */
struct sql db_sql(struct store_db *d, const char *sql);

/* The same, run at once, of a statement without parameters. */
int db_run(struct store_db *d, const char *sql);

/* The same of a text that is no literal; @d is open. */
int db_exec(struct store_db *d, const char *sql);

/* BEGIN IMMEDIATE. */
int db_begin(struct store_db *d);
/* COMMIT when @r is not negative, else ROLLBACK. Returns @r, or why it could not be committed. */
int db_end(struct store_db *d, int r);

/* Keeps the text of a failure that is not SQLite's. Returns @error. */
int db_fail(struct store_db *d, int error, const char *text);

#endif
