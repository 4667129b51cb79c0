/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "db_admin.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collector/base.h"
#include "ctl/print/when.h"
#include "schema/sql.h"

static int fail(char why[static READER_WHY], int r, const char *fmt, ...)
	__attribute__((__format__(__printf__, 3, 4)));

static int fail(char why[static READER_WHY], int r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, READER_WHY, fmt, ap);
	va_end(ap);
	return r;
}

/* Prune. */

static int has_store(const char *dir, char why[static READER_WHY])
{
	char meta[PATH_MAX];
	int r;

	snprintf(meta, sizeof(meta), "%s/meta.db", dir);
	if (access(meta, F_OK) == 0)
		return 0;
	r = -errno;
	return fail(why, r, "no store in %s: %s; set --store or TAPLOSS_STORE", dir, strerror(-r));
}

int db_prune(const char *dir, const struct maintain_limits *l, struct maintain_done *ret,
	     char why[static READER_WHY])
{
	_cleanup_(close_fdp) int lock = -1;
	int pid = 0, r = has_store(dir, why);

	if (r < 0)
		return r;
	r = schema_agent_lock(dir, &lock, &pid);
	if (r == -EBUSY)
		return fail(why, r,
			    "taplossd (pid %d) is running on this store and prunes it itself; set "
			    "seconds_days, retention_days and hours_days in taploss.conf, or stop "
			    "taplossd",
			    pid);
	if (r < 0)
		return fail(why, r, "cannot lock %s/lock: %s", dir, strerror(-r));
	return maintain(dir, l, now_ns(), NULL, ret, why);
}

/* Backup. Days first: names that their rows point to are in meta.db by then, and a day that goes
 * meanwhile is in history.db. */

static int sync_path(const char *path, int flags)
{
	_cleanup_(close_fdp) int fd = open(path, flags | O_CLOEXEC);

	return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

static int copy_pages(sqlite3 *from, sqlite3 *to)
{
	sqlite3_backup *b = sqlite3_backup_init(to, "main", from, "main");
	int rc;

	if (!b)
		return sql_fault(to);
	/* In one go: a writer of the same file lets it begin again after each pause. */
	rc = sqlite3_backup_step(b, -1);
	sqlite3_backup_finish(b);
	return rc == SQLITE_DONE ? 0 : sql_errno(rc) < 0 ? sql_errno(rc) : -EIO;
}

static int copy_db(sqlite3 *in, const char *to)
{
	sqlite3 *out = NULL;
	int r = sqlite3_open_v2(to, &out, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL) ==
				SQLITE_OK
			? copy_pages(in, out)
			: sql_fault(out);

	/* As a day that is over: without -wal and -shm, wherever it is put. */
	if (r >= 0)
		r = sql_exec(out, "PRAGMA journal_mode = DELETE");
	sqlite3_close_v2(out);
	return r;
}

/* -ENOENT: there is none, which is no fault. */
static int copy_file(const char *from_dir, const char *to_dir, const char *name,
		     enum schema_kind kind, char why[static READER_WHY])
{
	char from[PATH_MAX], to[PATH_MAX];
	sqlite3 *in = NULL;
	int r;

	snprintf(from, sizeof(from), "%s/%s", from_dir, name);
	snprintf(to, sizeof(to), "%s/%s", to_dir, name);
	r = schema_open(from, kind, SCHEMA_READ, &in, why);
	if (r < 0)
		return r;
	r = copy_db(in, to);
	schema_close(in);
	if (r >= 0)
		r = chmod(to, 0640) < 0 ? -errno : sync_path(to, O_RDONLY);
	if (r == -ENOENT)
		r = -EIO;
	return r < 0 ? fail(why, r, "cannot copy %s to %s: %s", from, to, strerror(-r)) : 0;
}

static int copy_days(const char *from, const char *to, char why[static READER_WHY])
{
	_cleanup_(freep) struct schema_day *days = NULL;
	size_t n = 0;
	int r = schema_days(from, &days, &n);

	if (r < 0)
		return fail(why, r, "no store in %s: %s; set --store or TAPLOSS_STORE", from,
			    strerror(-r));
	for (size_t i = 0; i < n && r >= 0; i++) {
		r = copy_file(from, to, days[i].name, SCHEMA_DAY, why);
		r = r == -ENOENT ? 0 : r; /* retention took it meanwhile */
	}
	return r;
}

static int copy_all(const char *from, const char *to, char why[static READER_WHY])
{
	int r = copy_days(from, to, why);

	if (r < 0)
		return r;
	r = copy_file(from, to, "history.db", SCHEMA_HISTORY, why);
	if (r < 0 && r != -ENOENT)
		return r;
	r = copy_file(from, to, "meta.db", SCHEMA_META, why);
	if (r == -ENOENT)
		fail(why, r, "no store in %s: no meta.db; set --store or TAPLOSS_STORE",
		     from);
	return r;
}

static void remove_dir(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *e;

	while (d && (e = readdir(d)))
		if (e->d_name[0] != '.')
			unlinkat(dirfd(d), e->d_name, 0);
	if (d)
		closedir(d);
	rmdir(dir);
}

static int fill(const char *from, const char *tmp, const char *to, char why[static READER_WHY])
{
	int r = copy_all(from, tmp, why);

	if (r < 0)
		return r;
	r = sync_path(tmp, O_RDONLY | O_DIRECTORY);
	if (r >= 0 && rename(tmp, to) < 0)
		r = -errno;
	return r < 0 ? fail(why, r, "cannot create %s: %s", to, strerror(-r)) : 0;
}

int db_backup(const char *dir, const char *to, char why[static READER_WHY])
{
	_cleanup_(freep) char *tmp = NULL;
	struct stat st;
	int r;

	if (asprintf(&tmp, "%s.new", to) < 0)
		abort();
	if (stat(to, &st) == 0)
		return fail(why, -EEXIST, "%s already exists; name a new directory", to);
	remove_dir(tmp);	/* of a backup that was cut off */
	if (mkdir(tmp, 0750) < 0) {
		r = -errno;
		return fail(why, r, "cannot create %s: %s", tmp, strerror(-r));
	}
	r = fill(dir, tmp, to, why);
	if (r < 0)
		remove_dir(tmp);
	return r;
}
