/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "severity.h"

#include <stdlib.h>
#include <string.h>

#include "collector/base.h"
#include "collector/alloc.h"

#define SLACK_NS (500 * NSEC_PER_MSEC)
#define LONG_NS NSEC_PER_HOUR
#define SHORT_NS (10 * NSEC_PER_SEC)	/* a tick: what touches a halt belongs to it */

/* The halt of the VM that has no end yet. */
static struct downtime *open_halt(struct downtimes *h, int64_t vm_id)
{
	for (size_t i = h->n; i--;)
		if (h->all[i].vm_id == vm_id)
			return h->all[i].to_ns == UINT64_MAX ? &h->all[i] : NULL;
	return NULL;
}

struct reading {
	struct downtimes *to;
	uint64_t until;
};

static bool is_end(const char *state)
{
	return !state || !strcmp(state, "gone") || !strcmp(state, "shutoff") ||
	       !strcmp(state, "crashed");
}

static void on_state(const struct reader_change *c, void *arg)
{
	struct reading *rd = arg;
	struct downtimes *h = rd->to;
	struct downtime *open = open_halt(h, c->vm_id);
	bool runs = c->became && !strcmp(c->became, "running");

	if (c->t_ns > rd->until)
		return;
	if (runs && open)
		open->to_ns = c->t_ns;
	if (runs || open)
		return;
	if (alloc_double(h->all, h->n) < 0)
		abort();
	h->all[h->n++] = (struct downtime){ c->vm_id, c->t_ns, UINT64_MAX, is_end(c->became) };
}

int downtimes_read(struct reader *v, uint64_t until, struct downtimes *ret)
{
	struct downtimes h = { 0 };
	struct reading rd = { &h, until };
	int r = reader_state_changes(v, on_state, &rd);

	if (r < 0)
		downtimes_free(&h);
	else
		*ret = h;
	return r;
}

void downtimes_free(struct downtimes *h)
{
	free(h->all);
	*h = (struct downtimes){ 0 };
}

static uint64_t early(const struct downtime *h)
{
	return h->ended || h->from_ns < SLACK_NS ? h->from_ns : h->from_ns - SLACK_NS;
}

static uint64_t overlap(const struct downtime *h, uint64_t from, uint64_t to)
{
	uint64_t a = early(h) > from ? early(h) : from;

	to = h->to_ns < to ? h->to_ns : to;
	return to > a ? to - a : 0;
}

bool downtimes_has(const struct downtimes *h, int64_t vm_id, uint64_t t_ns, uint64_t span_ns)
{
	uint64_t span = span_ns ? span_ns : 1, sum = 0, n;
	bool touched = false;

	for (size_t i = 0; vm_id && i < h->n; i++) {
		if (h->all[i].vm_id != vm_id)
			continue;
		n = overlap(&h->all[i], t_ns - span, t_ns);
		sum += n;
		touched |= n && !h->all[i].ended;
	}
	return (span <= SHORT_NS && touched) || sum > span / 2;
}

bool downtimes_any(const struct downtimes *h, int64_t vm_id, uint64_t since, uint64_t until)
{
	for (size_t i = 0; vm_id && i < h->n; i++)
		if (h->all[i].vm_id == vm_id && overlap(&h->all[i], since, until))
			return true;
	return false;
}

bool severity_benign(const struct downtimes *h, const struct reader_series *s, uint64_t t_ns,
		     uint64_t span_ns)
{
	return !strcmp(s->kind, "lifecycle") || downtimes_has(h, s->vm_id, t_ns, span_ns);
}

struct summing {
	const struct reader *v;
	struct downtimes downtimes;
	uint64_t *frames;	/* by series */
	bool *wanted;
};

static void on_row(int64_t series, uint64_t t_ns, uint64_t span_ns, const struct reader_sum *sum,
		   void *arg)
{
	struct summing *w = arg;

	if (downtimes_has(&w->downtimes, w->v->series[series].vm_id, t_ns, span_ns))
		w->frames[series] += sum->frames;
}

static int by_start(const void *a, const void *b)
{
	const struct downtime *x = a, *y = b;

	return x->from_ns < y->from_ns ? -1 : x->from_ns > y->from_ns;
}

/* Rows are read only where some VM did not run: each such time once, though several may not have.
 */
static int sum_halts(struct reader *v, uint64_t since, uint64_t until, struct summing *w)
{
	struct downtimes *h = &w->downtimes;
	int r = 0;

	if (h->n)
		qsort(h->all, h->n, sizeof(*h->all), by_start);
	for (size_t i = 0; i < h->n && r >= 0;) {
		uint64_t from = early(&h->all[i]), to = h->all[i].to_ns;

		for (i++; i < h->n && (to > until || early(&h->all[i]) <= to + LONG_NS); i++)
			to = h->all[i].to_ns > to ? h->all[i].to_ns : to;
		from = from > since ? from : since;
		/* rows may be sums of an hour */
		to = to > until || to + LONG_NS > until ? until : to + LONG_NS;
		if (to > from)
			r = reader_rows(v, from, to, to - from > NSEC_PER_DAY, w->wanted, on_row,
					w);
	}
	return r;
}

int severity_sums(struct reader *v, uint64_t since, uint64_t until, const struct reader_sum *sums,
		  uint64_t **ret)
{
	_cleanup_(freep) uint64_t *frames = calloc(v->n_series + 1, sizeof(*frames));
	_cleanup_(freep) bool *wanted = calloc(v->n_series + 1, sizeof(*wanted));
	struct summing w = { .v = v, .frames = frames, .wanted = wanted };
	bool any = false;
	int r = downtimes_read(v, until, &w.downtimes);

	if (!frames || !wanted)
		abort();
	for (size_t i = 0; i < v->n_series && r >= 0; i++) {
		const struct reader_series *s = &v->series[i];

		if (!s->id || !sums[i].frames)
			continue;
		if (!strcmp(s->kind, "lifecycle"))
			frames[i] = sums[i].frames;
		else
			any |= wanted[i] = downtimes_any(&w.downtimes, s->vm_id, since, until);
	}
	if (any)
		r = sum_halts(v, since, until, &w);
	downtimes_free(&w.downtimes);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(frames);
	return 0;
}
