/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "migrate.h"
#include "why.h"

#define FILE_MODE 0640

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
	int r = 0;

	/* Rows of the history are deleted one day; those of a day's file never are. */
	if (def->appid == SCHEMA_HISTORY_APPID)
		r = sql_exec(db, "PRAGMA auto_vacuum = INCREMENTAL");
	/* Nobody sees the file before it is complete: a rollback journal would only cost. */
	if (r >= 0)
		r = sql_exec(db, "PRAGMA page_size = 4096; PRAGMA journal_mode = MEMORY; "
				 "PRAGMA synchronous = FULL; BEGIN");
	if (r >= 0)
		r = schema_migrate(db, def, 0);
	snprintf(appid, sizeof(appid), "PRAGMA application_id = %d", (int)def->appid);
	if (r >= 0)
		r = sql_exec(db, appid);
	if (r >= 0 && fill)
		r = fill(db, arg);
	/* WAL from the start: to turn to it later takes a lock that readers would have to give way
	 * to. */
	return r < 0 ? r : sql_exec(db, "COMMIT; PRAGMA journal_mode = WAL");
}

static int build(const char *tmp, int dirfd, const struct schema_def *def, schema_fill_fn *fill,
		 void *arg, char why[static SCHEMA_WHY])
{
	_cleanup_(sql_close_dbp) sqlite3 *db = NULL;
	int r = make_file(tmp, dirfd);

	if (r < 0)
		return why_set(r, why, "%s cannot be created: %s", tmp, strerror(-r));
	if (sqlite3_open_v2(tmp, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) !=
	    SQLITE_OK)
		return why_sql(db, tmp, why);
	r = write_all(db, def, fill, arg);
	if (r < 0)
		return why_set(r, why, "%s cannot be created: %s (%s)", tmp, strerror(-r),
			       sql_why(db));
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
		return why_set(dirfd, why, "%s cannot be created: %s", path, strerror(-dirfd));
	if (snprintf(tmp, sizeof(tmp), "%s.new", path) >= (int)sizeof(tmp))
		return why_set(-ENAMETOOLONG, why, "%s cannot be created: the name is too long",
			       path);
	remove_all(tmp);	/* of an attempt that was cut off */
	r = build(tmp, dirfd, schema_def(kind), fill, arg, why);
	if (r >= 0 && (rename(tmp, path) < 0 || fsync(dirfd) < 0))
		r = why_set(-errno, why, "%s cannot be created: %s", path, strerror(errno));
	if (r < 0)
		remove_all(tmp);
	return r;
}
