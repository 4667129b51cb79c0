/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cmd - a command of taplossctl: one file each, which ends in its struct cmd; the table stands in
 * main.c. */
#ifndef TAPLOSS_CTL_CMD_H
#define TAPLOSS_CTL_CMD_H

#include <getopt.h>
#include <stdbool.h>
#include <stddef.h>

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_FOUND = 3 };
enum format { FORMAT_TEXT, FORMAT_JSON, FORMAT_CSV };

/* What stands before the command, or anywhere behind it. */
struct global {
	const char *store;
	enum format format;
	bool color;
};

struct cmd {
	const char *name, *args, *help;
	const char *details;		/* the command's own options, a line each */
	/* argv[0] is the command's name; returns an EXIT_ */
	int (*run)(const struct global *g, int argc, char **argv);
};

extern const struct cmd cmd_status, cmd_vms, cmd_loss, cmd_timeline, cmd_top, cmd_audit, cmd_report,
	cmd_mask, cmd_trace, cmd_db, cmd_events, cmd_bursts, cmd_diagnose, cmd_watch, cmd_capture,
	cmd_gaps, cmd_ring, cmd_probe;

/* One line on standard error: "taplossctl: ..."; control characters in arguments are shown, not
 * sent. */
void complain(const char *fmt, ...) __attribute__((__format__(__printf__, 1, 2)));

/* From now on the newest complaint stands in @buf, and nothing on standard error: that is a screen.
 * NULL ends this. */
void complain_into(char *buf, size_t size);

/* Prints the command's usage line as an error. Returns EXIT_USAGE. */
int wrong_usage(const struct cmd *c, const char *fmt, ...)
	__attribute__((__format__(__printf__, 2, 3)));

/* The options that every command takes besides its own: getopt_long()'s table must begin with
 * these. */
#define GLOBAL_OPTIONS                                                                          \
	{ "store", required_argument, NULL, 1000 }, { "json", no_argument, NULL, 'j' },         \
		{ "csv", no_argument, NULL, 1001 }, { "color", required_argument, NULL, 1002 }, \
		{ "ascii", no_argument, NULL, 1004 },                                           \
	{                                                                                       \
		"help", no_argument, NULL, 'h'                                                  \
	}

/* Takes one of GLOBAL_OPTIONS. 1: taken, go on; 0: not one of them; -1: ended, *ret_exit says how.
 */
int global_option(struct global *g, const struct cmd *c, int opt, int *ret_exit);

#endif
