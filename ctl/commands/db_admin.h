/* SPDX-License-Identifier: GPL-2.0-or-later */
/* db_admin - what taplossctl db does with a store besides looking at it. 0, or -errno and why.
 */
#ifndef TAPLOSS_CTL_COMMANDS_DB_ADMIN_H
#define TAPLOSS_CTL_COMMANDS_DB_ADMIN_H

#include "ctl/query/reader.h"
#include "schema/maintain.h"

/* Sums up, thins and forgets, as the agent does. Not while an agent runs: it does so itself. */
int db_prune(const char *dir, const struct maintain_limits *l, struct maintain_done *ret,
	     char why[static READER_WHY]);

/* A copy of all files that belongs together, also while the agent writes. @to does not exist yet;
 * it is there when it is whole. */
int db_backup(const char *dir, const char *to, char why[static READER_WHY]);

#endif
