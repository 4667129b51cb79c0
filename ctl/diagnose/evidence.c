/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "evidence.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/base.h"
#include "collector/alloc.h"
#include "ctl/query/loss_rows.h"
#include "evidence_priv.h"

#define STEADY_NS (2 * NSEC_PER_SEC)
#define FLOOD_TIMES 4		/* as much as usual */
#define HALT_SLACK_NS (500 * NSEC_PER_MSEC)	/* a state is known when libvirt has told it */

static int side(const struct reader_series *s)
{
	return !strcmp(s->direction, "tx");
}

/* What came and what was delivered around @b; the minutes of the store where bursts do not tell it
 * closer. */
static uint64_t usual_rate(const struct work *w, const struct burst *b, uint64_t *ret_delivered)
{
	uint64_t local = bursts_rate_around(&w->bursts, b);
	uint64_t came = 0, span = 0;

	*ret_delivered = 0;
	for (size_t i = 0; i < w->n_traffic; i++) {
		const struct traffic_row *t = &w->traffic[i];

		if (t->device != b->series->device_id || t->to_ns < b->start_ns ||
		    t->from_ns > b->last_ns)
			continue;
		came += t->came[side(b->series)];
		*ret_delivered += t->delivered[side(b->series)];
		span += t->to_ns - t->from_ns;
	}
	return local  ? local
	       : span ? (uint64_t)((double)came * (double)NSEC_PER_SEC / (double)span)
		      : 0;
}

static uint64_t burst_rate(const struct burst *b)
{
	uint64_t span = b->last_ns - b->start_ns;

	return span && b->frames > 1
		       ? (uint64_t)((double)(b->frames - 1) * (double)NSEC_PER_SEC / (double)span)
		       : 0;
}

static bool same_queue(const struct burst *a, const struct burst *b)
{
	return a->series->device_id == b->series->device_id && a->series->queue == b->series->queue;
}

/* A second of loss or more in this burst and two seconds on either side: it does not end.
 * @w->bursts are in order. */
static bool goes_on(const struct work *w, const struct burst *b)
{
	uint64_t from = b->start_ns - STEADY_NS, to = b->last_ns + STEADY_NS, sum = 0;
	const struct burst *all = w->bursts.all;
	size_t at = (size_t)(b - all);

	for (size_t i = at; i < w->bursts.n && all[i].start_ns < to && sum < STEADY_NS / 2; i++)
		sum += same_queue(&all[i], b) ? overlap(from, to, all[i].start_ns, all[i].last_ns)
					      : 0;
	for (size_t i = at; i-- && all[i].start_ns + 2 * STEADY_NS > from && sum < STEADY_NS / 2;)
		sum += same_queue(&all[i], b) ? overlap(from, to, all[i].start_ns, all[i].last_ns)
					      : 0;
	return sum >= STEADY_NS / 2;
}

static enum shape shape_of(const struct work *w, const struct burst *b, const char **ret_halted)
{
	uint64_t delivered, usual = usual_rate(w, b, &delivered);

	*ret_halted = events_halted(&w->events, w->vm_id, b->start_ns, b->last_ns + HALT_SLACK_NS);
	if (*ret_halted && (!strcmp(*ret_halted, "gone") || !strcmp(*ret_halted, "shutoff")))
		*ret_halted = events_halted(&w->events, w->vm_id, b->start_ns, b->last_ns);
	if (*ret_halted)
		return SHAPE_HALTED;
	if (usual && !delivered)
		return SHAPE_UNREAD;
	if (goes_on(w, b))
		return SHAPE_STEADY;
	return !usual || burst_rate(b) > FLOOD_TIMES * usual ? SHAPE_FLOOD : SHAPE_STALL;
}

static bool same_words(const char *a, const char *b)
{
	return !strcmp(a ? a : "", b ? b : "");
}

static struct piece *piece_of(struct work *w, const struct reader_series *s, enum shape shape)
{
	struct piece *p;

	for (size_t i = 0; i < w->n; i++) {
		const struct reader_series *x = w->pieces[i].e.series;

		if (w->pieces[i].e.shape == shape && x->device_id == s->device_id &&
		    same_words(x->direction, s->direction) && same_words(x->class, s->class) &&
		    same_words(x->reason, s->reason) && same_words(x->place, s->place))
			return &w->pieces[i];
	}
	if (alloc_double(w->pieces, w->n) < 0)
		abort();
	p = &w->pieces[w->n++];
	memset(p, 0, sizeof(*p));
	p->e = (struct evidence){
		.series = s,
		.shape = shape,
		.nic = reader_nic(w->v, s->device_id),
		.queues = -1,
		.ring_frames = -1,
		.queue = -1,
	};
	return p;
}

static void add_sender(struct piece *p, const struct reader_series *s, uint64_t frames)
{
	size_t i = 0;

	if (!s->sender)
		return;
	while (i < p->n_senders && (p->senders[i].series->sender_vm_id != s->sender_vm_id ||
				    !same_words(p->senders[i].series->sender, s->sender)))
		i++;
	if (i == ARRAY_SIZE(p->senders))
		return;
	p->n_senders = i == p->n_senders ? i + 1 : p->n_senders;
	p->senders[i].series = s;
	p->senders[i].frames += frames;
}

static void add_pressure(const struct work *w, struct piece *p, const struct burst *b)
{
	for (size_t i = 0; i < w->n_pressure; i++) {
		const struct pressure_row *row = &w->pressure[i];
		uint64_t span = row->to_ns - row->from_ns;

		if (row->to_ns < b->start_ns || row->from_ns > b->last_ns ||
		    row->to_ns <= p->pressed_ns)
			continue;
		p->e.pressure = true;
		p->pressed_ns = row->to_ns;
		/* several queues at once */
		p->e.lost_ns += row->lost_ns < span ? row->lost_ns : span;
		for (int g = 0; g < GROUPS; g++) {
			double quiet = w->quiet[g] * (double)span;

			p->e.threads[g] = row->threads[g];
			p->e.run_ns[g] += row->run_ns[g];
			p->thread_ns[g] += span * row->threads[g];
			p->e.wait_ns[g] += (double)row->wait_ns[g] > quiet
						   ? row->wait_ns[g] - (uint64_t)quiet
						   : 0;
		}
	}
}

static void add_time(struct evidence *e, uint64_t first_ns, uint64_t last_ns)
{
	e->first_ns = !e->first_ns || first_ns < e->first_ns ? first_ns : e->first_ns;
	e->last_ns = last_ns > e->last_ns ? last_ns : e->last_ns;
}

/* @frames of it were lost in the window. */
static void add_burst(struct work *w, const struct burst *b, uint64_t frames)
{
	const char *halted;
	struct piece *p = piece_of(w, b->series, shape_of(w, b, &halted));
	const struct reader_attachment *a =
		reader_attached(w->v, b->series->device_id, b->start_ns);
	uint64_t delivered, length = b->last_ns - b->start_ns;

	if (halted)
		snprintf(p->e.halted, sizeof(p->e.halted), "%.15s", halted);
	p->e.frames += frames;
	p->e.bursts++;
	p->e.length_ns += (uint64_t)((double)length * (double)frames / (double)b->frames);
	add_time(&p->e, b->start_ns, b->last_ns);
	p->e.longest_ns = length > p->e.longest_ns ? length : p->e.longest_ns;
	p->e.usual_rate = usual_rate(w, b, &delivered);
	if (a) {
		p->e.queues = a->queues;
		p->e.backend = a->backend;
	}
	if (a && b->frames > p->e.most_frames)
		p->e.ring_frames = events_ring(&w->events, a, b->start_ns);
	p->e.most_frames = b->frames > p->e.most_frames ? b->frames : p->e.most_frames;
	if (b->series->queue >= 0 && b->series->queue < QUEUES)
		p->by_queue[b->series->queue] += frames;
	add_sender(p, b->most, frames);
	add_pressure(w, p, b);
}

/* All that is no ring's, and of rings what is in no burst. */
static void add_rest(struct work *w, const struct reader_series *s, const struct loss_row *row)
{
	struct piece *p = piece_of(w, s, evidence_ring(s) ? SHAPE_UNLISTED : SHAPE_NONE);

	p->e.frames += row->frames;
	p->e.bytes += row->bytes;
	add_time(&p->e, row->first_ns, row->last_ns);
	if (s->queue >= 0 && s->queue < QUEUES)
		p->by_queue[s->queue] += row->frames;
	add_sender(p, s, row->frames);
}

static void finish(struct work *w, struct piece *p)
{
	struct evidence *e = &p->e;
	uint64_t most = 0;

	for (int q = 0; q < QUEUES; q++) {
		if (p->by_queue[q] <= most)
			continue;
		most = p->by_queue[q];
		e->queue = q;
	}
	e->queue_pct = e->frames ? (unsigned int)(most * 100 / e->frames) : 0;
	most = 0;
	for (size_t i = 0; i < p->n_senders; i++) {
		const struct reader_vm *vm = reader_vm(w->v, p->senders[i].series->sender_vm_id);

		if (p->senders[i].frames <= most)
			continue;
		most = p->senders[i].frames;
		e->sender = vm ? vm->name : p->senders[i].series->sender;
		e->sender_is_vm = vm;
	}
	e->sender_pct = e->frames ? (unsigned int)(most * 100 / e->frames) : 0;
	e->burst_rate = e->length_ns ? (uint64_t)((double)e->frames * (double)NSEC_PER_SEC /
						  (double)e->length_ns)
				     : 0;
	for (int g = 0; g < GROUPS; g++)
		e->run_pct[g] =
			p->thread_ns[g] ? (double)e->run_ns[g] * 100 / (double)p->thread_ns[g] : 0;
	for (size_t i = 0; i < w->n_traffic; i++) {
		if (w->traffic[i].device != e->series->device_id)
			continue;
		e->delivered += w->traffic[i].delivered[side(e->series)];
		e->all_frames += w->traffic[i].delivered[side(e->series)];
		if (!evidence_ring(e->series) || !w->traffic[i].looks)
			continue;
		e->calm_looks += w->traffic[i].looks;
		e->calm_sum += w->traffic[i].sum;
		e->calm_peak =
			w->traffic[i].peak > e->calm_peak ? w->traffic[i].peak : e->calm_peak;
	}
}

static int by_frames(const void *a, const void *b)
{
	const struct evidence *x = a, *y = b;

	return x->frames > y->frames ? -1 : x->frames < y->frames;
}

static void take(struct work *w, struct evidences *ret)
{
	ret->all = must(calloc(w->n + 1, sizeof(*ret->all)));
	for (size_t i = 0; i < w->n; i++) {
		finish(w, &w->pieces[i]);
		ret->all[ret->n++] = w->pieces[i].e;
		ret->frames += w->pieces[i].e.frames;
	}
	for (size_t i = 0; i < ret->n; i++)
		for (size_t k = 0; k < ret->n; k++)
			if (w->pieces[k].e.series->device_id == ret->all[i].series->device_id &&
			    side(w->pieces[k].e.series) == side(ret->all[i].series))
				ret->all[i].all_frames += w->pieces[k].e.frames;
	qsort(ret->all, ret->n, sizeof(*ret->all), by_frames);
}

static int load(struct work *w, uint64_t since, uint64_t until)
{
	_cleanup_(freep) bool *rings = must(calloc(w->v->n_series + 1, sizeof(bool)));
	/* later ones tell what a ring was before */
	int r = events_read(w->v, 0, UINT64_MAX, &w->events);

	for (size_t i = 0; i < w->v->n_series; i++)
		rings[i] = w->wanted[i] && evidence_ring(&w->v->series[i]);
	if (r >= 0)
		r = loss_rows_read(w->v, since, until, w->wanted, &w->rows);
	if (r >= 0)
		r = bursts_read(w->v, w->rows.from_ns, until, rings, &w->bursts);
	/* Only bursts are judged by what was around them; on a big host these are millions of rows.
	 */
	if (r >= 0 && w->bursts.n)
		r = evidence_rows(w, since, until);
	return r;
}

int evidence_gather(struct reader *v, int64_t vm_id, uint64_t since, uint64_t until,
		    const bool *wanted, struct evidences *ret)
{
	struct work w = { .v = v, .vm_id = vm_id, .wanted = wanted };
	struct evidences e = { 0 };
	int r;

	r = load(&w, since, until);
	if (r >= 0) {
		evidence_weigh(&w);
		for (size_t i = 0; i < w.bursts.n; i++) {
			uint64_t frames = loss_rows_take(&w.rows, v, wanted, &w.bursts.all[i]);

			if (frames)
				add_burst(&w, &w.bursts.all[i], frames);
		}
		for (size_t i = 0; i < v->n_series; i++)
			if (w.rows.all[i].frames)
				add_rest(&w, &v->series[i], &w.rows.all[i]);
		take(&w, &e);
		*ret = e;
	}
	events_free(&w.events);
	bursts_free(&w.bursts);
	free(w.pressure);
	free(w.traffic);
	loss_rows_free(&w.rows);
	free(w.pieces);
	return r;
}

void evidence_free(struct evidences *e)
{
	free(e->all);
	*e = (struct evidences){ 0 };
}
