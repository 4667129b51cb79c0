/* SPDX-License-Identifier: GPL-2.0-or-later */
/* storetest - a directory for one test, and questions to a database in it. Header only. */
#ifndef TAPLOSS_TESTS_UNIT_STORETEST_H
#define TAPLOSS_TESTS_UNIT_STORETEST_H

#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collector/base.h"

#define NOON 1772366400000000000ULL	/* 2026-03-01 12:00 UTC */

static inline int make_dir(void **state)
{
	char *dir = strdup("/tmp/taploss-test-XXXXXX");

	if (!dir || !mkdtemp(dir) || chmod(dir, 0755) < 0)
		return -1;
	*state = dir;
	return 0;
}

static inline int remove_entry(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static inline int remove_dir(void **state)
{
	int r = nftw(*state, remove_entry, 16, FTW_DEPTH | FTW_PHYS);

	free(*state);
	return r;
}

/* A path below @dir; the buffer is used again by the 64th call after this one. */
static inline const char *below(const char *dir, const char *name)
{
	static char paths[64][PATH_MAX];
	static unsigned int next;
	char *p = paths[next++ % 64];

	snprintf(p, PATH_MAX, "%s/%s", dir, name);
	return p;
}

static inline int exists(const char *path)
{
	return access(path, F_OK) == 0;
}

/* The first value of the first row, as a number; -1 when there is none. Fails on an SQL error. */
static inline int64_t ask(const char *path, const char *fmt, ...)
{
	sqlite3_stmt *st = NULL;
	int64_t value = -1;
	sqlite3 *db = NULL;
	char sql[2048];
	va_list ap;
	int rc, keep = 1;

	va_start(ap, fmt);
	vsnprintf(sql, sizeof(sql), fmt, ap);
	va_end(ap);
	assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
	sqlite3_file_control(db, "main", SQLITE_FCNTL_PERSIST_WAL, &keep);
	rc = sqlite3_prepare_v2(db, sql, -1, &st, NULL);
	if (rc != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	rc = sqlite3_step(st);
	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	if (rc == SQLITE_ROW && sqlite3_column_type(st, 0) != SQLITE_NULL)
		value = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	sqlite3_close(db);
	return value;
}

static inline void put_file(const char *path, const void *data, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0640);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, len), len);
	close(fd);
}

/* Enough to notice any change: size, time and a sum of all bytes. */
static inline uint64_t finger(const char *path)
{
	uint64_t sum = 14695981039346656037ULL;
	unsigned char buf[4096];
	struct stat st;
	ssize_t n;
	int fd = open(path, O_RDONLY);

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	while ((n = read(fd, buf, sizeof(buf))) > 0)
		for (ssize_t i = 0; i < n; i++)
			sum = (sum ^ buf[i]) * 1099511628211ULL;
	close(fd);
	return sum ^ (uint64_t)st.st_mtim.tv_nsec ^ (uint64_t)st.st_mtim.tv_sec;
}

#endif
