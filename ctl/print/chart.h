/* SPDX-License-Identifier: GPL-2.0-or-later */
/* chart - a number over time in one line of a terminal. Blocks where the character set has them,
 * else letters. */
#ifndef TAPLOSS_CTL_PRINT_CHART_H
#define TAPLOSS_CTL_PRINT_CHART_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* @n cells: height in proportion to @max, at least the lowest block for anything above 0, a dot for
 * 0, a blank where nothing was observed. @observed NULL: all was. The caller frees it; it aborts
 * without memory. */
char *chart_text(const uint64_t *values, const bool *observed, size_t n, uint64_t max);

/* Times for the line under the cells: left, and where there is room, further ones. The caller frees
 * it. chart_axis() prints it. */
char *chart_axis_text(uint64_t from_ns, uint64_t step_ns, size_t n);
void chart_axis(uint64_t from_ns, uint64_t step_ns, size_t n);

#endif
