/* SPDX-License-Identifier: GPL-2.0-or-later */
/* evidence - what the store knows about one VM's loss in a window, gathered in the pieces that
 * verdicts are about.
 *
 * A piece is the loss of one NIC, direction, class, reason and place. What rings lost is taken
 * apart further, burst by burst, by what the VM was doing then: bursts of one shape are one piece.
 * Frames of all pieces add up to the loss. */
#ifndef TAPLOSS_CTL_DIAGNOSE_EVIDENCE_H
#define TAPLOSS_CTL_DIAGNOSE_EVIDENCE_H

#include <string.h>

#include "ctl/query/reader.h"

enum shape {
	SHAPE_NONE,		/* no ring */
	/* a ring, but no burst is known: it is going on, or the day was thinned */
	SHAPE_UNLISTED,
	SHAPE_HALTED,		/* the VM was not running */
	SHAPE_UNREAD,		/* nothing was delivered at all at that time */
	SHAPE_FLOOD,		/* far more came than usual */
	SHAPE_STALL,		/* what came was usual: the guest did not take it for a while */
	SHAPE_STEADY,		/* it went on for seconds */
};

enum group { GROUP_VCPU, GROUP_VHOST, GROUP_EMULATOR, GROUPS };	/* threads */

struct evidence {
	const struct reader_series *series;	/* of the piece's first frames */
	const char *nic;			/* NULL: not known */
	enum shape shape;
	uint64_t frames, bytes;
	/* between which it was lost: to the burst, else as the store has it */
	uint64_t first_ns, last_ns;
	/* lost and delivered in that direction of the NIC; 0: not known, or no bursts */
	uint64_t all_frames;
	uint64_t delivered;			/* of these */

	size_t bursts;
	uint64_t length_ns, longest_ns;		/* of all bursts together; of the longest */
	uint64_t most_frames;			/* in one burst */
	/* frames/s: lost in the bursts; what came in the minutes around them */
	uint64_t burst_rate, usual_rate;

	int queues;				/* -1: not known */
	int ring_frames;			/* at the burst of most frames; -1: not known */
	/* how full its ring was in minutes in which it lost nothing: looks, frames in all, at most;
	 * 0 looks: not known */
	uint64_t calm_looks, calm_sum, calm_peak;
	const char *backend;			/* NULL: not known */
	int queue;				/* that lost most; -1: not known */
	unsigned int queue_pct;			/* its share of the frames */
	const char *sender;			/* who sent most; NULL: not known */
	bool sender_is_vm;
	unsigned int sender_pct;

	char halted[16];			/* SHAPE_HALTED: paused, migrating, ... */
	/* the rest is known: threads in the seconds in which it lost */
	bool pressure;
	unsigned int threads[GROUPS];
	double run_pct[GROUPS];			/* of a thread's time */
	uint64_t lost_ns;			/* time that bursts took, in these seconds */
	uint64_t run_ns[GROUPS];
	/* that threads had to wait for a processor, more than they did in seconds without loss */
	uint64_t wait_ns[GROUPS];
};

struct evidences {
	struct evidence *all;			/* most frames first */
	size_t n;
	uint64_t frames;			/* of all */
};

/* Was a full ring the cause? Also when the tap had the queue in front of it stopped
 * (IFF_BACKPRESSURE), so that a queueing discipline dropped what came: class QDISC at tun_net_xmit.
 */
static inline bool evidence_ring(const struct reader_series *s)
{
	return !strcmp(s->class, "PTR_FULL") ||
	       (!strcmp(s->class, "QDISC") && s->site && !strcmp(s->site, "tun_net_xmit"));
}

/* 0, or -errno and reader_error(). What masks leave out is left out; emptied rings (PURGE) are no
 * loss. */
int evidence_gather(struct reader *v, int64_t vm_id, uint64_t since, uint64_t until,
		    const bool *wanted, struct evidences *ret);
void evidence_free(struct evidences *e);

#endif
