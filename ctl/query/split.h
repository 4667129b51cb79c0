/* SPDX-License-Identifier: GPL-2.0-or-later */
/* split - loss rows by what the user asks to see apart: a set of fields. Series that agree in all
 * of them are one row. */
#ifndef TAPLOSS_CTL_QUERY_SPLIT_H
#define TAPLOSS_CTL_QUERY_SPLIT_H

#include <jansson.h>

#include "reader.h"

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

/* "vm,nic,class" as fields. 0: there is no field of the name that begins at *ret_wrong. */
unsigned int split_parse(const char *text, const char **ret_wrong);

/* The fields of @s that @by splits by, as members of a new object, in the order of the
 * documentation. */
json_t *split_object(const struct reader *v, const struct reader_series *s, unsigned int by);

/* The same as text: equal text, same row. The caller frees it. */
char *split_key(const struct reader *v, const struct reader_series *s, unsigned int by);

#endif
