/* SPDX-License-Identifier: GPL-2.0-or-later */
/* txgen - frames with numbers and time stamps, sent through a PACKET_TX_RING as fast as the device
 * takes them, or at a rate.
 *
 * Behind the Ethernet header (type 0x88b5, for experiments) stand the sequence number and the time
 * of sending, UTC ns, both 64 bits, big endian. One thread. */
#ifndef TAPLOSS_COLLECTOR_CAPTURE_TXGEN_H
#define TAPLOSS_COLLECTOR_CAPTURE_TXGEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TXGEN_TYPE 0x88b5
#define TXGEN_MIN 30	/* header, number, time */

struct txgen_options {
	uint8_t to[6], from[6];
	uint32_t sizes[16];	/* bytes of a frame without FCS, in turn: a mix */
	unsigned int n_sizes;
	uint64_t pps;		/* 0: as fast as possible */
	bool qdisc_bypass;
	uint16_t vlan;		/* 0: no tag */
	uint64_t first;		/* number of the first frame */
};

struct txgen;

int txgen_open(uint32_t ifindex, const struct txgen_options *o, struct txgen **ret);
struct txgen *txgen_free(struct txgen *g);	/* NULL is fine; returns NULL */

/* Sends @frames more. *ret_sent: how many the device took; fewer only with an error. */
int txgen_send(struct txgen *g, uint64_t frames, uint64_t *ret_sent);

#endif
