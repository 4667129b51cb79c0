/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "schema_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define FILE_MODE 0640

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

int schema_refuse(int error, char why[static SCHEMA_WHY], const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, SCHEMA_WHY, fmt, ap);
	va_end(ap);
	return error;
}

int schema_migrate(sqlite3 *db, const struct schema_def *def, int from)
{
	char version[64];
	int rc = SQLITE_OK;

	for (int v = from; v < def->version && rc == SQLITE_OK; v++)
		rc = sqlite3_exec(db, def->steps[v], NULL, NULL, NULL);
	if (rc != SQLITE_OK)
		return schema_fault(db);
	snprintf(version, sizeof(version), "PRAGMA user_version = %d", def->version);
	rc = sqlite3_exec(db, version, NULL, NULL, NULL);
	return rc == SQLITE_OK ? 0 : schema_fault(db);
}

static int open_dir(const char *path)
{
	char copy[PATH_MAX];

	if (snprintf(copy, sizeof(copy), "%s", path) >= (int)sizeof(copy))
		return -ENAMETOOLONG;
	int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* SQLite gives its -wal and -shm the mode and the owner of the file itself. */
static int make_file(const char *path, int dirfd)
{
	_cleanup_(close_fdp) int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, FILE_MODE);
	struct stat st;

	if (fd < 0)
		return -errno;
	if (fstat(dirfd, &st) == 0 && st.st_gid != getegid() &&
	    fchown(fd, (uid_t)-1, st.st_gid) < 0)
		return 0;	/* not ours to give away; then the group cannot read it */
	return fchmod(fd, FILE_MODE) < 0 ? -errno : 0;	/* whatever the umask is */
}

static int write_all(sqlite3 *db, const struct schema_def *def, schema_fill_fn *fill, void *arg)
{
	char appid[64];
	int r;

	/* Rows of the history are deleted one day; those of a day's file never are. */
	if (def->appid == SCHEMA_HISTORY_APPID &&
	    sqlite3_exec(db, "PRAGMA auto_vacuum = INCREMENTAL", NULL, NULL, NULL) != SQLITE_OK)
		return schema_fault(db);
	/* Nobody sees the file before it is done: a rollback journal on disk would only cost. */
	if (sqlite3_exec(db,
			 "PRAGMA page_size = 4096; PRAGMA journal_mode = MEMORY; PRAGMA "
			 "synchronous = FULL; BEGIN",
			 NULL, NULL, NULL) != SQLITE_OK)
		return schema_fault(db);
	r = schema_migrate(db, def, 0);
	if (r < 0)
		return r;
	snprintf(appid, sizeof(appid), "PRAGMA application_id = %d", (int)def->appid);
	if (sqlite3_exec(db, appid, NULL, NULL, NULL) != SQLITE_OK)
		return schema_fault(db);
	r = fill ? fill(db, arg) : 0;
	if (r < 0)
		return r;
	/* WAL from the start: to turn to it later takes a lock that readers would have to give way
	 * to. */
	if (sqlite3_exec(db, "COMMIT; PRAGMA journal_mode = WAL", NULL, NULL, NULL) != SQLITE_OK)
		return schema_fault(db);
	return 0;
}

static int build(const char *tmp, int dirfd, const struct schema_def *def, schema_fill_fn *fill,
		 void *arg, char why[static SCHEMA_WHY])
{
	_cleanup_(schema_closep) sqlite3 *db = NULL;
	int r = make_file(tmp, dirfd);

	if (r < 0)
		return schema_refuse(r, why, "%s cannot be made: %s", tmp, strerror(-r));
	if (sqlite3_open_v2(tmp, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) !=
	    SQLITE_OK)
		return schema_say(db, tmp, why);
	r = write_all(db, def, fill, arg);
	if (r < 0)
		return schema_refuse(r, why, "%s cannot be made: %s (%s)", tmp, strerror(-r),
				     sqlite3_errmsg(db));
	return 0;
}

static void remove_all(const char *path)
{
	static const char *const tails[] = { "", "-wal", "-shm", "-journal" };
	char name[PATH_MAX + 16];

	for (size_t i = 0; i < ARRAY_SIZE(tails); i++) {
		snprintf(name, sizeof(name), "%s%s", path, tails[i]);
		unlink(name);
	}
}

int schema_create(const char *path, enum schema_kind kind, schema_fill_fn *fill, void *arg,
		  char why[static SCHEMA_WHY])
{
	_cleanup_(close_fdp) int dirfd = open_dir(path);
	char tmp[PATH_MAX];
	int r;

	if (dirfd < 0)
		return schema_refuse(dirfd, why, "%s cannot be made: %s", path, strerror(-dirfd));
	if (snprintf(tmp, sizeof(tmp), "%s.new", path) >= (int)sizeof(tmp))
		return schema_refuse(-ENAMETOOLONG, why, "%s cannot be made: the name is too long",
				     path);
	remove_all(tmp);	/* of an attempt that was cut off */
	r = build(tmp, dirfd, schema_def(kind), fill, arg, why);
	if (r >= 0 && (rename(tmp, path) < 0 || fsync(dirfd) < 0))
		r = schema_refuse(-errno, why, "%s cannot be made: %s", path, strerror(errno));
	if (r < 0)
		remove_all(tmp);
	return r;
}
