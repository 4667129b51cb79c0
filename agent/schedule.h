/* SPDX-License-Identifier: GPL-2.0-or-later */
/* schedule - a small probe of each place that the configuration names, every so many minutes, so
 * that there is a record of how the path to guests was.
 *
 * `taplossctl probe run` does it, as a process of its own: one at a time, ended when it takes
 * longer than its budget. What it finds it puts into the store itself; what goes wrong stands there
 * and on standard error. Loop thread only. */
#ifndef TAPLOSS_AGENT_SCHEDULE_H
#define TAPLOSS_AGENT_SCHEDULE_H

#include "config.h"

struct schedule;

/* *ret is NULL when the configuration names no place. -EINVAL, -ENOENT (no taplossctl): logged.
 * @config outlives it. */
int schedule_new(const struct config *config, struct schedule **ret);

/* Starts what is due, ends what took too long. To be called every few seconds. */
void schedule_tick(struct schedule *s);	/* NULL is fine */

/* Ends the probe at hand, too: waits some seconds for it to clean up. NULL is fine; returns NULL.
 */
struct schedule *schedule_free(struct schedule *s);

#endif
