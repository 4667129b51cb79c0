/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <uthash.h>

#include "collector/base.h"
#include "collector/alloc.h"
#include "ctl/print/out.h"
#include "ctl/query/share.h"
#include "ctl/query/split.h"
#include "capacity.h"
#include "fix.h"

static const char *const kinds[] = { "capacity", "fault", "policy", "lifecycle" };
#define KINDS 4

/* Frames of one VM, or of one class. */
struct sum {
	char *key;
	const struct reader_series *series;	/* the one that lost most */
	uint64_t of_series;
	struct reader_sum all;
	uint64_t kind[KINDS];
	UT_hash_handle hh;
};

struct work {
	struct reader *v;
	const struct capacity_options *o;
	uint64_t step_ns;
	size_t n_steps;
	uint64_t *steps[KINDS];
	uint64_t heat[7][24];		/* Monday first; frames of capacity and fault */
	uint64_t kind[KINDS], purged, path, masked;
	struct reader_sum *by_series;
	struct sum *vms, *classes;
};

static int kind_of(const char *name)
{
	for (int i = 0; i < KINDS; i++)
		if (!strcmp(kinds[i], name))
			return i;
	return KINDS - 1;
}

/* Local time: a planner's day. */
static void add_heat(struct work *w, uint64_t t_ns, uint64_t frames)
{
	time_t t = (time_t)((t_ns - 1) / NSEC_PER_SEC);
	struct tm tm;

	if (localtime_r(&t, &tm))
		w->heat[(tm.tm_wday + 6) % 7][tm.tm_hour] += frames;
}

static void on_row(int64_t id, uint64_t t_ns, uint64_t span_ns, const struct reader_sum *sum,
		   void *arg)
{
	struct work *w = arg;
	const struct reader_series *s = &w->v->series[id];
	int kind = kind_of(s->kind);

	w->by_series[id].frames += sum->frames;
	w->by_series[id].segments += sum->segments;
	w->by_series[id].bytes += sum->bytes;
	if (s->mask || share_of(s) != LOST)
		return;
	w->steps[kind][(t_ns - 1 - w->o->window.since_ns) / w->step_ns] += sum->frames;
	if (kind < 2 && span_ns <= NSEC_PER_HOUR)
		add_heat(w, t_ns, sum->frames);
}

static struct sum *sum_of(struct sum **all, const char *key, const struct reader_series *s)
{
	struct sum *m;

	HASH_FIND_STR(*all, key, m);
	if (m)
		return m;
	m = must(calloc(1, sizeof(*m)));
	m->key = must(strdup(key));
	m->series = s;
	HASH_ADD_KEYPTR(hh, *all, m->key, strlen(m->key), m);
	return m;
}

static void add_series(struct sum *m, const struct reader_series *s, const struct reader_sum *sum)
{
	m->all.frames += sum->frames;
	m->all.segments += sum->segments;
	m->all.bytes += sum->bytes;
	m->kind[kind_of(s->kind)] += sum->frames;
	if (sum->frames > m->of_series) {
		m->of_series = sum->frames;
		m->series = s;
	}
}

static void add_up(struct work *w)
{
	for (size_t i = 1; i < w->v->n_series; i++) {
		const struct reader_series *s = &w->v->series[i];
		const struct reader_sum *sum = &w->by_series[i];
		char *key;

		if (!s->id || !sum->frames)
			continue;
		w->masked += s->mask ? sum->frames : 0;
		if (s->mask)
			continue;
		w->path += share_of(s) == ON_PATH ? sum->frames : 0;
		w->purged += share_of(s) == EMPTIED ? sum->frames : 0;
		if (share_of(s) == LOST) {
			w->kind[kind_of(s->kind)] += sum->frames;
			key = split_key(w->v, s, s->vm_id ? BY_VM : BY_NIC);
			add_series(sum_of(&w->vms, key, s), s, sum);
			free(key);
		}
		key = split_key(w->v, s, BY_DIRECTION | BY_CLASS | BY_REASON | BY_KIND | BY_PLACE);
		add_series(sum_of(&w->classes, key, s), s, sum);
		free(key);
	}
}

static int by_frames(const struct sum *a, const struct sum *b)
{
	if (a->all.frames != b->all.frames)
		return a->all.frames > b->all.frames ? -1 : 1;
	return strcmp(a->key, b->key);
}

static json_t *vm_rows(struct work *w)
{
	json_t *rows = json_array();

	HASH_SORT(w->vms, by_frames);
	for (const struct sum *m = w->vms; m; m = m->hh.next) {
		json_t *o =
			split_object(w->v, m->series, m->series->vm_id ? BY_VM : BY_VM | BY_NIC);

		json_object_set_new(o, "harmful_frames", out_int(m->kind[0] + m->kind[1]));
		json_object_set_new(o, "benign_frames", out_int(m->kind[2] + m->kind[3]));
		json_object_set_new(o, "bytes", out_int(m->all.bytes));
		json_object_set_new(o, "main_class", out_text(m->series->class));
		json_object_set_new(o, "main_direction", out_text(m->series->direction));
		for (int k = 0; k < KINDS; k++)
			json_object_set_new(o, kinds[k], out_int(m->kind[k]));
		json_array_append_new(rows, o);
	}
	return rows;
}

/* Rows are in the order of all frames; only a few are wanted. */
static void find_top(const struct work *w, struct capacity_top *ret)
{
	uint64_t frames[CAPACITY_TOP];

	ret->n = 0;
	for (const struct sum *m = w->vms; m; m = m->hh.next) {
		uint64_t harm = m->kind[0] + m->kind[1];
		unsigned int at = ret->n;

		if (!m->series->vm_id || !harm)
			continue;
		while (at && frames[at - 1] < harm)
			at--;
		if (at == CAPACITY_TOP)
			continue;
		ret->n += ret->n < CAPACITY_TOP;
		memmove(&frames[at + 1], &frames[at], (ret->n - at - 1) * sizeof(*frames));
		memmove(&ret->vms[at + 1], &ret->vms[at], (ret->n - at - 1) * sizeof(*ret->vms));
		frames[at] = harm;
		ret->vms[at] = m->series->vm_id;
	}
}

static json_t *class_rows(struct work *w)
{
	json_t *rows = json_array();
	uint64_t harmful = w->kind[0] + w->kind[1];

	HASH_SORT(w->classes, by_frames);
	for (const struct sum *m = w->classes; m; m = m->hh.next) {
		bool harm = kind_of(m->series->kind) < 2 && share_of(m->series) == LOST;
		json_t *o = split_object(w->v, m->series,
					 BY_DIRECTION | BY_CLASS | BY_REASON | BY_KIND | BY_PLACE);

		json_object_set_new(o, "frames", out_int(m->all.frames));
		json_object_set_new(o, "segments", out_int(m->all.segments));
		json_object_set_new(o, "bytes", out_int(m->all.bytes));
		json_object_set_new(o, "harmful", json_boolean(harm));
		json_object_set_new(o, "worth_pct",
				    harm ? json_real(100.0 * (double)m->all.frames /
						     (double)harmful)
					 : json_null());
		json_object_set_new(o, "fix",
				    harm ? out_text(fix_of_class(m->series->class)) : json_null());
		json_array_append_new(rows, o);
	}
	return rows;
}

static json_t *time_rows(const struct work *w)
{
	json_t *rows = json_array();

	for (size_t i = 0; i < w->n_steps; i++) {
		uint64_t end = w->o->window.since_ns + (i + 1) * w->step_ns;
		json_t *o = json_pack(
			"{sI}", "t_ns",
			(json_int_t)(end < w->o->window.until_ns ? end : w->o->window.until_ns));

		for (int k = 0; k < KINDS; k++)
			json_object_set_new(o, kinds[k], out_int(w->steps[k][i]));
		json_array_append_new(rows, o);
	}
	return rows;
}

static json_t *heat_rows(const struct work *w)
{
	static const char *const names[] = { "Monday", "Tuesday",  "Wednesday", "Thursday",
					     "Friday", "Saturday", "Sunday" };
	json_t *rows = json_array();

	for (int d = 0; d < 7; d++) {
		json_t *hours = json_array();

		for (int h = 0; h < 24; h++)
			json_array_append_new(hours, out_int(w->heat[d][h]));
		json_array_append_new(rows, json_pack("{ss so}", "weekday", names[d],
						      "frames_by_hour", hours));
	}
	return rows;
}

static void free_sums(struct sum *all)
{
	struct sum *m, *tmp;

	HASH_ITER(hh, all, m, tmp) {
		HASH_DEL(all, m);
		free(m->key);
		free(m);
	}
}

/* At most some three hundred steps, of whole hours where the window is long: those are read from
 * sums. */
static uint64_t step_of(uint64_t span)
{
	static const uint64_t steps[] = { 10,	    60,	      300,	 900,	3600,
					  3 * 3600, 6 * 3600, 12 * 3600, 86400, 7 * 86400 };

	for (size_t i = 0; i < ARRAY_SIZE(steps); i++)
		if (steps[i] * NSEC_PER_SEC * 240 >= span)
			return steps[i] * NSEC_PER_SEC;
	return 28 * NSEC_PER_DAY;
}

static int read_all(struct work *w)
{
	_cleanup_(freep) bool *wanted = must(calloc(w->v->n_series + 1, sizeof(bool)));

	for (size_t i = 0; i < w->v->n_series; i++)
		wanted[i] =
			w->v->series[i].id && filter_has_vm(&w->o->filter, w->v->series[i].vm_id,
							    w->v->series[i].device_id);
	return reader_rows(w->v, w->o->window.since_ns, w->o->window.until_ns,
			   w->step_ns % NSEC_PER_HOUR == 0, w->o->filter.n_vms ? wanted : NULL,
			   on_row, w);
}

int capacity_add_loss(json_t *root, struct reader *v, const struct capacity_options *o,
		      struct capacity_top *ret)
{
	uint64_t span = o->window.until_ns - o->window.since_ns;
	struct work w = { .v = v, .o = o, .step_ns = step_of(span) };
	int r;

	w.n_steps = (span + w.step_ns - 1) / w.step_ns;
	for (int k = 0; k < KINDS; k++)
		w.steps[k] = must(calloc(w.n_steps + 1, sizeof(uint64_t)));
	w.by_series = must(calloc(v->n_series + 1, sizeof(*w.by_series)));
	r = read_all(&w);
	add_up(&w);
	json_object_set_new(root, "harmful_frames", out_int(w.kind[0] + w.kind[1]));
	for (int k = 0; k < KINDS; k++)
		json_object_set_new(root, kinds[k], out_int(w.kind[k]));
	json_object_set_new(root, "path_frames", out_int(w.path));
	json_object_set_new(root, "purged_frames", out_int(w.purged));
	json_object_set_new(root, "masked_frames", out_int(w.masked));
	json_object_set_new(root, "vms", vm_rows(&w));
	find_top(&w, ret);
	json_object_set_new(root, "classes", class_rows(&w));
	json_object_set_new(root, "step_ns", out_int(w.step_ns));
	json_object_set_new(root, "over_time", time_rows(&w));
	json_object_set_new(root, "heat", heat_rows(&w));
	free_sums(w.vms);
	free_sums(w.classes);
	for (int k = 0; k < KINDS; k++)
		free(w.steps[k]);
	free(w.by_series);
	return r;
}
