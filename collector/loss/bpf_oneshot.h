/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bpf_oneshot - what the BPF programs share that one command loads for itself, for as long as it
 * runs (dropped, trace). Nothing of them is pinned. */
#ifndef TAPLOSS_COLLECTOR_LOSS_BPF_ONESHOT_H
#define TAPLOSS_COLLECTOR_LOSS_BPF_ONESHOT_H

#include <stdint.h>

struct bpf_program;

/* From here on libbpf prints nothing: failures are reported by bpf_oneshot_report(). */
void bpf_oneshot_quiet(void);

/* How often the kernel did not run @prog because it ran already on that CPU. 0 also when it cannot
 * be known. */
uint64_t bpf_oneshot_missed(const struct bpf_program *prog);

/* Words for @error, which @what, as in "tracing lost packets", ended with. Returns @error, -EACCES
 * as -EPERM. */
int bpf_oneshot_report(int error, const char *what, char why[static 256]);

#endif
