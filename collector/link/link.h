/* SPDX-License-Identifier: GPL-2.0-or-later */
/* link - tap-like network devices as rtnetlink shows them: what exists, what changes, what the
 * device counters say.
 *
 * Knows tun, tap, macvtap and ipvtap; every other device is passed over (bridges are looked up for
 * their names only). The own network namespace is followed by events; a foreign one is visited by
 * setns() for the length of one dump and never held open, because an open socket would keep a dead
 * VM's namespace, and its taps, alive. Loop thread only. */
#ifndef TAPLOSS_COLLECTOR_LINK_LINK_H
#define TAPLOSS_COLLECTOR_LINK_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "bpf/abi.h"

/* Device counters in device terms (struct rtnl_link_stats64). On tun, tap: tx = towards the guest;
 * on macvtap, ipvtap: rx = towards the guest. */
struct link_counters {
	uint64_t rx_frames, rx_bytes, tx_frames, tx_bytes;
	uint64_t rx_dropped, tx_dropped, rx_errors, tx_errors;
	/* tun, tap: bad virtio-net headers; LINK_UNREAD after 5.10, see frame_errors.h */
	uint64_t rx_frame_errors;
	uint64_t qdisc_dropped;		/* always LINK_UNREAD here, see qdisc.h */
};

#define LINK_UNREAD UINT64_MAX		/* a counter that these statistics do not have */

struct link_info {
	uint32_t netns, ifindex;
	char name[16];
	uint8_t kind;		/* enum tl_kind */
	bool up, multi_queue, persist, l3;	/* l3: a tun, not a tap */
	bool carrier;		/* somebody holds the tap; the lower device is up */
	uint8_t mac[6];
	uint16_t queues;	/* attached queues; 0 where the kernel does not say (macvtap) */
	uint16_t queues_disabled;
	uint32_t ring_frames;	/* txqueuelen = entries of each queue's ring */
	char bridge[16];	/* master device, "" for none */
	char lower[16];		/* macvtap, ipvtap: the device below, "" for none */
	struct link_counters counters;
};

/* Has rx_frame_errors of a tap in its link statistics a meaning? Up to 5.10. */
bool links_frame_errors(void);

struct links;

/* @gone: the device was deleted, or moved to another namespace; @info then holds the last state and
 * counters that the kernel gave. */
typedef void link_event_fn(const struct link_info *info, bool gone, void *arg);

/* Opens the event and request sockets in the caller's namespace. */
int links_new(struct links **ret);
struct links *links_free(struct links *l);

/* Inode number of the own namespace. */
uint32_t links_netns(const struct links *l);

/* Becomes readable when something changed; then call links_dispatch(). */
int links_fd(const struct links *l);

/* Delivers what happened since. -ENOBUFS: events were lost, call links_dump() and compare. */
int links_dispatch(struct links *l, link_event_fn *fn, void *arg);

/* Every tap-like device of the own namespace. */
int links_dump(struct links *l, link_event_fn *fn, void *arg);

struct link_place {
	char name[16], master[16];	/* "" when unknown, or none */
};

/* What any device of the own namespace is called now, and the bridge (or bond, team, VRF) that it
 * is part of. From memory. */
void links_place(const struct links *l, uint32_t ifindex, struct link_place *ret);

/* Every tap-like device of the namespace that @pid lives in. -ESRCH: the process is gone. -EPERM.
 */
int links_dump_netns(struct links *l, int pid, uint32_t *ret_netns, link_event_fn *fn, void *arg);

typedef void link_stats_fn(uint32_t ifindex, const struct link_counters *c, void *arg);

/* Counters only (RTM_GETSTATS), of every device of the own namespace, whatever its kind: cheap,
 * once a tick. */
int links_stats(struct links *l, link_stats_fn *fn, void *arg);

/* The same in the namespace of @pid. */
int links_stats_netns(struct links *l, int pid, link_stats_fn *fn, void *arg);

#endif
