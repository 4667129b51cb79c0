/* SPDX-License-Identifier: GPL-2.0-or-later */
/* capture_who - which devices a capture is of, now: those named, and the taps that the VMs named have at the moment. */
#ifndef TAPLOSS_CTL_CAPTURE_WHO_H
#define TAPLOSS_CTL_CAPTURE_WHO_H

#include <stdbool.h>

#include "../collector/capture.h"

struct capture_who;

/* @names stay the caller's. A device of this namespace is meant before a VM. Says on stderr what is wrong; NULL then. */
struct capture_who *capture_who_new(const char *store, char **names, int n);
struct capture_who *capture_who_free(struct capture_who *w);	/* NULL is fine; returns NULL */

/* Adds to @c what is not in it yet. @first: what is missing or refused is an error, said on stderr; later on a VM's new tap is waited for, and
 * one that cannot be opened is said once. 0, -EINVAL (the filter), or another -errno. */
int capture_who_add(struct capture_who *w, struct capture *c, bool first);

/* Are there VMs among them, whose taps come and go? */
bool capture_who_follows(const struct capture_who *w);

#endif
