/* SPDX-License-Identifier: GPL-2.0-or-later */
/* probe_send - numbered frames out of an interface at a steady rate. */
#ifndef TAPLOSS_CTL_PROBE_SEND_H
#define TAPLOSS_CTL_PROBE_SEND_H

#include <stdint.h>

#include "../collector/probe/wire.h"

#define SEND_BATCH 32

struct send_plan {
	const char *nic;
	uint8_t to[6];
	uint32_t run, frames, len;
	uint64_t pps;			/* 0: as fast as it goes */
	int peer;			/* a descriptor: when its other end is gone, so are those who receive (-EPIPE); -1: none */
};

struct send_result {
	uint32_t sent, refused;		/* refused, of those sent: the stack dropped it and told (it is counted where it was dropped) */
	uint64_t *batch_ns;		/* CLOCK_BOOTTIME when each SEND_BATCH of them began, one more for the end; free() it */
	uint64_t began_ns, ended_ns;	/* CLOCK_BOOTTIME */
};

/* -errno (-ECANCELED: probe_stop_asked()) and @why when a frame could not be sent at all; what was sent until then is in @ret. */
int send_frames(const struct send_plan *p, struct send_result *ret, char why[static 512]);

#endif
