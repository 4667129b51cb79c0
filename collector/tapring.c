/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tapring.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>

#include "base.h"
#include "bpf/tapring.skel.h"

struct taprings {
	struct tapring_bpf *skel;
};

static void nothing(const struct tl_tapring *ring, void *arg)
{
	(void)ring;
	(void)arg;
}

static bool shows_types(void)
{
	struct btf *btf;
	bool found;

	if (access("/sys/kernel/btf/tun", F_OK) == 0 || access("/sys/kernel/btf/tap", F_OK) == 0)
		return true;
	btf = btf__load_vmlinux_btf();
	found = btf && (btf__find_by_name_kind(btf, "tun_file", BTF_KIND_STRUCT) > 0 || btf__find_by_name_kind(btf, "tap_queue", BTF_KIND_STRUCT) > 0);
	btf__free(btf);
	return found;
}

static void taprings_closep(struct taprings **t)
{
	*t = taprings_close(*t);
}

int taprings_open(struct taprings **ret, char why[static 256])
{
	_cleanup_(taprings_closep) struct taprings *t = calloc(1, sizeof(*t));
	int r;

	if (!t)
		return -ENOMEM;
	if (!shows_types()) {
		snprintf(why, 256, "the kernel shows no types of its modules tun and tap");
		return -EOPNOTSUPP;
	}
	t->skel = tapring_bpf__open_and_load();
	r = t->skel ? taprings_find(t, getpid(), nothing, NULL) : -errno;
	if (r == -E2BIG || r == -EINVAL || r == -EOPNOTSUPP) {
		snprintf(why, 256, "the kernel cannot show the descriptors of one process to a BPF program (before 6.1)");
		return -EOPNOTSUPP;
	}
	if (r < 0) {
		snprintf(why, 256, "%s", strerror(-r));
		return r == -EACCES ? -EPERM : r;
	}
	*ret = TAKE_PTR(t);
	return 0;
}

struct taprings *taprings_close(struct taprings *t)
{
	if (!t)
		return NULL;
	tapring_bpf__destroy(t->skel);
	free(t);
	return NULL;
}

static void close_filep(FILE **f)
{
	if (*f)
		fclose(*f);
}

/* Their modules get a number when they are loaded. */
static void find_majors(uint32_t majors[static 2])
{
	_cleanup_(close_filep) FILE *f = fopen("/proc/devices", "re");
	unsigned int major;
	char line[80], name[32];

	majors[0] = majors[1] = 0;
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%u %31s", &major, name) == 2 && (!strcmp(name, "macvtap") || !strcmp(name, "ipvtap")))
			majors[!strcmp(name, "ipvtap")] = major;
}

static int walk(int iter, taprings_fn *fn, void *arg)
{
	struct tl_tapring some[64];
	ssize_t n;

	while ((n = read(iter, some, sizeof(some))) > 0)
		for (size_t i = 0; i < (size_t)n / sizeof(some[0]); i++)
			fn(&some[i], arg);
	return n < 0 ? -errno : 0;
}

int taprings_find(struct taprings *t, int pid, taprings_fn *fn, void *arg)
{
	union bpf_iter_link_info info = { .task.pid = (uint32_t)pid };
	struct bpf_link_create_opts opts = { .sz = sizeof(opts), .iter_info = &info, .iter_info_len = sizeof(info) };
	_cleanup_(close_fdp) int link = bpf_link_create(bpf_program__fd(t->skel->progs.find_rings), 0, BPF_TRACE_ITER, &opts);
	_cleanup_(close_fdp) int iter = -1;

	if (link < 0)
		return -errno;
	find_majors(t->skel->bss->tap_majors);
	iter = bpf_iter_create(link);
	if (iter < 0)
		return errno == ESRCH ? 0 : -errno;
	return walk(iter, fn, arg);
}

int taprings_read(struct taprings *t, struct tl_tapring *all, unsigned int n)
{
	int prog = bpf_program__fd(t->skel->progs.read_rings);

	for (unsigned int at = 0; at < n; at += TL_TAPRINGS) {
		unsigned int some = n - at < TL_TAPRINGS ? n - at : TL_TAPRINGS;
		LIBBPF_OPTS(bpf_test_run_opts, opts);

		memcpy(t->skel->bss->rings, all + at, some * sizeof(*all));
		t->skel->bss->n_rings = some;
		if (bpf_prog_test_run_opts(prog, &opts) < 0)
			return -errno;
		memcpy(all + at, t->skel->bss->rings, some * sizeof(*all));
	}
	return 0;
}
