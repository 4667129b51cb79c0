/* SPDX-License-Identifier: GPL-2.0-or-later */
/* offered_load - how many frames a second came for a device, delivered or lost, in the minutes in
 * which it lost some for want of capacity. */
#ifndef TAPLOSS_CTL_QUERY_OFFERED_LOAD_H
#define TAPLOSS_CTL_QUERY_OFFERED_LOAD_H

#include "reader.h"

struct offered_load {
	uint64_t mean_fps, peak_fps;	/* peak: in the busiest second. 0: not known */
};

/* Of one direction (@tx: from the guest). Days that were thinned say nothing. 0, or -errno and
 * reader_error(). */
int offered_load_read(struct reader *v, int64_t device, bool tx, uint64_t since, uint64_t until,
		      struct offered_load *ret);

#endif
