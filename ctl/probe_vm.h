/* SPDX-License-Identifier: GPL-2.0-or-later */
/* probe_vm - the probe VM: a transient libvirt domain that ends with the connection that made it, so that a crash leaves nothing. */
#ifndef TAPLOSS_CTL_PROBE_VM_H
#define TAPLOSS_CTL_PROBE_VM_H

#include <stdbool.h>

#include "probe_image.h"

struct probe_vm;

struct vm_options {
	const char *uri;
	const char *type, *source;	/* "bridge", "network", "direct", and its name */
	unsigned int memory_mib, cpus, queues;
	bool no_kvm;
};

struct vm_facts {
	char name[40], tap[16], mac[18], channel[256];
	bool kvm;
	char bridge[16];	/* where frames for it go in; "" for direct */
};

/* Starts it. -errno after @why is one sentence. */
int vm_start(const struct vm_options *opt, const struct image *image, struct probe_vm **ret, struct vm_facts *facts, char why[static 512]);

bool vm_runs(struct probe_vm *vm);
bool vm_is_paused(struct probe_vm *vm);

/* Removes it. NULL is fine; returns NULL. */
struct probe_vm *vm_stop(struct probe_vm *vm);

#endif
