/* SPDX-License-Identifier: GPL-2.0-or-later */
/* programs - the BPF programs besides the one that counts: attached as far as they are wanted and this kernel has them, and how each
 * of them stands, as sources in the store. Loop thread only. */
#ifndef TAPLOSS_AGENT_PROGRAMS_H
#define TAPLOSS_AGENT_PROGRAMS_H

#include "../collector/loss_context.h"
#include "store.h"

struct programs {
	struct loss *loss;		/* borrowed, as is the store */
	struct store *store;
	enum loss_context_mode context;
};

/* Once a tick, after the counters were read. */
void programs_tick(struct programs *p);

#endif
