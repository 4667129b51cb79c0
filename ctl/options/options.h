/* SPDX-License-Identifier: GPL-2.0-or-later */
/* options - the options of one call of a command, read in one loop: those that all commands take,
 * the time window and the filter of queries, and the command's own. Errors are reported to the
 * user. */
#ifndef TAPLOSS_CTL_OPTIONS_OPTIONS_H
#define TAPLOSS_CTL_OPTIONS_OPTIONS_H

#include <getopt.h>
#include <stdbool.h>

#include "cmd.h"
#include "filter_options.h"
#include "window_options.h"

#define DEFAULT_STORE "/var/lib/taploss"

/* What getopt_long() returns for options without a letter that several commands take. */
enum {
	OPT_STORE = 1000,
	OPT_CSV,
	OPT_COLOR,
	OPT_VERSION,
	OPT_ASCII,
	OPT_VM = 2000,
	OPT_NIC,
	OPT_DIRECTION,
	OPT_CLASS,
	OPT_KIND,
	OPT_QUEUE,
	OPT_MASKED,
	OPT_OWN = 3000, /* a command's own count from here */
};

/* Options of every command: getopt_long()'s table must begin with these. */
#define GLOBAL_OPTIONS                                                                       \
	{ "store", required_argument, NULL, OPT_STORE }, { "json", no_argument, NULL, 'j' }, \
		{ "csv", no_argument, NULL, OPT_CSV },                                       \
		{ "color", required_argument, NULL, OPT_COLOR },                             \
		{ "ascii", no_argument, NULL, OPT_ASCII },                                   \
	{                                                                                    \
		"help", no_argument, NULL, 'h'                                               \
	}

struct options {
	const struct cmd *cmd;
	/* GLOBAL_OPTIONS first, then WINDOW_OPTIONS and FILTER_OPTIONS if it takes them, then its
	 * own */
	const struct option *table;
	const char *letters; /* short forms of its own, as for getopt(3); NULL: none */
	struct global *global;
	struct window *window; /* NULL: it takes none */
	struct filter *filter; /* NULL: it takes none */
	/* 1 taken, 0 not one of its own, -1 wrong (reported); NULL: it has none */
	int (*own)(void *arg, int opt, const char *value);
	void *arg; /* for own() */
};

/* Reads all of them. True: go on, optind is the first word that is no option. False: the command
 * ends with *ret_exit. */
bool options_read(const struct options *o, int argc, char **argv, int *ret_exit);

/* Takes the remaining words as VMs for the filter: any number of them, or with --vm just one.
 * False: the error was reported. */
bool options_vms(const struct options *o, int argc, char **argv);
bool options_one_vm(const struct options *o, int argc, char **argv);

/* The defaults of GLOBAL_OPTIONS, from the environment. */
void global_init(struct global *g);

/* Takes one of GLOBAL_OPTIONS. @word: the word of the command line that getopt_long() just read;
 * @c: NULL before a command. 1: taken, go on; 0: not one of them; -1: ended, *ret_exit is set. */
int global_option(struct global *g, const struct cmd *c, int opt, const char *word, int *ret_exit);

#endif
