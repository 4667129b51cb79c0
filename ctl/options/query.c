/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "query.h"

#include "ctl/print/message.h"

struct reader *query_begin(const char *store)
{
	char why[READER_WHY];
	struct reader *v;

	if (reader_open(store, &v, why) >= 0)
		return v;
	message_error("%s", why);
	return NULL;
}

struct reader *query_end(struct reader *v)
{
	if (v && *reader_error(v))
		message_error("%s", reader_error(v));
	return reader_free(v);
}
