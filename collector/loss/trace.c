/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "trace.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/base.h"
#include "bpf/trace.skel.h"
#include "bpf_oneshot.h"
#include "collector/kernel/kernel_btf.h"

#define WHAT "tracing lost packets"

struct trace {
	struct trace_bpf *skel;
	struct bpf_program *prog;
	struct bpf_link *link;
	int cpus;
	uint64_t missed;
};

static void trace_closep(struct trace **t)
{
	*t = trace_close(*t);
}

static int load(struct trace *t)
{
	struct btf *vmlinux = btf__load_vmlinux_btf();
	int r;

	if (!vmlinux)
		return -ENOENT;
	r = kernel_btf_reasons(vmlinux);
	if (r >= 0) {
		t->skel->rodata->own_fields = kernel_btf_own_fields(vmlinux);
		t->prog = r ? t->skel->progs.trace_reason : t->skel->progs.trace_noreason;
		bpf_program__set_autoload(t->skel->progs.trace_reason, r);
		bpf_program__set_autoload(t->skel->progs.trace_noreason, !r);
	}
	btf__free(vmlinux);
	return r < 0 ? r : trace_bpf__load(t->skel);
}

int trace_open(struct trace **ret, char why[static 256])
{
	_cleanup_(trace_closep) struct trace *t = calloc(1, sizeof(*t));
	int r;

	bpf_oneshot_quiet();
	if (!t)
		return bpf_oneshot_report(-ENOMEM, WHAT, why);
	t->cpus = libbpf_num_possible_cpus();
	if (t->cpus < 0)
		return bpf_oneshot_report(t->cpus, WHAT, why);
	t->skel = trace_bpf__open();
	if (!t->skel)
		return bpf_oneshot_report(-errno, WHAT, why);
	r = load(t);
	if (r < 0)
		return bpf_oneshot_report(r, WHAT, why);
	*ret = TAKE_PTR(t);
	return 0;
}

struct trace *trace_close(struct trace *t)
{
	if (!t)
		return NULL;
	bpf_link__destroy(t->link);
	trace_bpf__destroy(t->skel);
	free(t);
	return NULL;
}

int trace_watch(struct trace *t, uint32_t netns, uint32_t ifindex)
{
	struct tl_device_key key = { netns, ifindex };
	const uint8_t yes = 1;

	if (bpf_map_update_elem(bpf_map__fd(t->skel->maps.watched), &key, &yes, BPF_ANY) < 0)
		return errno == E2BIG ? -ENOSPC : -errno;
	return 0;
}

int trace_start(struct trace *t)
{
	t->link = bpf_program__attach(t->prog);
	return t->link ? 0 : -errno;
}

void trace_stop(struct trace *t)
{
	bpf_link__destroy(t->link);
	t->link = NULL;
	t->missed = bpf_oneshot_missed(t->prog);
}

/* Above the function that freed the frame stand the tracepoint's own. */
static unsigned int from_location(const uint64_t *stack, uint64_t location, unsigned int *ret_depth)
{
	unsigned int n = 0, at = 0;

	while (n < TL_TRACE_DEPTH && stack[n])
		n++;
	while (at < n && stack[at] != location)
		at++;
	/* the kernel mended the location (__fix_address()), or the stack is deeper than we keep */
	if (at == n)
		at = 0;
	*ret_depth = n - at;
	return at;
}

static void emit(const struct trace *t, const struct tl_trace_key *key,
		 const struct tl_trace_count *per_cpu, trace_fn *fn, void *arg)
{
	struct tl_trace_count sum = { 0 };
	uint64_t stack[TL_TRACE_DEPTH] = { 0 };
	uint32_t id = (uint32_t)key->stack;
	unsigned int at = 0, depth = 0;

	for (int i = 0; i < t->cpus; i++) {
		sum.frames += per_cpu[i].frames;
		sum.bytes += per_cpu[i].bytes;
	}
	if (key->stack >= 0 &&
	    bpf_map_lookup_elem(bpf_map__fd(t->skel->maps.stacks), &id, stack) == 0)
		at = from_location(stack, key->location, &depth);
	fn(key, &sum, stack + at, depth, arg);
}

int trace_read(struct trace *t, trace_fn *fn, void *arg)
{
	_cleanup_(freep) struct tl_trace_count *per_cpu = calloc((size_t)t->cpus, sizeof(*per_cpu));
	struct tl_trace_key key, *before = NULL;
	int fd = bpf_map__fd(t->skel->maps.traces);

	if (!per_cpu)
		return -ENOMEM;
	while (bpf_map_get_next_key(fd, before, &key) == 0) {
		if (bpf_map_lookup_elem(fd, &key, per_cpu) < 0)
			return -errno;
		emit(t, &key, per_cpu, fn, arg);
		before = &key;
	}
	return errno == ENOENT ? 0 : -errno;
}

uint64_t trace_uncounted(const struct trace *t)
{
	return t->skel->bss->uncounted;
}

uint64_t trace_missed(const struct trace *t)
{
	return t->missed;
}
