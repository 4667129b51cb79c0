/* SPDX-License-Identifier: GPL-2.0-or-later */
/* resolve_owner - whose is this tap? One answer from several lists that may disagree.
 *
 * /proc knows which process holds a tap now; libvirt knows names, states and what was configured.
 * The process decides who (a libvirt that does not answer may describe a VM that is long gone),
 * libvirt decides what it is called. Pure. */
#ifndef TAPLOSS_AGENT_OWNERS_RESOLVE_OWNER_H
#define TAPLOSS_AGENT_OWNERS_RESOLVE_OWNER_H

#include "collector/link/link.h"
#include "owner.h"

#define WEIGH_MAX_VIRT 8

struct resolve_owner_lists {
	const struct owner_list *virt[WEIGH_MAX_VIRT];	/* one for each URI; NULL: none yet */
	const struct owner_list *proc;
	/* libvirt's device names are names in here */
	uint32_t own_netns;
	/* every source that is in use has answered: who is in no list is gone */
	bool complete;
};

/* The claim that won; pointers into the lists. */
struct claim {
	const struct owner_vm *vm;	/* NULL: nobody's */
	const struct owner_vm *named;	/* the same VM where its name and state are best known */
	/* libvirt's view, /proc's view; either may be NULL */
	const struct owner_nic *configured, *held;
	int pid;
	uint64_t since_ns;		/* of the process; 0 unknown */
};

/* When a tap was there, CLOCK_MONOTONIC. What was read of a VM before or after says nothing about
 * this tap: it may name another device of the same name and number. */
struct lifetime {
	uint64_t found_ns, gone_ns;	/* gone_ns 0: it is there */
};

void resolve_owner(const struct resolve_owner_lists *lists, const struct link_info *tap,
		   const struct lifetime *life, struct claim *ret);

/* The VM with this identity where its name is best known: libvirt first. NULL: nobody knows it. */
const struct owner_vm *resolve_owner_vm(const struct resolve_owner_lists *lists, const char *ident);

/* The VM whose VMM is @pid, NULL. */
const struct owner_vm *resolve_owner_pid(const struct resolve_owner_lists *lists, int pid);

#endif
