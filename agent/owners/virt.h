/* SPDX-License-Identifier: GPL-2.0-or-later */
/* virt - domains and their interfaces from one libvirt URI.
 *
 * libvirt calls can block for minutes, so each URI has a thread of its own: read-only connection,
 * lifecycle and device events, a full list at every resync, keepalive, reconnect with back-off (1 s
 * to 30 s). The loop thread never waits for it: it takes the newest finished list, and asks how old
 * the knowledge is. */
#ifndef TAPLOSS_AGENT_OWNERS_VIRT_H
#define TAPLOSS_AGENT_OWNERS_VIRT_H

#include "owner.h"

struct virt;

/* Starts the thread. @uri is copied; @resync_ms: how often to list everything even without events.
 */
int virt_start(const char *uri, unsigned int resync_ms, struct virt **ret);

/* Asks the thread to end and waits at most a second: a thread stuck in a call is left to the end of
 * the process. NULL is fine; returns NULL. */
struct virt *virt_stop(struct virt *v);

const char *virt_uri(const struct virt *v);

/* Readable when there is a new list or another state. virt_take() makes it quiet again. */
int virt_fd(const struct virt *v);

/* The newest list when it is newer than the one taken before, else NULL. The caller owns it. */
struct owner_list *virt_take(struct virt *v);

/* Never blocks. Says "stale" when a call or keepalive has had no answer for 5 s. */
void virt_state(struct virt *v, struct source_state *ret);

#endif
