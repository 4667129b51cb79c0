/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vmm - which process holds which tap, from /proc; works without libvirt and for any VMM.
 *
 * A file descriptor of /dev/net/tun names its device in /proc/PID/fdinfo ("iff:"), one of /dev/tapN is the macvtap with
 * ifindex N. The VM's name, UUID and MAC addresses come from the command line (QEMU's -name, -uuid, -netdev/-device,
 * in both spellings); any other VMM is named after its -name/--name/--id argument, else "COMM-PID". A walk over all processes can
 * take long on a big host, so it runs in a thread of its own. */
#ifndef TAPLOSS_AGENT_VMM_H
#define TAPLOSS_AGENT_VMM_H

#include "owner.h"
#include "virt.h"

struct vmm;

/* @proc: "/proc", or another root in tests. Scans at once, then every @resync_ms and after each vmm_kick(). */
int vmm_start(const char *proc, unsigned int resync_ms, struct vmm **ret);
struct vmm *vmm_stop(struct vmm *v);	/* waits for the scan at hand; NULL is fine; returns NULL */

/* A tap appeared or vanished: scan soon (kicks within 50 ms make one scan). */
void vmm_kick(struct vmm *v);

int vmm_fd(const struct vmm *v);
struct owner_list *vmm_take(struct vmm *v);
void vmm_state(struct vmm *v, struct source_state *ret);

/* One scan in the caller's thread; what vmm_start()'s thread runs. */
int vmm_scan(const char *proc, struct owner_list **ret);

/* Name, UUID and NICs from a command line as /proc/PID/cmdline holds it (NUL-separated, @len bytes). Bytes that are
 * not UTF-8 become U+FFFD. -ENOMEM. */
int vmm_parse_cmdline(const char *cmdline, size_t len, struct owner_vm *ret);

#endif
