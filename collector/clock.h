/* SPDX-License-Identifier: GPL-2.0-or-later */
/* clock - the three clocks in ns: UTC for what is stored and shown, monotonic for ages, boot time
 * as the kernel's counters carry it. Header only. */
#ifndef TAPLOSS_COLLECTOR_CLOCK_H
#define TAPLOSS_COLLECTOR_CLOCK_H

#include <time.h>

#include "base.h"

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

static inline uint64_t boot_ns(void)
{
	return clock_ns(CLOCK_BOOTTIME);
}

/* UTC less boot time. Two clocks cannot be read at once: of some tries the one whose readings were
 * closest, mostly some 50 ns apart. It is constant until somebody sets the clock; adjtimex(2) slews
 * both. */
static inline uint64_t boot_to_utc_offset(void)
{
	uint64_t best = UINT64_MAX, offset = 0;

	for (int i = 0; i < 5 && best > 500; i++) {
		uint64_t before = boot_ns(), utc = utc_ns(), apart = boot_ns() - before;

		if (apart >= best)
			continue;
		best = apart;
		offset = utc - before - apart / 2;
	}
	return offset;
}

/* A moment in boot time as UTC. */
static inline uint64_t boot_to_utc_ns(uint64_t boot)
{
	return boot_to_utc_offset() + boot;
}

#endif
