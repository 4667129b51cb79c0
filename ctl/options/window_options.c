/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "window_options.h"

#include <stdio.h>

#include "collector/base.h"
#include "ctl/print/message.h"
#include "ctl/print/text.h"
#include "ctl/print/when.h"

void window_init(struct window *w)
{
	uint64_t now = now_ns();

	*w = (struct window){ now - NSEC_PER_HOUR, now, now };
}

int window_option(struct window *w, int opt, const char *value)
{
	int r;

	if (opt != 'S' && opt != 'U')
		return 0;
	r = when_parse(value, w->now_ns, opt == 'S' ? &w->since_ns : &w->until_ns);
	if (r >= 0)
		return 1;
	message_error("%s: \"%.60s\" is not a time; try -1h, 2h ago, today, 14:00, 2026-11-20, "
		      "\"2026-11-20 14:00\", @1700000000",
		      opt == 'S' ? "--since" : "--until", value);
	return -1;
}

bool window_valid(const struct window *w)
{
	if (w->since_ns < w->until_ns)
		return true;
	message_error("the window ends before it begins: --since must be before --until");
	return false;
}

void window_print(const struct window *w, double covered_pct)
{
	char span[128], length[32], pct[32];

	printf("%s (%s), ", text_span(span, w->since_ns, w->until_ns),
	       text_duration(length, w->until_ns - w->since_ns));
	if (covered_pct <= 0)
		puts("NOT OBSERVED:\nno data for this window; see taplossctl status");
	else if (covered_pct < 99.95)
		printf("%s observed\n", text_percent(pct, covered_pct));
	else
		puts("all observed");
}
