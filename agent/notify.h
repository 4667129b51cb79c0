/* SPDX-License-Identifier: GPL-2.0-or-later */
/* notify - the service manager's protocol, sd_notify(3), without the library: a privileged daemon
 * that wants only this needs no more code than this. Does nothing outside systemd. */
#ifndef TAPLOSS_AGENT_NOTIFY_H
#define TAPLOSS_AGENT_NOTIFY_H

#include <stdint.h>

/* "READY=1", "STOPPING=1", "WATCHDOG=1", "STATUS=..."; lines joined by \n. 1 sent, 0 nobody
 * listens, -errno. */
int notify(const char *state);

/* How often the service manager wants to hear WATCHDOG=1, in ns; 0: it does not. */
uint64_t notify_watchdog_ns(void);

#endif
