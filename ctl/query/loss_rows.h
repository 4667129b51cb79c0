/* SPDX-License-Identifier: GPL-2.0-or-later */
/* loss_rows - what the rows of a window say was lost, by series, and what of it bursts account for.
 *
 * Rows stand at the end of the tick in which a frame was lost, bursts where they began: at the edge
 * of a window one may lie on either side. The rows decide what was lost in a window, so that
 * windows side by side add up; a burst that began before it may account for what the first rows
 * hold. */
#ifndef TAPLOSS_CTL_QUERY_LOSS_ROWS_H
#define TAPLOSS_CTL_QUERY_LOSS_ROWS_H

#include "bursts.h"

struct loss_row {
	uint64_t frames, bytes;		/* frames: that no burst accounts for so far */
	/* of these, in rows that begin before the window, or just with it */
	uint64_t early;
	uint64_t first_ns, last_ns;	/* 0: none */
};

struct loss_rows {
	struct loss_row *all;		/* by series; n_series elements */
	/* of the window; where its first row begins: bursts from there on may be told in it */
	uint64_t since_ns, from_ns;
};

/* Of (since, until], the series in @wanted. 0, or -errno and reader_error(). */
int loss_rows_read(struct reader *v, uint64_t since, uint64_t until, const bool *wanted,
		   struct loss_rows *ret);
void loss_rows_free(struct loss_rows *l);

/* How many of @b's frames were lost in the window; they are accounted for. In order of their start.
 * Bursts are told by queue and class. */
uint64_t loss_rows_take(struct loss_rows *l, const struct reader *v, const bool *wanted,
			const struct burst *b);

#endif
