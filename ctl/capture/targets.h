/* SPDX-License-Identifier: GPL-2.0-or-later */
/* targets - which devices a capture is of, now: those named, and the taps that the VMs named have
 * at the moment. */
#ifndef TAPLOSS_CTL_CAPTURE_TARGETS_H
#define TAPLOSS_CTL_CAPTURE_TARGETS_H

#include <stdbool.h>
#include <stdint.h>

#include "collector/capture/capture.h"

struct capture_targets;

/* Adds a device to the capture. 0, with a warning in @why or without; -EALREADY or -EEXIST: it is
 * in the capture already; another -errno, and @why is the reason and what to do. */
typedef int capture_targets_fn(const struct capture_device *d, void *arg, char why[static 256]);

/* @names stay the caller's. A device of this namespace is meant before a VM. A VM's taps may be in
 * any namespace: devices have its descriptor, or, when it cannot be had, -1 though it is not ours.
 */
struct capture_targets *capture_targets_new(const char *store, char **names, int n,
					    capture_targets_fn *fn, void *arg);
/* NULL is fine; returns NULL */
struct capture_targets *capture_targets_free(struct capture_targets *w);
void capture_targets_freep(struct capture_targets **w);

/* Gives all devices to the capture that are there now. @first: what is missing or refused is an
 * error and is reported; later on a VM's new tap is waited for, and one that cannot be taken is
 * reported once. 0, -EINVAL (the filter), or another -errno. */
int capture_targets_add(struct capture_targets *w, bool first);

/* Were there devices of other namespaces? */
bool capture_targets_elsewhere(const struct capture_targets *w);

/* Are there VMs among them, whose taps come and go? */
bool capture_targets_follows(const struct capture_targets *w);

#endif
