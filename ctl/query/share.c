/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "share.h"

#include <string.h>

enum share share_of(const struct reader_series *s)
{
	if (s->place)
		return ON_PATH;
	if (!strcmp(s->class, "CAPTURE"))
		return COPIED;
	return strcmp(s->class, "PURGE") != 0 ? LOST : EMPTIED;
}
