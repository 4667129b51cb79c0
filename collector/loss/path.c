/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "collector/base.h"
#include "loss_priv.h"

static int by_address(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct tl_mac));
}

/* Sorted, each once. */
static uint32_t maintain(struct tl_mac *macs, uint32_t n)
{
	uint32_t kept = 0;

	qsort(macs, n, sizeof(*macs), by_address);
	for (uint32_t i = 0; i < n; i++)
		if (!kept || by_address(&macs[kept - 1], &macs[i]) != 0)
			macs[kept++] = macs[i];
	return kept;
}

/* What an earlier agent watched, or a call that failed half-way. */
static int forget_old(struct loss *l)
{
	/* an address that is not in the map: what follows it is the first one */
	const struct tl_mac none = { 0 };
	struct tl_mac mac = { 0 };

	while (bpf_map_get_next_key(l->maps[MAP_MACS], &none, &mac) == 0)
		if (bpf_map_delete_elem(l->maps[MAP_MACS], &mac) < 0 && errno != ENOENT)
			return -errno;
	l->n_macs = 0;
	return 0;
}

/* Removes from the map what is in @a and not in @b, both sorted; or adds it. */
static int apply(const struct loss *l, const struct tl_mac *a, uint32_t n_a, const struct tl_mac *b,
		 uint32_t n_b, bool add)
{
	const uint8_t yes = 1;

	for (uint32_t i = 0, j = 0; i < n_a; i++) {
		int fd = l->maps[MAP_MACS], r;

		while (j < n_b && by_address(&b[j], &a[i]) < 0)
			j++;
		if (j < n_b && by_address(&b[j], &a[i]) == 0)
			continue;
		r = add ? bpf_map_update_elem(fd, &a[i], &yes, BPF_ANY)
			: bpf_map_delete_elem(fd, &a[i]);
		if (r < 0 && errno != ENOENT)
			return errno == E2BIG ? -ENOSPC : -errno;
	}
	return 0;
}

/* Too many bits cost a look into the map, too few cost frames: bits go after the addresses went,
 * and come before they come. */
static int set_filter(const struct loss *l, const struct tl_mac *a, uint32_t n_a,
		      const struct tl_mac *b, uint32_t n_b)
{
	_cleanup_(freep) struct tl_mac_filter *f = calloc(1, sizeof(*f));
	const uint32_t zero = 0;

	if (!f)
		return -ENOMEM;
	f->count = n_a + n_b;
	for (uint32_t i = 0; i < n_a + n_b; i++) {
		uint16_t words[3];
		uint32_t bit;

		memcpy(words, i < n_a ? a[i].addr : b[i - n_a].addr, sizeof(words));
		bit = tl_mac_bit(words);
		f->bits[bit / 64] |= 1ULL << bit % 64;
	}
	return bpf_map_update_elem(l->maps[MAP_MAC_FILTER], &zero, f, BPF_ANY) < 0 ? -errno : 0;
}

int loss_watch_macs(struct loss *l, const uint8_t (*macs)[6], uint32_t n)
{
	_cleanup_(freep) struct tl_mac *next = calloc(n ? n : 1, sizeof(*next));
	int r, full;

	if (!next)
		return -ENOMEM;
	for (uint32_t i = 0; i < n; i++)
		memcpy(next[i].addr, macs[i], sizeof(next[i].addr));
	n = maintain(next, n);
	if (l->macs_known && n == l->n_macs && (!n || !memcmp(next, l->macs, n * sizeof(*next))))
		return 0;
	r = l->macs_known ? 0 : forget_old(l);
	l->macs_known = false;
	if (r >= 0)
		r = apply(l, l->macs, l->n_macs, next, n, false);
	if (r >= 0)
		r = set_filter(l, l->macs, l->n_macs, next, n);
	full = r >= 0 ? apply(l, next, n, l->macs, l->n_macs, true) : r;
	if (full < 0 && full != -ENOSPC)
		return full;
	r = set_filter(l, next, n, NULL, 0);
	if (r < 0)
		return r;
	free(l->macs);
	l->macs = TAKE_PTR(next);
	l->n_macs = n;
	l->macs_known = true;
	return full;
}
