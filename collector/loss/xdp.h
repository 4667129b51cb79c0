/* SPDX-License-Identifier: GPL-2.0-or-later */
/* xdp - counts what is lost at taps without having been an skb: frames that XDP redirects into a
 * full tap, and a guest's frames whose XDP program fails. Two more programs on the same maps; they
 * run for a bulk of redirected frames and for a failure. Loop thread only. */
#ifndef TAPLOSS_COLLECTOR_LOSS_XDP_H
#define TAPLOSS_COLLECTOR_LOSS_XDP_H

#include "collector/kernel/ksym.h"
#include "loss.h"

/* Attaches them, pinned as the counting program is; what an earlier agent left is replaced. Without
 * @syms (NULL) failing programs are not counted: whether an skb is counted besides cannot be told.
 * 0, or an error with a few words in @why. */
int loss_xdp_attach(struct loss *l, struct ksyms *syms, char why[static 256]);

/* Nothing of it stays, pinned or not. */
void loss_xdp_detach(struct loss *l);

#endif
