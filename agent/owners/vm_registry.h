/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vm_registry - every VM that the lists name, as the store knows it: id, newest name, state. Loop
 * thread only. */
#ifndef TAPLOSS_AGENT_OWNERS_VM_REGISTRY_H
#define TAPLOSS_AGENT_OWNERS_VM_REGISTRY_H

#include "agent/store/store.h"
#include "resolve_owner.h"

struct vm_registry;

/* Begins with what the store holds: a VM that went away unseen must be noticed. */
int vm_registry_new(struct store *s, struct vm_registry **ret);
struct vm_registry *vm_registry_free(struct vm_registry *b);	/* NULL is fine; returns NULL */

/* Writes new VMs, new names and new states to the store; a VM that no complete lists name becomes
 * "gone". 0 or the store's error, then call again. Cheap when nothing changed. */
int vm_registry_sync(struct vm_registry *b, const struct resolve_owner_lists *lists,
		     uint64_t now_ns);

/* The id of a VM that vm_registry_sync() has seen, 0 for any other. */
int64_t vm_registry_id(const struct vm_registry *b, const char *ident);

#endif
