/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "chart.h"

#include <stdio.h>
#include <string.h>

#include "text.h"

void chart_line(const uint64_t *values, const bool *observed, size_t n, uint64_t max, bool utf8)
{
	static const char *const blocks[] = { "\xe2\x96\x81", "\xe2\x96\x82", "\xe2\x96\x83", "\xe2\x96\x84",
					      "\xe2\x96\x85", "\xe2\x96\x86", "\xe2\x96\x87", "\xe2\x96\x88" };
	static const char *const letters[] = { "_", ",", "-", "=", "+", "*", "%", "#" };

	for (size_t i = 0; i < n; i++) {
		size_t height = max ? (size_t)((double)values[i] * 7.999 / (double)max) : 0;

		if (!values[i])
			fputs(observed && !observed[i] ? " " : utf8 ? "\xc2\xb7" : ".", stdout);
		else
			fputs(utf8 ? blocks[height > 7 ? 7 : height] : letters[height > 7 ? 7 : height], stdout);
	}
}

void chart_axis(uint64_t from_ns, uint64_t step_ns, size_t n, size_t indent)
{
	char buf[64];
	size_t at = 0;

	printf("%*s", (int)indent, "");
	while (at < n) {
		size_t len = strlen(text_clock(buf, from_ns + at * step_ns, step_ns * n)), next = at + (len + 4 < 12 ? 12 : len + 4);

		if (at + len > n && at)
			break;
		printf("%-*s", (int)(next - at), buf);
		at = next;
	}
	putchar('\n');
}
