/* SPDX-License-Identifier: GPL-2.0-or-later */
/* maintain_priv - what absorb.c, thin.c and tidy.c share. */
#ifndef TAPLOSS_SCHEMA_MAINTAIN_PRIV_H
#define TAPLOSS_SCHEMA_MAINTAIN_PRIV_H

#include "schema_priv.h"
#include "maintain.h"

#define HOUR "3600000000000"
#define HISTORY_FILE "history.db"

/* Opens a file of @dir; long statements on it end with -EINTR when @stop becomes true. */
int maintain_open(const char *dir, const char *name, enum schema_kind kind, enum schema_mode mode,
		  const atomic_bool *stop, sqlite3 **ret, char why[static SCHEMA_WHY]);

/* Runs statements; a failure is said in @why. */
int maintain_exec(sqlite3 *db, const char *sql, char why[static SCHEMA_WHY]);
/* One statement, with ?1 = @a, ?2 = @b. */
int maintain_run(sqlite3 *db, const char *sql, int64_t a, int64_t b, char why[static SCHEMA_WHY]);
/* Its first value; 0 when it is NULL or there is no row. */
int maintain_ask(sqlite3 *db, const char *sql, int64_t a, int64_t b, int64_t *ret,
		 char why[static SCHEMA_WHY]);
int maintain_fault(sqlite3 *db, char why[static SCHEMA_WHY]);

/* COMMIT when @r is not negative, else ROLLBACK. */
int maintain_end(sqlite3 *db, int r, char why[static SCHEMA_WHY]);

static inline bool maintain_stopped(const atomic_bool *stop)
{
	return stop && atomic_load_explicit(stop, memory_order_relaxed);
}

static inline void maintain_closep(sqlite3 **db)
{
	*db = schema_close(*db);
}

#endif
