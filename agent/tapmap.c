/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tapmap.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "nicfacts.h"
#include "vmbook.h"

#define GRACE_NS (60 * NSEC_PER_SEC)	/* how long a dead tap can still be lost from, or found to be somebody's */

struct tapmap {
	struct store *store;
	struct vmbook *book;
	char boot_id[37];
	uint32_t own_netns;
	struct tap *live;		/* uthash by key */
	struct tap *near;		/* of those, the one that was found last; NULL: none */
	struct tap *dead;		/* newest first */
};

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
	r = vmbook_new(s, &m->book);
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
	vmbook_free(m->book);
	free(m);
	return NULL;
}

static bool is(const struct tap *t, uint32_t netns, uint32_t ifindex)
{
	return t && t->key.netns == netns && t->key.ifindex == ifindex;
}

/* The kernel tells of devices in the order in which they came to be, and of a device's queues one after the other: mostly it is this one or the
 * next, and of a thousand taps nothing is in the processor's cache after a second. */
static struct tap *find_live(struct tapmap *m, uint32_t netns, uint32_t ifindex)
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
	struct tap *t = find_live(m, netns, ifindex);

	if (t)
		return t;
	for (t = m->dead; t; t = t->next)
		if (is(t, netns, ifindex))
			return t;
	return NULL;
}

bool tapmap_unburied(const struct tapmap *m, uint32_t netns, uint32_t ifindex)
{
	for (const struct tap *t = m->dead; t; t = t->next)
		if (!t->ended && is(t, netns, ifindex))
			return true;
	return false;
}

static struct tap *add(struct tapmap *m, const struct link_info *info, uint64_t since_ns)
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

static void die(struct tapmap *m, struct tap *t, uint64_t now_ns)
{
	m->near = NULL;
	HASH_DEL(m->live, t);
	t->gone_ns = now_ns;
	t->life.gone_ns = mono_ns();
	t->next = m->dead;
	m->dead = t;
}

struct tap *tapmap_phantom(struct tapmap *m, const struct link_info *info, uint64_t since_ns)
{
	return add(m, info, since_ns);
}

/* What the agent before us left open. seen stays false until rtnetlink shows the device. */
static int resume_device(int64_t device_id, uint32_t netns, uint32_t ifindex, const char *name, const char *kind, uint64_t since_ns,
			 void *arg)
{
	struct tapmap *m = arg;
	struct link_info info = { .netns = netns, .ifindex = ifindex };
	struct tap *t;

	snprintf(info.name, sizeof(info.name), "%s", name);
	info.kind = !strcmp(kind, "macvtap") ? TL_KIND_MACVTAP : !strcmp(kind, "ipvtap") ? TL_KIND_IPVTAP : TL_KIND_TUN;
	info.l3 = !strcmp(kind, "tun");
	t = find_live(m, netns, ifindex);
	if (t)		/* the store never holds two open lifetimes of one key; the later one is true */
		die(m, t, since_ns);
	t = add(m, &info, since_ns);
	if (!t)
		return -ENOMEM;
	t->device_id = device_id;
	return 0;
}

static int resume_attachment(int64_t attachment_id, int64_t device_id, int64_t vm_id, const char *vm_ident, uint64_t since_ns,
			     void *arg)
{
	struct tapmap *m = arg;
	struct tap *t, *tmp;

	(void)since_ns;
	HASH_ITER(hh, m->live, t, tmp) {
		if (t->device_id != device_id)
			continue;
		free(t->ident);
		t->ident = strdup(vm_ident);
		if (!t->ident)
			return -ENOMEM;
		t->attachment_id = attachment_id;
		t->vm_id = vm_id;
	}
	return 0;
}

int tapmap_resume(struct tapmap *m)
{
	int r = store_each_device(m->store, m->boot_id, resume_device, m);

	return r < 0 ? r : store_each_attachment(m->store, resume_attachment, m);
}

static bool same_nic(const struct link_info *a, const struct link_info *b)
{
	return !strcmp(a->name, b->name) && !memcmp(a->mac, b->mac, sizeof(a->mac)) && a->queues == b->queues &&
	       a->queues_disabled == b->queues_disabled && a->ring_frames == b->ring_frames && !strcmp(a->bridge, b->bridge);
}

int tapmap_link(struct tapmap *m, const struct link_info *info, bool gone, uint64_t now_ns)
{
	struct tap *t = find_live(m, info->netns, info->ifindex);
	bool known = t != NULL;

	/* Another kind, or another name than the one that the store remembered: while nobody looked, a device went and
	 * another one got its number. */
	if (t && !gone && (t->info.kind != info->kind || (!t->seen && strcmp(t->info.name, info->name) != 0))) {
		die(m, t, now_ns);
		t = NULL;
	}
	if (!t && gone)
		return 0;
	if (!t)
		t = add(m, info, now_ns);
	if (!t)
		return -ENOMEM;
	t->stale |= !t->seen || !same_nic(&t->info, info);
	t->seen = true;
	t->shown_ns = now_ns;
	t->info = *info;
	tap_counters(t, &info->counters);
	t->counted.known = true;
	if (gone)
		die(m, t, now_ns);
	return !known;
}

void tapmap_prune(struct tapmap *m, uint32_t netns, uint64_t mark_ns, uint64_t now_ns)
{
	struct tap *t, *tmp;

	HASH_ITER(hh, m->live, t, tmp)
		if (t->key.netns == netns && t->shown_ns < mark_ns)
			die(m, t, now_ns);
}

void tapmap_prune_phantoms(struct tapmap *m, uint64_t now_ns)
{
	struct tap *t, *tmp;

	HASH_ITER(hh, m->live, t, tmp)
		if (!t->seen && t->key.netns != m->own_netns && now_ns > t->since_ns + GRACE_NS)
			die(m, t, now_ns);
}

static void claim_of(struct tap *t, const struct weigh_lists *lists, struct claim *ret)
{
	weigh(lists, &t->info, &t->life, ret);
}

bool tapmap_owners(struct tapmap *m, const struct weigh_lists *lists)
{
	bool moved = false;
	struct tap *t, *tmp;

	HASH_ITER(hh, m->live, t, tmp) {
		struct claim c;

		claim_of(t, lists, &c);
		if (t->ident && (!c.vm || strcmp(c.vm->ident, t->ident) != 0))
			moved = true;
		t->stale = true;
	}
	for (t = m->dead; t; t = t->next)
		t->stale |= !t->ident;
	return moved;
}

static const char *kind_name(const struct link_info *info)
{
	switch (info->kind) {
	case TL_KIND_MACVTAP:
		return "macvtap";
	case TL_KIND_IPVTAP:
		return "ipvtap";
	default:
		return info->l3 ? "tun" : "tap";
	}
}

static int settle_device(struct tapmap *m, struct tap *t)
{
	struct store_device row = {
		.boot_id = m->boot_id, .name = t->info.name, .kind = kind_name(&t->info),
		.netns = t->key.netns, .ifindex = t->key.ifindex, .since_ns = t->since_ns,
	};
	bool known;
	int r;

	if (t->device_id)
		return 0;
	r = store_device(m->store, &row, &t->device_id, &known);
	if (r < 0)
		return r;
	return 0;
}

static int settle_release(struct tapmap *m, struct tap *t, uint64_t now_ns)
{
	int r = store_attachment_end(m->store, t->attachment_id, t->gone_ns ? t->gone_ns : now_ns);

	if (r < 0)
		return r;
	t->attachment_id = t->vm_id = 0;
	t->free_since_ns = now_ns;
	free(t->ident);
	t->ident = NULL;
	return 0;
}

/* Since when does this owner have this tap? A device that goes with its process was made for it; a persistent one may
 * have lost frames before, as nobody's. */
static uint64_t claim_since(const struct tap *t, const struct claim *c)
{
	uint64_t since = t->since_ns;

	if (t->free_since_ns > since)
		since = t->free_since_ns;
	if ((t->info.persist || t->free_since_ns) && c->since_ns > since)
		since = c->since_ns;
	return since;
}

static const char *or_null(const char *text)
{
	return text[0] ? text : NULL;
}

static int settle_claim(struct tapmap *m, struct tap *t, const struct claim *c, uint64_t now_ns)
{
	uint64_t since = claim_since(t, c);
	struct nicfacts now;
	struct store_attachment row = { .vm_id = vmbook_id(m->book, c->vm->ident), .device_id = t->device_id, .since_ns = since,
					.at_ns = now_ns };
	bool new_owner = !t->ident;
	int r;

	t->holder = c->pid;
	t->holder_since_ns = c->since_ns;
	nicfacts(&t->info, c, &now);
	if (!new_owner && t->attachment_id && !memcmp(&now, &t->told, sizeof(now)))
		return 0;
	if (!row.vm_id)
		return -ENOENT;
	row.mac = or_null(now.mac);
	row.backend = or_null(now.backend);
	row.bridge = or_null(now.bridge);
	row.queues = now.queues;
	row.ring_frames = now.ring_frames;
	r = store_attachment(m->store, &row, &t->attachment_id);
	if (r < 0)
		return r;
	t->told = now;
	t->vm_id = row.vm_id;
	if (!new_owner)
		return 0;
	r = store_attribute(m->store, t->device_id, t->attachment_id, t->vm_id, since);
	if (r < 0)
		return r;
	t->ident = strdup(c->vm->ident);
	return t->ident ? 0 : -ENOMEM;
}

static int settle_tap(struct tapmap *m, struct tap *t, const struct weigh_lists *lists, uint64_t now_ns)
{
	struct claim c;
	int r;

	if (!t->stale && t->device_id)
		return 0;
	r = settle_device(m, t);
	if (r < 0)
		return r;
	claim_of(t, lists, &c);
	/* Who was the owner stays the owner until the sources have spoken. */
	if (t->ident && !c.vm && !lists->complete)
		return 0;
	if (t->ident && !t->gone_ns && (!c.vm || strcmp(c.vm->ident, t->ident) != 0)) {
		r = settle_release(m, t, now_ns);
		if (r < 0)
			return r;
	}
	if (c.vm && (!t->gone_ns || !t->ident)) {
		r = settle_claim(m, t, &c, now_ns);
		if (r < 0)
			return r;
		t->ended = false;	/* found late: what it owned has an end as well */
	}
	t->stale = false;
	return 0;
}

int tapmap_settle(struct tapmap *m, const struct weigh_lists *lists, uint64_t now_ns)
{
	struct tap *t, *tmp;
	int r = vmbook_sync(m->book, lists, now_ns);

	if (r < 0)
		return r;
	HASH_ITER(hh, m->live, t, tmp) {
		r = settle_tap(m, t, lists, now_ns);
		if (r < 0)
			return r;
	}
	for (t = m->dead; t; t = t->next) {
		r = settle_tap(m, t, lists, now_ns);
		if (r < 0)
			return r;
	}
	return 0;
}

int tapmap_bury(struct tapmap *m, uint64_t tick_ns)
{
	for (struct tap *t = m->dead; t; t = t->next) {
		int r;

		if (t->ended || !t->device_id)
			continue;
		if (t->attachment_id) {
			r = store_attachment_end(m->store, t->attachment_id, tick_ns);
			if (r < 0)
				return r;
		}
		r = store_device_end(m->store, t->device_id, t->gone_ns);
		if (r < 0)
			return r;
		t->ended = true;
	}
	return 0;
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
	return vmbook_id(m->book, ident);
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
