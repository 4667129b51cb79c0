/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ring_history - how full the rings of a VM's NICs were over time: a curve for each NIC of which it
 * is known. */
#ifndef TAPLOSS_CTL_DIAGNOSE_RING_HISTORY_H
#define TAPLOSS_CTL_DIAGNOSE_RING_HISTORY_H

#include <jansson.h>

#include "ctl/query/filter.h"

struct ring_fill {
	int64_t device;
	/* points: one for each step; what is stored of it stands in the step in which that ends */
	struct reader_headroom *points, total;
};

struct ring_history {
	struct ring_fill *all;
	size_t n, n_steps;
};

/* Of the VM and NIC that @f names first, in @n steps of @step_ns from @since on. 0, or -errno and
 * reader_error(). */
int ring_history_read(struct reader *v, const struct filter *f, uint64_t since, uint64_t step_ns,
		      size_t n, struct ring_history *ret);
void ring_history_free(struct ring_history *s);

/* New reference: an object for each NIC, with the steps of which something is known; @end_ns: when
 * a step ended. */
typedef uint64_t ring_history_end_fn(const void *arg, size_t step);
json_t *ring_history_json(const struct reader *v, const struct ring_history *s,
			  ring_history_end_fn *end_ns, const void *arg);

#endif
