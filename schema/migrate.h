/* SPDX-License-Identifier: GPL-2.0-or-later */
/* migrate - the kinds of file, and the steps from each version of one to the next (*_NNNN.sql). */
#ifndef TAPLOSS_SCHEMA_MIGRATE_H
#define TAPLOSS_SCHEMA_MIGRATE_H

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

#endif
