/* SPDX-License-Identifier: GPL-2.0-or-later */
/* filter - which series are asked for: by VM, NIC, direction, class (our name or the kernel's),
 * kind, queue. */
#ifndef TAPLOSS_CTL_QUERY_FILTER_H
#define TAPLOSS_CTL_QUERY_FILTER_H

#include <stdbool.h>

#include "reader.h"
#include "vmref.h"

#define FILTER_MAX 64
struct filter {
	const char *vms[FILTER_MAX];
	struct vmref refs[FILTER_MAX];
	unsigned int n_vms;
	const char *nic, *direction, *class, *kind;
	int queue;   /* -1: any */
	bool masked; /* show also what is masked */
};

void filter_init(struct filter *f); /* passes all but what is masked */

/* Looks up the VMs. 0 or -errno; reader_error() says which is unknown. */
int filter_find_vms(struct filter *f, struct reader *v);

/* Has anything in the store the name of its class, or of its NIC? The loss may be yet to come. */
bool filter_knows_class(const struct filter *f, const struct reader *v);
bool filter_knows_nic(const struct filter *f, const struct reader *v);

/* Is the VM, or the device that is nobody's, one of those asked for? */
bool filter_has_vm(const struct filter *f, int64_t vm_id, int64_t device_id);

bool filter_passes(const struct filter *f, const struct reader *v, const struct reader_series *s);

#endif
