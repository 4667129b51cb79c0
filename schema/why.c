/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "why.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "sql.h"

int why_set(int error, char why[static SCHEMA_WHY], const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, SCHEMA_WHY, fmt, ap);
	va_end(ap);
	return error;
}

int why_sql(sqlite3 *db, const char *path, char why[static SCHEMA_WHY])
{
	const char *text = sql_why(db);
	int r = sql_fault(db);

	switch (r) {
	case -EUCLEAN:
		return why_set(r, why,
			       "%s is damaged (%s); move it away, with its -wal and -shm, or "
			       "restore a copy",
			       path, text);
	case -EMEDIUMTYPE:
		return why_set(r, why,
			       "%s is not a database; move it away or name another directory",
			       path);
	case -EACCES:
		return why_set(r, why,
			       "%s cannot be opened (%s); run as root or as a member of the group "
			       "that owns it, and check that taplossd was started since the last "
			       "crash",
			       path, text);
	case -ENOSPC:
		return why_set(r, why, "%s cannot be written (%s); make room on its file system",
			       path, text);
	case -EBUSY:
		return why_set(r, why, "%s is in use by another program (%s); try again", path,
			       text);
	default:
		return why_set(r, why, "%s cannot be opened: %s", path, text);
	}
}
