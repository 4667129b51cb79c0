/* SPDX-License-Identifier: GPL-2.0-or-later */
/* print - probes as a person or a program reads them; out of the objects of store.h, which
 * they free. Return an EXIT_. */
#ifndef TAPLOSS_CTL_PROBE_PRINT_H
#define TAPLOSS_CTL_PROBE_PRINT_H

#include <jansson.h>

#include "ctl/print/global.h"

int probe_print(const struct global *g, json_t *probe);
/* NULL: the store could not be read */
int probe_print_list(const struct global *g, json_t *list);

#endif
