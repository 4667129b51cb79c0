/* SPDX-License-Identifier: GPL-2.0-or-later */
/* log - one line per decision, on stderr; only the agent logs.
 *
 * Under systemd (JOURNAL_STREAM set) lines carry a "<N>" priority, else the program's name. Control
 * characters from outside (VM names, error texts) are shown as \xNN. A message is built before any
 * I/O, so errno in arguments is safe. Any thread. */
#ifndef TAPLOSS_AGENT_LOG_H
#define TAPLOSS_AGENT_LOG_H

#include "collector/base.h"

enum log_level {
	LOG_LEVEL_ERROR = 3,
	LOG_LEVEL_WARNING = 4,
	LOG_LEVEL_NOTICE = 5,
	LOG_LEVEL_INFO = 6,
	LOG_LEVEL_DEBUG = 7
};

/* Messages above @level are passed over; LOG_LEVEL_NOTICE at first. */
void log_set_level(enum log_level level);

void log_at(enum log_level level, const char *fmt, ...) _printf_(2, 3);

#define log_error(...) log_at(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_at(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_notice(...) log_at(LOG_LEVEL_NOTICE, __VA_ARGS__)
#define log_info(...) log_at(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_at(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
