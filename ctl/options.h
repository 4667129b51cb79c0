/* SPDX-License-Identifier: GPL-2.0-or-later */
/* options - the options of one call of a command, read in one loop: those that all commands take,
 * the time window and the filter of queries, and the command's own. What is wrong is said on
 * stderr. */
#ifndef TAPLOSS_CTL_OPTIONS_H
#define TAPLOSS_CTL_OPTIONS_H

#include "cmd.h"
#include "ctl/query/split.h"
#include "ctl/print/when.h"

struct options {
	const struct cmd *cmd;
	/* GLOBAL_OPTIONS first, then WINDOW_OPTIONS and FILTER_OPTIONS if it takes them, then its
	 * own */
	const struct option *table;
	const char *letters;		/* short forms of its own, as for getopt(3); NULL: none */
	struct global *global;
	struct window *window;		/* NULL: it takes none */
	struct filter *filter;		/* NULL: it takes none */
	/* 1 taken, 0 not one of its own, -1 wrong (said); NULL: it has none */
	int (*own)(void *arg, int opt, const char *value);
	void *arg;			/* for own() */
};

/* Reads all of them. True: go on, optind is the first word that is no option. False: the command
 * ends with *ret_exit. */
bool options_read(const struct options *o, int argc, char **argv, int *ret_exit);

/* Takes the remaining words as VMs for the filter: any number of them, or with --vm just one.
 * False: it was said what is wrong. */
bool options_vms(const struct options *o, int argc, char **argv);
bool options_one_vm(const struct options *o, int argc, char **argv);

#endif
