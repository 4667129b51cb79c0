/* SPDX-License-Identifier: GPL-2.0-or-later */
/* window_options - the options that say which time is asked about (query/window.h). */
#ifndef TAPLOSS_CTL_OPTIONS_WINDOW_OPTIONS_H
#define TAPLOSS_CTL_OPTIONS_WINDOW_OPTIONS_H

#include <stdbool.h>

#include "ctl/query/window.h"

#define WINDOW_OPTIONS                                \
	{ "since", required_argument, NULL, 'S' },    \
	{                                             \
		"until", required_argument, NULL, 'U' \
	}
/* @since: the default, as words. */
#define WINDOW_HELP(since)                                                                  \
	"  -S, --since T    start of the window: -1h, 2h ago, today, 14:00, 2026-11-20,\n" \
	"                   @1700000000 (default: " since ")\n"                             \
	"  -U, --until T    end of the window (default: now)\n"

void window_init(struct window *w); /* the last hour */

/* 1 taken, 0 not one of WINDOW_OPTIONS, -1 wrong (reported). */
int window_option(struct window *w, int opt, const char *value);

bool window_valid(const struct window *w); /* false: it was reported why not */

/* "2026-11-21 06:00:00 to 07:00:00 UTC (1 h), 98.2 % observed" */
void window_print(const struct window *w, double covered_pct);

#endif
