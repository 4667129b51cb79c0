/* SPDX-License-Identifier: GPL-2.0-or-later */
/* knee - the offered rate at which a NIC begins to lose frames for want of capacity, from its own
 * history.
 *
 * Method: change point of a loss probability, by maximum likelihood. Below the knee a minute loses
 * frames with a small probability (short bursts overflow a ring at any mean rate), from it on with
 * a large one; the rate that splits the minutes so that they are most likely is the knee. A burst
 * counts as one minute, however much it lost, so bursts do not move it. The interval is the middle
 * 95 % of the knees of 200 histories drawn from the days (bootstrap by day: minutes of one day are
 * alike), no narrower than the buckets are wide. Pure; deterministic. */
#ifndef TAPLOSS_CTL_REPORT_KNEE_H
#define TAPLOSS_CTL_REPORT_KNEE_H

#include <stdbool.h>

#include "schema/demand.h"

enum knee_state {
	KNEE_FOUND,
	KNEE_NO_LOSS,		/* nothing was lost: it lies above the highest rate seen */
	KNEE_FEW,		/* too few minutes with loss, or all on one day */
	KNEE_FLAT,		/* loss does not depend on the rate: the cause is another one */
};

struct knee {
	enum knee_state state;
	double rate, low, high;		/* frames/s; the interval is of 95 % */
	double below, above;		/* share of minutes with loss */
	double highest_clean;		/* frames/s, without loss */
	unsigned int lossy_minutes, lossy_days;
};

/* @days: how the minutes of each day were. */
void knee_find(const struct demand *const *days, unsigned int n, struct knee *ret);

#endif
