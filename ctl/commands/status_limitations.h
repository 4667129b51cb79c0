/* SPDX-License-Identifier: GPL-2.0-or-later */
/* status_limitations - what cannot be shown on this host, as the agent found it. */
#ifndef TAPLOSS_CTL_COMMANDS_STATUS_LIMITATIONS_H
#define TAPLOSS_CTL_COMMANDS_STATUS_LIMITATIONS_H

#include "ctl/print/global.h"

/* Returns an EXIT_. */
int status_limitations(const struct global *g);

#endif
