/* SPDX-License-Identifier: GPL-2.0-or-later */
/* compare - did a change help? Loss of two windows beside each other, for the host and each NIC and
 * direction that lost frames in one of them, and how sure the difference is.
 *
 * Hours are what is compared: each has frames lost and frames offered. The difference of the two
 * shares is given with the middle 95 % of the differences of a thousand pairs of windows drawn from
 * their hours (bootstrap): an hour with a burst weighs as one hour. */
#ifndef TAPLOSS_CTL_REPORT_COMPARE_H
#define TAPLOSS_CTL_REPORT_COMPARE_H

#include <jansson.h>

#include "ctl/query/filter.h"
#include "ctl/query/window.h"

/* New reference; NULL: reader_error() says why. */
json_t *compare_make(struct reader *v, const struct window *before, const struct window *after,
		     const struct filter *f);

#endif
