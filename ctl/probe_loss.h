/* SPDX-License-Identifier: GPL-2.0-or-later */
/* probe_loss - what the host's kernel loses of a probe's frames: at its tap, and on the way there. Counted by programs of this process's own, from
 * the start on; the agent's are left alone. */
#ifndef TAPLOSS_CTL_PROBE_LOSS_H
#define TAPLOSS_CTL_PROBE_LOSS_H

#include "probe_ledger.h"

struct probe_loss;

/* @why is one sentence. -EPERM ... as loss_open(). */
int probe_loss_open(struct probe_loss **ret, char why[static 512]);
struct probe_loss *probe_loss_close(struct probe_loss *p);	/* NULL is fine; returns NULL */

/* The device and the Ethernet address to look at. */
int probe_loss_watch(struct probe_loss *p, const char *tap, const uint8_t mac[static 6]);

/* What was counted until now is forgotten. */
int probe_loss_mark(struct probe_loss *p);

/* What was lost since: into the ledger, and when (*ret is the caller's to free). */
int probe_loss_read(struct probe_loss *p, struct ledger *l, struct ledger_burst **ret, size_t *n);

/* The tap's own counters. */
struct tap_counters {
	uint64_t delivered, dropped;	/* towards the guest */
};
int tap_counters_read(const char *tap, struct tap_counters *ret);

#endif
