/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ksym_iter - kernel functions by a BPF iterator, where /proc/kallsyms hides their addresses.
 *
 * Takes CAP_BPF and CAP_PERFMON, and Linux 6.0 or later. */
#ifndef TAPLOSS_COLLECTOR_KERNEL_KSYM_ITER_H
#define TAPLOSS_COLLECTOR_KERNEL_KSYM_ITER_H

#include <stdio.h>

/* *ret: lines as of /proc/kallsyms, text symbols only; for fclose(). -EPERM; -EINVAL and others:
 * the kernel has no such iterator. */
int ksym_iter_open(FILE **ret);

#endif
