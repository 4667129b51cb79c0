/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store_admin - what taplossctl db does with a store besides looking at it. 0, or -errno and why.
 */
#ifndef TAPLOSS_CTL_QUERY_STORE_ADMIN_H
#define TAPLOSS_CTL_QUERY_STORE_ADMIN_H

#include "reader.h"
#include "schema/maintain.h"

/* Sums up, thins and forgets, as the agent does. Not while an agent runs: it does so itself. */
int store_prune(const char *dir, const struct maintain_limits *l, struct maintain_done *ret,
		char why[static READER_WHY]);

/* A copy of all files that belongs together, also while the agent writes. @to does not exist yet;
 * it is there when it is whole. */
int store_backup(const char *dir, const char *to, char why[static READER_WHY]);

#endif
