/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "path.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "collector/alloc.h"
#include "collector/base.h"

struct addresses {
	struct source_tap *taps;
	uint32_t n, size;
	bool failed;
};

static bool is_set(const uint8_t addr[6])
{
	static const uint8_t none[6];

	return memcmp(addr, none, sizeof(none)) != 0;
}

static void add_address(struct tap *t, void *arg)
{
	struct addresses *a = arg;
	struct source_tap *next;

	if (t->gone_ns || !t->vm_id || !is_set(t->stored.addr))
		return;
	if (alloc_room(a->taps, a->n, a->size) < 0) {
		a->failed = true;
		return;
	}
	next = &a->taps[a->n++];
	*next = (struct source_tap){
		.netns = t->key.netns,
		.ifindex = t->key.ifindex,
		.kind = t->info.kind,
	};
	memcpy(next->mac, t->stored.addr, sizeof(next->mac));
}

int path_watch(struct source *src, struct tapmap *m)
{
	struct addresses a = { 0 };
	int r;

	tapmap_each(m, add_address, &a);
	r = a.failed ? -ENOMEM : source_watch(src, a.taps, a.n);
	free(a.taps);
	return r;
}

/* How well a tap fits where the frame was lost. */
enum fit { SOMEWHERE, DEAD_HERE, HERE, DEAD_ON_BRIDGE, ON_BRIDGE };

struct search {
	const struct tl_loss_key *key;
	struct link_place place;
	const struct tap *best;
	enum fit fit;
	bool several;
};

static bool on_bridge(const struct link_info *t, const struct link_place *p)
{
	if (!p->name[0])
		return false;
	if (t->bridge[0] && (!strcmp(t->bridge, p->name) || !strcmp(t->bridge, p->master)))
		return true;
	return t->lower[0] &&
	       (!strcmp(t->lower, p->name) || (p->master[0] && !strcmp(t->lower, p->master)));
}

static void look(struct tap *t, void *arg)
{
	struct search *s = arg;
	bool here = t->key.netns == s->key->netns;
	enum fit fit;

	if (!t->vm_id || memcmp(t->stored.addr, tl_path_mac(s->key), 6) != 0)
		return;
	if (here && on_bridge(&t->info, &s->place))
		fit = t->gone_ns ? DEAD_ON_BRIDGE : ON_BRIDGE;
	else
		fit = !here ? SOMEWHERE : t->gone_ns ? DEAD_HERE : HERE;
	if (s->best && fit < s->fit)
		return;
	s->several = s->best && fit == s->fit && s->best->vm_id != t->vm_id;
	s->best = t;
	s->fit = fit;
}

const struct tap *path_tap(struct tapmap *m, const struct links *links,
			   const struct tl_loss_key *key)
{
	struct search s = { .key = key };

	if (key->netns == links_netns(links))
		links_place(links, key->ifindex, &s.place);
	tapmap_each(m, look, &s);
	return s.several ? NULL : s.best;
}

void path_device(struct source *src, const struct links *links, uint32_t netns, uint32_t ifindex,
		 char ret[static 24])
{
	struct link_place place = { 0 };
	struct tl_device dev;

	if (netns == links_netns(links))
		links_place(links, ifindex, &place);
	if (place.name[0])
		snprintf(ret, 24, "%s", place.name);
	else if (source_device(src, netns, ifindex, &dev) == 0)
		snprintf(ret, 24, "%.15s", dev.name);
	else if (ifindex)
		snprintf(ret, 24, "if%u", ifindex);
	else
		snprintf(ret, 24, "?");
}

void path_sender(struct source *src, struct tapmap *m, const struct links *links,
		 const struct tl_loss_key *key, int64_t *ret_vm, char ret[static 24])
{
	const struct tap *t;

	*ret_vm = 0;
	ret[0] = '\0';
	if (key->iif == TL_IIF_OTHER) {
		snprintf(ret, 24, "other");
	} else if (key->iif) {
		t = tapmap_find(m, key->netns, key->iif);
		*ret_vm = t ? t->vm_id : 0;
		if (t)
			snprintf(ret, 24, "%s", t->info.name);
		else
			path_device(src, links, key->netns, key->iif, ret);
	} else if ((key->kind == TL_KIND_TUN && !key->ingress) ||
		   (key->kind == TL_KIND_PATH && key->ingress)) {
		snprintf(ret, 24, "host");
	}
}
