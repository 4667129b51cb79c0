/* SPDX-License-Identifier: GPL-2.0-or-later */
/* clock - the three clocks of the agent in ns: UTC for the store, monotonic for ages, boot time as the kernel's counters
 * carry it. Header only. */
#ifndef TAPLOSS_AGENT_CLOCK_H
#define TAPLOSS_AGENT_CLOCK_H

#include <time.h>

#include "../collector/base.h"

static inline uint64_t clock_ns(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
}

static inline uint64_t utc_ns(void)
{
	return clock_ns(CLOCK_REALTIME);
}

static inline uint64_t mono_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

/* A moment in boot time as UTC. */
static inline uint64_t boot_to_utc_ns(uint64_t boot)
{
	return utc_ns() - clock_ns(CLOCK_BOOTTIME) + boot;
}

#endif
