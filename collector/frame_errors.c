/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "frame_errors.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>

#include "base.h"
#include "bpf/frame_errors.skel.h"

struct frame_errors {
	struct frame_errors_bpf *skel;
};

static void nothing(const struct tl_frame_errors *e, void *arg)
{
	(void)e;
	(void)arg;
}

static bool shows_types(void)
{
	struct btf *btf;
	bool found;

	if (access("/sys/kernel/btf/tun", F_OK) == 0)
		return true;
	btf = btf__load_vmlinux_btf();
	found = btf && btf__find_by_name_kind(btf, "tun_struct", BTF_KIND_STRUCT) > 0;
	btf__free(btf);
	return found;
}

static void frame_errors_closep(struct frame_errors **f)
{
	*f = frame_errors_close(*f);
}

int frame_errors_open(struct frame_errors **ret, char why[static 256])
{
	_cleanup_(frame_errors_closep) struct frame_errors *f = calloc(1, sizeof(*f));
	int r;

	if (!f)
		return -ENOMEM;
	if (!shows_types()) {
		snprintf(why, 256, "the kernel shows no types of its module tun");
		return -EOPNOTSUPP;
	}
	f->skel = frame_errors_bpf__open_and_load();
	r = f->skel ? frame_errors_read(f, getpid(), nothing, NULL) : -errno;
	if (r == -E2BIG || r == -EINVAL || r == -EOPNOTSUPP) {
		snprintf(why, 256, "the kernel cannot show the descriptors of one process to a BPF program (before 6.1)");
		return -EOPNOTSUPP;
	}
	if (r < 0) {
		snprintf(why, 256, "%s", strerror(-r));
		return r == -EACCES ? -EPERM : r;
	}
	*ret = TAKE_PTR(f);
	return 0;
}

struct frame_errors *frame_errors_close(struct frame_errors *f)
{
	if (!f)
		return NULL;
	frame_errors_bpf__destroy(f->skel);
	free(f);
	return NULL;
}

static int walk(int iter, frame_errors_fn *fn, void *arg)
{
	struct tl_frame_errors some[128];
	ssize_t n;

	while ((n = read(iter, some, sizeof(some))) > 0)
		for (size_t i = 0; i < (size_t)n / sizeof(some[0]); i++)
			fn(&some[i], arg);
	return n < 0 ? -errno : 0;
}

int frame_errors_read(struct frame_errors *f, int pid, frame_errors_fn *fn, void *arg)
{
	union bpf_iter_link_info info = { .task.pid = (uint32_t)pid };
	struct bpf_link_create_opts opts = { .sz = sizeof(opts), .iter_info = &info, .iter_info_len = sizeof(info) };
	_cleanup_(close_fdp) int link = bpf_link_create(bpf_program__fd(f->skel->progs.frame_errors), 0, BPF_TRACE_ITER, &opts);
	_cleanup_(close_fdp) int iter = -1;

	if (link < 0)
		return -errno;
	iter = bpf_iter_create(link);
	if (iter < 0)
		return errno == ESRCH ? 0 : -errno;
	return walk(iter, fn, arg);
}
