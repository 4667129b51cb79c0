/* SPDX-License-Identifier: GPL-2.0-or-later */
/* virt_events - libvirt's event loop: one thread for all connections of the process. Handlers run
 * in it, so they take notes and make no calls: one that hung would stop the keepalive of every
 * connection. */
#ifndef TAPLOSS_AGENT_OWNERS_VIRT_EVENTS_H
#define TAPLOSS_AGENT_OWNERS_VIRT_EVENTS_H

/* Before the first connection. Starts once; later calls say how it went. -EIO, -EAGAIN. */
int virtevents_start(void);

#endif
