/* SPDX-License-Identifier: GPL-2.0-or-later */
/* stop - a probe that is interrupted (SIGINT, SIGTERM, SIGHUP) ends as one that fails: what it made
 * is removed, what is known is stored. Whoever waits asks at least every PROBE_STOP_MS. A second
 * signal ends the process at once; libvirt then ends the machine. */
#ifndef TAPLOSS_CTL_PROBE_STOP_H
#define TAPLOSS_CTL_PROBE_STOP_H

#include <stdbool.h>

#define PROBE_STOP_MS 200

void probe_stop_catch(void);
bool probe_stop_asked(void);

#endif
