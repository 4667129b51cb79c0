/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store_priv - what the files of the store share: the two databases, and what is known of them in
 * memory. Memory is changed only after the transaction that it describes. */
#ifndef TAPLOSS_AGENT_STORE_STORE_PRIV_H
#define TAPLOSS_AGENT_STORE_STORE_PRIV_H

#include "collector/base.h"
#include "db.h"
#include "hour.h"
#include "store.h"

struct series_entry;		/* series.c */
struct source_state;		/* source.c */
struct maintenance;		/* maintenance.c */

struct store {
	char dir[PATH_MAX - 64];
	int lock;
	struct store_options opt;
	struct store_db meta, day;
	struct schema_day today;	/* the newest day file; name empty: there is none yet */
	struct series_entry *series;	/* uthash: those used since the start */
	struct hours hours;		/* of the day file */
	int64_t run_id;			/* 0: none begun */
	/* meta.db has transactions that a power failure could take */
	bool meta_dirty;
	struct maintenance *maintenance;
	struct source_state *sources;	/* as meta.db has them */
	unsigned int n_sources;
	/* key of the coverage row that grows; 0: the next tick makes one */
	uint64_t cover_from_ns;
	char set_aside[160];		/* the damaged day that this run met; "": none */
	uint64_t covered_ns;		/* end of coverage as the database has it */
	uint64_t last_ns;		/* newest tick, stored or empty */
	/* a tick whose COMMIT failed so that it may be there or not; 0: none */
	uint64_t doubt_ns;
	/* length of the day's -wal when the writer last made a checkpoint itself; 0: it did not */
	int wal_pages;
	/* CLOCK_MONOTONIC of the next checkpoint and retention */
	uint64_t maintenance_ns;
	char error[SCHEMA_WHY];
};

/* meta.c: transactions on meta.db. */
int store_meta_begin(struct store *s);
int store_meta_end(struct store *s, int r);
/* Makes what was committed to meta.db durable. */
int store_meta_sync(struct store *s);

/* run.c */
/* 1: the last run did not end clean; 0; or -errno. */
int store_run_died(struct store *s);
/* Marks the run as clean. */
int store_run_end(struct store *s);

/* event.c: inside the transaction of what happened, before the row is changed. */
int store_event_vm(struct store *s, int64_t vm_id, const char *name, const char *state,
		   uint64_t now_ns);
int store_event_new_vm(struct store *s, int64_t vm_id, const char *state, uint64_t now_ns);
int store_event_attachment(struct store *s, int64_t attachment_id,
			   const struct store_attachment *now);
int store_event_new_attachment(struct store *s, const struct store_attachment *a);
int store_event_attachment_end(struct store *s, int64_t attachment_id, uint64_t until_ns);
int store_event_source(struct store *s, const char *name, const char *state, uint64_t now_ns);
int store_event_interval(struct store *s, uint64_t interval_ns, uint64_t now_ns);

/* source.c */
/* store_db::opened of meta.db, which may be another file now: what it has of sources is not known
 * any more. */
int store_sources_forget(struct store_db *d);

/* series.c */
void store_series_forget(struct store *s);
/* 1 and the id, 0: there is none, or -errno. */
int store_series_find(struct store *s, const struct store_series *key, int64_t *ret);
/* Finds or makes the row; inside a transaction. */
int store_series_row(struct store *s, const struct store_series *key, uint64_t first_ns,
		     int64_t *ret);

/* coverage.c */
/* Where the time ends that the newest day file holds. */
int store_coverage_end(struct store *s, uint64_t *ret);
/* Inside the transaction of the tick. *ret: key of the row that the next tick may lengthen. */
int store_coverage_write(struct store *s, const struct store_tick *t, uint64_t *ret);
/* Writes down that there was coverage up to the newest tick. */
int store_coverage_flush(struct store *s);

/* tick_rows.c: all rows of a tick but coverage; inside its transaction. */
int store_rows_write(struct store *s, const struct store_tick *t);

/* day.c */
/* The newest day file, created when there is none or when @t_ns is in a later day. */
int store_day_for(struct store *s, uint64_t t_ns);
/* store_db::opened of day files: size limit, and whether a doubtful tick is there. */
int store_day_opened(struct store_db *d);
/* Opens the newest day file when there is one. */
int store_day_resume(struct store *s, char why[static SCHEMA_WHY]);

/* maintenance.c: checkpoints, and retention of closed days (schema/maintain.h). */
int store_maintenance_start(struct store *s);
void store_maintenance_stop(struct store *s);
/* When it is time. Failures wait for the next time. */
void store_maintenance(struct store *s, uint64_t now_ns);
/* The day's file was opened: its checkpoints are the thread's, when there is one. */
void store_maintenance_watch(struct store *s);
/* Between these two nobody else touches a closed day. Waits for what is under way to be given up,
 * which is soon. */
void store_maintenance_hold(struct store *s);
void store_maintenance_release(struct store *s);

/* attribute.c */
/* Finishes attributions that a crash interrupted. */
int store_recover_attributions(struct store *s);

#endif
