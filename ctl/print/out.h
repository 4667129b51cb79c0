/* SPDX-License-Identifier: GPL-2.0-or-later */
/* out - one answer, three forms. A command makes flat JSON objects; what a person sees and what a
 * spreadsheet reads are made of the same ones, so no form can say something else than the others.
 */
#ifndef TAPLOSS_CTL_PRINT_OUT_H
#define TAPLOSS_CTL_PRINT_OUT_H

#include <jansson.h>
#include <stdint.h>

#include "ctl/print/global.h"

enum column_type {
	COL_NAME,	/* somebody else's words: made safe, cut to fit a terminal */
	COL_TEXT,	/* our words */
	COL_LONG,	/* the kernel's words: the end may go when the terminal is narrow */
	COL_COUNT, COL_BYTES, COL_PERCENT, COL_TIME,
	COL_NUMBER,	/* as it is: ids, queue numbers */
};

struct column {
	const char *key, *header;
	enum column_type type;
};

/* Prints @rows (array of objects) as a table; columns that no row has are left out. null is shown
 * as "-". */
void out_table(const struct global *g, const struct column *cols, size_t n, const json_t *rows);

/* RFC 4180 with a head line; null is empty. Text that a spreadsheet would take for a formula gets a
 * quote in front. */
void out_csv(const struct column *cols, size_t n, const json_t *rows);

/* Prints and frees @root. Returns EXIT_OK, or EXIT_FAILED with a word on stderr when it cannot be
 * written. */
int out_json(json_t *root);

/* Flushes standard output: a full disk or a closed pipe must not look like success. */
int out_done(void);

/* An integer that JSON can hold; NULL text becomes null. New references; they abort without memory.
 */
json_t *out_int(uint64_t n);
json_t *out_text(const char *text);

/* Terminal columns, 0 when standard output is no terminal. */
int out_columns(void);

#endif
