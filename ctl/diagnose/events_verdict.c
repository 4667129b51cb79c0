/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "events_verdict.h"

#include <stdlib.h>
#include <string.h>

#include "collector/base.h"
#include "collector/alloc.h"
#include "diagnosis.h"

#define BACK_STEPS 12

static uint64_t step_of(uint64_t span)
{
	return span <= 6 * NSEC_PER_HOUR  ? NSEC_PER_MIN
	       : span <= 2 * NSEC_PER_DAY ? 5 * NSEC_PER_MIN
					  : NSEC_PER_HOUR;
}

static bool same_place(const struct diagnosis_span *a, const struct diagnosis_span *b)
{
	return a->device_id == b->device_id && !strcmp(a->direction, b->direction);
}

/* Spans of one cause with less than @gap_ns between them become one; those with few frames go. */
static void join(struct diagnosis_history *h, uint64_t gap_ns)
{
	size_t n = 0;

	for (size_t i = 0; i < h->n; i++) {
		const struct diagnosis_span *s = &h->all[i];
		size_t k = n;

		while (k && !(same_place(&h->all[k - 1], s) && h->all[k - 1].rule == s->rule &&
			      s->from_ns <= h->all[k - 1].to_ns + gap_ns))
			k--;
		if (!k) {
			h->all[n++] = *s;
			continue;
		}
		h->all[k - 1].to_ns =
			s->to_ns > h->all[k - 1].to_ns ? s->to_ns : h->all[k - 1].to_ns;
		h->all[k - 1].last_ns =
			s->last_ns > h->all[k - 1].last_ns ? s->last_ns : h->all[k - 1].last_ns;
		h->all[k - 1].frames += s->frames;
	}
	h->n = 0;
	for (size_t i = 0; i < n; i++)
		if (h->all[i].frames >= DIAGNOSIS_FEW_FRAMES)
			h->all[h->n++] = h->all[i];
}

static char *copy(const char *text)
{
	return text ? must(strdup(text)) : NULL;
}

struct telling {
	struct events *to;
	int64_t vm_id;
	uint64_t since, until;
};

static void tell(const struct telling *t, uint64_t t_ns, const struct diagnosis_span *was,
		 const struct diagnosis_span *became)
{
	struct event ev = {
		.t_ns = t_ns,
		.vm_id = t->vm_id,
		.device_id = (was ? was : became)->device_id,
		.what = "verdict",
	};

	if (t_ns <= t->since || t_ns > t->until)
		return;		/* steps begin before the window does */
	ev.was = copy(was ? was->rule->id : NULL);
	ev.became = copy(became ? became->rule->id : NULL);
	events_insert(t->to, &ev);
}

/* Where one cause ends as another one of the same NIC and direction begins, it changed. Each span's
 * end is taken once. What lasted until after @ended may go on. */
static void tell_all(const struct telling *t, uint64_t ended, const struct diagnosis_history *h)
{
	_cleanup_(freep) bool *changed = calloc(h->n + 1, sizeof(*changed));

	if (!changed)
		abort();
	for (size_t i = 0; i < h->n; i++) {
		size_t k = 0;

		while (k < h->n && (changed[k] || h->all[k].to_ns != h->all[i].from_ns ||
				    !same_place(&h->all[k], &h->all[i])))
			k++;
		tell(t, h->all[i].first_ns, k < h->n ? &h->all[k] : NULL, &h->all[i]);
		changed[k < h->n ? k : h->n] = true;
	}
	for (size_t i = 0; i < h->n; i++)
		if (!changed[i] && h->all[i].to_ns <= ended)
			tell(t, h->all[i].last_ns, &h->all[i], NULL);
}

int events_add_verdicts(struct reader *v, int64_t vm_id, uint64_t since, uint64_t until,
			struct events *e)
{
	uint64_t step = step_of(until - since);
	const struct telling t = { e, vm_id, since, until };
	struct diagnosis_history h;
	int r = diagnosis_past(v, vm_id, since - since % step, until, step, &h);

	if (r < 0)
		return r;
	join(&h, BACK_STEPS * step);
	tell_all(&t, until - BACK_STEPS * step, &h);
	diagnosis_history_free(&h);
	return 0;
}
