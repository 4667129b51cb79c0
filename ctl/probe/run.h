/* SPDX-License-Identifier: GPL-2.0-or-later */
/* run - a probe from beginning to end: the machine, the frames, what came of them, the ledger, the
 * store. */
#ifndef TAPLOSS_CTL_PROBE_RUN_H
#define TAPLOSS_CTL_PROBE_RUN_H

#include "collector/probe/send.h"
#include "schema/schema.h"
#include "vm.h"

#define PROBE_STEPS 256

struct probe_options {
	struct vm_options vm;
	const char *kind;			/* "run", "bench" */
	bool out;				/* the guest sends; else it captures */
	bool talk;				/* each result to standard error when it stands */
	const char *kernel, *modules, *probe;	/* files */
	/* the interface at the host's end: frames go out of it, or come in; NULL: the bridge */
	const char *end;
	uint64_t frames, ring_blocks, block_bytes, boot_seconds, workers;
	struct send_order order;		/* flows and lengths; the rest is the run's */
	const char *lengths;			/* the same as text */
	struct probe_rate {
		uint64_t pps;
		int ring;			/* 1, 2, 3 */
	} steps[PROBE_STEPS];
	size_t n_steps;
};

/* *ret_id: the probe in the store, also of one that failed, 0 when it did not begin. -errno after
 * @why is one sentence. */
int probe_run(const struct probe_options *opt, sqlite3 *db, int64_t *ret_id, char why[static 512]);

#endif
