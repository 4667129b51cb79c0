/* SPDX-License-Identifier: GPL-2.0-or-later */
/* when - times and lengths of time as people type them. Pure, but for now_ns(). */
#ifndef TAPLOSS_CTL_PRINT_WHEN_H
#define TAPLOSS_CTL_PRINT_WHEN_H

#include <stdint.h>

/* "now", "today", "yesterday", "-1h", "90s", "1h30min", "2h ago", "14:00[:05]", "2026-11-20
 * [14:00[:05]]", RFC 3339, "@1700000000[.5]". Without a zone: local time; a length without "ago"
 * lies before @now_ns. Result in UTC ns. -EINVAL; -ERANGE: before 1970 or in another age. */
int when_parse(const char *text, uint64_t now_ns, uint64_t *ret);

/* "500ms", "10s", "5min", "1h", "1d", "2w", "1h30min"; a bare number is seconds. In ns, never 0.
 * -EINVAL. */
int when_length(const char *text, uint64_t *ret);

uint64_t now_ns(void);	/* UTC */

#endif
