/* SPDX-License-Identifier: GPL-2.0-or-later */
/* aux_programs - the BPF programs besides the one that counts: attached as far as they are wanted
 * and this kernel has them, and how each of them stands, as sources in the store. Loop thread only.
 */
#ifndef TAPLOSS_AGENT_TICK_AUX_PROGRAMS_H
#define TAPLOSS_AGENT_TICK_AUX_PROGRAMS_H

#include "collector/kernel/ksym.h"
#include "collector/loss/context.h"
#include "limitations.h"
#include "ring_occupancy.h"
#include "extra_counters.h"
#include "agent/store/store.h"

struct aux_programs {
	/* NULL: loss is not counted by BPF; borrowed, as are the next three */
	struct loss *loss;
	struct store *store;
	const struct extra_counters *extra;
	const struct ring_occupancy *rings;
	enum loss_context_mode context;
	/* as found at this start and in the last tick; as the store knows them */
	struct limitations_facts facts, stored;
};

/* Fills in @p for what cannot change any more; the caller has set the borrowed ones and @context.
 * @syms may be NULL. @xdp: count what XDP loses at taps. */
void aux_programs_init(struct aux_programs *p, struct ksyms *syms, bool xdp);

/* Once a tick, after the counters were read. */
void aux_programs_tick(struct aux_programs *p);

#endif
