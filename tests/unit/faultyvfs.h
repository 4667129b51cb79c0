/* SPDX-License-Identifier: GPL-2.0-or-later */
/* faultyvfs - SQLite's way to the disk, with a failure once, or from then on, at the Nth operation
 * that changes the disk; or it kills the process there, in the middle of a write. install_shim() is
 * a group's set-up. Header only. */
#ifndef TAPLOSS_TESTS_UNIT_FAULTYVFS_H
#define TAPLOSS_TESTS_UNIT_FAULTYVFS_H

#include <signal.h>
#include <sqlite3.h>
#include <stdbool.h>

#include "collector/base.h"

/* SQLite has one table of methods for databases and another one for journals. */
struct methods {
	sqlite3_io_methods io;
	const sqlite3_io_methods *real;
};

static struct {
	sqlite3_vfs vfs, *real;
	struct methods methods[4];
	long left;		/* operations until the failure; negative: none to come */
	long run;		/* how many in a row fail then */
	int code;
	bool hit;
	bool no_shm;		/* the index of the -wal must not grow */
	bool kills;		/* the failure is the process's end */
} shim = { .left = -1 };

static bool fails(void)
{
	if (shim.left < 0)
		return false;
	if (shim.left > 0) {
		shim.left--;
		return false;
	}
	shim.hit = true;
	if (--shim.run <= 0)
		shim.left = -1;
	return true;
}

static int failure(int code)
{
	if (shim.kills)
		raise(SIGKILL);
	return code;
}

static const sqlite3_io_methods *real(const sqlite3_file *f)
{
	return CONTAINER_OF(f->pMethods, struct methods, io)->real;
}

static int shim_write(sqlite3_file *f, const void *buf, int n, sqlite3_int64 at)
{
	if (!fails())
		return real(f)->xWrite(f, buf, n, at);
	if (n > 1)
		real(f)->xWrite(f, buf, n / 2, at);	/* torn */
	return failure(shim.code);
}

static int shim_truncate(sqlite3_file *f, sqlite3_int64 size)
{
	return fails() ? failure(SQLITE_IOERR_TRUNCATE) : real(f)->xTruncate(f, size);
}

static int shim_sync(sqlite3_file *f, int flags)
{
	return fails() ? failure(SQLITE_IOERR_FSYNC) : real(f)->xSync(f, flags);
}

static int shim_shm_map(sqlite3_file *f, int page, int size, int extend, void volatile **ret)
{
	if (extend && ((page && shim.no_shm) || fails())) {
		shim.hit = true;
		return failure(SQLITE_IOERR_SHMSIZE);
	}
	return real(f)->xShmMap(f, page, size, extend, ret);
}

static int shim_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags, int *ret_flags)
{
	int rc;

	(void)vfs;
	if ((flags & SQLITE_OPEN_CREATE) && fails())
		return failure(SQLITE_CANTOPEN);
	rc = shim.real->xOpen(shim.real, name, f, flags, ret_flags);
	for (size_t i = 0; i < ARRAY_SIZE(shim.methods) && rc == SQLITE_OK && f->pMethods; i++) {
		struct methods *m = &shim.methods[i];

		if (m->real && m->real != f->pMethods)
			continue;
		m->real = f->pMethods;
		m->io = *f->pMethods;
		m->io.xWrite = shim_write;
		m->io.xTruncate = shim_truncate;
		m->io.xSync = shim_sync;
		m->io.xShmMap = f->pMethods->xShmMap ? shim_shm_map : NULL;
		f->pMethods = &m->io;
		return rc;
	}
	return rc;
}

static int install_shim(void **state)
{
	(void)state;
	shim.real = sqlite3_vfs_find(NULL);
	shim.vfs = *shim.real;
	shim.vfs.zName = "shim";
	shim.vfs.pNext = NULL;
	shim.vfs.xOpen = shim_open;
	return sqlite3_vfs_register(&shim.vfs, 1) == SQLITE_OK ? 0 : -1;
}

#endif
