/* SPDX-License-Identifier: GPL-2.0-or-later */
/* privilege - which of the capabilities that taplossd uses it does not have, and what that costs.
 *
 * A capability that is missing ends nothing: what works without it goes on. */
#ifndef TAPLOSS_AGENT_PRIVILEGE_H
#define TAPLOSS_AGENT_PRIVILEGE_H

#include <stddef.h>
#include <stdint.h>

enum { PRIVILEGE_TEXT = 1024 };

/* The effective capabilities of this process, by bit; all of them when that cannot be read. */
uint64_t privilege_now(void);

/* "no CAP_X: what does not work; no CAP_Y: ..."; returns how many parts of the work suffer. */
unsigned int privilege_missing(uint64_t have, char ret[static PRIVILEGE_TEXT]);

#endif
