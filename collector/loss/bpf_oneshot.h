/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bpf_oneshot - what the BPF programs share that one command loads for itself, for as long as it
 * runs (dropped, trace). Nothing of them is pinned. */
#ifndef TAPLOSS_COLLECTOR_LOSS_BPF_ONESHOT_H
#define TAPLOSS_COLLECTOR_LOSS_BPF_ONESHOT_H

#include <stddef.h>
#include <stdint.h>

struct bpf_map;
struct bpf_program;

/* From here on libbpf prints nothing: what fails is said by bpf_oneshot_report(). */
void bpf_oneshot_quiet(void);

/* The @n maps are not made: other objects share them with count.h, this one has no use for them.
 * Before loading. 0 or -errno. */
int bpf_oneshot_leave_out(struct bpf_map *const *maps, size_t n);

/* How often the kernel did not run @prog because it ran already on that CPU. 0 also when it cannot
 * be known. */
uint64_t bpf_oneshot_missed(const struct bpf_program *prog);

/* Words for @error, which @what, as in "tracing lost packets", ended with. Returns @error, -EACCES
 * as -EPERM. */
int bpf_oneshot_report(int error, const char *what, char why[static 256]);

#endif
