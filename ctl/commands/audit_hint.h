/* SPDX-License-Identifier: GPL-2.0-or-later */
/* audit_hint - what it may be when a device counted more or less than was lost with a reason. Pure.
 */
#ifndef TAPLOSS_CTL_COMMANDS_AUDIT_HINT_H
#define TAPLOSS_CTL_COMMANDS_AUDIT_HINT_H

#include <stdint.h>

/* @kind of the device as the store has it ("tap", "macvtap", ...); @counter in device terms;
 * @unexplained: counted less explained, not 0. NULL: nothing is known to do that. Static. */
const char *audit_hint(const char *kind, const char *counter, int64_t unexplained);

#endif
