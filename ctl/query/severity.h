/* SPDX-License-Identifier: GPL-2.0-or-later */
/* severity - which loss is trouble, and which is benign.
 *
 * Benign is what comes with the life of a VM: loss of kind lifecycle (a device not ready, a ring
 * that was emptied), and whatever its taps lose while it does not run (paused, migrating,
 * starting). Everything else is harmful. */
#ifndef TAPLOSS_CTL_QUERY_SEVERITY_H
#define TAPLOSS_CTL_QUERY_SEVERITY_H

#include "reader.h"

struct downtime {
	int64_t vm_id;
	uint64_t from_ns, to_ns;	/* to_ns UINT64_MAX: still */
	bool ended;			/* it was gone: what it lost before may be why */
};

/* When VMs did not run: of each VM in order of time. */
struct downtimes {
	struct downtime *all;
	size_t n;
};

/* What is known up to @until. 0, or -errno and reader_error(). */
int downtimes_read(struct reader *v, uint64_t until, struct downtimes *ret);
void downtimes_free(struct downtimes *h);

/* Did the VM not run in (t - span, t], or if that is more than a few seconds, or it was gone: for
 * most of it? A pause is known only when somebody has told it, so half a second before it counts,
 * too. */
bool downtimes_has(const struct downtimes *h, int64_t vm_id, uint64_t t_ns, uint64_t span_ns);

/* At any time of the window. */
bool downtimes_any(const struct downtimes *h, int64_t vm_id, uint64_t since, uint64_t until);

/* Is a frame of @s, lost in (t - span, t], benign? */
bool severity_benign(const struct downtimes *h, const struct reader_series *s, uint64_t t_ns,
		     uint64_t span_ns);

/* The benign frames of the window by series; @sums: all frames, as reader_losses() says. *ret has
 * n_series elements and is the caller's. 0, or -errno and reader_error(). */
int severity_sums(struct reader *v, uint64_t since, uint64_t until, const struct reader_sum *sums,
		  uint64_t **ret);

#endif
