/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dropped.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/perf_event.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/alloc.h"
#include "collector/base.h"
#include "bpf/dropped.skel.h"
#include "bpf_oneshot.h"
#include "collector/clock.h"
#include "collector/kernel/kernel_btf.h"

#define WHAT "capturing lost frames"
#define ALL_RINGS (64U << 20)		/* bytes of all CPUs' rings together, as a capture's */
#define MIN_RING (256U << 10)
#define MAX_RING (8U << 20)
#define WAKE_EACH 64			/* frames; fewer wait for the next look */
#define SLACK_NS (10 * NSEC_PER_MSEC)	/* from a frame's time to its place in the ring */

/* What of a device was seen last on one CPU. */
struct place {
	uint64_t limited, unsent, number;
};

struct device {
	struct tl_device_key key;
	uint64_t handed;
	struct place *last;		/* by CPU */
};

struct held {
	struct tl_dropped *frame;
	int cpu;
};

struct dropped {
	struct dropped_bpf *skel;
	struct bpf_program *prog;
	/* refused: NULL where the kernel has no tracepoint qdisc_drop */
	struct bpf_link *link, *refused;
	bool refusals;
	struct perf_buffer *rings;
	int cpus, error;
	struct device *devices;
	size_t n_devices;
	struct held *held;
	size_t n_held, room;
	uint64_t missed;
};

static void dropped_closep(struct dropped **d)
{
	*d = dropped_close(*d);
}

struct dropped *dropped_close(struct dropped *d)
{
	if (!d)
		return NULL;
	bpf_link__destroy(d->link);
	bpf_link__destroy(d->refused);
	perf_buffer__free(d->rings);
	dropped_bpf__destroy(d->skel);
	for (size_t i = 0; i < d->n_held; i++)
		free(d->held[i].frame);
	for (size_t i = 0; i < d->n_devices; i++)
		free(d->devices[i].last);
	free(d->held);
	free(d->devices);
	free(d);
	return NULL;
}

static int load(struct dropped *d, const struct dropped_options *o)
{
	struct btf *vmlinux = btf__load_vmlinux_btf();
	int r;

	if (!vmlinux)
		return -ENOENT;
	r = kernel_btf_reasons(vmlinux);
	if (r >= 0) {
		d->skel->rodata->own_fields = kernel_btf_own_fields(vmlinux);
		d->skel->rodata->limit = o->limit;
		d->skel->rodata->snaplen =
			o->snaplen < TL_DROPPED_SNAP ? o->snaplen : TL_DROPPED_SNAP;
		d->prog = r ? d->skel->progs.dropped_reason : d->skel->progs.dropped_noreason;
		bpf_program__set_autoload(d->skel->progs.dropped_reason, r);
		bpf_program__set_autoload(d->skel->progs.dropped_noreason, !r);
		d->refusals = r && kernel_btf_qdisc_drop(vmlinux);
		bpf_program__set_autoload(d->skel->progs.dropped_refused, d->refusals);
	}
	btf__free(vmlinux);
	return r < 0 ? r : dropped_bpf__load(d->skel);
}

static enum bpf_perf_event_ret on_record(void *arg, int cpu, struct perf_event_header *event)
{
	const struct raw {
		struct perf_event_header header;
		uint32_t bytes;
		char data[];
	} *raw = (const void *)event;
	struct dropped *d = arg;
	struct tl_dropped *frame;

	if (event->type != PERF_RECORD_SAMPLE)	/* what found no room is counted by the program */
		return LIBBPF_PERF_EVENT_CONT;
	if (alloc_room(d->held, d->n_held, d->room) < 0) {
		d->error = -ENOMEM;
		return LIBBPF_PERF_EVENT_ERROR;
	}
	frame = malloc(raw->bytes > sizeof(*frame) ? raw->bytes : sizeof(*frame));
	if (!frame) {
		d->error = -ENOMEM;
		return LIBBPF_PERF_EVENT_ERROR;
	}
	memcpy(frame, raw->data, raw->bytes);
	d->held[d->n_held++] = (struct held){ frame, cpu };
	return LIBBPF_PERF_EVENT_CONT;
}

static int make_rings(struct dropped *d)
{
	struct perf_event_attr attr = {
		.size = sizeof(attr),
		.type = PERF_TYPE_SOFTWARE,
		.config = PERF_COUNT_SW_BPF_OUTPUT,
		.sample_type = PERF_SAMPLE_RAW,
		.sample_period = 1,
		.wakeup_events = WAKE_EACH,
	};
	size_t bytes = MAX_RING, page = (size_t)sysconf(_SC_PAGESIZE);

	while (bytes > MIN_RING && bytes * (size_t)d->cpus > ALL_RINGS)
		bytes /= 2;
	d->rings = perf_buffer__new_raw(bpf_map__fd(d->skel->maps.frames), bytes / page, &attr,
					on_record, d, NULL);
	return d->rings ? 0 : -errno;
}

int dropped_open(const struct dropped_options *o, struct dropped **ret, char why[static 256])
{
	_cleanup_(dropped_closep) struct dropped *d = calloc(1, sizeof(*d));
	int r;

	bpf_oneshot_quiet();
	if (!d)
		return bpf_oneshot_report(-ENOMEM, WHAT, why);
	d->cpus = libbpf_num_possible_cpus();
	if (d->cpus < 0)
		return bpf_oneshot_report(d->cpus, WHAT, why);
	d->skel = dropped_bpf__open();
	if (!d->skel)
		return bpf_oneshot_report(-errno, WHAT, why);
	r = load(d, o);
	if (r >= 0)
		r = make_rings(d);
	if (r < 0)
		return bpf_oneshot_report(r, WHAT, why);
	*ret = TAKE_PTR(d);
	return 0;
}

static struct device *find_device(const struct dropped *d, uint32_t netns, uint32_t ifindex)
{
	for (size_t i = 0; i < d->n_devices; i++)
		if (d->devices[i].key.netns == netns && d->devices[i].key.ifindex == ifindex)
			return &d->devices[i];
	return NULL;
}

int dropped_watch(struct dropped *d, uint32_t netns, uint32_t ifindex)
{
	_cleanup_(freep) struct tl_dropped_count *zero = calloc((size_t)d->cpus, sizeof(*zero));
	_cleanup_(freep) struct place *last = calloc((size_t)d->cpus, sizeof(*last));
	struct tl_device_key key = { netns, ifindex };

	if (find_device(d, netns, ifindex))
		return -EEXIST;
	if (!zero || !last || alloc_resize(d->devices, d->n_devices + 1) < 0)
		return -ENOMEM;
	if (bpf_map_update_elem(bpf_map__fd(d->skel->maps.watched), &key, zero, BPF_NOEXIST) < 0)
		return errno == E2BIG ? -ENOSPC : -errno;
	d->devices[d->n_devices++] = (struct device){ .key = key, .last = TAKE_PTR(last) };
	return 0;
}

int dropped_start(struct dropped *d)
{
	if (d->refusals)
		d->refused = bpf_program__attach(d->skel->progs.dropped_refused);
	if (d->refusals && !d->refused)
		return -errno;
	d->link = bpf_program__attach(d->prog);
	return d->link ? 0 : -errno;
}

void dropped_stop(struct dropped *d)
{
	bpf_link__destroy(d->link);
	bpf_link__destroy(d->refused);
	d->link = d->refused = NULL;
	d->missed = bpf_oneshot_missed(d->prog);
}

static int by_time(const void *a, const void *b)
{
	const struct tl_dropped *x = ((const struct held *)a)->frame,
				*y = ((const struct held *)b)->frame;

	return x->t_ns == y->t_ns ? 0 : x->t_ns < y->t_ns ? -1 : 1;
}

static int hand_out(struct dropped *d, const struct held *h, dropped_fn *fn, void *arg)
{
	struct device *dev = find_device(d, h->frame->netns, h->frame->ifindex);
	struct dropped_frame f = { .frame = h->frame };
	struct place *last;

	if (!dev || h->cpu < 0 || h->cpu >= d->cpus)
		return 0;
	last = &dev->last[h->cpu];
	f.number = ++dev->handed;
	f.limited = h->frame->limited - last->limited;
	f.unsent = h->frame->unsent - last->unsent;
	f.after = last->number;
	*last = (struct place){ h->frame->limited, h->frame->unsent, f.number };
	return fn(&f, arg);
}

int dropped_step(struct dropped *d, int ms, dropped_fn *fn, void *arg)
{
	int r = d->link ? perf_buffer__poll(d->rings, d->n_held && ms > 10 ? 10 : ms) : 0;
	uint64_t upto = d->link ? boot_ns() - SLACK_NS : UINT64_MAX;
	size_t n = 0;

	if (r < 0 && r != -EINTR)
		return r;
	r = perf_buffer__consume(d->rings);	/* also those that nobody was woken for */
	if (r < 0 || d->error)
		return r < 0 ? r : d->error;
	if (d->n_held)
		qsort(d->held, d->n_held, sizeof(*d->held), by_time);
	while (r >= 0 && n < d->n_held && d->held[n].frame->t_ns <= upto) {
		r = hand_out(d, &d->held[n], fn, arg);
		free(d->held[n++].frame);
	}
	d->n_held -= n;
	if (n)
		memmove(d->held, d->held + n, d->n_held * sizeof(*d->held));
	return r < 0 ? r : 0;
}

int dropped_count(const struct dropped *d, uint32_t netns, uint32_t ifindex,
		  struct tl_dropped_count *ret)
{
	_cleanup_(freep) struct tl_dropped_count *per_cpu =
		calloc((size_t)d->cpus, sizeof(*per_cpu));
	struct tl_device_key key = { netns, ifindex };

	if (!per_cpu)
		return -ENOMEM;
	if (bpf_map_lookup_elem(bpf_map__fd(d->skel->maps.watched), &key, per_cpu) < 0)
		return -errno;
	*ret = (struct tl_dropped_count){ 0 };
	for (int i = 0; i < d->cpus; i++) {
		ret->lost += per_cpu[i].lost;
		ret->limited += per_cpu[i].limited;
		ret->unsent += per_cpu[i].unsent;
	}
	return 0;
}

uint64_t dropped_missed(const struct dropped *d)
{
	return d->missed;
}
