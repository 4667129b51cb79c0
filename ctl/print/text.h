/* SPDX-License-Identifier: GPL-2.0-or-later */
/* text - showing what others named: a guest's owner may have put anything but NUL into a name. */
#ifndef TAPLOSS_CTL_PRINT_TEXT_H
#define TAPLOSS_CTL_PRINT_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* @text with control characters (C0, DEL, C1) and bidirectional overrides as \xNN or \u{NNNN}, a
 * backslash doubled. The caller frees it; never NULL (it aborts without memory). */
char *text_safe(const char *text);

/* The same, cut in the middle to @columns characters when @columns is not 0. */
char *text_short(const char *text, size_t columns);

/* Into @buf, returned. */
char *text_count(char buf[static 32], unsigned long long n);		/* "1,234,567" */
char *text_bytes(char buf[static 32], unsigned long long n);		/* "1.2 MiB" */
char *text_percent(char buf[static 32], double pct);			/* "12.3 %", "<0.01 %" */
/* "3 h 20 min", "150 ms" */
char *text_duration(char buf[static 32], unsigned long long ns);
/* local: "2026-11-21 06:20:18 UTC" */
char *text_time(char buf[static 64], unsigned long long t_ns);
/* the day and the zone once when they agree */
char *text_span(char buf[static 128], unsigned long long from_ns, unsigned long long to_ns);
/* as fine as @span_ns asks for */
char *text_clock(char buf[static 64], unsigned long long t_ns, unsigned long long span_ns);

/* Writes @text with lines of more than @columns characters (0: of any length) folded at blanks;
 * what is folded stands two columns further in than its line begins. */
void text_fold(FILE *to, const char *text, size_t columns);

/* May charts and dots be drawn in UTF-8: is it the terminal's character set, and does the user want
 * it? */
bool text_is_utf8(void);
void text_use_ascii(void);

#endif
