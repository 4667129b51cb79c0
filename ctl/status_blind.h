/* SPDX-License-Identifier: GPL-2.0-or-later */
/* status_blind - what cannot be shown on this host, as the agent found it. */
#ifndef TAPLOSS_CTL_STATUS_BLIND_H
#define TAPLOSS_CTL_STATUS_BLIND_H

#include "cmd.h"

/* Returns an EXIT_. */
int status_blind(const struct global *g);

#endif
