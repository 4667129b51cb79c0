/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pressure - did a VM's threads get the processor? Run time and time spent runnable but waiting
 * (schedstat), of its vCPUs, its vhost workers and the rest of its VMM.
 *
 * A VM that loses frames is looked at in every tick, and for ten seconds after; the others every
 * ten seconds, a few each tick, so that the first loss has a recent sample before it. What a tick
 * may cost is bounded: on a host where more VMs lose, each gets longer intervals. Reading /proc
 * never blocks, and asks no libvirt. Only VMs that hold taps; loop thread only. */
#ifndef TAPLOSS_AGENT_TICK_PRESSURE_H
#define TAPLOSS_AGENT_TICK_PRESSURE_H

#include "agent/store/store.h"
#include "agent/owners/tapmap.h"

struct pressure;

int pressure_new(const char *proc, struct pressure **ret);	/* @proc: "/proc" */
struct pressure *pressure_free(struct pressure *p);		/* NULL is fine; returns NULL */

/* Before the tick's transaction: looks at VMs. *ret is borrowed until the next call. */
int pressure_tick(struct pressure *p, struct tapmap *taps, uint64_t now_ns,
		  const struct store_pressure **ret, unsigned int *n);

/* The rows of the last tick are stored; those of one that failed come again, longer. */
void pressure_stored(struct pressure *p);

#endif
