/* SPDX-License-Identifier: GPL-2.0-or-later */
/* html_priv - sections of the capacity report's page, in html_loss.c and html_nics.c; html.c puts
 * them in order. */
#ifndef TAPLOSS_CTL_REPORT_HTML_PRIV_H
#define TAPLOSS_CTL_REPORT_HTML_PRIV_H

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "collector/base.h"
#include "page.h"

/* Loss: by cause, over time, in the week, by VM; and what was not seen. */
void html_advice(FILE *f, const json_t *root);
void html_verdicts(FILE *f, const json_t *root);
void html_over_time(FILE *f, const json_t *root);
void html_heat(FILE *f, const json_t *root);
void html_vms(FILE *f, const json_t *root);
void html_unseen(FILE *f, const json_t *root);

/* NICs: those that lose or will, how full rings were, all others, and each by itself. */
void html_pressing(FILE *f, const json_t *root);
void html_room(FILE *f, const json_t *root);
void html_rest(FILE *f, const json_t *root);
void html_details(FILE *f, const json_t *root);
void html_detail_data(FILE *f, const json_t *root);

static inline unsigned long long number(const json_t *o, const char *key)
{
	return (unsigned long long)json_integer_value(json_object_get(o, key));
}

static inline const char *word(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "–";
}

static inline void put_table(FILE *f, const char *id, const char *caption,
			     const struct column *cols, size_t n, const json_t *rows, size_t limit,
			     const char *none)
{
	page_table(f, &(struct page_table){ id, caption, cols, n, rows, limit, none });
}

/* New reference: the rows that @want wants. */
static inline json_t *those(const json_t *rows, bool (*want)(const json_t *row))
{
	json_t *some = json_array();
	json_t *row;
	size_t i;

	json_array_foreach (rows, i, row)
		if (want(row))
			json_array_append(some, row);
	return some;
}

static inline bool is_harmful(const json_t *row)
{
	return json_is_true(json_object_get(row, "harmful"));
}

#endif
