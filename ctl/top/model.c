/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "collector/base.h"
#include "collector/alloc.h"
#include "ctl/query/severity.h"
#include "ctl/query/share.h"
#include "ctl/query/split.h"
#include "ctl/query/tally.h"

#define NOW_NS (5 * NSEC_PER_SEC)	/* what "now" means: long enough to hold a few ticks */
#define MAX_CELLS 300
#define CLASSES 16
#define BY_EACH_VM (BY_VM | BY_DIRECTION)
#define BY_EACH_NIC (BY_VM | BY_NIC | BY_DIRECTION)

/* A row while it is made. */
struct group {
	char *key;
	struct top_model_row row;
	struct {
		const struct reader_series *series;
		uint64_t frames;
	} by_class[CLASSES];
	size_t n_classes;
	UT_hash_handle hh;
};

struct work {
	const struct top_model_ask *ask;
	struct top_model *b;
	struct downtimes downtimes;
	struct tally by_vm, by_nic;
	struct group *groups;
	struct group **group_of[2];	/* by series: harmful, benign */
	bool *wanted;
	uint64_t now_span;
};

static bool same(const char *a, const char *b)
{
	return !strcmp(a ? a : "", b ? b : "");
}

static bool inside(const struct top_model_where *w, const struct reader *v,
		   const struct reader_series *s)
{
	const char *nic = reader_nic(v, s->device_id);

	if (w->level == BOARD_VMS)
		return true;
	if (s->vm_id != w->vm_id || (!w->vm_id && !same(nic, w->nic)))
		return false;
	if (w->level == BOARD_NICS)
		return true;
	if (!same(nic, w->nic) || !same(s->direction, w->direction))
		return false;
	return w->level == BOARD_QUEUES || (s->queue == w->queue && same(s->class, w->class));
}

static enum top_model_part part_of(const struct work *w, const struct reader_series *s,
				   uint64_t t_ns, uint64_t span_ns)
{
	if (s->mask)
		return PART_MASKED;
	if (severity_benign(&w->downtimes, s, t_ns, span_ns))
		return PART_BENIGN;
	return share_of(s) == ON_PATH ? PART_PATH : PART_HARM;
}

static char *key_of(const struct work *w, const struct reader_series *s, enum top_model_part part)
{
	const char *nic = reader_nic(w->b->v, s->device_id);
	char *key;
	int r;

	switch (w->ask->where.level) {
	case BOARD_VMS:
		r = asprintf(&key, "%d %lld %s %s", part, (long long)s->vm_id, s->direction,
			     s->vm_id ? ""
			     : nic    ? nic
				      : "");
		break;
	case BOARD_NICS:
		r = asprintf(&key, "%d %s %s", part, s->direction, nic ? nic : "");
		break;
	default:
		r = asprintf(&key, "%d %d %s", part, s->queue, s->class);
	}
	if (r < 0)
		abort();
	return key;
}

/* The row with @key, which is taken; a new one is zeroed. */
static struct group *group_named(struct work *w, char *key)
{
	struct group *g;

	HASH_FIND_STR(w->groups, key, g);
	if (g) {
		free(key);
		return g;
	}
	g = must(calloc(1, sizeof(*g)));
	g->key = key;
	g->row = (struct top_model_row){
		.key = key,
		.pct = -1,
		.cells = must(calloc(w->b->n_cells, sizeof(uint64_t))),
		.marks = must(calloc(w->b->n_cells, sizeof(uint64_t))),
	};
	HASH_ADD_KEYPTR(hh, w->groups, g->key, strlen(g->key), g);
	return g;
}

static struct group *group_of(struct work *w, const struct reader_series *s,
			      enum top_model_part part)
{
	struct group **slot = &w->group_of[part == PART_BENIGN][s->id];

	if (*slot)
		return *slot;
	*slot = group_named(w, key_of(w, s, part));
	(*slot)->row.part = part;
	(*slot)->row.vm = reader_vm(w->b->v, s->vm_id);
	return *slot;
}

static void add_class(struct group *g, const struct reader_series *s, uint64_t frames)
{
	size_t i = 0;

	while (i < g->n_classes && strcmp(g->by_class[i].series->class, s->class) != 0)
		i++;
	if (i == CLASSES)
		return;
	if (i == g->n_classes) {
		g->by_class[i].series = s;
		g->n_classes++;
	}
	g->by_class[i].frames += frames;
}

static size_t cell_of(const struct top_model *b, uint64_t t_ns)
{
	return (t_ns - 1 - b->since_ns) / b->step_ns;
}

static void on_row(int64_t series, uint64_t t_ns, uint64_t span_ns, const struct reader_sum *sum,
		   void *arg)
{
	struct work *w = arg;
	const struct reader_series *s = &w->b->v->series[series];
	enum top_model_part part = part_of(w, s, t_ns, span_ns);
	struct group *g = group_of(w, s, part);

	add_class(g, s, sum->frames);
	g->row.frames += sum->frames;
	g->row.cells[cell_of(w->b, t_ns)] += sum->frames;
	w->b->frames[part] += sum->frames;
	if (t_ns + w->now_span > w->b->until_ns)
		g->row.now += sum->frames;
}

static void add_burst(struct work *w, const struct burst *burst)
{
	uint64_t length = burst->last_ns - burst->start_ns;
	struct group *g =
		group_of(w, burst->series, part_of(w, burst->series, burst->last_ns, length));

	g->row.bursts++;
	g->row.longest_ns = length > g->row.longest_ns ? length : g->row.longest_ns;
	g->row.marks[cell_of(w->b, burst->start_ns)]++;
}

/* Of the VM, or the NIC, of @s: all loss of that direction, and what was delivered. */
static const struct tally_row *delivered_to(const struct work *w, const struct reader_series *s)
{
	/* what is nobody's has nothing in common */
	bool by_nic = w->ask->where.level != BOARD_VMS || !s->vm_id;
	const struct tally *t = by_nic ? &w->by_nic : &w->by_vm;
	_cleanup_(freep) char *key = split_key(w->b->v, s, by_nic ? BY_EACH_NIC : BY_EACH_VM);

	for (size_t i = 0; i < t->n; i++)
		if (!strcmp(t->rows[i].key, key))
			return &t->rows[i];
	return NULL;
}

/* Delivered frames are known by device and direction; of queues it says which share of the loss
 * they have. */
static void tell_share(const struct work *w, struct top_model_row *r)
{
	const struct tally_row *all;

	if (!r->frames || r->part == PART_MASKED)
		return;
	if (w->ask->where.level >= BOARD_QUEUES) {
		r->pct = (double)r->frames * 100 / (double)w->b->frames[r->part];
		return;
	}
	if (share_of(r->series) != LOST)
		return;
	all = delivered_to(w, r->series);
	if (all && all->pct_known && all->all_lost + all->delivered)
		r->pct = (double)r->frames * 100 / (double)(all->all_lost + all->delivered);
}

static void finish(const struct work *w, struct group *g)
{
	struct top_model_row *r = &g->row;
	uint64_t most = 0;

	for (size_t i = 0; i < g->n_classes; i++) {
		if (g->by_class[i].frames < most)
			continue;
		most = g->by_class[i].frames;
		r->series = g->by_class[i].series;
	}
	r->classes = (unsigned int)g->n_classes;
	r->now = r->now * NSEC_PER_SEC / w->now_span;
	if (!r->series)
		return;
	r->nic = reader_nic(w->b->v, r->series->device_id);
	w->b->now[r->part] += r->now;
}

static void take_rows(struct work *w)
{
	struct group *g, *tmp;

	w->b->rows = must(calloc(HASH_COUNT(w->groups) + 1, sizeof(*w->b->rows)));
	HASH_ITER(hh, w->groups, g, tmp) {
		finish(w, g);
		if (g->row.series)
			tell_share(w, &g->row);
		if (!g->row.series && g->row.part != PART_QUIET) {
			/* a burst whose rows lie outside of the window */
			free(g->row.cells);
			free(g->row.marks);
			free(g->key);
		} else {
			w->b->rows[w->b->n++] = g->row;
		}
		HASH_DEL(w->groups, g);
		free(g);
	}
}

static bool has_row(const struct work *w, const struct reader_vm *vm)
{
	for (const struct group *g = w->groups; g; g = g->hh.next)
		if (g->row.vm == vm)
			return true;
	return false;
}

static void add_quiet(struct work *w)
{
	for (size_t i = 0; i < w->b->v->n_vms; i++) {
		const struct reader_vm *vm = &w->b->v->vms[i];
		struct group *g;
		char *key;

		if (!vm->id || !strcmp(vm->state, "gone") || !strcmp(vm->state, "shutoff") ||
		    has_row(w, vm))
			continue;
		if (asprintf(&key, "%d %lld", PART_QUIET, (long long)vm->id) < 0)
			abort();
		g = group_named(w, key);
		g->row.part = PART_QUIET;
		g->row.vm = vm;
	}
}

/* Cells of whole seconds, at most MAX_CELLS, which begin at whole ones. */
static void set_cells(struct top_model *b, const struct top_model_ask *ask)
{
	uint64_t span = ask->span_ns < 2 * NSEC_PER_SEC ? 2 * NSEC_PER_SEC : ask->span_ns,
		 from = ask->now_ns - span;

	b->step_ns = (span / MAX_CELLS + NSEC_PER_SEC - 1) / NSEC_PER_SEC * NSEC_PER_SEC;
	b->step_ns = b->step_ns ? b->step_ns : NSEC_PER_SEC;
	b->since_ns = from - from % b->step_ns;
	b->until_ns = ask->now_ns;
	b->n_cells = (b->until_ns - b->since_ns + b->step_ns - 1) / b->step_ns;
	b->observed = must(calloc(b->n_cells, sizeof(bool)));
}

static bool any_nobodys(const struct work *w)
{
	for (const struct group *g = w->groups; g; g = g->hh.next)
		if (!g->row.vm)
			return true;
	return false;
}

/* What was delivered, where the rows' shares need it. */
static int gather_delivered(struct work *w)
{
	struct window window = { w->b->since_ns, w->b->until_ns, w->b->until_ns };
	enum top_model_level level = w->ask->where.level;
	int r = 0;

	if (level == BOARD_VMS)
		r = tally_make(w->b->v, &window, w->ask->filter, BY_EACH_VM, &w->by_vm);
	if (r >= 0 && (level == BOARD_NICS || (level == BOARD_VMS && any_nobodys(w))))
		r = tally_make(w->b->v, &window, w->ask->filter, BY_EACH_NIC, &w->by_nic);
	return r;
}

static int gather_rows(struct work *w)
{
	struct top_model *b = w->b;
	int r = reader_rows(b->v, b->since_ns, b->until_ns, false, w->wanted, on_row, w);

	if (r < 0)
		return r;
	for (size_t i = 0; i < b->bursts.n; i++)
		add_burst(w, &b->bursts.all[i]);
	bursts_free(&b->bursts);
	if (w->ask->where.level == BOARD_VMS && w->ask->quiet && !w->ask->filter->n_vms)
		add_quiet(w);
	return gather_delivered(w);
}

static int gather(struct work *w)
{
	struct top_model *b = w->b;
	int r = downtimes_read(b->v, b->until_ns, &w->downtimes);

	if (r >= 0)
		r = reader_observed(b->v, b->since_ns, b->step_ns, b->observed, b->n_cells);
	if (r >= 0)
		r = bursts_read(b->v, b->since_ns, b->until_ns, w->wanted, &b->bursts);
	if (r >= 0 && w->ask->where.level != BOARD_BURSTS)
		r = gather_rows(w);
	take_rows(w);
	if (r < 0)
		return r;
	b->covered_pct = reader_covered_pct(b->v, b->since_ns, b->until_ns);
	return b->covered_pct < 0 ? (int)b->covered_pct : 0;
}

static void choose_series(struct work *w)
{
	struct reader *v = w->b->v;

	for (size_t i = 0; i < v->n_series; i++)
		w->wanted[i] = v->series[i].id && (!v->series[i].mask || w->ask->filter->masked) &&
			       filter_passes(w->ask->filter, v, &v->series[i]) &&
			       inside(&w->ask->where, v, &v->series[i]);
}

int top_model_make(struct reader *v, const struct top_model_ask *ask, struct top_model *ret)
{
	struct top_model b = { .v = v };
	struct work w = {
		.ask = ask,
		.b = &b,
		.now_span = ask->span_ns < NOW_NS ? ask->span_ns : NOW_NS,
	};
	int r;

	w.now_span = w.now_span < v->interval_ns ? v->interval_ns : w.now_span;
	set_cells(&b, ask);
	w.wanted = must(calloc(v->n_series + 1, sizeof(bool)));
	for (int i = 0; i < 2; i++)
		w.group_of[i] = must(calloc(v->n_series + 1, sizeof(struct group *)));
	choose_series(&w);
	r = gather(&w);
	if (r < 0)
		top_model_free(&b);
	else
		*ret = b;
	tally_free(&w.by_vm);
	tally_free(&w.by_nic);
	downtimes_free(&w.downtimes);
	free(w.wanted);
	free(w.group_of[0]);
	free(w.group_of[1]);
	return r;
}

void top_model_free(struct top_model *b)
{
	for (size_t i = 0; i < b->n; i++) {
		free(b->rows[i].key);
		free(b->rows[i].cells);
		free(b->rows[i].marks);
	}
	free(b->rows);
	free(b->observed);
	bursts_free(&b->bursts);
	*b = (struct top_model){ 0 };
}
