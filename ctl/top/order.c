/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model.h"

#include <stdio.h>
#include <string.h>

#include "collector/base.h"

struct order {
	enum top_model_order by;
	bool upwards;
};

static const char *words(const char *text)
{
	return text ? text : "";
}

static const char *name_of(const struct top_model_row *r)
{
	return r->vm ? r->vm->name : words(r->nic);
}

static int numbers(double a, double b)
{
	return a < b ? -1 : a > b;
}

static int by_column(const struct top_model_row *x, const struct top_model_row *y,
		     enum top_model_order by)
{
	switch (by) {
	case ORDER_NOW:
		return numbers((double)y->now, (double)x->now);
	case ORDER_PCT:
		return numbers(y->pct, x->pct);
	case ORDER_FRAMES:
		return numbers((double)y->frames, (double)x->frames);
	case ORDER_BURSTS:
		return numbers((double)y->bursts, (double)x->bursts);
	case ORDER_NAME:
		return strcmp(name_of(x), name_of(y));
	case ORDER_STATE:
		return strcmp(words(x->vm ? x->vm->state : NULL),
			      words(y->vm ? y->vm->state : NULL));
	case ORDER_CLASS:
		return strcmp(words(x->series ? x->series->class : NULL),
			      words(y->series ? y->series->class : NULL));
	}
	return 0;
}

static int compare(const void *a, const void *b, void *arg)
{
	static const enum top_model_order then[] = { ORDER_NOW, ORDER_FRAMES, ORDER_NAME };
	const struct top_model_row *x = a, *y = b;
	const struct order *o = arg;
	int r;

	if (x->part != y->part)
		return x->part < y->part ? -1 : 1;
	r = by_column(x, y, o->by);
	if (r)
		return o->upwards ? -r : r;
	for (size_t i = 0; i < ARRAY_SIZE(then) && !r; i++)
		r = by_column(x, y, then[i]);
	return r ? r : strcmp(x->key, y->key);
}

void top_model_sort(struct top_model *b, enum top_model_order by, bool upwards)
{
	struct order o = { by, upwards };

	if (b->n)
		qsort_r(b->rows, b->n, sizeof(*b->rows), compare, &o);
}

bool top_model_matches(const struct top_model_row *r, const char *text)
{
	const char *in[] = { r->nic,
			     r->vm ? r->vm->name : NULL,
			     r->vm ? r->vm->uuid : NULL,
			     r->vm ? r->vm->state : NULL,
			     r->series ? r->series->class : NULL,
			     r->series ? r->series->reason : NULL,
			     r->series ? r->series->place : NULL,
			     r->series ? r->series->direction : NULL };

	for (size_t i = 0; i < ARRAY_SIZE(in); i++)
		if (in[i] && strcasestr(in[i], text))
			return true;
	return !*text;
}

bool top_model_enter(struct top_model_where *w, const struct top_model_row *r)
{
	if (w->level == BOARD_BURSTS || !r->series)
		return false;
	switch (w->level++) {
	case BOARD_VMS:
		w->vm_id = r->series->vm_id;
		break;
	case BOARD_NICS:
		break;
	default:
		w->queue = r->series->queue;
		snprintf(w->class, sizeof(w->class), "%s", r->series->class);
		return true;
	}
	snprintf(w->nic, sizeof(w->nic), "%s", words(r->nic));
	snprintf(w->direction, sizeof(w->direction), "%s", r->series->direction);
	return true;
}

bool top_model_leave(struct top_model_where *w)
{
	if (w->level == BOARD_VMS)
		return false;
	w->level--;
	return true;
}

size_t top_model_fold(const struct top_model *b, const uint64_t *cells, size_t width, uint64_t *out,
		      bool *seen, size_t *ret_k)
{
	size_t k = 1, n = 0, first;

	/* Together with its neighbours a cell always has the same ones; so there may be a part of a
	 * group at either end. */
	while (width > 1 && (b->n_cells + k - 1) / k + 1 > width && k < b->n_cells)
		k++;
	first = b->since_ns / b->step_ns / k;
	for (size_t i = 0; i < b->n_cells; i++) {
		size_t at = (b->since_ns / b->step_ns + i) / k - first;

		if (at >= width)
			break;
		if (at == n) {
			out[n] = 0;
			if (seen)
				seen[n] = false;
			n++;
		}
		out[at] += cells[i];
		if (seen)
			seen[at] |= b->observed[i];
	}
	*ret_k = k;
	return n;
}
