/* SPDX-License-Identifier: GPL-2.0-or-later */
/* maintain - what is done to days that are over: summed up, taken up by history.db, thinned,
 * forgotten.
 *
 *   every tick   the newest days           `fine_days`, `fine_bytes`
 *   each minute  the days before those     `days`, `bytes`        (a day's file without its ticks:
 * schema/downsample.c) each hour    history.db                `hour_days` (schema/rollup.c) each
 * day     history.db                `history_bytes`
 *
 * A day is taken up before it is thinned or forgotten, so that no frame is lost or counted twice at
 * any level: what readers add up is the same before and after each step, and each step is one
 * transaction or one rename(2): cut off anywhere, it is done again. Only closed days are touched;
 * nobody but the holder of the store's lock may call this, one call at a time. */
#ifndef TAPLOSS_SCHEMA_MAINTAIN_H
#define TAPLOSS_SCHEMA_MAINTAIN_H

#include <stdatomic.h>

#include "schema.h"

struct maintain_limits {		/* 0: no limit */
	unsigned int fine_days, days, hour_days;	/* ages in days */
	/* of all files of that level; fine_bytes and bytes include the day at hand */
	uint64_t fine_bytes, bytes, history_bytes;
};

struct maintain_done {
	unsigned int absorbed, thinned, forgotten;	/* days */
	/* days of which history.db forgot the hours, or all */
	unsigned int hours_forgotten, sums_forgotten;
	/* where the oldest day begins that still has its file; 0: none was forgotten now */
	uint64_t oldest_ns;
};

/* @stop: give up soon when it becomes true (-EINTR); may be NULL. 0; -EBUSY: somebody reads a day,
 * try again later; or the first error that was met, with @why about it. What could be done is done
 * all the same. */
int maintain(const char *dir, const struct maintain_limits *l, uint64_t now_ns,
	     const atomic_bool *stop, struct maintain_done *ret, char why[static SCHEMA_WHY]);

/* The same for one day. */
int maintain_rollup(const char *dir, const struct schema_day *day, const atomic_bool *stop,
		    char why[static SCHEMA_WHY]);
int maintain_downsample(const char *dir, const struct schema_day *day, const atomic_bool *stop,
			char why[static SCHEMA_WHY]);

/* history.db no longer vouches for @day: it is read from its file until it is taken up again. Call
 * before rows of a closed day change. 0 when there is no history.db. */
int maintain_invalidate(const char *dir, const struct schema_day *day, char why[static SCHEMA_WHY]);

#endif
