/* SPDX-License-Identifier: GPL-2.0-or-later */
/* class - from the kernel's words to ours: what was lost, in which direction, how bad, and which
 * device counter saw it.
 *
 * One table, first match wins, over (reason name, function that freed the skb, kind of device,
 * device side). Direction is the guest's. The facts behind each row stand in docs/MEASURES.md.
 * Pure: no state, no I/O. */
#ifndef TAPLOSS_COLLECTOR_LOSS_CLASS_H
#define TAPLOSS_COLLECTOR_LOSS_CLASS_H

#include <stdbool.h>
#include <stdint.h>

#include "bpf/abi.h"

struct class_in {
	const char *reason;	/* reason_name() */
	const char *function;	/* ksym.function */
	uint8_t kind;		/* enum tl_kind */
	bool ingress;
};

/* All strings are static. */
struct class_out {
	/* NULL: at the tap; else the loss was on the path above it (class PATH): "bridge",
	 * "netfilter", "qdisc" ... */
	const char *place;
	/* "PTR_FULL" ...; NULL: not a loss (fragment of a delivered frame, dummy) */
	const char *class;
	const char *kind;	/* "capacity", "fault", "policy", "lifecycle" */
	const char *direction;	/* "rx": towards the guest, "tx": from the guest */
	/* device counter that moves with each such frame ("tx_dropped", "rx_dropped"), NULL: none
	 */
	const char *counter;
};

void class_of(const struct class_in *in, struct class_out *ret);

/* The part of class_of() that knows devices which are no taps (TL_KIND_PATH). */
void class_path_of(const struct class_in *in, struct class_out *ret);

/* Did only a capture on the host lose its copy (CAPTURE)? */
bool class_copy(const struct class_out *c);

/* Did the guest lose a frame? Not when it was a copy, nor when a ring was emptied (PURGE). */
bool class_loses(const struct class_out *c);

/* Is @name one of our class names? Case does not matter; returns the canonical spelling or NULL.
 * The names that the reasons had when proposed are ours; the kernel's own names are resolved by the
 * caller against stored reasons. */
const char *class_canonical(const char *name);

/* The four kinds, and all classes, for help texts and completion; NULL-terminated. */
extern const char *const class_names[];
extern const char *const class_kinds[];

#endif
