/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "diagnosis.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "collector/base.h"
#include "collector/alloc.h"
#include "ctl/query/share.h"

#define MAX_STEPS 1000000

const char *confidence_word(enum confidence c)
{
	static const char *const words[] = { "low", "medium", "high" };

	return words[c];
}

static bool same_words(const char *a, const char *b)
{
	return !strcmp(a ? a : "", b ? b : "");
}

static bool same_cause(const struct cause *c, const struct evidence *e, const struct verdict *v)
{
	const struct reader_series *a = c->e->series, *b = e->series;

	return c->v.rule == v->rule && a->device_id == b->device_id &&
	       same_words(a->direction, b->direction) && same_words(a->class, b->class) &&
	       same_words(a->place, b->place);
}

/* What is in no burst yet goes with the largest cause of the same ring, when there is one. */
static struct cause *cause_of(struct diagnosis *d, const struct evidence *e,
			      const struct verdict *v)
{
	for (size_t i = 0; i < d->n; i++)
		if (same_cause(&d->all[i], e, v))
			return &d->all[i];
	for (size_t i = 0; e->shape == SHAPE_UNLISTED && i < d->n; i++)
		if (d->all[i].e->shape > SHAPE_UNLISTED &&
		    d->all[i].e->series->device_id == e->series->device_id)
			return &d->all[i];
	return NULL;
}

static void add(struct diagnosis *d, const struct evidence *e)
{
	struct verdict v;
	struct cause *c;

	verdict_of(e, &v);
	c = cause_of(d, e, &v);
	if (!c) {
		c = &d->all[d->n++];
		*c = (struct cause){
			.e = e,
			.v = v,
			.first_ns = e->first_ns,
			.last_ns = e->last_ns,
		};
	}
	c->frames += e->frames;
	if (e->shape == SHAPE_UNLISTED && c->e->shape != SHAPE_UNLISTED)
		return;		/* its times are those of all that the ring lost */
	c->first_ns = e->first_ns < c->first_ns ? e->first_ns : c->first_ns;
	c->last_ns = e->last_ns > c->last_ns ? e->last_ns : c->last_ns;
}

static int by_frames(const void *a, const void *b)
{
	const struct cause *x = a, *y = b;

	return x->frames > y->frames ? -1 : x->frames < y->frames;
}

static void judge(struct diagnosis *d)
{
	d->all = must(calloc(d->evidence.n + 1, sizeof(*d->all)));
	for (int unlisted = 0; unlisted < 2; unlisted++)
		for (size_t i = 0; i < d->evidence.n; i++)
			if ((d->evidence.all[i].shape == SHAPE_UNLISTED) == unlisted)
				add(d, &d->evidence.all[i]);
	for (size_t i = 0; i < d->n; i++)
		if (d->all[i].frames < DIAGNOSIS_FEW_FRAMES)
			d->all[i].v.confidence = CONFIDENCE_LOW;
	qsort(d->all, d->n, sizeof(*d->all), by_frames);
}

static bool *all_of(const struct reader *v, int64_t vm_id)
{
	bool *wanted = must(calloc(v->n_series + 1, sizeof(bool)));

	for (size_t i = 0; i < v->n_series; i++)
		wanted[i] = v->series[i].id && v->series[i].vm_id == vm_id && !v->series[i].mask &&
			    share_of(&v->series[i]) != EMPTIED;
	return wanted;
}

int diagnosis_make(struct reader *v, int64_t vm_id, uint64_t since, uint64_t until,
		   const bool *wanted, struct diagnosis *ret)
{
	_cleanup_(freep) bool *all = wanted ? NULL : all_of(v, vm_id);
	struct diagnosis d = { 0 };
	int r = evidence_gather(v, vm_id, since, until, wanted ? wanted : all, &d.evidence);

	if (r < 0)
		return r;
	judge(&d);
	*ret = d;
	return 0;
}

void diagnosis_free(struct diagnosis *d)
{
	free(d->all);
	evidence_free(&d->evidence);
	*d = (struct diagnosis){ 0 };
}

double diagnosis_share_pct(const struct diagnosis *d, const struct cause *c)
{
	return d->evidence.frames ? (double)c->frames * 100 / (double)d->evidence.frames : 0;
}

/* Which steps lost anything. */
struct steps {
	uint64_t since, step_ns;
	bool *lost;
	size_t n;
};

static void on_row(int64_t series, uint64_t t_ns, uint64_t span_ns, const struct reader_sum *sum,
		   void *arg)
{
	struct steps *s = arg;
	uint64_t from = t_ns - span_ns > s->since ? t_ns - span_ns : s->since;

	(void)series;
	(void)sum;
	for (size_t i = (from - s->since) / s->step_ns;
	     i < s->n && s->since + i * s->step_ns < t_ns; i++)
		s->lost[i] = true;
}

/* The span that @c is of: it ended where the step from @from to @to begins, or has been made longer
 * by it. */
static struct diagnosis_span *span_of(const struct diagnosis_history *h, const struct cause *c,
				      uint64_t from, uint64_t to)
{
	for (size_t i = h->n; i--;) {
		struct diagnosis_span *s = &h->all[i];

		if ((s->to_ns == from || s->to_ns == to) && s->rule == c->v.rule &&
		    s->device_id == c->e->series->device_id &&
		    same_words(s->direction, c->e->series->direction))
			return s;
	}
	return NULL;
}

static void note(struct reader *v, struct diagnosis_history *h, const struct cause *c,
		 uint64_t from, uint64_t to)
{
	struct diagnosis_span *s = span_of(h, c, from, to);

	if (!s) {
		if (alloc_double(h->all, h->n) < 0)
			abort();
		s = &h->all[h->n++];
		*s = (struct diagnosis_span){
			.from_ns = from,
			.device_id = c->e->series->device_id,
			.nic = reader_nic(v, c->e->series->device_id),
			.direction = c->e->series->direction,
			.rule = c->v.rule,
			.first_ns = c->first_ns,
		};
	}
	s->to_ns = to;
	s->frames += c->frames;
	s->first_ns = c->first_ns < s->first_ns ? c->first_ns : s->first_ns;
	s->last_ns = c->last_ns > s->last_ns ? c->last_ns : s->last_ns;
	s->ring_frames = verdict_ring(c->e) > s->ring_frames ? verdict_ring(c->e) : s->ring_frames;
	s->confidence = c->v.confidence > s->confidence ? c->v.confidence : s->confidence;
}

static int judge_step(struct reader *v, int64_t vm_id, uint64_t from, uint64_t to,
		      const bool *wanted, struct diagnosis_history *h)
{
	struct diagnosis d;
	int r = diagnosis_make(v, vm_id, from, to, wanted, &d);

	if (r < 0)
		return r;
	for (size_t i = 0; i < d.n; i++)
		note(v, h, &d.all[i], from, to);
	diagnosis_free(&d);
	return 0;
}

int diagnosis_past(struct reader *v, int64_t vm_id, uint64_t since, uint64_t until,
		   uint64_t step_ns, struct diagnosis_history *ret)
{
	_cleanup_(freep) bool *wanted = all_of(v, vm_id), *lost = NULL;
	struct steps s = { .since = since, .step_ns = step_ns };
	struct diagnosis_history h = { 0 };
	int r;

	if (!step_ns || until <= since || (until - since) / step_ns >= MAX_STEPS)
		return -EINVAL;
	s.n = (until - since + step_ns - 1) / step_ns;
	s.lost = lost = must(calloc(s.n, sizeof(bool)));
	r = reader_rows(v, since, until, !(since % NSEC_PER_HOUR) && !(step_ns % NSEC_PER_HOUR),
			wanted, on_row, &s);
	for (size_t i = 0; i < s.n && r >= 0; i++) {
		uint64_t from = since + i * step_ns,
			 to = from + step_ns < until ? from + step_ns : until;

		if (lost[i])
			r = judge_step(v, vm_id, from, to, wanted, &h);
	}
	if (r < 0) {
		diagnosis_history_free(&h);
		return r;
	}
	*ret = h;
	return 0;
}

void diagnosis_history_free(struct diagnosis_history *h)
{
	free(h->all);
	*h = (struct diagnosis_history){ 0 };
}
