/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pattern.h - how the tables of losses compare names. Header only. */
#ifndef TAPLOSS_COLLECTOR_LOSS_PATTERN_H
#define TAPLOSS_COLLECTOR_LOSS_PATTERN_H

#include <stdbool.h>
#include <string.h>

/* @pattern NULL fits everything, a trailing * any rest. */
static inline bool pattern_matches(const char *pattern, const char *text)
{
	size_t n;

	if (!pattern)
		return true;
	n = strlen(pattern);
	return pattern[n - 1] == '*' ? !strncmp(pattern, text, n - 1) : !strcmp(pattern, text);
}

#endif
