/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cmd - a command of taplossctl: its name, its help and the function that runs it. */
#ifndef TAPLOSS_CTL_OPTIONS_CMD_H
#define TAPLOSS_CTL_OPTIONS_CMD_H

#include "ctl/print/global.h"

struct cmd {
	const char *name, *args, *help;
	const char *details; /* the command's own options, a line each */
	/* argv[0] is the command's name; returns an EXIT_ */
	int (*run)(const struct global *g, int argc, char **argv);
};

#endif
