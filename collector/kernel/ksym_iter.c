/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ksym_iter.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>

#include "collector/base.h"
#include "bpf/ksym.skel.h"

static void ksym_bpf_freep(struct ksym_bpf **b)
{
	ksym_bpf__destroy(*b);
}

/* The descriptor holds link and program: nothing else has to stay. */
int ksym_iter_open(FILE **ret)
{
	_cleanup_(ksym_bpf_freep) struct ksym_bpf *b = ksym_bpf__open_and_load();
	_cleanup_(close_fdp) int link = -1;
	_cleanup_(close_fdp) int iter = -1;
	FILE *f;

	if (!b)
		return -errno;
	link = bpf_link_create(bpf_program__fd(b->progs.print_function), 0, BPF_TRACE_ITER, NULL);
	if (link < 0)
		return -errno;
	iter = bpf_iter_create(link);
	if (iter < 0)
		return -errno;
	f = fdopen(iter, "re");
	if (!f)
		return -errno;
	TAKE_FD(iter);
	*ret = f;
	return 0;
}
