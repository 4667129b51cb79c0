/* SPDX-License-Identifier: GPL-2.0-or-later */
/* reason - the running kernel's drop reasons by name.
 *
 * Numbers move between releases and inside stable series, so names come from the kernel's own BTF
 * (enum skb_drop_reason, and the enums of subsystems), else from the tracepoint's format file;
 * never from a table. */
#ifndef TAPLOSS_COLLECTOR_KERNEL_REASON_H
#define TAPLOSS_COLLECTOR_KERNEL_REASON_H

#include <stdint.h>

struct reasons;

/* -ENOENT: neither BTF nor format file. */
int reasons_new(struct reasons **ret);
struct reasons *reasons_free(struct reasons *r);

/* Name without "SKB_DROP_REASON_", e.g. "FULL_RING"; "OVS_DROP_EXPLICIT" of a subsystem;
 * "REASON_123", "SUBSYS_2_1" when the kernel does not say; "NONE" for TL_REASON_NONE. Lives as long
 * as @r. With @r NULL always "UNKNOWN" or "NONE". */
const char *reason_name(struct reasons *r, uint32_t reason);

/* How many names are known, 0 for NULL. */
unsigned int reasons_count(const struct reasons *r);

#endif
