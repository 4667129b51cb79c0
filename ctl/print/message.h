/* SPDX-License-Identifier: GPL-2.0-or-later */
/* message - errors for the user: one line each on standard error, "taplossctl: ...". Control
 * characters in what others named are shown, not sent. */
#ifndef TAPLOSS_CTL_PRINT_MESSAGE_H
#define TAPLOSS_CTL_PRINT_MESSAGE_H

#include <stddef.h>

void message_error(const char *fmt, ...) __attribute__((__format__(__printf__, 1, 2)));

/* From now on the newest error is kept in @buf, and standard error stays quiet: it is a full
 * screen. NULL ends this. */
void message_redirect(char *buf, size_t size);

#endif
