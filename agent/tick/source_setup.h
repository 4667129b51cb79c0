/* SPDX-License-Identifier: GPL-2.0-or-later */
/* source_setup - which source of loss (collector/source/source.h) this agent has, and what the
 * store and the log report of it. Loop thread only. */
#ifndef TAPLOSS_AGENT_TICK_SOURCE_SETUP_H
#define TAPLOSS_AGENT_TICK_SOURCE_SETUP_H

#include "collector/source/source.h"
#include "agent/config.h"
#include "agent/store/store.h"

/* Opens what the configuration asks for, or the best there is. Logs what is amiss. */
int source_setup_open(const struct config *c, struct source **ret);

/* Writes down which source counts, and why it is not a better one. */
void source_setup_report(const struct source *s, const struct config *c, struct store *store);

/* "by BPF (tp_btf, taken over)", for the log. */
void source_setup_text(const struct source *s, char ret[static 64]);

#endif
