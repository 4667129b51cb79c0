/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "store_priv.h"

int store_meta_begin(struct store *s)
{
	return db_begin(&s->meta);
}

int store_meta_end(struct store *s, int r)
{
	s->meta_dirty = true;
	return db_end(&s->meta, r);
}

/* In WAL mode with synchronous=NORMAL a COMMIT is in the page cache only. This is what FULL would
 * do at each COMMIT, once for all of them; a row of a day file may point to them afterwards. */
int store_meta_sync(struct store *s)
{
	sqlite3_file *wal = NULL;
	int r;

	if (!s->meta_dirty)
		return 0;
	r = db_ready(&s->meta);
	if (r < 0)
		return r;
	if (sqlite3_file_control(s->meta.sql.db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &wal) ==
		    SQLITE_OK &&
	    wal && wal->pMethods && wal->pMethods->xSync(wal, SQLITE_SYNC_NORMAL) != SQLITE_OK)
		return db_fail(&s->meta, -EIO, "cannot be synced to disk");
	s->meta_dirty = false;
	return 0;
}
