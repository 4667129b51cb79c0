/* SPDX-License-Identifier: GPL-2.0-or-later */
/* probe_rows - the rows of a probe in meta.db: probe, probe_step, probe_ledger, probe_gap. The one
 * part of a store that taplossctl writes, also while an agent runs: SQLite's lock orders the two.
 * Each call is a transaction; rows are written as the probe goes, so that what is known of one that
 * is interrupted stays. Times are UTC ns. 0 or -errno; sql_why() has the text. */
#ifndef TAPLOSS_SCHEMA_PROBE_ROWS_H
#define TAPLOSS_SCHEMA_PROBE_ROWS_H

#include "sql.h"

#define PROBE_ROWS_KEPT 20000	/* probes; older ones are deleted */

/* What is asked for. */
struct probe_head {
	const char *kind, *direction, *target, *lengths;
	uint32_t frame_bytes, flows, queues, workers;
};

struct probe_entry_row {
	const char *place, *what;
	uint64_t frames;
};

/* Missing numbers @first to @last; @part counts the explanations of one gap. */
struct probe_gap_row {
	int64_t first, last, part;
	uint64_t from_ns, to_ns, frames;
	const char *place, *what, *how;
};

struct probe_step_row {
	const char *ring;
	uint64_t ring_bytes, pps, began_ns, span_ns, sent, captured;
	int64_t unaccounted;
	uint64_t tap_delivered, tap_dropped, guest_cpu_ns, guest_wall_ns;
	uint64_t gaps;		/* that there were; n_gaps rows are stored */
	const struct probe_entry_row *entries;
	const struct probe_gap_row *gap_rows;
	size_t n_entries, n_gap_rows;
};

/* The probe is incomplete until probe_rows_end() completes it. */
int probe_rows_begin(sqlite3 *db, const struct probe_head *h, uint64_t now_ns, int64_t *ret_id);
/* Its guest is ready. */
int probe_rows_guest(sqlite3 *db, int64_t id, const char *tap, const char *kernel,
		     const char *accel, uint64_t now_ns);
int probe_rows_step(sqlite3 *db, int64_t id, int step, const struct probe_step_row *row,
		    uint64_t now_ns);
/* @why: what interrupted it; NULL: it is complete. */
int probe_rows_end(sqlite3 *db, int64_t id, const char *why, uint64_t now_ns);

/* Reading: statements to step. Their columns have the names that they have in JSON. */
struct sql probe_rows_list(sqlite3 *db);
struct sql probe_rows_probe(sqlite3 *db, int64_t id);
struct sql probe_rows_steps(sqlite3 *db, int64_t id);
struct sql probe_rows_ledger(sqlite3 *db, int64_t id, int64_t step);
struct sql probe_rows_gaps(sqlite3 *db, int64_t id, int64_t step);

#endif
