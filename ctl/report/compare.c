/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "compare.h"

#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "collector/base.h"
#include "collector/alloc.h"
#include "ctl/print/out.h"
#include "ctl/query/share.h"
#include "ctl/query/split.h"

#define DRAWS 1000
#define MIN_HOURS 6		/* observed, in each window */

/* The host, or a NIC and direction. Hours of both windows, one after the other. */
struct unit {
	char *key;
	const struct reader_series *series;	/* NULL: the host */
	uint64_t *lost, *delivered;
	UT_hash_handle hh;
};

struct work {
	struct reader *v;
	const struct filter *f;
	struct unit *units;
	uint64_t since[2], n[2];		/* n: hours */
	uint64_t at;				/* index of the window's first hour */
	uint64_t now;				/* hour that traffic is read of */
	int window;
	bool *observed;
};

static struct unit *unit_of(struct work *w, const char *key, const struct reader_series *s,
			    bool make)
{
	struct unit *u;

	HASH_FIND_STR(w->units, key, u);
	if (u || !make)
		return u;
	u = must(calloc(1, sizeof(*u)));
	u->key = must(strdup(key));
	u->series = s;
	u->lost = must(calloc(w->n[0] + w->n[1] + 1, sizeof(uint64_t)));
	u->delivered = must(calloc(w->n[0] + w->n[1] + 1, sizeof(uint64_t)));
	HASH_ADD_KEYPTR(hh, w->units, u->key, strlen(u->key), u);
	return u;
}

/* As split_key() would say it, of a device that may have no series. */
static char *device_key(const struct work *w, int64_t device, uint64_t t_ns, bool tx)
{
	const struct reader_attachment *a = reader_attached(w->v, device, t_ns);
	struct reader_series s = {
		.vm_id = a ? a->vm_id : 0,
		.device_id = device,
		.direction = tx ? (char[]){ "tx" } : (char[]){ "rx" },
	};

	return split_key(w->v, &s, BY_VM | BY_NIC | BY_DIRECTION);
}

static void on_row(int64_t id, uint64_t t_ns, uint64_t span_ns, const struct reader_sum *sum,
		   void *arg)
{
	struct work *w = arg;
	const struct reader_series *s = &w->v->series[id];
	uint64_t hour = w->at + (t_ns - 1 - w->since[w->window]) / NSEC_PER_HOUR;
	char *key;

	(void)span_ns;
	if (s->mask || share_of(s) != LOST || !filter_passes(w->f, w->v, s))
		return;
	key = split_key(w->v, s, BY_VM | BY_NIC | BY_DIRECTION);
	unit_of(w, key, s, true)->lost[hour] += sum->frames;
	unit_of(w, "", NULL, true)->lost[hour] += sum->frames;
	free(key);
}

static void on_traffic(int64_t device, uint64_t t_ns, uint64_t rx, uint64_t tx, void *arg)
{
	struct work *w = arg;

	for (int side = 0; side < 2; side++) {
		char *key = device_key(w, device, t_ns, side);
		struct unit *u = unit_of(w, key, NULL, false);

		if (u)
			u->delivered[w->now] += side ? tx : rx;
		if (u || !w->f->n_vms)
			unit_of(w, "", NULL, true)->delivered[w->now] += side ? tx : rx;
		free(key);
	}
}

static int read_window(struct work *w, int which, bool traffic)
{
	int r = 0;

	w->window = which;
	w->at = which ? w->n[0] : 0;
	if (!traffic) {
		r = reader_rows(w->v, w->since[which],
				w->since[which] + w->n[which] * NSEC_PER_HOUR, true, NULL, on_row,
				w);
		return r < 0 ? r
			     : reader_observed(w->v, w->since[which], NSEC_PER_HOUR,
					       w->observed + w->at, w->n[which]);
	}
	for (uint64_t h = 0; h < w->n[which] && r >= 0; h++) {
		w->now = w->at + h;
		r = reader_traffic(w->v, w->since[which] + h * NSEC_PER_HOUR,
				   w->since[which] + (h + 1) * NSEC_PER_HOUR, on_traffic, w);
	}
	return r;
}

/* Lost in percent of offered, of the hours given by @pick (indices from the window's first);
 * negative: nothing was offered. */
static double share(const struct unit *u, uint64_t at, const uint32_t *pick, uint32_t n)
{
	double lost = 0, all = 0;

	for (uint32_t i = 0; i < n; i++) {
		lost += (double)u->lost[at + pick[i]];
		all += (double)u->lost[at + pick[i]] + (double)u->delivered[at + pick[i]];
	}
	return all > 0 ? lost * 100 / all : -1;
}

static uint32_t draw(uint64_t *state, uint32_t n)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return (uint32_t)((*state >> 32) % n);
}

static int by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* The middle 95 % of the differences; 0 when too few draws had traffic. */
static int find_interval(const struct work *w, const struct unit *u, const uint32_t *const hours[2],
			 const uint32_t n[2], double *low, double *high)
{
	_cleanup_(freep) uint32_t *pick = must(malloc((n[0] + n[1] + 1) * sizeof(*pick)));
	uint64_t state = 88172645463325252ULL;
	double differences[DRAWS];
	int got = 0;

	for (int k = 0; k < DRAWS; k++) {
		double s[2];

		for (int which = 0; which < 2; which++) {
			for (uint32_t i = 0; i < n[which]; i++)
				pick[i] = hours[which][draw(&state, n[which])];
			s[which] = share(u, which ? w->n[0] : 0, pick, n[which]);
		}
		if (s[0] >= 0 && s[1] >= 0)
			differences[got++] = s[1] - s[0];
	}
	if (got < DRAWS / 2)
		return 0;
	qsort(differences, (size_t)got, sizeof(*differences), by_value);
	*low = differences[got * 25 / 1000];
	*high = differences[got - 1 - got * 25 / 1000];
	return 1;
}

static json_t *percent(double pct)
{
	return pct < 0 ? json_null() : json_real(pct);
}

static uint64_t frames(const struct unit *u, uint64_t at, uint64_t n)
{
	uint64_t sum = 0;

	for (uint64_t i = 0; i < n; i++)
		sum += u->lost[at + i];
	return sum;
}

static json_t *row_of(const struct work *w, const struct unit *u, const uint32_t *const hours[2],
		      const uint32_t n[2])
{
	double s[2] = { share(u, 0, hours[0], n[0]), share(u, w->n[0], hours[1], n[1]) }, low = 0,
	       high = 0;
	bool known = n[0] >= MIN_HOURS && n[1] >= MIN_HOURS && s[0] >= 0 && s[1] >= 0 &&
		     find_interval(w, u, hours, n, &low, &high);
	json_t *o = u->series ? split_object(w->v, u->series, BY_VM | BY_NIC | BY_DIRECTION)
			      : json_pack("{ss}", "vm", "all");

	json_object_set_new(o, "before_frames", out_int(frames(u, 0, w->n[0])));
	json_object_set_new(o, "after_frames", out_int(frames(u, w->n[0], w->n[1])));
	json_object_set_new(o, "before_pct", percent(s[0]));
	json_object_set_new(o, "after_pct", percent(s[1]));
	json_object_set_new(o, "change_points",
			    s[0] >= 0 && s[1] >= 0 ? json_real(s[1] - s[0]) : json_null());
	json_object_set_new(o, "change_low_points", known ? json_real(low) : json_null());
	json_object_set_new(o, "change_high_points", known ? json_real(high) : json_null());
	json_object_set_new(o, "verdict",
			    json_string(!known	   ? "not enough evidence"
					: high < 0 ? "less loss"
					: low > 0  ? "more loss"
						   : "no difference that can be told"));
	return o;
}

static int by_frames(const struct unit *a, const struct unit *b)
{
	uint64_t x = 0, y = 0;

	if (!a->series || !b->series)
		return a->series ? 1 : -1;	/* the host first */
	x = a->lost[0];
	y = b->lost[0];
	return x != y ? (x < y) - (x > y) : strcmp(a->key, b->key);
}

static json_t *make_rows(struct work *w)
{
	_cleanup_(freep) uint32_t *seen = must(calloc(w->n[0] + w->n[1] + 1, sizeof(*seen)));
	const uint32_t *hours[2] = { seen, seen + w->n[0] };
	uint32_t n[2] = { 0, 0 };
	json_t *rows = json_array();

	for (int which = 0; which < 2; which++)
		for (uint64_t i = 0; i < w->n[which]; i++)
			if (w->observed[(which ? w->n[0] : 0) + i])
				seen[(which ? w->n[0] : 0) + n[which]++] = (uint32_t)i;
	unit_of(w, "", NULL, true);
	HASH_SORT(w->units, by_frames);
	for (const struct unit *u = w->units; u; u = u->hh.next)
		json_array_append_new(rows, row_of(w, u, hours, n));
	return json_pack("{ss so si si}", "report", "compare", "rows", rows, "before_hours",
			 (int)n[0], "after_hours", (int)n[1]);
}

json_t *compare_make(struct reader *v, const struct window *before, const struct window *after,
		     const struct filter *f)
{
	const struct window *windows[2] = { before, after };
	struct work w = { .v = v, .f = f };
	struct unit *u, *tmp;
	json_t *o = NULL;
	int r = 0;

	for (int i = 0; i < 2; i++) {
		w.since[i] = windows[i]->since_ns;
		w.n[i] = (windows[i]->until_ns - windows[i]->since_ns) / NSEC_PER_HOUR;
	}
	w.observed = must(calloc(w.n[0] + w.n[1] + 1, sizeof(bool)));
	for (int i = 0; i < 4 && r >= 0; i++)
		r = read_window(&w, i % 2, i > 1);
	if (r >= 0) {
		o = make_rows(&w);
		json_object_set_new(o, "before_since_ns", out_int(w.since[0]));
		json_object_set_new(o, "before_until_ns",
				    out_int(w.since[0] + w.n[0] * NSEC_PER_HOUR));
		json_object_set_new(o, "after_since_ns", out_int(w.since[1]));
		json_object_set_new(o, "after_until_ns",
				    out_int(w.since[1] + w.n[1] * NSEC_PER_HOUR));
	}
	HASH_ITER(hh, w.units, u, tmp) {
		HASH_DEL(w.units, u);
		free(u->key);
		free(u->lost);
		free(u->delivered);
		free(u);
	}
	free(w.observed);
	return o;
}
