/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vmref - which VM does somebody mean? By name, UUID, MAC address, or the name of its tap; also by
 * a name that it had. */
#ifndef TAPLOSS_CTL_QUERY_VMREF_H
#define TAPLOSS_CTL_QUERY_VMREF_H

#include "reader.h"

struct vmref {
	int64_t vm_id;		/* 0: a device that is nobody's */
	int64_t device_id;	/* only when vm_id is 0 */
};

/* 0, -ENOENT, -ENOTUNIQ or another -errno; reader_error() says what is wrong and what is near.
 * Names as shown in tables (\xNN) are understood. */
int vmref_find(struct reader *v, const char *text, struct vmref *ret);

/* Is the series, or the attachment, of the VM (or device) that is meant? */
bool vmref_has(const struct vmref *ref, int64_t vm_id, int64_t device_id);

/* What it is called. */
const char *vmref_name(const struct reader *v, const struct vmref *ref);
const char *vmref_uuid(const struct reader *v, const struct vmref *ref);

#endif
