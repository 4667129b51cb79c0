/* SPDX-License-Identifier: GPL-2.0-or-later */
/* qdisc - what the queueing discipline in front of a device dropped, and how many frames wait in
 * it: its root's own counts, which hold its children's. Devices of the caller's network namespace
 * only. Loop thread only. */
#ifndef TAPLOSS_COLLECTOR_LINK_QDISC_H
#define TAPLOSS_COLLECTOR_LINK_QDISC_H

#include <stdint.h>

struct qdiscs;

int qdiscs_new(struct qdiscs **ret);
struct qdiscs *qdiscs_free(struct qdiscs *q);	/* NULL is fine; returns NULL */

/* -ENOENT: no such device, or it has none (noqueue). */
struct qdisc_counts {
	uint64_t dropped, waiting;
};
int qdisc_read(struct qdiscs *q, uint32_t ifindex, struct qdisc_counts *ret);

#endif
