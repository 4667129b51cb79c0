/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "filter_options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/loss/class.h"
#include "ctl/print/message.h"
#include "ctl/query/split.h"
#include "options.h"

/* @words: NULL-terminated. */
static int one_of(const char *option, const char *value, const char *const *words)
{
	char list[128] = "";
	size_t n = 0;

	for (size_t i = 0; words[i]; i++) {
		if (!strcmp(value, words[i]))
			return 1;
		n += (size_t)snprintf(list + n, sizeof(list) - n, "%s%s", n ? ", " : "", words[i]);
	}
	message_error("%s: \"%.60s\" is none of %s", option, value, list);
	return -1;
}

int filter_option(struct filter *f, int opt, const char *value)
{
	static const char *const directions[] = { "rx", "tx", NULL };
	char *end;

	switch (opt) {
	case OPT_VM:
		if (f->n_vms == FILTER_MAX) {
			message_error("--vm: more than %d VMs", FILTER_MAX);
			return -1;
		}
		f->vms[f->n_vms++] = value;
		return 1;
	case OPT_NIC:
		f->nic = value;
		return 1;
	case OPT_DIRECTION:
		f->direction = value;
		return one_of("--direction", value, directions);
	case OPT_CLASS:
		f->class = value;
		return 1;
	case OPT_KIND:
		f->kind = value;
		return one_of("--kind", value, class_kinds);
	case OPT_QUEUE:
		f->queue = (int)strtol(value, &end, 10);
		if (*value && !*end && f->queue >= 0 && f->queue < 65535)
			return 1;
		message_error("--queue: \"%.60s\" is not a queue number", value);
		return -1;
	case OPT_MASKED:
		f->masked = true;
		return 1;
	default:
		return 0;
	}
}

/* Words that nothing answers to are no error, the loss may be yet to come; but silence would look
 * like an answer. */
int filter_resolve(struct filter *f, struct reader *v)
{
	int r = filter_find_vms(f, v);

	if (r < 0)
		return r;
	if (!filter_knows_class(f, v))
		message_error("--class: \"%.60s\" is not a class, and no stored loss has it as "
			      "kernel drop reason",
			      f->class);
	if (!filter_knows_nic(f, v))
		message_error("--nic: no tap \"%.60s\" in the store; see taplossctl vms --all",
			      f->nic);
	return 0;
}

int split_option(const char *value, unsigned int *ret_by)
{
	const char *wrong;
	unsigned int by = split_parse(value, &wrong);

	if (!by) {
		message_error("--by: \"%.*s\" is none of vm, nic, queue, direction, class, reason, "
			      "kind, site, place, from",
			      (int)strcspn(wrong, ","), wrong);
		return -1;
	}
	*ret_by = by;
	return 1;
}
