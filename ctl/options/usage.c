/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "usage.h"

#include <ctype.h>
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
	message_error("%s: %s (usage: taplossctl %s [options]%s%s; see taplossctl %s --help)",
		      c->name, text, c->name, *c->args ? " " : "", c->args, c->name);
	return EXIT_USAGE;
}

void usage_help(const struct cmd *c)
{
	printf("usage: taplossctl %s [options]%s%s\n\n", c->name, *c->args ? " " : "", c->args);
	printf("%c%s.\n\n%s\n", toupper(*c->help), c->help + 1, c->details);
	puts("Options of all commands: -j, --json, --csv, --store DIR, --color WHEN, --ascii, -h");
}
