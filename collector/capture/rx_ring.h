/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rx_ring - one network device seen through one packet ring: batches of frames in, slots given
 * back, losses placed.
 *
 * A batch is a block (V3) or up to RX_RING_BATCH slots (V1, V2). Its frames stay in the ring, in
 * the order of their time stamps, until rx_ring_release(). Nothing here is done per frame but
 * reading its header; one PACKET_STATISTICS is read per batch. One thread. */
#ifndef TAPLOSS_COLLECTOR_CAPTURE_RX_RING_H
#define TAPLOSS_COLLECTOR_CAPTURE_RX_RING_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stdint.h>

#include "gap.h"
#include "ring.h"

#define RX_RING_BATCH 64
/* a frame may wait this long between its time stamp and the ring (softirq backlog) */
#define RX_RING_SLACK_NS 10000000ULL

struct rx_ring_options {
	struct ring_shape shape;
	const struct sock_filter *filter;	/* its return value is the snap length */
	unsigned short filter_length;		/* 0: whole frames */
	/* what the host sends into the device is left out */
	bool ignore_outgoing;
	/* time stamps of the device's own clock, where a frame has one */
	bool device_time;
	/* V1, V2: frames of so many bytes that no slot holds are kept whole beside the ring; 0: cut
	 */
	uint32_t copy_threshold;
	int fanout;				/* enum of PACKET_FANOUT_*; -1: none */
	/* in: -1 makes a group that nobody has and stores it here */
	int *fanout_group;
	/* PACKET_FANOUT_EBPF: a socket filter's descriptor, whose value is the member's number */
	int fanout_program;
};

/* A frame in the ring. */
struct rx_ring_frame {
	const uint8_t *data;
	uint32_t caplen, len;
	uint64_t t_ns;			/* UTC */
	uint32_t status, hash;		/* TP_STATUS_ */
	uint16_t vlan_tci, vlan_tpid;	/* when status has TP_STATUS_VLAN_VALID */
	uint8_t type;			/* PACKET_OUTGOING, PACKET_BROADCAST, ... */
};

struct rx_ring_stats {
	/* by the kernel, after the filter: captured + lost + ghosts, when the ring has been drained
	 */
	uint64_t offered;
	uint64_t captured, lost;
	uint64_t ghosts;	/* slots that the kernel left empty */
	uint64_t freezes;
	uint64_t gaps, exact;	/* places, and those known to the frame */
	uint64_t trailing;	/* among lost: after the last frame */
};

struct rx_ring;

/* -EPERM, -ENODEV, -ENOMEM, -EINVAL (the kernel refuses the ring), ... */
int rx_ring_open(uint32_t ifindex, const struct rx_ring_options *o, struct rx_ring **ret);
struct rx_ring *rx_ring_free(struct rx_ring *p);	/* NULL is fine; returns NULL */

/* Does the device stamp received frames itself? By name, in this namespace. */
bool rx_ring_stamps(const char *device);

/* to wait for: edge triggered, POLLIN and POLLERR */
int rx_ring_fd(const struct rx_ring *p);
uint32_t rx_ring_ifindex(const struct rx_ring *p);
uint16_t rx_ring_hardware(const struct rx_ring *p);	/* ARPHRD_ */
const struct rx_ring_stats *rx_ring_stats(const struct rx_ring *p);
/* share of the ring not given back: 0 to 1 */
double rx_ring_fill(const struct rx_ring *p);

/* Takes the next batch when none is held. Number of frames left in the batch held; 0: nothing is
 * ready. */
uint32_t rx_ring_take(struct rx_ring *p);

/* The frame in turn of the batch held and those behind it, @room at most; how many. No loss lies in
 * front of any but the first. rx_ring_next() steps over @n of them. */
uint32_t rx_ring_peek(const struct rx_ring *p, struct rx_ring_frame *ret, uint32_t room);
void rx_ring_next(struct rx_ring *p, uint32_t n);

/* Frames lost in front of the frame in turn; all numbers are of frames, from 1. @gap->before is its
 * own. False: none. */
bool rx_ring_gap(struct rx_ring *p, struct gap *ret);

/* The batch is used up: its slots go back to the kernel, its statistics are read. */
void rx_ring_release(struct rx_ring *p);

/* No frame with an older time stamp will come, given that it was @now_ns before rx_ring_take()
 * found nothing. */
uint64_t rx_ring_frontier(const struct rx_ring *p, uint64_t now_ns);

/* From here on no frame comes in; what is in the ring can still be taken. rx_ring_drained():
 * nothing is left, and no batch is held. */
int rx_ring_stop(struct rx_ring *p);
bool rx_ring_drained(const struct rx_ring *p);

/* After the last batch: what was lost behind the last frame goes to the totals. False: the ledger
 * does not close. */
bool rx_ring_close_ledger(struct rx_ring *p);

/* After POLLERR. 0: fine again; -ENETDOWN: down, it may come back; -ENODEV: the device is gone from
 * this namespace. */
int rx_ring_error(struct rx_ring *p);

#endif
