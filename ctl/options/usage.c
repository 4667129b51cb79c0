/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "usage.h"

#include <stdarg.h>
#include <stdio.h>

#include "ctl/print/message.h"

int usage_error(const struct cmd *c, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	message_error("%s: %s; usage: taplossctl %s [options] %s (taplossctl %s --help)", c->name,
		      text, c->name, c->args, c->name);
	return EXIT_USAGE;
}

void usage_help(const struct cmd *c)
{
	printf("usage: taplossctl %s [options] %s\n%s\n%s", c->name, c->args, c->help, c->details);
	puts("  -j, --json, --csv, --store DIR, --color WHEN, --ascii");
}
