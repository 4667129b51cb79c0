/* SPDX-License-Identifier: GPL-2.0-or-later */
/* maintain - retention: what is done to days that are over.
 *
 *	rolled up    into history.db, once                  schema/rollup.h
 *	downsampled  by `fine_days`, `fine_bytes`           schema/downsample.h
 *	deleted      by `days`, `bytes`
 *	history.db   by `hour_days`: the sums of hours; by `history_bytes`: the oldest days
 *
 * A day is rolled up before it is downsampled or deleted, so that no frame is lost or counted twice
 * at any level: what readers add up is the same before and after each step. Each step is one
 * transaction or one rename(2): interrupted anywhere, it is done again. Only closed days are
 * touched. Only the holder of the store's lock may call this, one call at a time. */
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
	unsigned int rolled_up, downsampled, deleted;	/* days */
	/* days of which history.db deleted the hours, or all */
	unsigned int hours_deleted, sums_deleted;
	/* where the oldest day begins that still has its file; 0: none was deleted now */
	uint64_t oldest_ns;
};

/* @stop: give up soon when it becomes true (-EINTR); may be NULL. 0; -EBUSY: a day is being read,
 * try again later; or the first error that was met, with @why about it. The other days are
 * maintained all the same. */
int maintain(const char *dir, const struct maintain_limits *l, uint64_t now_ns,
	     const atomic_bool *stop, struct maintain_done *ret, char why[static SCHEMA_WHY]);

#endif
