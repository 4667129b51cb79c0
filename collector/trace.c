/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "trace.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base.h"
#include "bpf/trace.skel.h"
#include "loss_priv.h"

struct trace {
	struct trace_bpf *skel;
	struct bpf_program *prog;
	struct bpf_link *link;
	int cpus;
	uint64_t missed;
};

static int be_quiet(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	(void)level;
	(void)fmt;
	(void)ap;
	return 0;
}

static void trace_closep(struct trace **t)
{
	*t = trace_close(*t);
}

/* What the other objects share with count.h and this one has no use for is not made. */
static int leave_out(struct trace_bpf *skel)
{
	struct bpf_map *const maps[] = { skel->maps.losses, skel->maps.devices, skel->maps.stats, skel->maps.programs };
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(maps) && r >= 0; i++)
		r = bpf_map__set_autocreate(maps[i], false);
	return r;
}

static int load(struct trace *t)
{
	struct btf *vmlinux = btf__load_vmlinux_btf();
	int r;

	if (!vmlinux)
		return -ENOENT;
	r = loss_gives_reasons(vmlinux);
	if (r >= 0) {
		t->skel->rodata->own_fields = loss_own_fields(vmlinux);
		t->prog = r ? t->skel->progs.trace_reason : t->skel->progs.trace_noreason;
		bpf_program__set_autoload(t->skel->progs.trace_reason, r);
		bpf_program__set_autoload(t->skel->progs.trace_noreason, !r);
		r = leave_out(t->skel);
	}
	btf__free(vmlinux);
	return r < 0 ? r : trace_bpf__load(t->skel);
}

static int say(int error, char why[static 256])
{
	if (error == -EPERM || error == -EACCES) {
		snprintf(why, 256, "tracing lost packets needs CAP_BPF, CAP_PERFMON and CAP_SYS_ADMIN; run taplossctl as root");
		return -EPERM;
	}
	if (error == -ENOENT)
		snprintf(why, 256, "this kernel shows no type information (/sys/kernel/btf/vmlinux); it needs CONFIG_DEBUG_INFO_BTF");
	else
		snprintf(why, 256, "the tracing program cannot be loaded: %s", strerror(-error));
	return error;
}

int trace_open(struct trace **ret, char why[static 256])
{
	_cleanup_(trace_closep) struct trace *t = calloc(1, sizeof(*t));
	int r;

	libbpf_set_print(be_quiet);
	if (!t)
		return say(-ENOMEM, why);
	t->cpus = libbpf_num_possible_cpus();
	if (t->cpus < 0)
		return say(t->cpus, why);
	t->skel = trace_bpf__open();
	if (!t->skel)
		return say(-errno, why);
	r = load(t);
	if (r < 0)
		return say(r, why);
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
	struct bpf_prog_info info = { 0 };
	uint32_t len = sizeof(info);

	bpf_link__destroy(t->link);
	t->link = NULL;
	if (bpf_obj_get_info_by_fd(bpf_program__fd(t->prog), &info, &len) == 0)
		t->missed = info.recursion_misses;
}

/* Above the function that freed the frame stand the tracepoint's own. */
static unsigned int from_location(const uint64_t *stack, uint64_t location, unsigned int *ret_depth)
{
	unsigned int n = 0, at = 0;

	while (n < TL_TRACE_DEPTH && stack[n])
		n++;
	while (at < n && stack[at] != location)
		at++;
	if (at == n)	/* the kernel mended the location (__fix_address()), or the stack is deeper than we keep */
		at = 0;
	*ret_depth = n - at;
	return at;
}

static void emit(const struct trace *t, const struct tl_trace_key *key, const struct tl_trace_count *per_cpu, trace_fn *fn, void *arg)
{
	struct tl_trace_count sum = { 0 };
	uint64_t stack[TL_TRACE_DEPTH] = { 0 };
	uint32_t id = (uint32_t)key->stack;
	unsigned int at = 0, depth = 0;

	for (int i = 0; i < t->cpus; i++) {
		sum.frames += per_cpu[i].frames;
		sum.bytes += per_cpu[i].bytes;
	}
	if (key->stack >= 0 && bpf_map_lookup_elem(bpf_map__fd(t->skel->maps.stacks), &id, stack) == 0)
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
