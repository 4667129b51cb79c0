/* SPDX-License-Identifier: GPL-2.0-or-later */
/* dropped_file - lost frames as pcapng: an interface for each device that lost one, a comment for
 * each frame, sums that add up. */
#ifndef TAPLOSS_CTL_CAPTURE_DROPPED_FILE_H
#define TAPLOSS_CTL_CAPTURE_DROPPED_FILE_H

#include "collector/loss/dropped.h"
#include "dropped.h"
#include "targets.h"

struct dropped_file;

struct dropped_sum {
	uint64_t lost, written;			/* lost: written + limited + unsent */
	uint64_t limited, unsent;
	/* freed as if lost, but no loss (class.h): not written, in none of the others */
	uint64_t not_lost;
	uint64_t files;
};

/* Begins the file. @rq, @d and @sink stay the caller's. Aborts without memory. */
struct dropped_file *dropped_file_new(const struct dropped_request *rq, struct dropped *d,
				      struct sink *sink);
struct dropped_file *dropped_file_free(struct dropped_file *f);	/* NULL is fine; returns NULL */

/* A device that is watched from here on. */
int dropped_file_add(struct dropped_file *f, const struct capture_device *d);

/* -ECANCELED: that was the last one asked for. Else 0, or the output's -errno. */
int dropped_file_put(struct dropped_file *f, const struct dropped_frame *frame);
int dropped_file_flush(struct dropped_file *f);

/* After dropped_stop(): the statistics. @full: the disk was full, the statistics may still fit.
 */
int dropped_file_end(struct dropped_file *f, bool full);

void dropped_file_sum(const struct dropped_file *f, struct dropped_sum *ret);

#endif
