/* SPDX-License-Identifier: GPL-2.0-or-later */
/* qdisc - what the queueing discipline in front of a device dropped: its root's own count, which holds its children's. Devices of the
 * caller's network namespace only. Loop thread only. */
#ifndef TAPLOSS_COLLECTOR_QDISC_H
#define TAPLOSS_COLLECTOR_QDISC_H

#include <stdint.h>

struct qdiscs;

int qdiscs_new(struct qdiscs **ret);
struct qdiscs *qdiscs_free(struct qdiscs *q);	/* NULL is fine; returns NULL */

/* -ENOENT: no such device, or it has none (noqueue). */
int qdisc_dropped(struct qdiscs *q, uint32_t ifindex, uint64_t *ret);

#endif
