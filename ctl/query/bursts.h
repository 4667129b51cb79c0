/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bursts - what the store holds of bursts, put together: frames of one queue, direction and class
 * lost with less than BURST_GAP_NS between any two, whatever CPU lost them and whoever sent them.
 */
#ifndef TAPLOSS_CTL_QUERY_BURSTS_H
#define TAPLOSS_CTL_QUERY_BURSTS_H

#include "reader.h"

#define BURST_GAP_NS 10000000ULL

struct burst_piece {
	int64_t series;
	uint64_t start_ns, last_ns, frames, place;	/* place 0: not known */
	uint32_t cpu;
};

struct burst {
	/* of its first frame: device, queue, direction, class are those of all */
	const struct reader_series *series;
	uint64_t start_ns, last_ns, frames;
	uint64_t place;				/* 0: not known */
	/* since the end of the one before, of this queue and class; 0: the first */
	uint64_t gap_ns;
	const struct reader_series *most;		/* whose sender sent most of it */
	uint64_t most_frames;			/* in its largest piece */
};

struct bursts {
	struct burst *all;			/* in order of their start */
	size_t n;
};

/* Those that began in (since, until], of the series in @wanted (n_series elements; NULL: all). 0,
 * or -errno and reader_error(). */
int bursts_read(struct reader *v, uint64_t since, uint64_t until, const bool *wanted,
		struct bursts *ret);
void bursts_free(struct bursts *b);

/* The same from pieces in any order, which are sorted. Pure. */
void bursts_join(const struct reader *v, struct burst_piece *pieces, size_t n, struct bursts *ret);

/* Frames/s that came from the burst before @b (one of @all) to the one after it, of that NIC and
 * direction: delivered in between, by their places in the sequence, and lost. 0: they are too far,
 * or their places are not known. */
uint64_t bursts_rate_around(const struct bursts *all, const struct burst *b);

/* Of @n values, sorted upwards: the least that is not below @pct percent of them (1 to 100). 0 for
 * none. */
uint64_t bursts_quantile(const uint64_t *sorted, size_t n, unsigned int pct);

#endif
