/* SPDX-License-Identifier: GPL-2.0-or-later */
/* schema_priv - what the files of schema/ share. */
#ifndef TAPLOSS_SCHEMA_SCHEMA_PRIV_H
#define TAPLOSS_SCHEMA_SCHEMA_PRIV_H

#include "collector/base.h"
#include "schema.h"

/* A kind of file: steps[i] leads from version i to i + 1. A released step is never edited. */
struct schema_def {
	int32_t appid;
	int version;
	const char *const *steps;
};
const struct schema_def *schema_def(enum schema_kind kind);

/* Takes the steps from version @from to the newest. Inside the caller's transaction. */
int schema_migrate(sqlite3 *db, const struct schema_def *def, int from);

/* Writes @why about the last failure on @db; returns it as -errno. */
int schema_say(sqlite3 *db, const char *path, char why[static SCHEMA_WHY]);

/* Writes @why; returns @error. */
int schema_refuse(int error, char why[static SCHEMA_WHY], const char *fmt, ...) _printf_(3, 4);

static inline void schema_closep(sqlite3 **db)
{
	sqlite3_close_v2(*db);
}

#endif
