/* SPDX-License-Identifier: GPL-2.0-or-later */
/* loss - what the host's kernel loses of a probe's frames: at its tap, and on the way there.
 * Counted by programs of this process's own, from the start on; the agent's are left alone. */
#ifndef TAPLOSS_CTL_PROBE_LOSS_H
#define TAPLOSS_CTL_PROBE_LOSS_H

#include "ledger.h"

struct probe_loss;

/* @why is one sentence. -EPERM ... as loss_open(). */
int probe_loss_open(struct probe_loss **ret, char why[static 512]);
struct probe_loss *probe_loss_close(struct probe_loss *p);	/* NULL is fine; returns NULL */

/* What to look at. Directions are the guest's. */
struct probe_tap {
	char name[16];
	bool macvtap;		/* else a tap */
	bool out;		/* what comes from the guest; else what goes to it */
	uint8_t mac[6];		/* the guest's */
};
int probe_loss_watch(struct probe_loss *p, const struct probe_tap *tap);

/* What was counted until now is forgotten. */
int probe_loss_mark(struct probe_loss *p);

/* What was lost since: into the ledger, and when (*ret is the caller's to free). */
int probe_loss_read(struct probe_loss *p, struct ledger *l, struct ledger_burst **ret, size_t *n);

/* The tap's own counters, of that direction. A macvtap counts what goes to the guest twice when it
 * loses it: as received and as dropped. */
struct tap_counters {
	uint64_t delivered, dropped;
};
int tap_counters_read(const struct probe_tap *tap, struct tap_counters *ret);

/* Is the device a macvtap? */
bool tap_is_macvtap(const char *name);

/* The tap's counters when nothing moves there, without the guest's word; waits two seconds at most.
 */
int tap_still(const struct probe_tap *tap, struct tap_counters *ret);

#endif
