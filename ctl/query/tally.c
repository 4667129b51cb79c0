/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tally.h"

#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "collector/base.h"
#include "collector/alloc.h"
#include "severity.h"
#include "share.h"
#include "split.h"

/* A device in the hands of one owner: that is what delivered frames and all loss of a direction
 * belong to. */
struct unit {
	struct {
		int64_t device, attachment;
	} id;
	int64_t vm;
	uint64_t delivered[2], lost[2];		/* [0] rx, [1] tx */
	UT_hash_handle hh;
};

struct group {
	char *key;
	const struct reader_series *series;
	struct reader_sum sum;
	uint64_t purged, path, benign, first_ns;
	struct unit **units;
	size_t n_units;
	UT_hash_handle hh;
};

struct work {
	struct reader *v;
	struct unit *units;
	struct group *groups;
	unsigned int by;
	bool *counted;		/* by device: what it delivered was read */
};

static struct unit *unit_of(struct work *w, int64_t device, int64_t attachment, int64_t vm)
{
	struct unit *u, probe = { 0 };

	probe.id.device = device;
	probe.id.attachment = attachment;
	HASH_FIND(hh, w->units, &probe.id, sizeof(probe.id), u);
	if (u)
		return u;
	u = must(calloc(1, sizeof(*u)));
	u->id = probe.id;
	u->vm = vm;
	HASH_ADD(hh, w->units, id, sizeof(u->id), u);
	return u;
}

static int side(const char *direction)
{
	return !strcmp(direction, "tx");
}

static struct group *group_of(struct work *w, const struct reader_series *s)
{
	char *key = split_key(w->v, s, w->by);
	struct group *g;

	HASH_FIND_STR(w->groups, key, g);
	if (g) {
		free(key);
		return g;
	}
	g = must(calloc(1, sizeof(*g)));
	g->key = key;
	g->series = s;
	HASH_ADD_KEYPTR(hh, w->groups, g->key, strlen(g->key), g);
	return g;
}

static void add_unit(struct group *g, struct unit *u)
{
	for (size_t i = 0; i < g->n_units; i++)
		if (g->units[i] == u)
			return;
	if (alloc_double(g->units, g->n_units) < 0)
		abort();
	g->units[g->n_units++] = u;
}

static void on_counted(int64_t device, void *arg)
{
	struct work *w = arg;

	if (reader_device(w->v, device))
		w->counted[device] = true;
}

static void on_traffic(int64_t device, uint64_t t_ns, uint64_t rx, uint64_t tx, void *arg)
{
	struct work *w = arg;
	const struct reader_attachment *a = reader_attached(w->v, device, t_ns);
	struct unit *u = unit_of(w, device, a ? a->id : 0, a ? a->vm_id : 0);

	on_counted(device, w);
	u->delivered[0] += rx;
	u->delivered[1] += tx;
}

static void add_series(struct work *w, const struct filter *f, const struct reader_series *s,
		       const struct reader_sum *sum, uint64_t benign, struct tally *t)
{
	struct unit *u = unit_of(w, s->device_id, s->attachment_id, s->vm_id);
	enum share share = share_of(s);
	struct group *g;

	if (share == LOST && !s->mask)
		u->lost[side(s->direction)] += sum->frames;
	if (!filter_passes(f, w->v, s))
		return;
	if (s->mask) {
		t->masked += sum->frames;
		if (!f->masked)
			return;
	}
	g = group_of(w, s);
	g->sum.frames += sum->frames;
	g->sum.segments += sum->segments;
	g->sum.bytes += sum->bytes;
	g->first_ns = g->first_ns && g->first_ns < s->first_ns ? g->first_ns : s->first_ns;
	add_unit(g, u);
	if (s->mask)
		return;
	switch (share) {
	case LOST:
		t->lost += sum->frames;
		t->benign += benign;
		g->benign += benign;
		break;
	case ON_PATH:
		t->path += sum->frames;
		g->path += sum->frames;
		break;
	case EMPTIED:
		t->purged += sum->frames;
		g->purged += sum->frames;
		break;
	case COPIED:
		g->purged += sum->frames;	/* of its frames, no loss either */
		break;
	}
}

static void add_side(const struct work *w, const struct unit *u, int side_, struct tally_row *r)
{
	r->pct_known &= reader_device(w->v, u->id.device) && w->counted[u->id.device];
	r->delivered += u->delivered[side_];
	r->all_lost += u->lost[side_];
}

/* Delivered is counted by device and direction. Split by NIC, a row's devices are those it has loss
 * of; split by VM alone, all of the VM's. */
static void add_delivered(const struct work *w, const struct group *g, struct tally_row *r)
{
	int d = side(g->series->direction);
	struct unit *u, *tmp;

	r->pct_known = tally_knows_delivered(w->by) && !g->series->mask &&
		       g->sum.frames > g->purged + g->path;
	if (!r->pct_known)
		return;
	if (w->by & BY_NIC) {
		for (size_t i = 0; i < g->n_units; i++)
			add_side(w, g->units[i], d, r);
		return;
	}
	HASH_ITER(hh, w->units, u, tmp)
		if (u->vm == g->series->vm_id)
			add_side(w, u, d, r);
}

bool tally_knows_delivered(unsigned int by)
{
	return (by & BY_DIRECTION) && (by & (BY_NIC | BY_VM)) && !(by & BY_QUEUE);
}

static int by_frames(const void *a, const void *b)
{
	const struct tally_row *x = a, *y = b;

	if (x->sum.frames != y->sum.frames)
		return x->sum.frames > y->sum.frames ? -1 : 1;
	return strcmp(x->key, y->key);
}

static void take_rows(struct work *w, struct tally *t)
{
	struct group *g, *tmp;

	t->rows = must(calloc(HASH_COUNT(w->groups) + 1, sizeof(*t->rows)));
	HASH_ITER(hh, w->groups, g, tmp) {
		struct tally_row *r = &t->rows[t->n++];

		r->series = g->series;
		r->key = g->key;
		r->sum = g->sum;
		r->purged = g->purged;
		r->path = g->path;
		r->benign = g->benign;
		r->first_ns = g->first_ns;
		add_delivered(w, g, r);
		HASH_DEL(w->groups, g);
		free(g->units);
		free(g);
	}
	qsort(t->rows, t->n, sizeof(*t->rows), by_frames);
}

static void free_units(struct work *w)
{
	struct unit *u, *tmp;

	HASH_ITER(hh, w->units, u, tmp) {
		HASH_DEL(w->units, u);
		free(u);
	}
}

static int read_delivered(struct work *w, const struct window *win)
{
	int r = reader_counted(w->v, win->since_ns, win->until_ns, on_counted, w);

	return r < 0 ? r : reader_traffic(w->v, win->since_ns, win->until_ns, on_traffic, w);
}

int tally_make(struct reader *v, const struct window *win, const struct filter *f, unsigned int by,
	       struct tally *ret)
{
	_cleanup_(freep) struct reader_sum *sums = NULL;
	_cleanup_(freep) uint64_t *benign = NULL;
	_cleanup_(freep) bool *counted = must(calloc(v->n_devices + 1, sizeof(bool)));
	struct work w = { .v = v, .by = by, .counted = counted };
	struct tally t = { 0 };
	int r = reader_losses(v, win->since_ns, win->until_ns, &sums);

	if (r >= 0)
		r = severity_sums(v, win->since_ns, win->until_ns, sums, &benign);
	if (r < 0)
		return r;
	for (size_t i = 0; i < v->n_series; i++)
		if (v->series[i].id && (sums[i].frames || sums[i].bytes))
			add_series(&w, f, &v->series[i], &sums[i], benign[i], &t);
	if (tally_knows_delivered(by))
		r = read_delivered(&w, win);
	take_rows(&w, &t);
	free_units(&w);
	if (r < 0) {
		tally_free(&t);
		return r;
	}
	*ret = t;
	return 0;
}

void tally_free(struct tally *t)
{
	for (size_t i = 0; i < t->n; i++)
		free(t->rows[i].key);
	free(t->rows);
	*t = (struct tally){ 0 };
}

static double share(const struct tally_row *r, uint64_t frames)
{
	return r->pct_known ? (double)frames * 100 / (double)(r->all_lost + r->delivered) : -1;
}

double tally_pct(const struct tally_row *r)
{
	return share(r, r->sum.frames - r->purged - r->path);
}

uint64_t tally_harm(const struct tally_row *r)
{
	return r->sum.frames - r->purged - r->path - r->benign;
}

double tally_harm_pct(const struct tally_row *r)
{
	return share(r, tally_harm(r));
}
