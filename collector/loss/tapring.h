/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tapring - how many frames lie in the rings from which guests take them (tun.ko, tap.ko: a
 * ptr_ring for each queue). The kernel shows that nobody, so it is read from memory, by BPF
 * programs that run when they are called and at no other time: a frame costs nothing.
 *
 * A ring is found once, through the descriptors of a process that holds it; from then on it is
 * looked at by its address, and what is no longer that device's queue says so. Frames that a vhost
 * worker has taken out in bulk (64 at most), or a guest's virtio-net has not looked at, have left
 * the ring. Loop thread only. */
#ifndef TAPLOSS_COLLECTOR_LOSS_TAPRING_H
#define TAPLOSS_COLLECTOR_LOSS_TAPRING_H

#include "bpf/abi.h"

struct taprings;

/* -EOPNOTSUPP: this kernel cannot look at one process's descriptors (before 6.1), or does not show
 * the types of tun.ko and tap.ko; -EPERM. @why then says so in a few words. What is loaded of both
 * modules at this moment is what can be read. */
int taprings_open(struct taprings **ret, char why[static 256]);
struct taprings *taprings_close(struct taprings *t);	/* NULL is fine; returns NULL */

/* Calls @fn for each open queue of @pid's taps; twice when two descriptors are of one queue. 0 also
 * when the process has none, or is gone. */
typedef void taprings_fn(const struct tl_tapring *ring, void *arg);
int taprings_find(struct taprings *t, int pid, taprings_fn *fn, void *arg);

/* Looks into @all: sets frames, size, queues. */
int taprings_read(struct taprings *t, struct tl_tapring *all, unsigned int n);

#endif
