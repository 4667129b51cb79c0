/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "options.h"

#include <stdio.h>

#define VM_OPTION 2000	/* FILTER_OPTIONS: --vm */

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
	snprintf(letters, sizeof(letters), "jh%s%s", o->window ? "S:U:" : "",
		 o->letters ? o->letters : "");
	while ((opt = getopt_long(argc, argv, letters, o->table, NULL)) != -1) {
		taken = global_option(o->global, o->cmd, opt, ret_exit);
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
		if (filter_option(o->filter, VM_OPTION, argv[i]) < 0)
			return false;
	return true;
}

bool options_one_vm(const struct options *o, int argc, char **argv)
{
	if (!options_vms(o, argc, argv))
		return false;
	if (o->filter->n_vms == 1)
		return true;
	wrong_usage(o->cmd, "one VM");
	return false;
}
