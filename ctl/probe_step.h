/* SPDX-License-Identifier: GPL-2.0-or-later */
/* probe_step - one rate of a probe: capture, send, wait until nothing moves, ask, account, store. Of a step that fails on the way what the host
 * knows is stored all the same: what was sent, what the kernel lost, how many frames the guest had said it has. */
#ifndef TAPLOSS_CTL_PROBE_STEP_H
#define TAPLOSS_CTL_PROBE_STEP_H

#include "probe_guest.h"
#include "probe_loss.h"
#include "probe_run.h"

/* A probe at work. */
struct probe {
	const struct probe_options *opt;
	sqlite3 *db;
	int64_t id;
	struct guest guest;
	struct vm_facts facts;
	struct probe_loss *loss;
	const char *from;	/* the interface that the frames go out of */
	uint8_t mac[6];		/* the guest's */
	uint32_t number;	/* of the run of frames: none of another one counts */
	uint64_t counted;	/* what the guest last said it has of it */
};

/* Frames of another number until the guest says that it sees them: the path works, bridges know the address. */
int step_warm_up(struct probe *p);

/* The step @i of the options. -errno after p->guest.why. */
int step_do(struct probe *p, int i);

#endif
