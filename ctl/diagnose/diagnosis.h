/* SPDX-License-Identifier: GPL-2.0-or-later */
/* diagnosis - the verdicts on one VM's loss in a window of the store, now or past: what `diagnose`
 * prints, and how verdicts changed over time.
 *
 * Evidence (evidence.h) is judged by rules (verdict.h); pieces with one cause on one NIC,
 * direction, class and place are one cause. Frames of all causes add up to the loss. Whatever the
 * store holds answers: days that were thinned have no bursts, so that what rings lost then is told
 * apart less well (mostly "undecided", low), and the answer about a past window may lose sharpness
 * when its day is tidied. */
#ifndef TAPLOSS_CTL_DIAGNOSE_DIAGNOSIS_H
#define TAPLOSS_CTL_DIAGNOSE_DIAGNOSIS_H

#include "verdict.h"

#define DIAGNOSIS_FEW_FRAMES 10		/* of so few nothing can be said for sure */

struct cause {
	const struct evidence *e;	/* of its largest piece, which speaks for all */
	struct verdict v;
	uint64_t frames;
	uint64_t first_ns, last_ns;	/* between which it was lost */
};

struct diagnosis {
	struct evidences evidence;
	struct cause *all;		/* most frames first */
	size_t n;
};

/* Loss in (since, until] of the series in @wanted (n_series elements; NULL: all of that VM that no
 * mask leaves out; emptied rings are no loss). vm_id 0: of no VM. 0, or -errno and reader_error().
 * *ret points into @v: free it first. */
int diagnosis_make(struct reader *v, int64_t vm_id, uint64_t since, uint64_t until,
		   const bool *wanted, struct diagnosis *ret);
void diagnosis_free(struct diagnosis *d);
double diagnosis_share_pct(const struct diagnosis *d, const struct cause *c);

/* One verdict for as long as it held: the same cause on one NIC and direction, in steps that follow
 * each other. */
struct diagnosis_span {
	/* edges of steps: at to_ns the verdict changed, or the loss ended */
	uint64_t from_ns, to_ns;
	int64_t device_id;
	const char *nic, *direction;		/* nic NULL: not known */
	const struct verdict_rule *rule;
	enum confidence confidence;		/* the highest of its steps */
	uint64_t frames;
	/* between which it was lost: closer than the edges of steps */
	uint64_t first_ns, last_ns;
	uint64_t ring_frames;			/* verdict_ring(): the longest of its steps */
};

struct diagnosis_history {
	struct diagnosis_span *all;		/* in order of from_ns */
	size_t n;
};

/* The window in steps of @step_ns from @since on; steps without loss cost nothing. A minute or
 * more: a step is judged by itself, also what is usual. 0, or -errno and reader_error(). */
int diagnosis_past(struct reader *v, int64_t vm_id, uint64_t since, uint64_t until,
		   uint64_t step_ns, struct diagnosis_history *ret);
void diagnosis_history_free(struct diagnosis_history *h);

/* "low", "medium", "high" */
const char *confidence_word(enum confidence c);

#endif
