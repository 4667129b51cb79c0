/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rollup - a closed day's sums, by hour and by day, in history.db: they answer when the day's file
 * is downsampled or deleted. Rolling a day up again replaces its sums. */
#ifndef TAPLOSS_SCHEMA_ROLLUP_H
#define TAPLOSS_SCHEMA_ROLLUP_H

#include <stdatomic.h>

#include "schema.h"

/* 0; -EBUSY: somebody reads @day; -EINTR: @stop (which may be NULL) became true; or as
 * schema_open(). history.db is as it was then. */
int rollup_day(const char *dir, const struct schema_day *day, const atomic_bool *stop,
	       char why[static SCHEMA_WHY]);

/* history.db no longer answers for @day: it is read from its file until it is rolled up again. Call
 * before rows of a closed day change. 0 when there is no history.db. */
int rollup_invalidate(const char *dir, const struct schema_day *day, char why[static SCHEMA_WHY]);

#endif
