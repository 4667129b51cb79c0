/* SPDX-License-Identifier: GPL-2.0-or-later */
/* send - numbered frames out of an interface, in batches, each when it is due. Both ends send so.
 */
#ifndef TAPLOSS_COLLECTOR_PROBE_SEND_H
#define TAPLOSS_COLLECTOR_PROBE_SEND_H

#include <stdbool.h>
#include <stdint.h>

#include "wire.h"

#define SEND_BATCH 32

struct send_order {
	int ifindex;
	uint8_t to[6], from[6];
	uint32_t run, first, frames;	/* numbered from @first on */
	uint32_t flows;
	uint32_t lengths[WIRE_LENGTHS];	/* in turn */
	unsigned int n_lengths;
	uint64_t pps;			/* 0: as fast as it goes */
};

struct sender {
	struct send_order o;
	int fd;
	/* refused, of those sent: the stack dropped it and told (it is counted where it was
	 * dropped) */
	uint32_t sent, refused;
	uint64_t began_ns, ended_ns;	/* CLOCK_BOOTTIME; ended: the newest batch */
	uint8_t frame[WIRE_MAX_LEN];
};

/* "60,1514" into @o. False: not from 1 to WIRE_LENGTHS lengths that frames may have. */
bool send_lengths(const char *text, struct send_order *o);

int sender_open(struct sender *s, const struct send_order *o);
void sender_close(struct sender *s);	/* also of one that was never opened, with fd -1 */

bool sender_done(const struct sender *s);

/* When the next batch is due, CLOCK_BOOTTIME; 0: now. */
uint64_t sender_due(const struct sender *s);

/* Sends the next SEND_BATCH, or what is left. -errno: a frame could not be sent at all. */
int sender_batch(struct sender *s);

uint64_t send_clock_ns(void);	/* CLOCK_BOOTTIME */

#endif
