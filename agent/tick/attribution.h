/* SPDX-License-Identifier: GPL-2.0-or-later */
/* attribution - whose frames does one of the kernel's counters count, where were they lost, and who
 * sent them? Loop thread only. */
#ifndef TAPLOSS_AGENT_TICK_ATTRIBUTION_H
#define TAPLOSS_AGENT_TICK_ATTRIBUTION_H

#include "collector/link/link.h"
#include "collector/source/source.h"
#include "agent/owners/tapmap.h"
#include "extra_counters.h"
#include "loss_counter.h"

/* What the answers are taken from; all borrowed. */
struct attribution {
	struct tapmap *taps;
	struct links *links;
	struct source *source;
	struct extra_counters *extra;
	const struct resolve_owner_lists *lists;
};

/* As far as it is known at this moment; what is not known is 0 or "". */
void attribution_of(const struct attribution *a, const struct loss_counter *line,
		    struct loss_owner *ret);

#endif
