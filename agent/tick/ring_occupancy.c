/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ring_occupancy.h"

#include <errno.h>
#include <string.h>

#include "collector/alloc.h"
#include "collector/base.h"
#include "collector/loss/tapring.h"

/* the tick that a second's timer brings may come a little early */
#define EARLY_NS (50 * NSEC_PER_MSEC)
/* rings looked into in a second, on average: some 0.02 % of a core */
#define A_SECOND 512
/* how often a process is gone through whose rings do not add up */
#define AGAIN_NS (10 * NSEC_PER_SEC)
#define MAX_WALKS 32			/* processes gone through in one look: about 2 ms */

struct ring_occupancy {
	struct taprings *rings;			/* NULL: cannot be read, @why says why */
	char why[256];
	bool tried;
	/* whose types were there when opening it was tried */
	unsigned int modules;
	struct tl_tapring *all;
	unsigned int n, size;
	uint64_t read_ns;
};

int ring_occupancy_new(struct ring_occupancy **ret)
{
	*ret = calloc(1, sizeof(**ret));
	return *ret ? 0 : -ENOMEM;
}

struct ring_occupancy *ring_occupancy_free(struct ring_occupancy *h)
{
	if (!h)
		return NULL;
	taprings_close(h->rings);
	free(h->all);
	free(h);
	return NULL;
}

const char *ring_occupancy_why(const struct ring_occupancy *h)
{
	return h->why;
}

/* Full for sure, whoever looks. */
void ring_occupancy_lost(struct tap *t, const struct loss_counter *line)
{
	bool ring = line->class.class &&
		    (!strcmp(line->class.class, "PTR_FULL") ||
		     (!strcmp(line->class.class, "QDISC") && !strcmp(line->site, "tun_net_xmit")));

	if (ring && !strcmp(line->class.direction, "rx") && t->info.ring_frames > 0)
		store_headroom_add(&t->occupancy.now,
				   &(struct store_headroom){
					   .known = true, .peak = (uint64_t)t->info.ring_frames });
}

/* The modules may come, go, and come back as another build; what was read of them before is no good
 * then. */
static void open_rings(struct ring_occupancy *h)
{
	unsigned int modules = (access("/sys/kernel/btf/tun", F_OK) == 0) |
			       (access("/sys/kernel/btf/tap", F_OK) == 0) << 1;

	if (h->tried && modules == h->modules)
		return;
	h->tried = true;
	h->modules = modules;
	h->rings = taprings_close(h->rings);
	h->n = 0;
	h->why[0] = '\0';
	taprings_open(&h->rings, h->why);
}

/* Finding them. */

struct look {
	struct ring_occupancy *h;
	struct tapmap *taps;
	uint64_t now_ns;
	unsigned int walks;		/* so many more */
	int holder;
};

static bool known(const struct ring_occupancy *h, uint64_t file)
{
	for (unsigned int i = h->n; i-- > 0;)
		if (h->all[i].file == file)
			return true;
	return false;
}

/* This process was gone through for @t. */
static void looked(struct tap *t, const struct look *l)
{
	t->occupancy.holder = l->holder;
	t->occupancy.looked_ns = l->now_ns;
}

static void on_ring(const struct tl_tapring *ring, void *arg)
{
	struct look *l = arg;
	struct tap *t = tapmap_find(l->taps, ring->netns, ring->ifindex);

	if (known(l->h, ring->file) || alloc_room(l->h->all, l->h->n, l->h->size) < 0)
		return;		/* two descriptors of one queue */
	l->h->all[l->h->n] = *ring;
	l->h->all[l->h->n++].holder = (uint32_t)l->holder;
	if (t && t->holder == l->holder)
		looked(t, l);	/* one walk shows all taps of a VM */
}

static void forget_of(struct ring_occupancy *h, int holder)
{
	unsigned int kept = 0;

	for (unsigned int i = 0; i < h->n; i++)
		if (h->all[i].holder != (uint32_t)holder)
			h->all[kept++] = h->all[i];
	h->n = kept;
}

/* A holder that is new, or whose rings did not add up to the device's queues when they were read
 * last. */
static bool wanted(const struct tap *t, uint64_t now_ns)
{
	bool whole = t->occupancy.rings && t->occupancy.rings == t->occupancy.queues;

	if (!t->holder || t->gone_ns)
		return false;
	return t->holder != t->occupancy.holder ||
	       (!whole && t->occupancy.looked_ns + AGAIN_NS <= now_ns);
}

static void find(struct tap *t, void *arg)
{
	struct look *l = arg;

	if (l->walks && wanted(t, l->now_ns)) {
		l->walks--;
		l->holder = t->holder;
		forget_of(l->h, t->holder);
		taprings_find(l->h->rings, t->holder, on_ring, l);
		looked(t, l);
	}
	t->occupancy.rings = t->occupancy.queues = t->occupancy.fullest = t->occupancy.size = 0;
}

/* Looking into them. */

/* False: it is no longer a ring of a tap that we know. */
static bool take(struct tapmap *taps, const struct tl_tapring *r)
{
	struct tap *t = tapmap_find(taps, r->netns, r->ifindex);

	if (!t || t->gone_ns || !r->size)
		return false;
	t->occupancy.rings++;
	t->occupancy.queues = r->queues;
	t->occupancy.size = r->size;
	if (r->frames > t->occupancy.fullest)
		t->occupancy.fullest = r->frames;
	return true;
}

static void take_all(struct ring_occupancy *h, struct tapmap *taps)
{
	unsigned int kept = 0;

	for (unsigned int i = 0; i < h->n; i++)
		if (take(taps, &h->all[i]))
			h->all[kept++] = h->all[i];
	h->n = kept;
}

static void add_up(struct tap *t, void *arg)
{
	(void)arg;
	if (t->occupancy.size)
		store_headroom_add(&t->occupancy.now,
				   &(struct store_headroom){ .known = true,
							     .peak = t->occupancy.fullest,
							     .free = t->occupancy.size -
								     t->occupancy.fullest,
							     .samples = 1,
							     .sum = t->occupancy.fullest });
}

void ring_occupancy_read(struct ring_occupancy *h, struct tapmap *taps, uint64_t now_ns)
{
	struct look l = { .h = h, .taps = taps, .now_ns = now_ns, .walks = MAX_WALKS };

	uint64_t every = NSEC_PER_SEC * (1 + h->n / A_SECOND) - EARLY_NS;

	if (now_ns >= h->read_ns && now_ns < h->read_ns + every)
		return;
	h->read_ns = now_ns;
	open_rings(h);
	if (!h->rings)
		return;
	tapmap_each(taps, find, &l);
	if (taprings_read(h->rings, h->all, h->n) < 0)
		return;
	take_all(h, taps);
	tapmap_each(taps, add_up, NULL);
}
