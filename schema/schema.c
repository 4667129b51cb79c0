/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "migrate.h"
#include "why.h"

#define BUSY_MS 5000
#define HEADER_SIZE 100	/* of an SQLite file */
#define HEADER_VERSION 60
#define HEADER_APPID 68

/* Asked of the name, never through a descriptor of our own: closing that would drop SQLite's locks
 * on the file. */
static int look(const char *path, char why[static SCHEMA_WHY])
{
	struct stat st;

	if (stat(path, &st) < 0) {
		int r = -errno;

		return why_set(r, why, "%s: %s%s", path, strerror(-r),
			       r == -EACCES
				       ? "; run as root or as a member of the group that owns it"
				       : "");
	}
	if (!S_ISREG(st.st_mode))
		return why_set(-EMEDIUMTYPE, why,
			       "%s is not a file; move it away or name another directory", path);
	return 0;
}

/* Bytes only in a -wal are a file of ours: SQLite has to put them in their place. */
bool schema_is_empty(const char *path)
{
	char wal[PATH_MAX + 8];
	struct stat st;

	if (stat(path, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size)
		return false;
	snprintf(wal, sizeof(wal), "%s-wal", path);
	return stat(wal, &st) < 0 || !st.st_size;
}

static int64_t be32(const unsigned char *p)
{
	return (int64_t)p[0] << 24 | (int64_t)p[1] << 16 | (int64_t)p[2] << 8 | p[3];
}

static int newer(const char *path, int64_t version, const struct schema_def *def,
		 char why[static SCHEMA_WHY])
{
	return why_set(-EPROTO, why,
		       "%s was written by a newer taploss (schema %lld, this one knows %d); "
		       "update taploss",
		       path, (long long)version, def->version);
}

/* Before SQLite reads it: a foreign file with a hot journal would be rolled back, that is written.
 */
static int recognise(sqlite3 *db, const char *path, const struct schema_def *def,
		     char why[static SCHEMA_WHY])
{
	unsigned char h[HEADER_SIZE];
	sqlite3_file *f = NULL;
	int rc;

	if (sqlite3_file_control(db, "main", SQLITE_FCNTL_FILE_POINTER, &f) != SQLITE_OK || !f ||
	    !f->pMethods)
		return why_set(-EIO, why, "%s cannot be read", path);
	rc = f->pMethods->xRead(f, h, sizeof(h), 0);
	if (rc != SQLITE_OK && rc != SQLITE_IOERR_SHORT_READ)
		return why_set(-EIO, why, "%s cannot be read: %s", path, sqlite3_errstr(rc));
	if (rc != SQLITE_OK || memcmp(h, "SQLite format 3", 16) != 0)
		return why_set(-EMEDIUMTYPE, why,
			       "%s is not a database; move it away or name another directory",
			       path);
	if (be32(h + HEADER_APPID) != def->appid)
		return why_set(
			-EMEDIUMTYPE, why,
			"%s is another program's database (application id 0x%08llx, not 0x%08x); "
			"it is left alone: name another directory",
			path, (long long)be32(h + HEADER_APPID), (unsigned int)def->appid);
	if (be32(h + HEADER_VERSION) > def->version)
		return newer(path, be32(h + HEADER_VERSION), def, why);
	return 0;
}

static int read_version(sqlite3 *db, int *ret)
{
	/* The second column makes SQLite read the whole schema. */
	_cleanup_(sql_closep) struct sql q =
		sql_prepare(db, "SELECT user_version, (SELECT count(*) FROM sqlite_schema) "
				"FROM pragma_user_version");
	int r = sql_step(&q);

	if (r > 0)
		*ret = (int)sql_int64(&q, 0);
	return r < 0 ? r : 0;
}

/* Until the file is known to be ours, closing must not change it either. */
static void hands_off(sqlite3 *db, int on)
{
	sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, on, NULL);
}

static int open_file(const char *name, int flags, sqlite3 **ret)
{
	int rc = sqlite3_open_v2(name, ret, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
				 NULL),
	    one = 1;

	if (rc != SQLITE_OK)
		return sql_fault(*ret);
	sqlite3_busy_timeout(*ret, BUSY_MS);
	sqlite3_db_config(*ret, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(*ret, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	hands_off(*ret, 1);
	/* An unprivileged reader cannot make -wal and -shm: they stay when we go. */
	sqlite3_file_control(*ret, "main", SQLITE_FCNTL_PERSIST_WAL, &one);
	return 0;
}

static bool has_wal(const char *path)
{
	char name[PATH_MAX + 8];
	struct stat st;

	snprintf(name, sizeof(name), "%s-wal", path);
	return stat(name, &st) == 0;
}

/* "file:" URI of @path. */
static char *immutable_uri(const char *path)
{
	char *uri = malloc(strlen(path) * 3 + 32), *p = uri;

	if (!uri)
		return NULL;
	p += sprintf(p, "file:%s", *path == '/' ? "//" : "");
	for (; *path; path++)
		p += sprintf(p, strchr("?#%", *path) ? "%%%02X" : "%c", (unsigned char)*path);
	strcpy(p, "?immutable=1");
	return uri;
}

static int reopen(const char *name, int flags, sqlite3 **db, int *version)
{
	int r;

	sqlite3_close_v2(*db);
	*db = NULL;
	r = open_file(name, flags, db);
	return r < 0 ? r : read_version(*db, version);
}

static int reopen_immutable(const char *path, sqlite3 **db, int *version)
{
	char *uri = immutable_uri(path);
	int r = uri ? reopen(uri, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, db, version) : -ENOMEM;

	free(uri);
	return r;
}

/* A file in WAL mode without -wal: a copy, or somebody's sqlite3 shell was the last to close it. A
 * reader that may not make that file cannot open it the normal way. No writer is at work (ours
 * keeps -wal), so the file does not change. */
static int get_version(const char *path, enum schema_mode mode, sqlite3 **db, int *ret)
{
	int r = read_version(*db, ret), rc;

	if (r >= 0 || mode != SCHEMA_READ)
		return r;
	rc = sqlite3_errcode(*db) & 0xff;
	if ((rc != SQLITE_CANTOPEN && rc != SQLITE_READONLY) || has_wal(path))
		return r;
	r = reopen_immutable(path, db, ret);
	if (has_wal(path)) /* a writer came just now, and with it what we could not make */
		r = reopen(path, SQLITE_OPEN_READONLY, db, ret);
	return r;
}

static int set_up_read(sqlite3 *db)
{
	return sql_exec(db, "PRAGMA query_only = 1; PRAGMA cache_size = -8000");
}

static int set_up_write(sqlite3 *db, const struct schema_def *def, int version,
			enum schema_mode mode)
{
	/* synchronous: a power failure may take the newest transactions, in order, never the file;
	 * the writer syncs when it matters. secure_delete is on in Debian's build and would write
	 * pages that nobody needs. */
	int r = sql_exec(db, "PRAGMA synchronous = NORMAL; PRAGMA secure_delete = 0; "
			     "PRAGMA temp_store = MEMORY; PRAGMA cache_size = -4000; "
			     "PRAGMA journal_size_limit = 4194304; PRAGMA foreign_keys = 1");

	if (r >= 0 && mode == SCHEMA_WRITE)
		r = sql_exec(db, "PRAGMA journal_mode = WAL");
	if (r < 0 || version == def->version)
		return r;
	r = sql_begin(db);
	if (r >= 0)
		r = schema_migrate(db, def, version);
	return r < 0 ? r : sql_commit(db);	/* a failure takes the connection with it */
}

int schema_open(const char *path, enum schema_kind kind, enum schema_mode mode, sqlite3 **ret,
		char why[static SCHEMA_WHY])
{
	const struct schema_def *def = schema_def(kind);
	_cleanup_(sql_close_dbp) sqlite3 *db = NULL;
	int r = look(path, why), version = 0;

	if (mode == SCHEMA_WRITE && (r == -ENOENT || schema_is_empty(path)))
		r = schema_create(path, kind, NULL, NULL, why);
	if (r < 0)
		return r;
	if (open_file(path, mode == SCHEMA_READ ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE,
		      &db) < 0)
		return why_sql(db, path, why);
	r = recognise(db, path, def, why);
	if (r < 0)
		return r;
	if (mode != SCHEMA_READ && sqlite3_db_readonly(db, "main"))
		return why_set(-EACCES, why, "%s may not be written by this user", path);
	if (get_version(path, mode, &db, &version) < 0)
		return why_sql(db, path, why);
	if (version > def->version)
		return newer(path, version, def, why);
	if (version < 1)
		return why_set(-EUCLEAN, why,
			       "%s is damaged (no schema version); move it away or restore a copy",
			       path);
	r = mode == SCHEMA_READ ? set_up_read(db) : set_up_write(db, def, version, mode);
	if (r < 0)
		return why_sql(db, path, why);
	hands_off(db, mode == SCHEMA_READ);
	*ret = TAKE_PTR(db);
	return 0;
}

sqlite3 *schema_close(sqlite3 *db)
{
	if (db && !sqlite3_db_readonly(db, "main")) {
		/* a reader may be slow; what is left is read from -wal */
		sqlite3_busy_timeout(db, 0);
		sqlite3_wal_checkpoint_v2(db, "main", SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	}
	sqlite3_close_v2(db);
	return NULL;
}

int schema_park(sqlite3 *db)
{
	int off = 0, r;

	sqlite3_file_control(db, "main", SQLITE_FCNTL_PERSIST_WAL, &off);
	sqlite3_busy_timeout(db, 0);
	r = sql_exec(db, "PRAGMA journal_mode = DELETE");
	sqlite3_busy_timeout(db, BUSY_MS);
	return r;
}

static int check(sqlite3 *db, const char *path, char why[static SCHEMA_WHY])
{
	_cleanup_(sql_closep) struct sql q = sql_prepare(db, "PRAGMA quick_check(1)");

	if (sql_step(&q) <= 0)
		return why_sql(db, path, why);
	if (strcmp(sql_text(&q, 0), "ok") != 0)
		return why_set(-EUCLEAN, why,
			       "%s is damaged (%.300s); move it away, with its -wal and -shm, or "
			       "restore a copy",
			       path, sql_text(&q, 0));
	return 0;
}

int schema_check(const char *path, enum schema_kind kind, char why[static SCHEMA_WHY])
{
	_cleanup_(sql_close_dbp) sqlite3 *db = NULL;
	int r = schema_open(path, kind, SCHEMA_READ, &db, why);

	return r < 0 ? r : check(db, path, why);
}
