/* SPDX-License-Identifier: GPL-2.0-or-later */
/* screen - top's full screen: draws the board, reads keys, looks at the store anew each second. All
 * that knows curses is in screen*.c. */
#ifndef TAPLOSS_CTL_TOP_SCREEN_H
#define TAPLOSS_CTL_TOP_SCREEN_H

#include "ctl/print/global.h"
#include "ctl/query/filter.h"

struct screen_options {
	const struct global *g;
	struct filter *filter;
	uint64_t span_ns;	/* how far to look back */
};

/* Can standard input and output be such a screen? False: not both are terminals, or it cannot move
 * its cursor, which is said. */
bool screen_possible(void);

/* Until the user quits. An EXIT_ status; the terminal is as it was before. */
int screen_run(const struct screen_options *o);

#endif
