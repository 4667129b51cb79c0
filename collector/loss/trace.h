/* SPDX-License-Identifier: GPL-2.0-or-later */
/* trace - from which kernel stacks do some devices lose frames, and how often?
 *
 * A BPF program of its own, which lives as long as the object and touches nothing that the agent
 * has pinned. Counts are exact: a frame whose stack could not be kept is counted without one. What
 * a vhost worker frees with neither device nor socket (bad headers, until 7.1) is not seen. */
#ifndef TAPLOSS_COLLECTOR_LOSS_TRACE_H
#define TAPLOSS_COLLECTOR_LOSS_TRACE_H

#include <stdint.h>

#include "bpf/abi.h"

struct trace;

/* Loads the program; it counts nothing yet. -EPERM: privilege is missing; -ENOENT: the kernel shows
 * no BTF; -EOPNOTSUPP. @why then holds one sentence for a person, without a full stop. */
int trace_open(struct trace **ret, char why[static 256]);
struct trace *trace_close(struct trace *t);	/* NULL is fine; returns NULL */

/* Before trace_start(). -ENOSPC: there are too many. */
int trace_watch(struct trace *t, uint32_t netns, uint32_t ifindex);

int trace_start(struct trace *t);
void trace_stop(struct trace *t);		/* from here on the counts stand still */

/* @stack: return addresses, the one in the function that freed the frame first; @depth 0 when it
 * could not be kept. */
typedef void trace_fn(const struct tl_trace_key *key, const struct tl_trace_count *count,
		      const uint64_t *stack, unsigned int depth, void *arg);
int trace_read(struct trace *t, trace_fn *fn, void *arg);

/* Frames without room in the map; and drops, of any device, that the program was not run for
 * because it was at work on that CPU. */
uint64_t trace_uncounted(const struct trace *t);
uint64_t trace_missed(const struct trace *t);

#endif
