/* SPDX-License-Identifier: GPL-2.0-or-later */
/* loss_counter - what each kernel counter means: its words (reason, function, class) and the series
 * that it is stored under.
 *
 * The words of a key never change and cost a symbol look-up, so they are found once. The series
 * changes when the tap goes to another owner. Loop thread only. */
#ifndef TAPLOSS_AGENT_TICK_LOSS_COUNTER_H
#define TAPLOSS_AGENT_TICK_LOSS_COUNTER_H

#include <uthash.h>

#include "collector/loss/class.h"
#include "collector/source/source.h"
#include "agent/store/store.h"
#include "agent/owners/tapmap.h"

/* What a line means besides its words. */
struct loss_owner {
	int64_t device_id, attachment_id, vm_id;	/* 0: none */
	int64_t sender_vm_id;		/* 0: none */
	const char *counter;		/* device counter that moves with it, static; NULL: none */
	char sender[24];		/* "": not known */
	/* "": the tap; sizes that leave no padding: compared as bytes */
	char place[40];
};

struct loss_counter {
	struct tl_loss_key key;
	struct class_out class;		/* class NULL: not a loss */
	const char *reason;
	char site[128];			/* kernel function */
	struct loss_total last;		/* newest total read */
	uint64_t moved_ns;		/* UTC of the tick that last found frames in it */

	int64_t series_id;		/* for the owner below; 0: not asked yet */
	struct loss_owner owner;
	UT_hash_handle hh;
};

struct loss_counters;

/* @source: borrowed. */
int loss_counters_new(struct source *source, struct loss_counters **ret);
/* NULL is fine; returns NULL */
struct loss_counters *loss_counters_free(struct loss_counters *ls);

/* Finds or makes it. NULL: no memory. Lives until loss_counters_drop(). */
struct loss_counter *loss_counter_of(struct loss_counters *ls, const struct tl_loss_key *key);

/* The series under which @line is to be stored now that it is @owner's, who must have been zeroed
 * before it was filled in. 0 or the store's error. */
int loss_counter_series(struct loss_counter *line, struct store *s, const struct loss_owner *owner,
			uint64_t now_ns);

/* Calls @fn for every line of that device; @fn may drop it. */
typedef void loss_counter_fn(struct loss_counter *line, void *arg);
void loss_counters_of_device(struct loss_counters *ls, uint32_t netns, uint32_t ifindex,
			     loss_counter_fn *fn, void *arg);
/* the same for every line */
void loss_counters_each(struct loss_counters *ls, loss_counter_fn *fn, void *arg);
void loss_counters_drop(struct loss_counters *ls, struct loss_counter *line);

#endif
