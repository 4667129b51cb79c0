/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>

#include "collector/alloc.h"
#include "collector/base.h"
#include "loss_priv.h"

#define BATCH 1024	/* keys a system call; a hash bucket with more than that makes it grow */

int loss_read_init(struct loss *l)
{
	l->cpus = libbpf_num_possible_cpus();
	if (l->cpus < 0)
		return l->cpus;
	l->batch = BATCH;
	l->keys = calloc(l->batch, sizeof(*l->keys));
	l->counts = calloc((size_t)l->batch * (size_t)l->cpus, sizeof(*l->counts));
	return l->keys && l->counts ? 0 : -ENOMEM;
}

/* Other CPUs go on counting: each number is whole, but frames may be one ahead of the bytes.
 * delta.h copes. */
static void add_up(const struct loss *l, const struct tl_loss_count *per_cpu,
		   struct loss_total *ret)
{
	*ret = (struct loss_total){ 0 };
	for (int i = 0; i < l->cpus; i++) {
		ret->frames += per_cpu[i].frames;
		ret->segments += per_cpu[i].segments;
		ret->bytes += per_cpu[i].bytes;
		if (per_cpu[i].born_ns)
			ret->born_ns = per_cpu[i].born_ns;
	}
}

static int grow(struct loss *l)
{
	uint32_t n = l->batch * 2;

	if (alloc_resize(l->keys, n) < 0 ||
	    alloc_resize(l->counts, (size_t)n * (size_t)l->cpus) < 0)
		return -ENOMEM;
	l->batch = n;
	return 0;
}

static int emit(struct loss *l, uint32_t n, loss_read_fn *fn, void *arg)
{
	for (uint32_t i = 0; i < n; i++) {
		struct loss_total total;
		int r = 0;

		for (int c = 0; c < l->cpus && r >= 0; c++)
			r = loss_bursts_look(l, &l->keys[i],
					     &l->counts[(size_t)i * (size_t)l->cpus + (size_t)c],
					     (uint32_t)c);
		if (r < 0)
			return r;
		add_up(l, &l->counts[(size_t)i * (size_t)l->cpus], &total);
		r = fn(&l->keys[i], &total, arg);
		if (r)
			return r;
	}
	return 0;
}

/* A batch is whole hash buckets, so no element is met twice; the map never changes its size. */
int loss_read(struct loss *l, loss_read_fn *fn, void *arg)
{
	uint32_t at = 0, next = 0, n;
	bool first = true, last = false;
	int r;

	loss_bursts_begin(l);
	while (!last) {
		n = l->batch;
		r = bpf_map_lookup_batch(l->maps[MAP_LOSSES], first ? NULL : &at, &next, l->keys,
					 l->counts, &n, NULL) < 0
			    ? -errno
			    : 0;
		if (r == -ENOSPC) {	/* not even one bucket fits */
			r = grow(l);
			if (r < 0)
				return r;
			continue;
		}
		last = r == -ENOENT;
		if (r < 0 && !last)
			return r;
		r = emit(l, n, fn, arg);
		if (r)
			return r;
		first = false;
		at = next;
	}
	return 0;
}

int loss_stats(const struct loss *l, uint64_t ret[static TL_STAT_MAX])
{
	_cleanup_(freep) uint64_t *per_cpu = calloc((size_t)l->cpus, sizeof(*per_cpu));
	uint64_t sums[TL_STAT_MAX] = { 0 };

	if (!per_cpu)
		return -ENOMEM;
	for (uint32_t i = 0; i < TL_STAT_MAX; i++) {
		if (bpf_map_lookup_elem(l->maps[MAP_STATS], &i, per_cpu) < 0)
			return -errno;
		for (int c = 0; c < l->cpus; c++)
			sums[i] += per_cpu[c];
	}
	for (uint32_t i = 0; i < TL_STAT_MAX; i++)
		ret[i] = sums[i];
	return 0;
}

int loss_device(const struct loss *l, uint32_t netns, uint32_t ifindex, struct tl_device *ret)
{
	struct tl_device_key key = { netns, ifindex };
	struct tl_device dev;

	if (bpf_map_lookup_elem(l->maps[MAP_DEVICES], &key, &dev) < 0)
		return -errno;
	*ret = dev;
	return 0;
}

/* Another sender may have its place. The kernel may add one meanwhile: then the bound is one off.
 */
static void release_sender(const struct loss *l, const struct tl_device_key *key)
{
	struct tl_device dev;

	if (bpf_map_lookup_elem(l->maps[MAP_DEVICES], key, &dev) < 0 || !dev.senders)
		return;
	dev.senders--;
	bpf_map_update_elem(l->maps[MAP_DEVICES], key, &dev, BPF_EXIST);
}

int loss_forget(struct loss *l, const struct tl_loss_key *key, const struct loss_total *last,
		bool gone)
{
	struct tl_device_key dev = { key->netns, key->ifindex };
	struct loss_total now;

	if (bpf_map_lookup_elem(l->maps[MAP_LOSSES], key, l->counts) < 0)
		return errno == ENOENT ? 0 : -errno;
	add_up(l, l->counts, &now);
	if (now.frames != last->frames || now.born_ns != last->born_ns)
		return -EAGAIN;
	if (bpf_map_delete_elem(l->maps[MAP_LOSSES], key) < 0 && errno != ENOENT)
		return -errno;
	if (gone)
		bpf_map_delete_elem(l->maps[MAP_DEVICES], &dev);
	else if (key->iif && key->iif != TL_IIF_OTHER)
		release_sender(l, &dev);
	return 0;
}
