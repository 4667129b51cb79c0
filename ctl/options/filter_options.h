/* SPDX-License-Identifier: GPL-2.0-or-later */
/* filter_options - the options that say which loss is asked for (query/filter.h), and how it is
 * split. For getopt_long(); their numbers are in options.h. */
#ifndef TAPLOSS_CTL_OPTIONS_FILTER_OPTIONS_H
#define TAPLOSS_CTL_OPTIONS_FILTER_OPTIONS_H

#include "ctl/query/filter.h"

#define FILTER_OPTIONS                                                                          \
	{ "vm", required_argument, NULL, OPT_VM }, { "nic", required_argument, NULL, OPT_NIC }, \
		{ "direction", required_argument, NULL, OPT_DIRECTION },                        \
		{ "class", required_argument, NULL, OPT_CLASS },                                \
		{ "kind", required_argument, NULL, OPT_KIND },                                  \
		{ "queue", required_argument, NULL, OPT_QUEUE },                                \
	{                                                                                       \
		"masked", no_argument, NULL, OPT_MASKED                                         \
	}
#define FILTER_HELP                                                                          \
	"  --vm VM          only this VM: name, UUID, MAC address or tap; may be repeated\n" \
	"  --nic NAME       only this network device\n"                                      \
	"  --direction D    only rx (to the guest) or tx (from the guest)\n"                 \
	"  --class C        only this class (PTR_FULL) or kernel drop reason (FULL_RING)\n"  \
	"  --kind K         only capacity, fault, policy, lifecycle or unknown\n"            \
	"  --queue N        only this queue\n"                                               \
	"  --masked         include losses that a mask leaves out (taplossctl mask list)\n"

/* 1 taken, 0 not one of FILTER_OPTIONS, -1 wrong (reported). */
int filter_option(struct filter *f, int opt, const char *value);

/* Looks up the VMs: 0 or -errno, as filter_find_vms(). Tells the user when no class or NIC has such
 * a name. */
int filter_resolve(struct filter *f, struct reader *v);

/* --by FIELD,...: 1 taken, -1 wrong (reported). */
int split_option(const char *value, unsigned int *ret_by);

#endif
