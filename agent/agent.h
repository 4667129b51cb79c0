/* SPDX-License-Identifier: GPL-2.0-or-later */
/* agent - everything that runs in taplossd, put together: sources, store, sampler, loop. */
#ifndef TAPLOSS_AGENT_AGENT_H
#define TAPLOSS_AGENT_AGENT_H

#include "config.h"

struct agent;

/* Opens the kernel's counters, the store and the sources, and stores a first tick: when it returns
 * 0, loss is being counted and attributed. On failure everything is as before and one line was
 * logged. */
int agent_new(const struct config *c, const char *config_file, struct agent **ret);

/* Runs until SIGTERM or SIGINT, or until something fails that cannot be tried again. */
int agent_run(struct agent *a);

/* A last tick, then everything is closed. The kernel's counters stay pinned. NULL is fine; returns
 * NULL. */
struct agent *agent_free(struct agent *a);

#endif
