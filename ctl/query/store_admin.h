/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store_admin - what taplossctl db does with a store besides looking at it. Each returns an EXIT_
 * after saying what was wrong. */
#ifndef TAPLOSS_CTL_QUERY_STORE_ADMIN_H
#define TAPLOSS_CTL_QUERY_STORE_ADMIN_H

#include "schema/maintain.h"
#include "split.h"
#include "ctl/print/global.h"

/* Sums up, thins and forgets, as the agent does. Not while an agent runs: it does so itself. */
int store_prune(const struct global *g, const struct maintain_limits *l);

/* A copy of all files that belongs together, also while the agent writes. @to does not exist yet;
 * it is there when it is whole. */
int store_backup(const struct global *g, const char *to);

/* Each loss row of the window as one line of JSON, at the finest level that is kept. */
int store_export(const struct global *g, const struct window *w, struct filter *f);

#endif
