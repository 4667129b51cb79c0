/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "task_file.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "collector/base.h"

static int walk(int iter, size_t size, task_file_fn *fn, void *arg)
{
	_Alignas(8) char some[8192];
	ssize_t n;

	while ((n = read(iter, some, sizeof(some) / size * size)) > 0)
		for (size_t at = 0; at + size <= (size_t)n; at += size)
			fn(some + at, arg);
	return n < 0 ? -errno : 0;
}

int task_file_walk(const struct bpf_program *prog, int pid, size_t size, task_file_fn *fn,
		   void *arg)
{
	union bpf_iter_link_info info = { .task.pid = (uint32_t)pid };
	struct bpf_link_create_opts opts = {
		.sz = sizeof(opts),
		.iter_info = &info,
		.iter_info_len = sizeof(info),
	};
	_cleanup_(close_fdp) int link =
		bpf_link_create(bpf_program__fd(prog), 0, BPF_TRACE_ITER, &opts);
	_cleanup_(close_fdp) int iter = -1;

	if (link < 0)
		return -errno;
	iter = bpf_iter_create(link);
	if (iter < 0)
		return errno == ESRCH ? 0 : -errno;
	return walk(iter, size, fn, arg);
}

static void nothing(const void *record, void *arg)
{
	(void)record;
	(void)arg;
}

int task_file_try(const struct bpf_program *prog, size_t size, int error, char why[static 256])
{
	int r = prog	    ? task_file_walk(prog, getpid(), size, nothing, NULL)
		: error < 0 ? error
			    : -EINVAL;

	if (r >= 0)
		return 0;
	if (r == -E2BIG || r == -EINVAL || r == -EOPNOTSUPP) {
		snprintf(why, 256,
			 "the kernel cannot show the descriptors of one process to a BPF program "
			 "(before 6.1)");
		return -EOPNOTSUPP;
	}
	snprintf(why, 256, "%s", strerror(-r));
	return r == -EACCES ? -EPERM : r;
}

bool task_file_types(const char *module, const char *name)
{
	struct btf *btf;
	char path[64];
	bool found;

	snprintf(path, sizeof(path), "/sys/kernel/btf/%s", module);
	if (access(path, F_OK) == 0)
		return true;
	btf = btf__load_vmlinux_btf();
	found = btf && btf__find_by_name_kind(btf, name, BTF_KIND_STRUCT) > 0;
	btf__free(btf);
	return found;
}
