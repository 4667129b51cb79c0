/* SPDX-License-Identifier: GPL-2.0-or-later */
/* env - what a program that captures does to its own process: signals that end it, privileges that
 * it gives up. */
#ifndef TAPLOSS_CTL_CAPTURE_ENV_H
#define TAPLOSS_CTL_CAPTURE_ENV_H

#include <stdbool.h>
#include <sys/capability.h>

/* SIGINT, SIGTERM and SIGHUP end a capture, also one that waits for the reader of its pipe:
 * capture_env_enough() is then true. */
void capture_env_catch(void);
bool capture_env_enough(void);

/* Gives up all privileges but the @n in @keep, or those among them that are there. -errno. */
int capture_env_drop(const cap_value_t *keep, int n);

#endif
