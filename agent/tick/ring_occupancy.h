/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ring_occupancy - how close a tap comes to losing frames before it loses any: how full its rings
 * are, once a second (with more than 512 rings on the host, a second for each 512).
 *
 * A VM's rings are looked for when its tap gets a holder or changes its queues, a few processes
 * each tick; looking into them is one system call for a thousand. They stand in tap::occupancy,
 * from where witness.c takes them into the rows of traffic. A ring that lost frames was full, also
 * where rings cannot be looked into. Loop thread only. */
#ifndef TAPLOSS_AGENT_TICK_RING_OCCUPANCY_H
#define TAPLOSS_AGENT_TICK_RING_OCCUPANCY_H

#include "loss_counter.h"
#include "agent/owners/tapmap.h"

struct ring_occupancy;

int ring_occupancy_new(struct ring_occupancy **ret);
/* NULL is fine; returns NULL */
struct ring_occupancy *ring_occupancy_free(struct ring_occupancy *h);

/* @line counted frames of @t in this tick: was it a ring that was full? */
void ring_occupancy_lost(struct tap *t, const struct loss_counter *line);

/* In each tick; looks when it is time. */
void ring_occupancy_read(struct ring_occupancy *h, struct tapmap *taps, uint64_t now_ns);

/* Why rings cannot be looked into here, "" when they can. */
const char *ring_occupancy_why(const struct ring_occupancy *h);

#endif
