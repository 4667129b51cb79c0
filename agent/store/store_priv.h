/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store_priv - what the files of the store share: the connection to one database, the two
 * databases, what is known of them in memory. Memory is changed only after the transaction that it
 * describes. */
#ifndef TAPLOSS_AGENT_STORE_STORE_PRIV_H
#define TAPLOSS_AGENT_STORE_STORE_PRIV_H

#include <limits.h>
#include <uthash.h>

#include "collector/base.h"
#include "store.h"

#define STORE_STMTS 96

/* One database and its prepared statements, by the address of their text. */
struct store_db {
	enum schema_kind kind;
	char path[PATH_MAX];
	/* NULL: not open, or given up after an I/O error: store_ready() opens it again */
	sqlite3 *db;
	bool sick;		/* an I/O error: give it up at the end of the transaction */
	bool leave_wal;		/* no checkpoint when it is closed */
	bool met;		/* was open before: must exist, a missing file is not made anew */
	int (*opened)(struct store_db *d);	/* what else belongs to opening it; may be NULL */
	unsigned int n_stmts;
	struct {
		const char *sql;
		sqlite3_stmt *st;
	} stmts[STORE_STMTS];
	char *error;		/* SCHEMA_WHY bytes of the store */
};

int store_ready(struct store_db *d);
/* with a checkpoint, except when sick or told to leave it */
void store_db_close(struct store_db *d);

/* BEGIN IMMEDIATE, opening the database first when need be. */
int store_begin(struct store_db *d);

/* COMMIT when @r is not negative, else ROLLBACK. Returns @r, or why it could not be committed. */
int store_end(struct store_db *d, int r);

/* @sql must be a string literal. @fmt names the values: i int64_t, u uint64_t, t text (may be
 * NULL), o int64_t with 0 for NULL, n int with -1 for NULL, k const struct tl_loss_key *. Values
 * are borrowed until the statement is reset. */
int store_exec(struct store_db *d, const char *sql, const char *fmt, ...);

/* 1: *ret stands on the first row; 0: there is none; or -errno. Reset *ret in any case:
 * _cleanup_(store_resetp). */
int store_query(struct store_db *d, sqlite3_stmt **ret, const char *sql, const char *fmt, ...);
int store_next(struct store_db *d, sqlite3_stmt *st);

/* For loops: the statement itself, then bind and step. */
int store_stmt(struct store_db *d, const char *sql, sqlite3_stmt **ret);
int store_run_stmt(struct store_db *d, sqlite3_stmt *st, const char *fmt, ...);

/* Words and -errno of the last failure on @d; a failed connection is given up. */
int store_fault(struct store_db *d);

/* Keeps the words of a failure that is not SQLite's. Returns @error. */
int store_complain(struct store_db *d, int error, const char *words);

/* Writes SCHEMA_WHY bytes of words. Returns @error. */
int store_say(char *why, int error, const char *fmt, ...) _printf_(3, 4);

static inline void store_resetp(sqlite3_stmt **st)
{
	sqlite3_reset(*st);	/* NULL is fine */
}

static inline uint64_t store_u64(sqlite3_stmt *st, int column)
{
	return (uint64_t)sqlite3_column_int64(st, column);
}

/* Start of the hour of a row: hours are (start, start + 1 h]. */
static inline uint64_t hour_of(uint64_t t_ns)
{
	return (t_ns - 1) / NSEC_PER_HOUR * NSEC_PER_HOUR;
}

/* The columns of a row of traffic that version 2 brought: as "oouuo", NULL where nothing is known.
 */
#define STORE_HEADROOM "? - 1, ? - 1, ?, ?, ?"
#define STORE_HEADROOM_OF(x)                                                        \
	(x)->headroom.known ? (int64_t)(x)->headroom.peak + 1 : (int64_t)0,         \
		(x)->headroom.known ? (int64_t)(x)->headroom.free + 1 : (int64_t)0, \
		(x)->headroom.samples, (x)->headroom.sum, (int64_t)(x)->headroom.qdisc_peak

/* The hour at hand: what loss_hour and traffic_hour will say of it. */
struct hour_sum {
	int64_t series_id;
	uint64_t frames, segments, bytes;
	UT_hash_handle hh;
};
struct traffic_sum {
	struct store_traffic sum;
	UT_hash_handle hh;	/* by sum.device_id */
};
struct hours {
	uint64_t from_ns;	/* start of the hour */
	bool stale;		/* the sums are not what the database holds: load them */
	struct hour_sum *sums;
	struct traffic_sum *traffic;
};

/* Reads the rows of hours that are not rolled up yet; rolls up all but the last. Inside a
 * transaction. */
int hours_load(struct hours *h, struct store_db *d);
/* Rolls up the hour at hand. Inside a transaction; the sums stay as they are. */
int hours_write(struct hours *h, struct store_db *d);
void hours_add(struct hours *h, int64_t series_id, uint64_t frames, uint64_t segments,
	       uint64_t bytes);
void hours_add_traffic(struct hours *h, const struct store_traffic *more);
void hours_clear(struct hours *h);

struct series_entry;		/* store_series.c */
struct chores;			/* store_chores.c */

struct store {
	char dir[PATH_MAX - 64];
	int lock;
	struct store_options opt;
	struct store_db meta, day;
	struct schema_day today;	/* the newest day file; name empty: there is none yet */
	struct series_entry *series;	/* uthash: those met since the start */
	struct hours hours;		/* of the day file */
	int64_t run_id;			/* 0: none begun */
	/* meta.db has transactions that a power failure could take */
	bool meta_dirty;
	struct chores *chores;
	struct store_said *said;	/* what meta.db has of sources */
	unsigned int n_said;
	/* key of the coverage row that grows; 0: the next tick makes one */
	uint64_t cover_from_ns;
	uint64_t covered_ns;		/* end of coverage as the database has it */
	uint64_t last_ns;		/* newest tick, stored or empty */
	/* a tick whose COMMIT failed so that it may be there or not; 0: none */
	uint64_t doubt_ns;
	/* length of the day's -wal when the writer last made a checkpoint itself; 0: it did not */
	int wal_pages;
	uint64_t chores_ns;		/* CLOCK_MONOTONIC of the next checkpoint and retention */
	char error[SCHEMA_WHY];
};

/* The newest day file, made when there is none or when @t_ns is in a later day. */
int store_day_for(struct store *s, uint64_t t_ns);
/* store_db::opened of meta.db, which may be another file now: what sources said is not known any
 * more. */
int store_unsay(struct store_db *d);
/* store_db::opened of day files: size limit, and whether a doubtful tick is there. */
int store_day_opened(struct store_db *d);
/* Opens the newest day file when there is one. */
int store_day_resume(struct store *s, char why[static SCHEMA_WHY]);
/* Checkpoints, and looks after closed days (schema/maintain.h); when it is time. Failures wait for
 * the next time. */
void store_chores(struct store *s, uint64_t now_ns);
int store_chores_start(struct store *s);
void store_chores_stop(struct store *s);
/* The day's file was opened: its checkpoints are the thread's, when there is one. */
void store_chores_watch(struct store *s);
/* Between these two nobody else touches a closed day. Waits for what is under way to be given up,
 * which is soon. */
void store_chores_hold(struct store *s);
void store_chores_release(struct store *s);
/* Makes what was committed to meta.db durable. */
int store_sync_meta(struct store *s);
/* Writes down that there was coverage up to the newest tick. */
int store_flush_coverage(struct store *s);
/* Finishes attributions that a crash cut off. */
int store_recover_attributions(struct store *s);

/* Events; inside the transaction of what happened, before the row is changed. */
int store_event_vm(struct store *s, int64_t vm_id, const char *name, const char *state,
		   uint64_t now_ns);
int store_event_new_vm(struct store *s, int64_t vm_id, const char *state, uint64_t now_ns);
int store_event_attachment(struct store *s, int64_t attachment_id,
			   const struct store_attachment *now);
int store_event_new_attachment(struct store *s, const struct store_attachment *a);
int store_event_attachment_end(struct store *s, int64_t attachment_id, uint64_t until_ns);
int store_event_source(struct store *s, const char *name, const char *state, uint64_t now_ns);
int store_event_interval(struct store *s, uint64_t interval_ns, uint64_t now_ns);

void store_series_forget(struct store *s);
/* 1 and the id, 0: there is none, or -errno. */
int store_series_find(struct store *s, const struct store_series *key, int64_t *ret);
/* Finds or makes the row; inside a transaction. */
int store_series_row(struct store *s, const struct store_series *key, uint64_t first_ns,
		     int64_t *ret);

/* One of the store's own steps on meta.db. */
static inline int store_meta_begin(struct store *s)
{
	return store_begin(&s->meta);
}

static inline int store_meta_end(struct store *s, int r)
{
	s->meta_dirty = true;
	return store_end(&s->meta, r);
}

#endif
