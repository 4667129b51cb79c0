/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tally - loss of a window, grouped as asked, with what was delivered beside it. What loss, top and their JSON are made of. */
#ifndef TAPLOSS_CTL_TALLY_H
#define TAPLOSS_CTL_TALLY_H

#include "split.h"

struct tally_row {
	const struct view_series *series;	/* one of those in the row: all agree in what it is split by */
	char *key;
	struct view_sum sum;
	bool pct_known;				/* delivered can be told for this split */
	uint64_t delivered, lost;		/* of the device(s) and direction; lost: all of it, not only this row's */
};

struct tally {
	struct tally_row *rows;			/* most frames first */
	size_t n;
	uint64_t lost, purged;			/* frames: on their way; in rings that were emptied */
};

/* 0, or -errno after saying why. */
int tally_make(struct view *v, const struct window *w, const struct filter *f, unsigned int by, struct tally *ret);
void tally_free(struct tally *t);

/* Lost in percent of lost and delivered; of a row of the tally. Negative: not known. */
double tally_pct(const struct tally_row *r);

#endif
