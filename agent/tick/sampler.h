/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sampler - a tick, in four steps: read the kernel's counters, attribute what they gained, store it
 * in one transaction, forget the counters of what is long gone.
 *
 * A tick that cannot be stored leaves all baselines where they were, so the next one carries its
 * frames too: a full disk costs resolution, no frame. Loop thread only. */
#ifndef TAPLOSS_AGENT_TICK_SAMPLER_H
#define TAPLOSS_AGENT_TICK_SAMPLER_H

#include "agent/store/store.h"
#include "attribution.h"

struct sampler_options {
	struct store *store;		/* all borrowed; must outlive the sampler */
	struct attribution attr;
	struct ring_occupancy *rings;
	struct pressure *pressure;	/* NULL: not looked at */
	bool path;			/* count losses of the VMs' frames above their taps, too */
	/* more loss rows than this in a tick: rows of 10 s until it calms down */
	unsigned int storm_rows;
};

struct sampler;

/* Picks up the stored baselines, or, when the kernel's counters are others than the stored ones,
 * starts anew. */
int sampler_new(const struct sampler_options *opt, struct sampler **ret);
struct sampler *sampler_free(struct sampler *s);	/* NULL is fine; returns NULL */

/* The first call says whether the time since the last agent was counted. @all: store also small
 * change (an agent that is about to end). 0, or the error of the source or the store. */
int sampler_tick(struct sampler *s, bool all);

/* A tick came late. Stored with the next one. */
void sampler_late(struct sampler *s, uint64_t ticks);

#endif
