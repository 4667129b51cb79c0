/* SPDX-License-Identifier: GPL-2.0-or-later */
/* step - one rate of a probe: capture, send, wait until nothing moves, ask, account, store. Of a
 * step that fails on the way what the host knows is stored all the same: what was sent, what the
 * kernel lost, how many frames the other end had. */
#ifndef TAPLOSS_CTL_PROBE_STEP_H
#define TAPLOSS_CTL_PROBE_STEP_H

#include "guest.h"
#include "loss.h"
#include "run.h"
#include "send.h"
#include "store.h"

#define PROBE_WARM_UP_MS 10000
#define PROBE_DRAIN_MS 30000	/* at most, for what is on its way when all is sent */
#define PROBE_QUIET_MS 300	/* nothing came for so long: nothing will */

/* A probe at work. */
struct probe {
	const struct probe_options *opt;
	sqlite3 *db;
	int64_t id;
	struct guest guest;
	struct vm_facts facts;
	struct probe_tap tap;
	struct probe_loss *loss;
	const char *end;	/* the interface at the host's end */
	uint32_t number;	/* of the run of frames: none of another one counts */
	uint64_t counted;	/* what the guest last said it has of it */
};

/* A step at work. */
struct step {
	struct probe_step s;
	struct probe_report report;	/* of whoever captures */
	struct send_result sent;
	/* direction out, in place of sent.batch_ns: when SEND_BATCH numbers came; 0: none of them
	 * did */
	uint64_t *arrived_ns;
	struct tap_counters before;
};

/* Frames of another number until the other end sees them: the path works, bridges know the address.
 */
int step_warm_up(struct probe *p);

/* The step @i of the options; what came of it is in *ret, without gaps. -errno after p->guest.why.
 */
int step_do(struct probe *p, int i, struct probe_step *ret);

/* The same towards the host (out.c): all of a step but accounting and storing it. */
int out_warm_up(struct probe *p);
int out_step(struct probe *p, struct step *st, const struct probe_rate *rate);

/* Fills in the ledger and the gaps (reconcile.c). @whole: both ends have reported all they know. */
int step_reconcile(struct probe *p, struct step *st, bool whole);

#endif
