/* SPDX-License-Identifier: GPL-2.0-or-later */
/* query - a reader of the store that --store names. What fails meanwhile is kept in the reader, and
 * reported to the user once, at the end. */
#ifndef TAPLOSS_CTL_OPTIONS_QUERY_H
#define TAPLOSS_CTL_OPTIONS_QUERY_H

#include "ctl/query/reader.h"

/* NULL: the store cannot be read, and the user was told. */
struct reader *query_begin(const char *store);

/* Tells the user what could not be read (reader_error()), if anything, and frees @v. NULL is
 * fine. Returns NULL. */
struct reader *query_end(struct reader *v);

#endif
