/* SPDX-License-Identifier: GPL-2.0-or-later */
/* events_verdict - verdicts on a VM's loss as events: when a cause began, changed and ended. */
#ifndef TAPLOSS_CTL_DIAGNOSE_EVENTS_VERDICT_H
#define TAPLOSS_CTL_DIAGNOSE_EVENTS_VERDICT_H

#include "ctl/query/events.h"

/* Adds when verdicts on the VM's loss began, changed and ended in (since, until], NIC by NIC, as
 * diagnose tells them for steps of 1 minute (of up to 6 hours), 5 minutes (of up to 2 days) or an
 * hour: with the first or last loss by it. A cause that comes back within 12 steps went on; one of
 * less than 10 frames is none. 0, or -errno and reader_error(). */
int events_add_verdicts(struct reader *v, int64_t vm_id, uint64_t since, uint64_t until,
			struct events *e);

#endif
