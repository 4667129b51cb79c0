/* SPDX-License-Identifier: GPL-2.0-or-later */
/* reader_priv - what the files of the reader share: days, from their own file or from history.db.
 *
 * A day is read from its file; when that is gone, from history.db, which keeps its sums by hour and
 * by day. Both add up to the same. Where a sum of the whole day is all that is asked for,
 * history.db answers at once. */
#ifndef TAPLOSS_CTL_QUERY_READER_PRIV_H
#define TAPLOSS_CTL_QUERY_READER_PRIV_H

#include "collector/base.h"
#include "reader.h"
#include "schema/sql.h"

/* Keeps the reason for reader_error(). Returns @r. */
int reader_fail(struct reader *v, int r, const char *fmt, ...)
	__attribute__((__format__(__printf__, 3, 4)));

typedef void row_fn(const struct sql *q, void *arg);

/* Runs @sql on meta.db and gives each row to @fn. */
int meta_rows(struct reader *v, const char *sql, row_fn *fn, void *arg);

/* One day, while its rows are read. */
struct day {
	struct reader *v;
	sqlite3 *db;
	const char *name;
	uint64_t since, until;		/* the window */
	uint64_t from_ns;		/* midnight that it begins with */
	/* not NULL: db is history.db, and this is what it has of the day */
	const struct reader_past *past;
};

/* Calls @fn for each day that can hold moments of the window, or rows that cover them. A clock that
 * was set back leaves older moments in newer files, so all days from the one of @since on are
 * looked at, but those of which history.db says that they begin later. */
typedef int day_fn(struct day *d, void *arg);
int each_day(struct reader *v, uint64_t since, uint64_t until, day_fn *fn, void *arg);

/* The same, but those that lie wholly in the window and that history.db knows are given as past. */
int each_day_or_sum(struct reader *v, uint64_t since, uint64_t until, day_fn *fn, void *arg);

/* Does all that history.db has of @d lie in the window? */
static inline bool day_whole(const struct day *d)
{
	return d->past && d->past->from_ns >= d->since && d->past->to_ns <= d->until;
}

/* Runs @q and gives each row to @fn; @q is closed then. The others prepare @sql: without
 * parameters; with :after and :upto; with :day, the day of history.db. */
int day_rows(struct day *d, struct sql *q, row_fn *fn, void *arg);
int day_rows_all(struct day *d, const char *sql, row_fn *fn, void *arg);
int day_rows_between(struct day *d, const char *sql, uint64_t after, uint64_t upto, row_fn *fn,
		     void *arg);
int day_rows_past(struct day *d, const char *sql, row_fn *fn, void *arg);

/* Traffic of a day that has its file: @hour for each hour of the window that is summed up
 * (traffic_hour), @rows for what lies between them. A row covers up to a minute before its moment,
 * so the last one may lie just behind the window. */
typedef int stretch_fn(struct day *d, uint64_t from_ns, uint64_t to_ns, void *arg);
int each_stretch(struct day *d, stretch_fn *rows, stretch_fn *hour, void *arg);

/* The schema version of @d's file: what later ones brought is not there in an older one. Or
 * -errno. */
int day_version(struct day *d);

/* history.db's days. @v's file of names is open already. */
int reader_load_past(struct reader *v);

/* VMs, devices, attachments and series, in one transaction; and what to free of them. */
int reader_load_names(struct reader *v);
void reader_free_names(struct reader *v);

#endif
