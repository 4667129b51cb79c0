/* SPDX-License-Identifier: GPL-2.0-or-later */
/* table - what the rounds of a bench come to: for each rate and ring the medians over all rounds.
 * Out of the steps of probe_store_show(). */
#ifndef TAPLOSS_CTL_PROBE_TABLE_H
#define TAPLOSS_CTL_PROBE_TABLE_H

#include <jansson.h>

#include "ctl/print/global.h"

/* An array of flat objects, by rate and ring; a new reference. */
json_t *probe_table(const json_t *steps);

/* As a table, a chart of what was captured, and V3 against the others. */
void probe_table_print(const struct global *g, const json_t *table);

#endif
