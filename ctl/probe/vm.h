/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vm - the guest of a probe: a transient libvirt domain that ends with the connection that made it,
 * so that a crash leaves nothing; or one that runs in any case and has the probe inside. */
#ifndef TAPLOSS_CTL_PROBE_VM_H
#define TAPLOSS_CTL_PROBE_VM_H

#include <stdbool.h>

#include "image.h"

struct probe_vm;

struct vm_options {
	const char *uri;
	const char *type, *source;	/* "bridge", "network", "direct", and its name */
	/* a VM that runs, by name or UUID (NULL: one is made), and its interface by name or address
	 * (NULL: the first) */
	const char *vm, *nic;
	unsigned int memory_mib, cpus, queues;
	bool no_kvm, only_kvm;
};

struct vm_facts {
	char name[64], tap[16], mac[18], channel[256];
	bool kvm;
	char bridge[16];	/* where frames for it go in; "" for direct */
};

/* Starts it, or finds the one that runs. -errno after @why is one sentence; -ENXIO: it has no
 * channel for a probe. */
int vm_start(const struct vm_options *opt, const struct image *image, struct probe_vm **ret,
	     struct vm_facts *facts, char why[static 512]);
int vm_find(const struct vm_options *opt, struct probe_vm **ret, struct vm_facts *facts,
	    char why[static 512]);

bool vm_runs(struct probe_vm *vm);
bool vm_is_paused(struct probe_vm *vm);

/* Removes it, if it was made here. NULL is fine; returns NULL. */
struct probe_vm *vm_stop(struct probe_vm *vm);

#endif
