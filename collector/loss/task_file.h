/* SPDX-License-Identifier: GPL-2.0-or-later */
/* task_file - what a BPF program says of the descriptors of one process (SEC("iter/task_file"),
 * bpf/task_file.h): records of one size, of those files that it knows something about. Loop thread
 * only. */
#ifndef TAPLOSS_COLLECTOR_LOSS_TASK_FILE_H
#define TAPLOSS_COLLECTOR_LOSS_TASK_FILE_H

#include <stdbool.h>
#include <stddef.h>

struct bpf_program;

typedef void task_file_fn(const void *record, void *arg);

/* Runs @prog over @pid's files; each record of @size bytes (512 at most) that it writes is given to
 * @fn, and good during the call. 0 also when the process is gone. -EINVAL, -E2BIG, -EOPNOTSUPP: the
 * kernel cannot do that (before 6.1). */
int task_file_walk(const struct bpf_program *prog, int pid, size_t size, task_file_fn *fn,
		   void *arg);

/* Tries @prog on this process; or, when it is NULL, takes @error for what loading it came to. 0;
 * -EOPNOTSUPP, -EPERM, ...: @why says why in a few words. */
int task_file_try(const struct bpf_program *prog, size_t size, int error, char why[static 256]);

/* Does the kernel show the types of @module now: as a module's, or (built in) with the struct @name
 * among its own? */
bool task_file_types(const char *module, const char *name);

#endif
