/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vmm - which process holds which tap, from /proc; works without libvirt and for any VMM.
 *
 * A file descriptor of /dev/net/tun names its device in /proc/PID/fdinfo ("iff:"), one of /dev/tapN
 * is the macvtap with ifindex N. Name, UUID and MAC addresses come from the command line
 * (cmdline.h); a process without a name there is named COMM-PID. A walk over all processes can take
 * long on a big host, so it runs in a thread of its own. */
#ifndef TAPLOSS_AGENT_OWNERS_VMM_H
#define TAPLOSS_AGENT_OWNERS_VMM_H

#include "owner.h"

struct vmm;

/* @proc: "/proc", or another root in tests. Scans at once, then every @resync_ms and after each
 * vmm_kick(). */
int vmm_start(const char *proc, unsigned int resync_ms, struct vmm **ret);
struct vmm *vmm_stop(struct vmm *v);	/* waits for the scan at hand; NULL is fine; returns NULL */

/* A tap appeared or vanished: scan soon. Kicks within 50 ms make one scan, and scanning takes at
 * most a tenth of a core. */
void vmm_kick(struct vmm *v);

int vmm_fd(const struct vmm *v);
struct owner_list *vmm_take(struct vmm *v);
void vmm_state(struct vmm *v, struct source_state *ret);

/* One scan in the caller's thread; what vmm_start()'s thread runs. -EACCES: other users' processes
 * cannot be looked at. */
int vmm_scan(const char *proc, struct owner_list **ret);

#endif
