/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "chart.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/base.h"
#include "text.h"

char *chart_text(const uint64_t *values, const bool *observed, size_t n, uint64_t max)
{
	static const char *const blocks[] = { "\xe2\x96\x81", "\xe2\x96\x82", "\xe2\x96\x83",
					      "\xe2\x96\x84", "\xe2\x96\x85", "\xe2\x96\x86",
					      "\xe2\x96\x87", "\xe2\x96\x88" };
	static const char *const letters[] = { "_", ",", "-", "=", "+", "*", "%", "#" };
	bool utf8 = text_is_utf8();
	char *text = malloc(n * 3 + 1), *end = text;

	if (!text)
		abort();
	*end = '\0';
	for (size_t i = 0; i < n; i++) {
		size_t height = max ? (size_t)((double)values[i] * 7.999 / (double)max) : 0;

		if (values[i])
			end = stpcpy(end, (utf8 ? blocks : letters)[height > 7 ? 7 : height]);
		else
			end = stpcpy(end, observed && !observed[i] ? " " : utf8 ? "\xc2\xb7" : ".");
	}
	return text;
}

char *chart_axis_text(uint64_t from_ns, uint64_t step_ns, size_t n)
{
	/* seconds would be the same again and again */
	bool parts = step_ns * n < 20 * NSEC_PER_SEC;
	char buf[80], *text = malloc(n + sizeof(buf) + 1);
	size_t at = 0, written = 0;

	if (!text)
		abort();
	do {
		uint64_t t_ns = from_ns + at * step_ns;
		size_t len = strlen(text_clock(buf, t_ns, step_ns * n));

		if (parts)
			len += (size_t)sprintf(buf + len, ".%03u",
					       (unsigned int)(t_ns % NSEC_PER_SEC / NSEC_PER_MSEC));
		if (at + len > n && at)
			break;
		sprintf(text + written, "%*s%s", (int)(at - written), "", buf);
		written = at + len;
		at += len + 4 < 12 ? 12 : len + 4;
	} while (at < n);
	return text;
}

void chart_axis(uint64_t from_ns, uint64_t step_ns, size_t n)
{
	char *text = chart_axis_text(from_ns, step_ns, n);

	puts(text);
	free(text);
}
