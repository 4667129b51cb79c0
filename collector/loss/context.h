/* SPDX-License-Identifier: GPL-2.0-or-later */
/* context - names for the drops that name nothing: before 7.2 a vhost worker frees a guest's frame
 * with a bad header before it has a device or a socket.
 *
 * Without help such a loss is counted for the worker's VM. With programs at tun_sendmsg() and
 * tap_sendmsg() it is counted for the device and queue; but these run for every batch that any
 * guest sends, so by default they are attached when the first such loss is seen, and taken away
 * when there was none for LOSS_CONTEXT_QUIET_NS. Loop thread only. */
#ifndef TAPLOSS_COLLECTOR_LOSS_CONTEXT_H
#define TAPLOSS_COLLECTOR_LOSS_CONTEXT_H

#include <stdint.h>

#include "loss.h"

#define LOSS_CONTEXT_QUIET_NS (60 * 1000000000ULL)

enum loss_context_mode { LOSS_CONTEXT_OFF, LOSS_CONTEXT_AUTO, LOSS_CONTEXT_ON };

enum loss_context_state {
	LOSS_CONTEXT_IDLE,	/* not attached: not wanted, or not needed */
	LOSS_CONTEXT_FENTRY,
	LOSS_CONTEXT_KPROBE,
	LOSS_CONTEXT_REFUSED,	/* wanted, and this kernel or our privilege does not allow it */
};

/* Once a tick; @nameless is the newest TL_STAT_NAMELESS_FRAMES, @now_ns any clock that does not go
 * back. Attaches, takes away, or does nothing, and says how it stands; @why has the kernel's words
 * for LOSS_CONTEXT_REFUSED, else "". */
enum loss_context_state loss_context(struct loss *l, enum loss_context_mode mode, uint64_t nameless,
				     uint64_t now_ns, char why[static 256]);

#endif
