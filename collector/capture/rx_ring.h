/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rx_ring - one network device seen through one packet ring: batches of frames in, slots given back, losses placed.
 *
 * A batch is a block (V3) or up to PORT_BATCH slots (V1, V2). Its frames stay in the ring, in the order of their time stamps, until
 * port_release(). Nothing here is done per frame but reading its header; one PACKET_STATISTICS is read per batch. One thread. */
#ifndef TAPLOSS_COLLECTOR_CAPTURE_RX_RING_H
#define TAPLOSS_COLLECTOR_CAPTURE_RX_RING_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stdint.h>

#include "gap.h"
#include "ring.h"

#define PORT_BATCH 64
#define PORT_SLACK_NS 10000000ULL	/* a frame may wait this long between its time stamp and the ring (softirq backlog) */

struct port_options {
	struct ring_shape shape;
	const struct sock_filter *filter;	/* its return value is the snap length */
	unsigned short filter_length;		/* 0: whole frames */
	bool ignore_outgoing;			/* what the host sends into the device is left out */
	bool device_time;			/* time stamps of the device's own clock, where a frame has one */
	uint32_t copy_threshold;		/* V1, V2: frames of so many bytes that no slot holds are kept whole beside the ring; 0: cut */
	int fanout;				/* enum of PACKET_FANOUT_*; -1: none */
	int *fanout_group;			/* in: -1 makes a group that nobody has and stores it here */
	int fanout_program;			/* PACKET_FANOUT_EBPF: a socket filter's descriptor, whose value is the member's number */
};

/* A frame in the ring. */
struct port_frame {
	const uint8_t *data;
	uint32_t caplen, len;
	uint64_t t_ns;			/* UTC */
	uint32_t status, hash;		/* TP_STATUS_ */
	uint16_t vlan_tci, vlan_tpid;	/* when status has TP_STATUS_VLAN_VALID */
	uint8_t type;			/* PACKET_OUTGOING, PACKET_BROADCAST, ... */
};

struct port_stats {
	uint64_t offered;	/* by the kernel, after the filter: captured + lost + ghosts, when the ring has been drained */
	uint64_t captured, lost;
	uint64_t ghosts;	/* slots that the kernel left empty */
	uint64_t freezes;
	uint64_t gaps, exact;	/* places, and those known to the frame */
	uint64_t trailing;	/* among lost: after the last frame */
};

struct port;

/* -EPERM, -ENODEV, -ENOMEM, -EINVAL (the kernel refuses the ring), ... */
int port_open(uint32_t ifindex, const struct port_options *o, struct port **ret);
struct port *port_free(struct port *p);	/* NULL is fine; returns NULL */

/* Does the device stamp received frames itself? By name, in this namespace. */
bool port_stamps(const char *device);

int port_fd(const struct port *p);		/* to wait for: edge triggered, POLLIN and POLLERR */
uint32_t port_ifindex(const struct port *p);
uint16_t port_hardware(const struct port *p);	/* ARPHRD_ */
const struct port_stats *port_stats(const struct port *p);
double port_fill(const struct port *p);		/* share of the ring not given back: 0 to 1 */

/* Takes the next batch when none is held. Number of frames left in the batch held; 0: nothing is ready. */
uint32_t port_take(struct port *p);

/* The frame in turn of the batch held and those behind it, @room at most; how many. No loss lies in front of any but the first.
 * port_next() steps over @n of them. */
uint32_t port_peek(const struct port *p, struct port_frame *ret, uint32_t room);
void port_next(struct port *p, uint32_t n);

/* Frames lost in front of the frame in turn; all numbers are of frames, from 1. @gap->before is its own. False: none. */
bool port_gap(struct port *p, struct gap *ret);

/* The batch is used up: its slots go back to the kernel, its statistics are read. */
void port_release(struct port *p);

/* No frame with an older time stamp will come, given that it was @now_ns before port_take() found nothing. */
uint64_t port_frontier(const struct port *p, uint64_t now_ns);

/* From here on no frame comes in; what is in the ring can still be taken. port_drained(): nothing is left, and no batch is held. */
int port_stop(struct port *p);
bool port_drained(const struct port *p);

/* After the last batch: what was lost behind the last frame goes to the totals. False: the ledger does not close. */
bool port_close_ledger(struct port *p);

/* After POLLERR. 0: fine again; -ENETDOWN: down, it may come back; -ENODEV: the device is gone from this namespace. */
int port_error(struct port *p);

#endif
