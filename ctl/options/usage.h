/* SPDX-License-Identifier: GPL-2.0-or-later */
/* usage - how a command is called: its --help, and its usage line as an error. */
#ifndef TAPLOSS_CTL_OPTIONS_USAGE_H
#define TAPLOSS_CTL_OPTIONS_USAGE_H

#include "cmd.h"

/* Prints the command's usage line as an error. Returns EXIT_USAGE. */
int usage_error(const struct cmd *c, const char *fmt, ...)
	__attribute__((__format__(__printf__, 2, 3)));

void usage_help(const struct cmd *c); /* to standard output */

#endif
