/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "store_priv.h"

#define IDLE_NS (10 * NSEC_PER_SEC)	/* how long coverage may grow in memory only */

static bool is_empty(const struct store_tick *t)
{
	return !t->gap && !t->caught_up &&
	       !(t->n_loss | t->n_baselines | t->n_witnesses | t->n_traffic | t->n_counters |
		 t->n_self | t->n_bursts | t->n_pressure | t->n_forget);
}

static int sum_hours(struct store *s, uint64_t t_ns)
{
	int r = s->hours.stale ? hours_load(&s->hours, &s->day) : 0;

	if (r >= 0 && hour_of(t_ns) > s->hours.from_ns)
		r = hours_write(&s->hours, &s->day);
	return r;
}

static int write_all(struct store *s, const struct store_tick *t, uint64_t *ret_cover)
{
	int r = sum_hours(s, t->t_ns);

	if (r >= 0)
		r = store_rows_write(s, t);
	return r < 0 ? r : store_coverage_write(s, t, ret_cover);
}

/* After the COMMIT: memory follows. */
static void stored(struct store *s, const struct store_tick *t, uint64_t cover_from_ns)
{
	uint64_t hour = hour_of(t->t_ns);

	s->cover_from_ns = cover_from_ns;
	s->covered_ns = s->last_ns = t->t_ns;
	if (hour > s->hours.from_ns) {
		hours_clear(&s->hours);
		s->hours.from_ns = hour;
	}
	for (unsigned int i = 0; i < t->n_loss; i++) {
		const struct store_loss *l = &t->loss[i];

		if (l->frames | l->segments | l->bytes)
			hours_add(&s->hours, l->series_id, l->frames, l->segments, l->bytes);
	}
	for (unsigned int i = 0; i < t->n_traffic; i++)
		hours_add_traffic(&s->hours, &t->traffic[i]);
}

/* The COMMIT of @t_ns failed and the connection is gone. Was it stored all the same? */
static int look_again(struct store *s, uint64_t t_ns, int error)
{
	int r;

	s->doubt_ns = t_ns;
	r = db_ready(&s->day);
	return r == -ESTALE ? r : error;
}

int store_tick(struct store *s, const struct store_tick *t)
{
	uint64_t cover = 0;
	bool stale;
	int r;

	if (t->t_ns <= s->last_ns)
		return db_fail(&s->meta, -EINVAL,
			       "the time of a tick must be later than that of the last one");
	if (is_empty(t) && s->cover_from_ns && t->t_ns - s->covered_ns < IDLE_NS &&
	    t->t_ns - t->span_ns <= s->last_ns) {
		s->last_ns = t->t_ns;
		return 0;
	}
	r = t->gap || t->caught_up ? store_coverage_flush(s) : 0;
	if (r >= 0)
		r = store_meta_sync(s);
	if (r >= 0)
		r = store_day_for(s, t->t_ns);
	if (r >= 0)
		r = db_begin(&s->day);
	if (r < 0)
		return r;
	stale = s->hours.stale;
	r = db_end(&s->day, write_all(s, t, &cover));
	if (r < 0) {
		s->hours.stale = stale;		/* the sums that were written are not there */
		return s->day.sql.db ? r : look_again(s, t->t_ns, r);
	}
	stored(s, t, cover);
	store_maintenance(s, t->t_ns);
	return 0;
}
