/* SPDX-License-Identifier: GPL-2.0-or-later */
/* probe_run - a probe from beginning to end: the machine, the frames, what came of them, the ledger, the store. */
#ifndef TAPLOSS_CTL_PROBE_RUN_H
#define TAPLOSS_CTL_PROBE_RUN_H

#include "../schema/schema.h"
#include "probe_vm.h"

#define PROBE_STEPS 64

struct probe_options {
	struct vm_options vm;
	const char *kernel, *modules, *probe;	/* files */
	const char *from;			/* the interface that the frames go out of; NULL: the bridge */
	unsigned long frames, len, ring_blocks, block_bytes, boot_seconds;
	struct probe_rate {
		unsigned long pps;
		int ring;			/* 1, 2, 3 */
	} steps[PROBE_STEPS];
	size_t n_steps;
};

/* *ret_id: the probe in the store, also of one that failed, 0 when it did not begin. -errno after @why is one sentence. */
int probe_run(const struct probe_options *opt, sqlite3 *db, int64_t *ret_id, char why[static 512]);

#endif
