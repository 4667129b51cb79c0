/* SPDX-License-Identifier: GPL-2.0-or-later */
/* path - losses above the tap: which frames to watch for, and whose one was that a bridge, a
 * filter, a queue or the uplink dropped.
 *
 * The kernel tells them by the VM's Ethernet address. Two VMs may have the same one in different
 * networks: the one whose tap hangs on the bridge (macvtap: the lower device) that the dropping
 * device belongs to is meant, else the one in its namespace; where that leaves several, it is
 * nobody's. Loop thread only. */
#ifndef TAPLOSS_AGENT_TICK_PATH_H
#define TAPLOSS_AGENT_TICK_PATH_H

#include "collector/source/source.h"
#include "agent/owners/tapmap.h"

/* Tells the kernel's counters the addresses of all live taps. Cheap when nothing changed. */
int path_watch(struct source *src, struct tapmap *m);

/* The tap whose frame @key (TL_KIND_PATH) counts, or NULL. */
const struct tap *path_tap(struct tapmap *m, const struct links *links,
			   const struct tl_loss_key *key);

/* What a device of any kind is called: by rtnetlink, else by the kernel's note of its first loss,
 * else by its number. */
void path_device(struct source *src, const struct links *links, uint32_t netns, uint32_t ifindex,
		 char ret[static 24]);

/* Who sent what @key lost: *ret_vm is the VM, 0 for none; @ret the device that it came in by,
 * "host" for the host itself, "other" for one of too many, "" when the kernel does not keep it. */
void path_sender(struct source *src, struct tapmap *m, const struct links *links,
		 const struct tl_loss_key *key, int64_t *ret_vm, char ret[static 24]);

#endif
