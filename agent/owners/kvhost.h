/* SPDX-License-Identifier: GPL-2.0-or-later */
/* kvhost - vhost workers that are threads of the kernel: before Linux 6.4 (6e890c5d5021), and later
 * where the VMM asks for it. Such a thread is named "vhost-PID" after the VMM and is a child of
 * kthreadd.
 *
 * The name of each kernel thread is read once; what a look costs is then one file with the numbers
 * of all of them. Where /proc does not show kthreadd's children (CONFIG_PROC_CHILDREN, or a pid
 * namespace without kthreadd) there are none. Loop thread only. */
#ifndef TAPLOSS_AGENT_OWNERS_KVHOST_H
#define TAPLOSS_AGENT_OWNERS_KVHOST_H

#include <stdint.h>

struct kvhost;

int kvhost_new(const char *proc, struct kvhost **ret);	/* @proc: "/proc" */
struct kvhost *kvhost_free(struct kvhost *k);		/* NULL is fine; returns NULL */

/* Takes up threads that came and forgets those that ended, but once a second at most. Reads up to
 * @most names, the next call the others. Returns how many. */
unsigned int kvhost_look(struct kvhost *k, unsigned int most, uint64_t now_ns);

/* Calls @fn with each worker of the VMM @pid, as of the last look. */
typedef void kvhost_fn(int tid, void *arg);
void kvhost_each(const struct kvhost *k, int pid, kvhost_fn *fn, void *arg);

#endif
