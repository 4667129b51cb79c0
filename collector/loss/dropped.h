/* SPDX-License-Identifier: GPL-2.0-or-later */
/* dropped - the frames that some devices lose, taken where the kernel frees them.
 *
 * A BPF program of its own, which lives as long as the object and touches nothing that the agent
 * has pinned. Every lost frame is counted; what is above the limit, or finds no room in the
 * kernel's ring, is counted only, so that for each device sent + limited + unsent = lost. Frames
 * that were no skbs (XDP), and what a vhost worker frees with neither device nor socket (bad
 * headers, until 7.1), are not seen. */
#ifndef TAPLOSS_COLLECTOR_LOSS_DROPPED_H
#define TAPLOSS_COLLECTOR_LOSS_DROPPED_H

#include <stdint.h>

#include "bpf/abi.h"

struct dropped;

struct dropped_options {
	uint32_t limit;		/* frames a second, of all devices together; 0: none */
	uint32_t snaplen;	/* bytes of each frame, TL_DROPPED_SNAP at most */
};

/* Loads the program; it is not attached yet. -EPERM: privilege is missing; -ENOENT: the kernel
 * shows no BTF; -EINVAL, ... @why then holds one sentence for a person, without a full stop. */
int dropped_open(const struct dropped_options *o, struct dropped **ret, char why[static 256]);
struct dropped *dropped_close(struct dropped *d);	/* NULL is fine; returns NULL */

/* At any time. -EEXIST: it is watched already; -ENOSPC: there are too many. */
int dropped_watch(struct dropped *d, uint32_t netns, uint32_t ifindex);

int dropped_start(struct dropped *d);
void dropped_stop(struct dropped *d);	/* from here on the counts stand still */

/* A frame; @head[0] to @head[front + more - 1] are its bytes. Of the device's frames @limited and
 * @unsent were lost on the same CPU since the frame before this one there: the @after-th that was
 * handed out of this device, 0 for none. */
struct dropped_frame {
	const struct tl_dropped *frame;
	uint64_t number;		/* of this one, of the device, from 1 */
	uint64_t limited, unsent, after;
};
typedef int dropped_fn(const struct dropped_frame *f, void *arg);

/* Waits for frames for @ms at most and hands out, in the order of time, those that no older one can
 * follow any more; after dropped_stop() all. Stops at the first negative return of @fn and returns
 * it: the frame at hand is then gone. */
int dropped_step(struct dropped *d, int ms, dropped_fn *fn, void *arg);

int dropped_count(const struct dropped *d, uint32_t netns, uint32_t ifindex,
		  struct tl_dropped_count *ret);

/* Drops, of any device, that the program was not run for because it was at work on that CPU. Known
 * after dropped_stop(). */
uint64_t dropped_missed(const struct dropped *d);

#endif
