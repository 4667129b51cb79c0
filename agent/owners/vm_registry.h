/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vm_registry - every VM that the lists name, as the store knows it: id, newest name, state. Loop thread only. */
#ifndef TAPLOSS_AGENT_OWNERS_VM_REGISTRY_H
#define TAPLOSS_AGENT_OWNERS_VM_REGISTRY_H

#include "agent/store/store.h"
#include "resolve_owner.h"

struct vmbook;

/* Begins with what the store holds: a VM that went away unseen must be noticed. */
int vmbook_new(struct store *s, struct vmbook **ret);
struct vmbook *vmbook_free(struct vmbook *b);	/* NULL is fine; returns NULL */

/* Writes new VMs, new names and new states to the store; a VM that no complete lists name becomes "gone". 0 or the store's error, then
 * call again. Cheap when nothing changed. */
int vmbook_sync(struct vmbook *b, const struct weigh_lists *lists, uint64_t now_ns);

/* The id of a VM that vmbook_sync() has seen, 0 for any other. */
int64_t vmbook_id(const struct vmbook *b, const char *ident);

#endif
