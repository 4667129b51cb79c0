/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tally - loss of a window, grouped as asked, with what was delivered beside it. What loss, top and
 * their JSON are made of. */
#ifndef TAPLOSS_CTL_QUERY_TALLY_H
#define TAPLOSS_CTL_QUERY_TALLY_H

#include "filter.h"
#include "window.h"

struct tally_row {
	/* one of those in the row: all agree in what it is split by */
	const struct reader_series *series;
	char *key;
	struct reader_sum sum;
	/* frames of it that were in rings that were emptied, or never reached the tap */
	uint64_t purged, path;
	/* of what was lost at the tap: lost with the life of the VM (harm.h) */
	uint64_t benign;
	/* when the first of its series first lost a frame, ever */
	uint64_t first_ns;
	bool pct_known;				/* delivered can be told for this row */
	/* of the device(s) and direction; all_lost: not only this row's, at the tap */
	uint64_t delivered, all_lost;
};

struct tally {
	struct tally_row *rows;			/* most frames first */
	size_t n;
	/* frames: at taps; above them; in rings that were emptied */
	uint64_t lost, path, purged;
	uint64_t benign;			/* of those lost at taps */
	/* frames that a mask leaves out of these; rows only with filter.masked */
	uint64_t masked;
};

/* Can delivered frames be told at all when split so? They are counted by device and direction. */
bool tally_knows_delivered(unsigned int by);

/* 0, or -errno and reader_error(). */
int tally_make(struct reader *v, const struct window *w, const struct filter *f, unsigned int by,
	       struct tally *ret);
void tally_free(struct tally *t);

/* Lost in percent of lost and delivered; of a row of the tally. Negative: not known. */
double tally_pct(const struct tally_row *r);

/* Harmful frames of a row, and their share: what alarms go by. */
uint64_t tally_harm(const struct tally_row *r);
double tally_harm_pct(const struct tally_row *r);

#endif
