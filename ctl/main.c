/* SPDX-License-Identifier: GPL-2.0-or-later */
/* taplossctl - asks the store that taplossd keeps.
 *
 * Reads only, but for `mask`, `db` and `probe run --save`. The table of commands is here;
 * README.md in this folder is the map of the rest. */

#include <locale.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collector/base.h"
#include "cmd.h"
#include "ctl/print/text.h"

#define DEFAULT_STORE "/var/lib/taploss"

static const struct cmd *const cmds[] = { &cmd_status,	 &cmd_vms,     &cmd_top,      &cmd_loss,
					  &cmd_timeline, &cmd_bursts,  &cmd_diagnose, &cmd_watch,
					  &cmd_events,	 &cmd_audit,   &cmd_report,   &cmd_mask,
					  &cmd_trace,	 &cmd_capture, &cmd_gaps,     &cmd_ring,
					  &cmd_db,	 &cmd_probe };

static char **args;	/* what getopt_long() is looking at */
static char *heard;	/* where complaints go instead of standard error */
static size_t heard_size;

void complain_into(char *buf, size_t size)
{
	heard = buf;
	heard_size = size;
}

void complain(const char *fmt, ...)
{
	_cleanup_(freep) char *safe = NULL;
	char text[2048];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	safe = text_safe(text);
	if (heard)
		snprintf(heard, heard_size, "%s", safe);
	else
		fprintf(stderr, "taplossctl: %s\n", safe);
}

int wrong_usage(const struct cmd *c, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	complain("%s: %s; usage: taplossctl %s [options] %s (taplossctl %s --help)", c->name, text,
		 c->name, c->args, c->name);
	return EXIT_USAGE;
}

static void print_usage(FILE *f)
{
	fputs("usage: taplossctl [--store DIR] [--json | --csv] COMMAND [options]\n\n", f);
	for (size_t i = 0; i < ARRAY_SIZE(cmds); i++)
		fprintf(f, "  %-10s %-10s %s\n", cmds[i]->name, cmds[i]->args, cmds[i]->help);
	fputs("\n  --store DIR      the store (TAPLOSS_STORE, else " DEFAULT_STORE ")\n"
	      "  -j, --json       one JSON document; --csv: RFC 4180\n"
	      "  --color WHEN     auto, always, never; --ascii: charts without Unicode\n"
	      "  --version, --help; COMMAND --help\n"
	      "\nexamples:  taplossctl top\n"
	      "           taplossctl loss --since today --vm web-17\n"
	      "           taplossctl timeline web-17 --since -6h\n",
	      f);
}

static void print_help(const struct cmd *c)
{
	printf("usage: taplossctl %s [options] %s\n%s\n%s", c->name, c->args, c->help, c->details);
	puts("  -j, --json, --csv, --store DIR, --color WHEN, --ascii");
}

static bool want_color(const char *when)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	if (!strcmp(when, "always"))
		return true;
	return !strcmp(when, "auto") && isatty(STDOUT_FILENO) && !(no && *no) &&
	       !(term && !strcmp(term, "dumb"));
}

int global_option(struct global *g, const struct cmd *c, int opt, int *ret_exit)
{
	switch (opt) {
	case 1000:
		g->store = optarg;
		return 1;
	case 'j':
		g->format = FORMAT_JSON;
		return 1;
	case 1001:
		g->format = FORMAT_CSV;
		return 1;
	case 1002:
		if (!strcmp(optarg, "auto") || !strcmp(optarg, "always") ||
		    !strcmp(optarg, "never")) {
			g->color = want_color(optarg);
			return 1;
		}
		complain("--color: auto, always or never");
		*ret_exit = EXIT_USAGE;
		return -1;
	case 1004:
		text_use_ascii();
		return 1;
	case 'h':
		if (c)
			print_help(c);
		else
			print_usage(stdout);
		*ret_exit = EXIT_OK;
		return -1;
	case '?':
		complain("%s%s\"%.60s\" is no option here, or wants a value; see taplossctl "
			 "%s%s--help",
			 c ? c->name : "", c ? ": " : "", args[optind - 1], c ? c->name : "",
			 c ? " " : "");
		*ret_exit = EXIT_USAGE;
		return -1;
	default:
		return 0;
	}
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
		complain("there is no command \"%.60s\"; taplossctl --help lists them", argv[0]);
		return EXIT_USAGE;
	}
	optind = 0;	/* getopt begins again, with permutation */
	args = argv;
	return c->run(g, argc, argv);
}

int main(int argc, char **argv)
{
	static const struct option options[] = { GLOBAL_OPTIONS,
						 { "version", no_argument, NULL, 1003 },
						 { 0 } };
	const char *store = getenv("TAPLOSS_STORE");
	struct global g = {
		.store = store && *store ? store : DEFAULT_STORE,
		.color = want_color("auto"),
	};
	int opt, status = EXIT_USAGE;

	setlocale(LC_CTYPE, "");	/* the character set; a comma in numbers would break CSV */
	opterr = 0;	/* one line is ours */
	args = argv;
	signal(SIGPIPE, SIG_DFL);
	while ((opt = getopt_long(argc, argv, "+jh", options, NULL)) != -1) {
		if (opt == 1003)
			return printf("taplossctl %s\n", TAPLOSS_VERSION) < 0 ? EXIT_FAILED
									      : EXIT_OK;
		if (global_option(&g, NULL, opt, &status) < 0)
			return status;
	}
	if (optind == argc) {
		print_usage(stderr);
		return EXIT_USAGE;
	}
	return run(&g, argc - optind, argv + optind);
}
