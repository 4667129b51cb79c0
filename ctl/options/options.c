/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl/print/message.h"
#include "ctl/print/text.h"
#include "usage.h"

static bool want_color(const char *when)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	if (!strcmp(when, "always"))
		return true;
	return !strcmp(when, "auto") && isatty(STDOUT_FILENO) && !(no && *no) &&
	       !(term && !strcmp(term, "dumb"));
}

void global_init(struct global *g)
{
	const char *store = getenv("TAPLOSS_STORE");

	*g = (struct global){
		.store = store && *store ? store : DEFAULT_STORE,
		.color = want_color("auto"),
	};
}

static bool color_option(struct global *g, const char *when)
{
	if (strcmp(when, "auto") != 0 && strcmp(when, "always") != 0 &&
	    strcmp(when, "never") != 0) {
		message_error("--color: \"%.60s\" is none of auto, always, never", when);
		return false;
	}
	g->color = want_color(when);
	return true;
}

int global_option(struct global *g, const struct cmd *c, int opt, const char *word, int *ret_exit)
{
	*ret_exit = EXIT_USAGE;
	switch (opt) {
	case OPT_STORE:
		g->store = optarg;
		return 1;
	case 'j':
		g->format = FORMAT_JSON;
		return 1;
	case OPT_CSV:
		g->format = FORMAT_CSV;
		return 1;
	case OPT_COLOR:
		return color_option(g, optarg) ? 1 : -1;
	case OPT_ASCII:
		text_use_ascii();
		return 1;
	case 'h':
		usage_help(c);
		*ret_exit = EXIT_OK;
		return -1;
	case ':':
	case '?':
		message_error(opt == ':'
				      ? "%s%soption \"%.60s\" needs an argument; see taplossctl "
					"%s%s--help"
				      : "%s%sunknown option \"%.60s\"; see taplossctl %s%s--help",
			      c ? c->name : "", c ? ": " : "", word, c ? c->name : "",
			      c ? " " : "");
		return -1;
	default:
		return 0;
	}
}

static int take(const struct options *o, int opt)
{
	int taken = 0;

	if (o->window)
		taken = window_option(o->window, opt, optarg);
	if (!taken && o->filter)
		taken = filter_option(o->filter, opt, optarg);
	if (!taken && o->own)
		taken = o->own(o->arg, opt, optarg);
	return taken;
}

bool options_read(const struct options *o, int argc, char **argv, int *ret_exit)
{
	char letters[64];
	int opt, taken;

	*ret_exit = EXIT_USAGE;
	snprintf(letters, sizeof(letters), ":jh%s%s", o->window ? "S:U:" : "",
		 o->letters ? o->letters : "");
	while ((opt = getopt_long(argc, argv, letters, o->table, NULL)) != -1) {
		taken = global_option(o->global, o->cmd, opt, argv[optind - 1], ret_exit);
		if (!taken)
			taken = take(o, opt);
		if (taken <= 0)
			return false;
	}
	return true;
}

bool options_vms(const struct options *o, int argc, char **argv)
{
	for (int i = optind; i < argc; i++)
		if (filter_option(o->filter, OPT_VM, argv[i]) < 0)
			return false;
	return true;
}

bool options_one_vm(const struct options *o, int argc, char **argv)
{
	if (!options_vms(o, argc, argv))
		return false;
	if (o->filter->n_vms == 1)
		return true;
	usage_error(o->cmd, "expected one VM");
	return false;
}
