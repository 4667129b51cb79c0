/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "self_stats.h"

#include <errno.h>

static int stored(struct store *store, const char *name, uint64_t *ret)
{
	int r = store_self_baseline(store, name, ret);

	return r == -ENOENT ? 0 : r;
}

int self_stats_begin(struct self_stats *o, struct store *store, struct source *source, bool known,
		     bool unbroken)
{
	int r = stored(store, "uncounted_frames", &o->stored.uncounted);

	if (r >= 0)
		r = stored(store, "unlisted_frames", &o->stored.unlisted);
	if (r >= 0)
		r = stored(store, "missed_events", &o->stored.missed);
	if (r >= 0)
		r = source_own(source, &o->now);
	if (r < 0)
		return r;
	if (!unbroken)
		/* counted by program, and this one is new */
		o->stored.missed = o->now.missed;
	if (known)
		return 0;
	o->stored.uncounted = o->now.uncounted;
	o->stored.unlisted = o->now.unlisted;
	return 0;
}

int self_stats_rows(struct self_stats *o, struct source *source, bool always,
		    struct store_self rows[static SELF_STATS_ROWS])
{
	const struct source_own *was = &o->stored, *now = &o->now;
	int r = source_own(source, &o->now);

	if (r < 0)
		return r;
	rows[0] = (struct store_self){ "uncounted_frames", now->uncounted - was->uncounted,
				       now->uncounted };
	rows[1] = (struct store_self){ "late_ticks", o->late, 0 };
	rows[2] = (struct store_self){ "missed_events",
				       now->missed > was->missed ? now->missed - was->missed : 0,
				       now->missed };
	rows[3] = (struct store_self){ "unlisted_frames", now->unlisted - was->unlisted,
				       now->unlisted };
	for (unsigned int i = 0; i < SELF_STATS_ROWS; i++)
		always |= rows[i].add != 0;
	return always ? SELF_STATS_ROWS : 0;
}

void self_stats_stored(struct self_stats *o)
{
	o->stored = o->now;
	o->late = 0;
}
