/* SPDX-License-Identifier: GPL-2.0-or-later */
/* delta - running totals to what is new, exactly once.
 *
 * A baseline is the total of a key up to which everything is stored. Baselines move only when the
 * transaction that stored the difference was committed: delta_next() gives the difference,
 * delta_commit() moves every baseline that was asked for since the last commit, delta_rollback()
 * moves none, so the same frames are handed out again. */
#ifndef TAPLOSS_COLLECTOR_LOSS_DELTA_H
#define TAPLOSS_COLLECTOR_LOSS_DELTA_H

#include <stdbool.h>

#include "loss.h"

struct delta;

int delta_new(struct delta **ret);
struct delta *delta_free(struct delta *d);	/* NULL is fine; returns NULL */

/* A baseline from the store, before the first delta_next(). -ENOMEM. */
int delta_seed(struct delta *d, const struct tl_loss_key *key, const struct loss_total *stored);

/* Sets *ret to total - baseline. Another born_ns than the baseline's means that the key began anew:
 * all of @total is new. Returns 1 when anything is new, 0 when not, -ENOMEM. */
int delta_next(struct delta *d, const struct tl_loss_key *key, const struct loss_total *total,
	       struct loss_total *ret);

void delta_commit(struct delta *d);
void delta_rollback(struct delta *d);

/* Drops the baseline of a key that loss_forget() removed. */
void delta_forget(struct delta *d, const struct tl_loss_key *key);

typedef int delta_each_fn(const struct tl_loss_key *key, const struct loss_total *baseline,
			  void *arg);
int delta_each(const struct delta *d, delta_each_fn *fn, void *arg);

#endif
