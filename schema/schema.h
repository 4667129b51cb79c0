/* SPDX-License-Identifier: GPL-2.0-or-later */
/* schema - contract 2: the files that the agent writes and taplossctl reads.
 *
 * A store is a directory:
 *	meta.db               names and lifetimes, kept; probes
 *	timeline-YYYYMMDD.db  one UTC day; deleting the file deletes its detail and nothing else
 *	history.db            sums of closed days, by hour and by day (rollup.h)
 *	lock                  locked by the running agent, or by `db prune`; holds its pid
 * The newest day file by name is the one in use. Others are parked: journal_mode=DELETE, without
 * -wal and -shm.
 *
 * The tables are described in meta_, day_ and history_NNNN.sql, one file for each version. Each
 * kind of file carries an application_id of ours; user_version is the schema version.
 *
 * No logging: @why is one sentence for a person, without a full stop, that names the file and says
 * what to do. */
#ifndef TAPLOSS_SCHEMA_SCHEMA_H
#define TAPLOSS_SCHEMA_SCHEMA_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sql.h"
#include "why.h"

#define SCHEMA_META_VERSION 2
#define SCHEMA_DAY_VERSION 2
#define SCHEMA_HISTORY_VERSION 2
#define SCHEMA_META_APPID 0x54504c4d	/* "TPLM" */
#define SCHEMA_DAY_APPID 0x54504c44	/* "TPLD" */
#define SCHEMA_HISTORY_APPID 0x54504c48	/* "TPLH" */

enum schema_kind { SCHEMA_META, SCHEMA_DAY, SCHEMA_HISTORY };
enum schema_mode {
	/* existing file, never written; works for an unprivileged reader, also after a crash */
	SCHEMA_READ,
	SCHEMA_WRITE,		/* creates the file when missing, migrates it when older; WAL */
	/* existing file of a day that is over: as SCHEMA_WRITE, but the journal stays as it is */
	SCHEMA_REWRITE,
};

/* What a crash or a full disk leaves of a file, or a reader that opens it too early: nobody's
 * data. schema_open() with SCHEMA_WRITE makes it anew. */
bool schema_is_empty(const char *path);

/* Opens with our pragmas. -ENOENT: no such file (not with SCHEMA_WRITE); -EMEDIUMTYPE: not a
 * database, or not one of ours (it is left as it is); -EPROTO: written by a newer taploss;
 * -EUCLEAN: damaged; -EACCES; -ENOSPC; -EIO. */
int schema_open(const char *path, enum schema_kind kind, enum schema_mode mode, sqlite3 **ret,
		char why[static SCHEMA_WHY]);

/* Closes; a database opened for writing is checkpointed first. NULL is fine; returns NULL. */
sqlite3 *schema_close(sqlite3 *db);

static inline void schema_closep(sqlite3 **db)
{
	*db = schema_close(*db);
}

/* Creates @path whole or not at all: it is written under another name, filled by @fill (NULL: left
 * empty) inside the one transaction, synced, and renamed. Mode 0640, group of the directory. @fill
 * returns 0 or -errno. */
typedef int schema_fill_fn(sqlite3 *db, void *arg);
int schema_create(const char *path, enum schema_kind kind, schema_fill_fn *fill, void *arg,
		  char why[static SCHEMA_WHY]);

/* Turns a day that is over into a file that stands alone, without -wal and -shm. -EBUSY: it is
 * being read. */
int schema_park(sqlite3 *db);

/* The names that these had before. */
static inline int schema_errno(int rc)
{
	return sql_errno(rc);
}

static inline int schema_fault(sqlite3 *db)
{
	return sql_fault(db);
}

struct schema_day {
	uint64_t from_ns, to_ns;	/* UTC midnight to midnight: (from_ns, to_ns] */
	char name[32];			/* file name inside the store's directory */
};

/* Day files in order of time; *ret is malloc()ed, NULL when there are none. Files with other names
 * are passed over. */
int schema_days(const char *dir, struct schema_day **ret, size_t *n);

/* The day file for @t_ns. */
void schema_day_of(uint64_t t_ns, struct schema_day *ret);

/* Is an agent running on this store? 1 and its pid (0: unreadable), 0, or -errno. Takes no lock. */
int schema_agent_running(const char *dir, int *ret_pid);

/* Takes DIR/lock for this process and writes its pid there. *ret keeps it until it
 * is closed. -EBUSY and the holder's pid (0: unreadable). */
int schema_agent_lock(const char *dir, int *ret, int *ret_pid);

/* Checks one file: quick_check, application_id, version. 0 healthy; -EUCLEAN with the first finding
 * in @why; or as schema_open(). Read-only. */
int schema_check(const char *path, enum schema_kind kind, char why[static SCHEMA_WHY]);

#endif
