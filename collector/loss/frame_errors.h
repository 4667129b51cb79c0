/* SPDX-License-Identifier: GPL-2.0-or-later */
/* frame_errors - how many frames tun.ko refused for their virtio-net header: counted in the kernel
 * (tun_struct::rx_frame_errors), and shown nobody on a tap since 5.11. Read through the descriptors
 * of the process that holds the tap. Loop thread only. */
#ifndef TAPLOSS_COLLECTOR_LOSS_FRAME_ERRORS_H
#define TAPLOSS_COLLECTOR_LOSS_FRAME_ERRORS_H

#include <stdint.h>

#include "bpf/abi.h"

struct frame_errors;

/* -EOPNOTSUPP: this kernel cannot look at one process's descriptors (before 6.1), or does not show
 * tun.ko's types; -EPERM. @why then says so in a few words. */
int frame_errors_open(struct frame_errors **ret, char why[static 256]);
/* NULL is fine; returns NULL */
struct frame_errors *frame_errors_close(struct frame_errors *f);

typedef void frame_errors_fn(const struct tl_frame_errors *e, void *arg);

/* Calls @fn for each open queue of @pid's taps. 0 also when the process has none, or is gone. */
int frame_errors_read(struct frame_errors *f, int pid, frame_errors_fn *fn, void *arg);

#endif
