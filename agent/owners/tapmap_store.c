/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The store's side of the tap map: what the agent before us left there, and what became known
 * since, until it says the same. */
#include "tapmap_priv.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "nic_info.h"

/* What the agent before us left open. seen stays false until rtnetlink shows the device. */
static int resume_device(int64_t device_id, uint32_t netns, uint32_t ifindex, const char *name,
			 const char *kind, uint64_t since_ns, void *arg)
{
	struct tapmap *m = arg;
	struct link_info info = { .netns = netns, .ifindex = ifindex };
	struct tap *t;

	snprintf(info.name, sizeof(info.name), "%s", name);
	info.kind = !strcmp(kind, "macvtap")  ? TL_KIND_MACVTAP
		    : !strcmp(kind, "ipvtap") ? TL_KIND_IPVTAP
					      : TL_KIND_TUN;
	info.l3 = !strcmp(kind, "tun");
	t = tapmap_find_live(m, netns, ifindex);
	/* the store never holds two open lifetimes of one key; the later one is true */
	if (t)
		tapmap_die(m, t, since_ns);
	t = tapmap_add(m, &info, since_ns);
	if (!t)
		return -ENOMEM;
	t->device_id = device_id;
	return 0;
}

static int resume_attachment(int64_t attachment_id, int64_t device_id, int64_t vm_id,
			     const char *vm_ident, uint64_t since_ns, void *arg)
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

static int reconcile_device(struct tapmap *m, struct tap *t)
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

static int reconcile_release(struct tapmap *m, struct tap *t, uint64_t now_ns)
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

/* Since when does this owner have this tap? A device that goes with its process was made for it; a
 * persistent one may have lost frames before, as nobody's. */
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

static int reconcile_claim(struct tapmap *m, struct tap *t, const struct claim *c, uint64_t now_ns)
{
	uint64_t since = claim_since(t, c);
	struct nic_info now;
	struct store_attachment row = {
		.vm_id = vm_registry_id(m->book, c->vm->ident),
		.device_id = t->device_id,
		.since_ns = since,
		.at_ns = now_ns,
	};
	bool new_owner = !t->ident;
	int r;

	t->holder = c->pid;
	t->holder_since_ns = c->since_ns;
	nic_info(&t->info, c, &now);
	if (!new_owner && t->attachment_id && !memcmp(&now, &t->stored, sizeof(now)))
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
	t->stored = now;
	t->vm_id = row.vm_id;
	if (!new_owner)
		return 0;
	r = store_attribute(m->store, t->device_id, t->attachment_id, t->vm_id, since);
	if (r < 0)
		return r;
	t->ident = strdup(c->vm->ident);
	return t->ident ? 0 : -ENOMEM;
}

static int reconcile_tap(struct tapmap *m, struct tap *t, const struct resolve_owner_lists *lists,
		      uint64_t now_ns)
{
	struct claim c;
	int r;

	if (!t->stale && t->device_id)
		return 0;
	r = reconcile_device(m, t);
	if (r < 0)
		return r;
	resolve_owner(lists, &t->info, &t->life, &c);
	/* Who was the owner stays the owner until the sources have spoken. */
	if (t->ident && !c.vm && !lists->complete)
		return 0;
	if (t->ident && !t->gone_ns && (!c.vm || strcmp(c.vm->ident, t->ident) != 0)) {
		r = reconcile_release(m, t, now_ns);
		if (r < 0)
			return r;
	}
	if (c.vm && (!t->gone_ns || !t->ident)) {
		r = reconcile_claim(m, t, &c, now_ns);
		if (r < 0)
			return r;
		t->ended = false;	/* found late: what it owned has an end as well */
	}
	t->stale = false;
	return 0;
}

int tapmap_reconcile(struct tapmap *m, const struct resolve_owner_lists *lists, uint64_t now_ns)
{
	struct tap *t, *tmp;
	int r = vm_registry_sync(m->book, lists, now_ns);

	if (r < 0)
		return r;
	HASH_ITER(hh, m->live, t, tmp) {
		r = reconcile_tap(m, t, lists, now_ns);
		if (r < 0)
			return r;
	}
	for (t = m->dead; t; t = t->next) {
		r = reconcile_tap(m, t, lists, now_ns);
		if (r < 0)
			return r;
	}
	return 0;
}

int tapmap_end_gone(struct tapmap *m, uint64_t tick_ns)
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
