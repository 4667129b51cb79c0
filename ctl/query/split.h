/* SPDX-License-Identifier: GPL-2.0-or-later */
/* split - loss rows by what the user asks to see apart, and which rows at all.
 *
 * A split is a set of fields; series that agree in all of them are one row. A filter passes series
 * by VM, NIC, direction, class (our name or the kernel's), kind, queue. */
#ifndef TAPLOSS_CTL_QUERY_SPLIT_H
#define TAPLOSS_CTL_QUERY_SPLIT_H

#include <jansson.h>
#include <stdbool.h>

#include "reader.h"
#include "vmref.h"
#include "ctl/print/when.h"

enum field {
	BY_VM = 1 << 0,
	BY_NIC = 1 << 1,
	BY_QUEUE = 1 << 2,
	BY_DIRECTION = 1 << 3,
	BY_CLASS = 1 << 4,
	BY_REASON = 1 << 5,
	BY_KIND = 1 << 6,
	BY_SITE = 1 << 7,
	BY_PLACE = 1 << 8,
	BY_FROM = 1 << 9,
	BY_MASK = 1 << 10, /* comes with --masked, not by name */
};
#define BY_ALL 0x1ff	/* who sent them is told when asked for: each sender is a row */

/* "vm,nic,class": 0 after saying what is wrong. */
unsigned int split_parse(const char *text);

#define FILTER_MAX 64
struct filter {
	const char *vms[FILTER_MAX];
	struct vmref refs[FILTER_MAX];
	unsigned int n_vms;
	const char *nic, *direction, *class, *kind;
	int queue;			/* -1: any */
	bool masked;			/* show also what is masked */
};

/* The filter's options for getopt_long(), and what to do with one. filter_option: 1 taken, 0 not a
 * filter's, -1 wrong (said). */
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
void filter_init(struct filter *f);
int filter_option(struct filter *f, int opt, const char *value);

/* Looks up the VMs. 0, or -errno after saying which is unknown. Says when no class or NIC has such
 * a name. */
int filter_resolve(struct filter *f, struct reader *v);

bool filter_passes(const struct filter *f, const struct reader *v, const struct reader_series *s);

/* The fields of @s that @by splits by, as members of a new object, in the order of the
 * documentation. */
json_t *split_object(const struct reader *v, const struct reader_series *s, unsigned int by);

/* The same as text: equal text, same row. The caller frees it. */
char *split_key(const struct reader *v, const struct reader_series *s, unsigned int by);

/* Loss of the VM's tap is one sum. What else there is stands beside it and is never added. */
enum share {
	LOST,		/* at the tap */
	ON_PATH,	/* above it (class PATH) */
	EMPTIED,	/* in rings that were emptied (PURGE) */
	COPIED,		/* only a capture's copies (CAPTURE): nothing that the VM lost */
};
enum share share_of(const struct reader_series *s);

/* The window and its options. */
struct window {
	uint64_t since_ns, until_ns;
	uint64_t now_ns;		/* what both are relative to */
};
#define WINDOW_OPTIONS                                \
	{ "since", required_argument, NULL, 'S' },    \
	{                                             \
		"until", required_argument, NULL, 'U' \
	}
/* @since: the default, as words. */
#define WINDOW_HELP(since)                                                                  \
	"  -S, --since T    start of the window: -1h, 2h ago, today, 14:00, 2026-11-20,\n" \
	"                   @1700000000 (default: " since ")\n"                             \
	"  -U, --until T    end of the window (default: now)\n"
void window_init(struct window *w);
int window_option(struct window *w, int opt, const char *value);	/* as filter_option */
bool window_valid(const struct window *w);				/* says so when not */

/* "2026-11-21 06:00:00 to 07:00:00 UTC (1 h), 98.2 % observed" */
void window_print(const struct window *w, double covered_pct);

#endif
