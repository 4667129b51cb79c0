/* SPDX-License-Identifier: GPL-2.0-or-later */
/* extra_counters - counters of a tap that its link statistics do not show: tun.ko's own count of
 * bad headers, and what the queueing discipline in front of it dropped; and what waits in that.
 *
 * A look costs a system call or three for each tap. So they are read for the taps that lose such
 * frames in the tick at hand, and for all of them once a minute, a few each tick; but not the
 * queueing discipline (mq asks its 256 queues) of a device whose other counters stood still, where
 * the counting program would have reported a loss. They stand in tap::counted beside the others and
 * are stored as those are. Loop thread only. */
#ifndef TAPLOSS_AGENT_TICK_EXTRA_COUNTERS_H
#define TAPLOSS_AGENT_TICK_EXTRA_COUNTERS_H

#include "loss_counter.h"
#include "agent/owners/tapmap.h"

enum extra_counter {		/* bits of tap::counted.wanted */
	EXTRA_FRAME_ERRORS = 1,
	EXTRA_QDISC = 2,
};

struct extra_counters;

/* Queueing disciplines are read in @own_netns only; bad headers where it is known which process
 * holds a tap (@holders). @losses: losses are reported as they happen, by BPF. */
int extra_counters_new(uint32_t own_netns, bool holders, bool losses, struct extra_counters **ret);
/* NULL is fine; returns NULL */
struct extra_counters *extra_counters_free(struct extra_counters *h);

/* @line counted frames of @t in this tick: what else should have counted them? */
void extra_counters_want(struct tap *t, const struct loss_counter *line);

/* Reads what is wanted or due. */
void extra_counters_read(struct extra_counters *h, struct tapmap *taps, uint64_t now_ns);

/* The extra counter that moves with the frames of @line, lost on @t (NULL: on no device):
 * "rx_frame_errors", "qdisc_dropped", or NULL: none does, or it cannot be read. */
const char *extra_counter(const struct extra_counters *h, const struct tap *t,
			  const struct loss_counter *line);

/* Why bad headers cannot be read here, "" when they can. */
const char *extra_counters_why(const struct extra_counters *h);

#endif
