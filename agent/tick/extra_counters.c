/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "extra_counters.h"

#include <errno.h>
#include <string.h>

#include "collector/base.h"
#include "collector/loss/frame_errors.h"
#include "collector/link/qdisc.h"

#define EVERY_NS NSEC_PER_MIN
#define MAX_DUE 64		/* taps looked at in one tick because a minute is over */
/* and because they lose frames; the others are looked at in the next */
#define MAX_WANTED 256

struct extra_counters {
	uint32_t own_netns;
	bool holders, losses;
	struct qdiscs *qdiscs;
	struct frame_errors *frame_errors;	/* NULL: cannot be read, @why says why */
	char why[256];
	/* opening it was tried with the module's types there or not */
	bool tried, module;
};

int extra_counters_new(uint32_t own_netns, bool holders, bool losses, struct extra_counters **ret)
{
	struct extra_counters *h = calloc(1, sizeof(*h));
	int r = h ? qdiscs_new(&h->qdiscs) : -ENOMEM;

	if (r < 0) {
		extra_counters_free(h);
		return r;
	}
	h->own_netns = own_netns;
	h->holders = holders;
	h->losses = losses;
	*ret = h;
	return 0;
}

struct extra_counters *extra_counters_free(struct extra_counters *h)
{
	if (!h)
		return NULL;
	qdiscs_free(h->qdiscs);
	frame_errors_close(h->frame_errors);
	free(h);
	return NULL;
}

const char *extra_counters_why(const struct extra_counters *h)
{
	return h->why;
}

/* tun.ko may come, go, and come back as another build. */
static void open_frame_errors(struct extra_counters *h)
{
	bool module = access("/sys/kernel/btf/tun", F_OK) == 0;

	if (links_frame_errors() || (h->tried && module == h->module))
		return;
	h->tried = true;
	h->module = module;
	h->frame_errors = frame_errors_close(h->frame_errors);
	h->why[0] = '\0';
	frame_errors_open(&h->frame_errors, h->why);
}

/* Bad headers of a guest's frames at tun.ko; @line says which places those are
 * (collector/loss/class.c). */
static bool bad_header(const struct loss_counter *line)
{
	return line->class.class && !strcmp(line->class.class, "VIRTNET_HDR") &&
	       !strncmp(line->site, "tun_", 4);
}

/* What a discipline at work dropped: with the device down, or a tap that nobody holds, there is
 * another in its place that counts nothing. Kernels without reasons do not tell them apart. */
static bool queued(const struct tap *t, const struct loss_counter *line)
{
	return line->class.class && !strcmp(line->class.class, "QDISC") &&
	       strcmp(line->class.kind, "lifecycle") != 0 && !line->class.counter &&
	       (strcmp(line->reason, "NONE") != 0 || (t->info.up && t->info.carrier));
}

void extra_counters_want(struct tap *t, const struct loss_counter *line)
{
	if (bad_header(line))
		t->counted.wanted |= EXTRA_FRAME_ERRORS;
	if (queued(t, line))
		t->counted.wanted |= EXTRA_QDISC;
}

/* The count that is read now or soon has these frames in it, unless its first reading is where it
 * begins. */
static bool holds(const struct tap *t, uint64_t stored)
{
	return !t->counted.based || stored != LINK_UNREAD;
}

const char *extra_counter(const struct extra_counters *h, const struct tap *t,
			  const struct loss_counter *line)
{
	if (!t)
		return NULL;
	if (bad_header(line) && holds(t, t->counted.stored.rx_frame_errors) &&
	    (links_frame_errors() || (h->frame_errors && h->holders && !t->gone_ns)))
		return "rx_frame_errors";
	if (queued(t, line) && holds(t, t->counted.stored.qdisc_dropped) &&
	    t->key.netns == h->own_netns && !t->gone_ns)
		return "qdisc_dropped";
	return NULL;
}

struct look {
	struct extra_counters *h;
	struct tapmap *taps;
	uint64_t now_ns;
	unsigned int due, wanted;	/* so many more may be looked at */
};

static void on_errors(const struct tl_frame_errors *e, void *arg)
{
	struct look *l = arg;
	struct tap *t = tapmap_find(l->taps, e->netns, e->ifindex);

	if (!t || t->gone_ns)
		return;
	t->counted.now.rx_frame_errors = e->frames;
	t->counted.errors_ns = l->now_ns;
	t->counted.wanted &= (uint8_t)~EXTRA_FRAME_ERRORS;	/* a VM's taps are read at once */
}

/* One walk over a process shows all its taps. */
static bool errors_due(const struct look *l, const struct tap *t, bool due)
{
	if (t->counted.wanted & EXTRA_FRAME_ERRORS)
		return t->counted.errors_ns != l->now_ns;
	return due && t->counted.errors_ns + EVERY_NS <= l->now_ns;
}

/* Nothing went through it since its discipline was read; and what that dropped would have been
 * reported of, and wanted. */
static bool still(const struct look *l, struct tap *t)
{
	const struct link_counters *c = &t->counted.now;
	uint64_t before = t->counted.qdisc_frames;

	t->counted.qdisc_frames = c->rx_frames + c->tx_frames + c->rx_dropped + c->tx_dropped;
	return l->h->losses && c->qdisc_dropped != LINK_UNREAD && t->counted.qdisc_frames == before;
}

static void read_qdisc(const struct look *l, struct tap *t)
{
	struct qdisc_counts qdisc;

	if (qdisc_read(l->h->qdiscs, t->key.ifindex, &qdisc) < 0)
		return;
	t->counted.now.qdisc_dropped = qdisc.dropped;
	store_headroom_add(&t->occupancy.now,
			   &(struct store_headroom){ .qdisc_peak = qdisc.waiting });
}

static void look_at(struct tap *t, void *arg)
{
	struct look *l = arg;
	bool due = l->due && t->counted.looked_ns + EVERY_NS <= l->now_ns,
	     wanted = l->wanted && t->counted.wanted;

	if (t->gone_ns || (!due && !wanted))
		return;
	l->due -= due;
	l->wanted -= wanted;
	if (l->h->frame_errors && t->holder && t->info.kind == TL_KIND_TUN && errors_due(l, t, due))
		frame_errors_read(l->h->frame_errors, t->holder, on_errors, l);
	if (t->key.netns == l->h->own_netns &&
	    ((t->counted.wanted & EXTRA_QDISC) || (due && !still(l, t))))
		read_qdisc(l, t);
	if (due && (t->holder || !l->h->frame_errors || t->info.kind != TL_KIND_TUN))
		t->counted.looked_ns = l->now_ns;	/* else as soon as its holder is known */
	t->counted.wanted = 0;
}

void extra_counters_read(struct extra_counters *h, struct tapmap *taps, uint64_t now_ns)
{
	struct look l = {
		.h = h,
		.taps = taps,
		.now_ns = now_ns,
		.due = MAX_DUE,
		.wanted = MAX_WANTED,
	};

	open_frame_errors(h);
	tapmap_each(taps, look_at, &l);
}
