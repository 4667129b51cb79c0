/* SPDX-License-Identifier: GPL-2.0-or-later */
/* page - pieces of an HTML page that stands alone. Everything that somebody else named is made safe
 * here: control characters as text_safe() shows them, and then as HTML. */
#ifndef TAPLOSS_CTL_REPORT_PAGE_H
#define TAPLOSS_CTL_REPORT_PAGE_H

#include <jansson.h>
#include <stdio.h>

#include "ctl/print/out.h"

/* Somebody else's words as text of HTML, also inside an attribute's double quotes. */
void page_text(FILE *f, const char *text);

/* A table that can be sorted: @cols of @rows, at most @limit at first (0: all; the others can be
 * shown). Columns that no row has are left out. @id is unique on the page. */
struct page_table {
	const char *id, *caption;
	const struct column *cols;
	size_t n_cols;
	const json_t *rows;
	size_t limit;
	const char *none;		/* words in its place when it has no rows */
};
void page_table(FILE *f, const struct page_table *t);

/* JSON for scripts of the page: it cannot end the element it stands in. */
void page_data(FILE *f, const char *id, const json_t *data);

#endif
