/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "migrate.h"

#include <stdio.h>

static const char *const meta_steps[SCHEMA_META_VERSION] = {
#include "schema/meta_0001.sql.h"
	,
#include "schema/meta_0002.sql.h"
};
static const char *const day_steps[SCHEMA_DAY_VERSION] = {
#include "schema/day_0001.sql.h"
	,
#include "schema/day_0002.sql.h"
};
static const char *const history_steps[SCHEMA_HISTORY_VERSION] = {
#include "schema/history_0001.sql.h"
	,
#include "schema/history_0002.sql.h"
};

const struct schema_def *schema_def(enum schema_kind kind)
{
	static const struct schema_def defs[] = {
		[SCHEMA_META] = { SCHEMA_META_APPID, SCHEMA_META_VERSION, meta_steps },
		[SCHEMA_DAY] = { SCHEMA_DAY_APPID, SCHEMA_DAY_VERSION, day_steps },
		[SCHEMA_HISTORY] = { SCHEMA_HISTORY_APPID, SCHEMA_HISTORY_VERSION, history_steps },
	};

	return &defs[kind];
}

int schema_migrate(sqlite3 *db, const struct schema_def *def, int from)
{
	char version[64];
	int r = 0;

	for (int v = from; v < def->version && r >= 0; v++)
		r = sql_exec(db, def->steps[v]);
	snprintf(version, sizeof(version), "PRAGMA user_version = %d", def->version);
	return r < 0 ? r : sql_exec(db, version);
}
