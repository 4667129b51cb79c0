/* SPDX-License-Identifier: GPL-2.0-or-later */
/* send - numbered frames out of an interface of the host, and when each was sent. One thread for
 * each worker: each has its own part of the numbers and its share of the rate. */
#ifndef TAPLOSS_CTL_PROBE_SEND_H
#define TAPLOSS_CTL_PROBE_SEND_H

#include <stddef.h>

#include "collector/probe/send.h"

#define SEND_WORKERS 16

struct send_plan {
	struct send_order order;	/* all numbers from 0 on, and the whole rate */
	const char *nic;
	unsigned int workers;
	/* a descriptor: when its other end is gone, so are those who receive (-EPIPE); -1: none */
	int peer;
};

struct send_result {
	uint32_t sent, refused;
	uint32_t per_worker;		/* numbers */
	/* CLOCK_BOOTTIME when each SEND_BATCH numbers began; free() it */
	uint64_t *batch_ns;
	uint64_t began_ns, ended_ns;	/* CLOCK_BOOTTIME */
};

/* -errno (-ECANCELED: probe_stop_asked()) and @why when a frame could not be sent at all; what was
 * sent until then is in @ret. */
int send_frames(const struct send_plan *p, struct send_result *ret, char why[static 512]);

/* When the numbers from @first to @last were sent. */
void send_window(const struct send_result *s, uint32_t first, uint32_t last, uint64_t *from_ns,
		 uint64_t *to_ns);

#endif
