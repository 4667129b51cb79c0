/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tapmap_priv.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "collector/clock.h"

/* how long a dead tap can still be lost from, or found to be somebody's */
#define GRACE_NS (60 * NSEC_PER_SEC)

static struct tap *tap_free(struct tap *t)
{
	free(t->ident);
	free(t);
	return NULL;
}

int tapmap_new(struct store *s, const char *boot_id, uint32_t own_netns, struct tapmap **ret)
{
	struct tapmap *m = calloc(1, sizeof(*m));
	int r;

	if (!m)
		return -ENOMEM;
	m->store = s;
	m->own_netns = own_netns;
	snprintf(m->boot_id, sizeof(m->boot_id), "%s", boot_id);
	r = vm_registry_new(s, &m->book);
	if (r < 0) {
		tapmap_free(m);
		return r;
	}
	*ret = m;
	return 0;
}

struct tapmap *tapmap_free(struct tapmap *m)
{
	struct tap *t, *tmp;

	if (!m)
		return NULL;
	HASH_ITER(hh, m->live, t, tmp) {
		HASH_DEL(m->live, t);
		tap_free(t);
	}
	while (m->dead) {
		t = m->dead;
		m->dead = t->next;
		tap_free(t);
	}
	vm_registry_free(m->book);
	free(m);
	return NULL;
}

static bool is(const struct tap *t, uint32_t netns, uint32_t ifindex)
{
	return t && t->key.netns == netns && t->key.ifindex == ifindex;
}

/* The kernel tells of devices in the order in which they came to be, and of a device's queues one
 * after the other: mostly it is this one or the next, and of a thousand taps nothing is in the
 * processor's cache after a second. */
struct tap *tapmap_find_live(struct tapmap *m, uint32_t netns, uint32_t ifindex)
{
	struct tap_key key = { netns, ifindex };
	struct tap *t = m->near;

	if (is(t, netns, ifindex))
		return t;
	t = t ? t->hh.next : m->live;
	if (!is(t, netns, ifindex))
		HASH_FIND(hh, m->live, &key, sizeof(key), t);
	if (t)
		m->near = t;
	return t;
}

struct tap *tapmap_find(struct tapmap *m, uint32_t netns, uint32_t ifindex)
{
	struct tap *t = tapmap_find_live(m, netns, ifindex);

	if (t)
		return t;
	for (t = m->dead; t; t = t->next)
		if (is(t, netns, ifindex))
			return t;
	return NULL;
}

bool tapmap_unexpired(const struct tapmap *m, uint32_t netns, uint32_t ifindex)
{
	for (const struct tap *t = m->dead; t; t = t->next)
		if (!t->ended && is(t, netns, ifindex))
			return true;
	return false;
}

struct tap *tapmap_add(struct tapmap *m, const struct link_info *info, uint64_t since_ns)
{
	struct tap *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->key = (struct tap_key){ info->netns, info->ifindex };
	t->info = *info;
	t->since_ns = since_ns;
	t->life.found_ns = mono_ns();
	t->stale = true;
	t->counted.now.rx_frame_errors = t->counted.now.qdisc_dropped = LINK_UNREAD;
	HASH_ADD(hh, m->live, key, sizeof(t->key), t);
	return t;
}

void tap_counters(struct tap *t, const struct link_counters *c)
{
	struct link_counters old = t->counted.now;

	t->counted.now = *c;
	if (c->rx_frame_errors == LINK_UNREAD)
		t->counted.now.rx_frame_errors = old.rx_frame_errors;
	if (c->qdisc_dropped == LINK_UNREAD)
		t->counted.now.qdisc_dropped = old.qdisc_dropped;
}

void tapmap_die(struct tapmap *m, struct tap *t, uint64_t now_ns)
{
	m->near = NULL;
	HASH_DEL(m->live, t);
	t->gone_ns = now_ns;
	t->life.gone_ns = mono_ns();
	t->next = m->dead;
	m->dead = t;
}

struct tap *tapmap_placeholder(struct tapmap *m, const struct link_info *info, uint64_t since_ns)
{
	return tapmap_add(m, info, since_ns);
}

static bool same_nic(const struct link_info *a, const struct link_info *b)
{
	return !strcmp(a->name, b->name) && !memcmp(a->mac, b->mac, sizeof(a->mac)) &&
	       a->queues == b->queues && a->queues_disabled == b->queues_disabled &&
	       a->ring_frames == b->ring_frames && !strcmp(a->bridge, b->bridge);
}

int tapmap_link(struct tapmap *m, const struct link_info *info, bool gone, uint64_t now_ns)
{
	struct tap *t = tapmap_find_live(m, info->netns, info->ifindex);
	bool known = t != NULL;

	/* Another kind, or another name than the one that the store remembered: while nobody
	 * looked, a device went and another one got its number. */
	if (t && !gone &&
	    (t->info.kind != info->kind || (!t->seen && strcmp(t->info.name, info->name) != 0))) {
		tapmap_die(m, t, now_ns);
		t = NULL;
	}
	if (!t && gone)
		return 0;
	if (!t)
		t = tapmap_add(m, info, now_ns);
	if (!t)
		return -ENOMEM;
	t->stale |= !t->seen || !same_nic(&t->info, info);
	t->seen = true;
	t->shown_ns = now_ns;
	t->info = *info;
	tap_counters(t, &info->counters);
	t->counted.known = true;
	if (gone)
		tapmap_die(m, t, now_ns);
	return !known;
}

void tapmap_prune(struct tapmap *m, uint32_t netns, uint64_t mark_ns, uint64_t now_ns)
{
	struct tap *t, *tmp;

	HASH_ITER(hh, m->live, t, tmp)
		if (t->key.netns == netns && t->shown_ns < mark_ns)
			tapmap_die(m, t, now_ns);
}

void tapmap_prune_placeholders(struct tapmap *m, uint64_t now_ns)
{
	struct tap *t, *tmp;

	HASH_ITER(hh, m->live, t, tmp)
		if (!t->seen && t->key.netns != m->own_netns && now_ns > t->since_ns + GRACE_NS)
			tapmap_die(m, t, now_ns);
}

bool tapmap_owners(struct tapmap *m, const struct resolve_owner_lists *lists)
{
	bool moved = false;
	struct tap *t, *tmp;

	HASH_ITER(hh, m->live, t, tmp) {
		struct claim c;

		resolve_owner(lists, &t->info, &t->life, &c);
		if (t->ident && (!c.vm || strcmp(c.vm->ident, t->ident) != 0))
			moved = true;
		t->stale = true;
	}
	for (t = m->dead; t; t = t->next)
		t->stale |= !t->ident;
	return moved;
}

void tapmap_expire(struct tapmap *m, uint64_t now_ns, tapmap_dead_fn *fn, void *arg)
{
	struct tap **at = &m->dead;

	while (*at) {
		struct tap *t = *at;

		if (!t->ended || now_ns < t->gone_ns + GRACE_NS) {
			at = &t->next;
			continue;
		}
		*at = t->next;
		fn(t, arg);
		tap_free(t);
	}
}

void tapmap_each(struct tapmap *m, tapmap_each_fn *fn, void *arg)
{
	struct tap *t, *tmp;

	HASH_ITER(hh, m->live, t, tmp)
		fn(t, arg);
	for (t = m->dead; t; t = t->next)
		fn(t, arg);
}

bool tapmap_orphans(const struct tapmap *m)
{
	uint64_t now = mono_ns();

	for (const struct tap *t = m->live; t; t = t->hh.next)
		if (!t->ident && now < t->life.found_ns + 10 * NSEC_PER_SEC)
			return true;
	return false;
}

const struct tap *tapmap_only(const struct tapmap *m, int64_t vm_id, bool tun)
{
	const struct tap *only = NULL;

	for (const struct tap *t = m->live; t; t = t->hh.next) {
		if (!vm_id || t->vm_id != vm_id || (t->info.kind == TL_KIND_TUN) != tun)
			continue;
		if (only)
			return NULL;
		only = t;
	}
	return only;
}

int64_t tapmap_vm_id(const struct tapmap *m, const char *ident)
{
	return vm_registry_id(m->book, ident);
}

bool tapmap_let_go(const struct tapmap *m)
{
	int there = 0;	/* a process that holds the tap before */

	for (const struct tap *t = m->live; t; t = t->hh.next) {
		if (!t->ident || !t->holder || t->holder == there)
			continue;
		if (kill(t->holder, 0) < 0 && errno == ESRCH)
			return true;
		there = t->holder;
	}
	return false;
}

unsigned int tapmap_count(const struct tapmap *m)
{
	return HASH_COUNT(m->live);
}
