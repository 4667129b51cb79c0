/* SPDX-License-Identifier: GPL-2.0-or-later */
/* why - the sentence that goes with an error: what failed, on which file, why, and what to do. For
 * a person; without a full stop. */
#ifndef TAPLOSS_SCHEMA_WHY_H
#define TAPLOSS_SCHEMA_WHY_H

#include <sqlite3.h>

#include "collector/base.h"

#define SCHEMA_WHY 512		/* bytes of the longest one */

/* Writes it; returns @error. */
int why_set(int error, char why[static SCHEMA_WHY], const char *fmt, ...) _printf_(3, 4);

/* Writes it about the last failure of SQLite on @db, whose file is @path; returns that as -errno.
 */
int why_sql(sqlite3 *db, const char *path, char why[static SCHEMA_WHY]);

#endif
