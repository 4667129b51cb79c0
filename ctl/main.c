/* SPDX-License-Identifier: GPL-2.0-or-later */
/* taplossctl - queries the store that taplossd keeps.
 *
 * Only `mask`, `db prune`, `probe run` and `probe bench` write to it. The table of commands is
 * here; README.md in this folder is the map of the rest. */

#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "collector/base.h"
#include "ctl/commands/commands.h"
#include "ctl/options/options.h"
#include "ctl/print/message.h"

static const struct cmd *const cmds[] = { &cmd_status,	 &cmd_vms,     &cmd_top,      &cmd_loss,
					  &cmd_timeline, &cmd_bursts,  &cmd_diagnose, &cmd_watch,
					  &cmd_events,	 &cmd_audit,   &cmd_report,   &cmd_mask,
					  &cmd_trace,	 &cmd_capture, &cmd_gaps,     &cmd_ring,
					  &cmd_db,	 &cmd_probe };

static void print_usage(FILE *f)
{
	fputs("usage: taplossctl [options] COMMAND [command options]\n"
	      "\n"
	      "Shows packets lost between this host and its VMs, as taplossd counts them.\n"
	      "\n"
	      "Commands (taplossctl COMMAND --help shows the options of each):\n",
	      f);
	for (size_t i = 0; i < ARRAY_SIZE(cmds); i++)
		fprintf(f, "  %-10s %s\n", cmds[i]->name, cmds[i]->help);
	fputs("\n"
	      "Options of all commands:\n"
	      "  -j, --json       print one JSON document\n"
	      "  --csv            print CSV (RFC 4180)\n"
	      "  --store DIR      directory of the store\n"
	      "                   (default: TAPLOSS_STORE, or " DEFAULT_STORE ")\n"
	      "  --color WHEN     auto, always or never (default: auto)\n"
	      "  --ascii          draw charts without Unicode\n"
	      "  -h, --help       show help\n"
	      "  --version        show the version\n"
	      "\n"
	      "Examples:\n"
	      "  taplossctl top\n"
	      "  taplossctl loss --since today --vm web-17\n"
	      "  taplossctl timeline web-17 --since -6h\n",
	      f);
}

static const struct cmd *find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(cmds); i++)
		if (!strcmp(cmds[i]->name, name))
			return cmds[i];
	return NULL;
}

static int run(const struct global *g, int argc, char **argv)
{
	const struct cmd *c = find(argv[0]);

	if (!c) {
		message_error("unknown command \"%.60s\"; see taplossctl --help", argv[0]);
		return EXIT_USAGE;
	}
	optind = 0;	/* getopt begins again, with permutation */
	return c->run(g, argc, argv);
}

/* Options before the command: true: go on, false: the program ends with *ret_exit. */
static bool read_options(struct global *g, int argc, char **argv, int *ret_exit)
{
	static const struct option options[] = { GLOBAL_OPTIONS,
						 { "version", no_argument, NULL, OPT_VERSION },
						 { 0 } };
	int opt;

	while ((opt = getopt_long(argc, argv, "+:jh", options, NULL)) != -1) {
		*ret_exit = EXIT_OK;
		if (opt == OPT_VERSION) {
			if (printf("taplossctl %s\n", TAPLOSS_VERSION) < 0)
				*ret_exit = EXIT_FAILED;
			return false;
		}
		if (opt == 'h') {
			print_usage(stdout);
			return false;
		}
		if (global_option(g, NULL, opt, argv[optind - 1], ret_exit) < 0)
			return false;
	}
	return true;
}

int main(int argc, char **argv)
{
	struct global g;
	int status;

	setlocale(LC_CTYPE, "");	/* the character set; a comma in numbers would break CSV */
	opterr = 0;	/* one line is ours */
	signal(SIGPIPE, SIG_DFL);
	global_init(&g);
	if (!read_options(&g, argc, argv, &status))
		return status;
	if (optind == argc) {
		print_usage(stderr);
		return EXIT_USAGE;
	}
	return run(&g, argc - optind, argv + optind);
}
