/* SPDX-License-Identifier: GPL-2.0-or-later */
/* evidence_priv - what is known of a VM's seconds, shared by evidence's parts: evidence.c puts the
 * pieces together, evidence_rows.c reads what was around them. */
#ifndef TAPLOSS_CTL_DIAGNOSE_EVIDENCE_PRIV_H
#define TAPLOSS_CTL_DIAGNOSE_EVIDENCE_PRIV_H

#include <stdlib.h>

#include "ctl/query/bursts.h"
#include "collector/alloc.h"
#include "ctl/query/events.h"
#include "evidence.h"
#include "ctl/query/loss_rows.h"

#define QUEUES 256

struct pressure_row {
	uint64_t from_ns, to_ns, lost_ns;
	unsigned int threads[GROUPS];
	uint64_t run_ns[GROUPS], wait_ns[GROUPS];
};

struct traffic_row {
	int64_t device;
	uint64_t from_ns, to_ns, came[2], delivered[2];		/* [0] rx [1] tx */
	/* into its ring; only of rows without loss */
	uint64_t looks, sum, peak;
};

/* A piece while it is gathered. */
struct piece {
	struct evidence e;
	uint64_t by_queue[QUEUES], thread_ns[GROUPS];
	/* up to here pressure is in: a second that holds several bursts counts once */
	uint64_t pressed_ns;
	struct {
		const struct reader_series *series;
		uint64_t frames;
	} senders[32];
	size_t n_senders;
};

struct work {
	struct reader *v;
	int64_t vm_id;
	const bool *wanted;
	struct events events;
	struct bursts bursts;
	struct pressure_row *pressure;
	struct traffic_row *traffic;
	size_t n_pressure, n_traffic;
	double quiet[GROUPS];		/* wait in seconds without loss, of a second */
	struct loss_rows rows;
	struct piece *pieces;
	size_t n;
};

/* How long [a, b] and [c, d] have in common. */
static inline uint64_t overlap(uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
	uint64_t from = a > c ? a : c, to = b < d ? b : d;

	return to > from ? to - from : 0;
}

/* The rows of pressure and traffic in the window and a little behind it. 0, or -errno and
 * reader_error(). */
int evidence_rows(struct work *w, uint64_t since, uint64_t until);

/* How much of each second bursts took, and what threads wait for when nothing is lost. */
void evidence_weigh(struct work *w);

#endif
