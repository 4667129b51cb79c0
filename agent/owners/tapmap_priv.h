/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tapmap_priv - what the files of the tap map share: which taps there are (tapmap.c), and what the
 * store knows of them (tapmap_store.c). */
#ifndef TAPLOSS_AGENT_OWNERS_TAPMAP_PRIV_H
#define TAPLOSS_AGENT_OWNERS_TAPMAP_PRIV_H

#include "tapmap.h"
#include "vm_registry.h"

struct tapmap {
	struct store *store;
	struct vm_registry *book;
	char boot_id[37];
	uint32_t own_netns;
	struct tap *live;		/* uthash by key */
	struct tap *near;		/* of those, the one that was found last; NULL: none */
	struct tap *dead;		/* newest first */
};

struct tap *tapmap_find_live(struct tapmap *m, uint32_t netns, uint32_t ifindex);

/* A new lifetime; NULL: no memory. */
struct tap *tapmap_add(struct tapmap *m, const struct link_info *info, uint64_t since_ns);

/* Its end: still kept for a minute, among the dead. */
void tapmap_die(struct tapmap *m, struct tap *t, uint64_t now_ns);

#endif
