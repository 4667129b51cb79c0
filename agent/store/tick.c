/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store_priv.h"

#include <errno.h>

#define IDLE_NS (10 * NSEC_PER_SEC)	/* how long coverage may grow in memory only */

static bool is_empty(const struct store_tick *t)
{
	return !t->gap && !t->caught_up &&
	       !(t->n_loss | t->n_baselines | t->n_witnesses | t->n_traffic | t->n_counters |
		 t->n_self | t->n_bursts | t->n_pressure | t->n_forget);
}

/* Rows. */

static int write_losses(struct store *s, const struct store_tick *t)
{
	sqlite3_stmt *st;
	int r = store_stmt(
		&s->day,
		"INSERT INTO loss VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET frames = frames "
		"+ excluded.frames, "
		"segments = segments + excluded.segments, bytes = bytes + excluded.bytes",
		&st);

	for (unsigned int i = 0; i < t->n_loss && r >= 0; i++) {
		const struct store_loss *l = &t->loss[i];

		if (l->frames | l->segments | l->bytes)
			r = store_run_stmt(&s->day, st, "uiuuu", t->t_ns, l->series_id, l->frames,
					   l->segments, l->bytes);
	}
	return r;
}

static int write_baselines(struct store *s, const struct store_tick *t)
{
	sqlite3_stmt *put, *del = NULL;
	int r = store_stmt(&s->day, "INSERT OR REPLACE INTO baseline VALUES (?, ?, ?, ?, ?)", &put);

	if (r >= 0)
		r = store_stmt(&s->day, "DELETE FROM baseline WHERE key = ?", &del);
	for (unsigned int i = 0; i < t->n_baselines && r >= 0; i++) {
		const struct store_baseline *b = &t->baselines[i];

		r = store_run_stmt(&s->day, put, "kuuuu", &b->key, b->total.born_ns,
				   b->total.frames, b->total.segments, b->total.bytes);
	}
	for (unsigned int i = 0; i < t->n_forget && r >= 0; i++)
		r = store_run_stmt(&s->day, del, "k", &t->forget[i]);
	return r;
}

static int write_witnesses(struct store *s, const struct store_tick *t)
{
	sqlite3_stmt *st;
	int r = store_stmt(&s->day,
			   "INSERT INTO witness VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET "
			   "frames = frames + excluded.frames",
			   &st);

	for (unsigned int i = 0; i < t->n_witnesses && r >= 0; i++)
		r = store_run_stmt(&s->day, st, "uitu", t->t_ns, t->witnesses[i].device_id,
				   t->witnesses[i].counter, t->witnesses[i].frames);
	return r;
}

/* The row that it joins is in an earlier file after midnight, and its hour may be summed up: then
 * it stays as it is. */
static int put_traffic(struct store *s, sqlite3_stmt *st, uint64_t t_ns,
		       const struct store_traffic *x, uint64_t joins_ns)
{
	return store_run_stmt(&s->day, st, joins_ns ? "uiuuuuuuuuuoouuou" : "uiuuuuuuuuuoouuo",
			      t_ns, x->device_id, x->span_ns, x->rx_frames, x->rx_bytes,
			      x->tx_frames, x->tx_bytes, x->rx_peak, x->tx_peak, x->rx_lost,
			      x->tx_lost, STORE_HEADROOM_OF(x), joins_ns);
}

/* The higher of two, the fewer; what is not known does not count. */
#define MOST(column, more) \
	column " = max(coalesce(" column ", " more "), coalesce(" more ", " column "))"
#define FEWEST(column, more) \
	column " = min(coalesce(" column ", " more "), coalesce(" more ", " column "))"

static int write_traffic(struct store *s, const struct store_tick *t)
{
	sqlite3_stmt *put, *join = NULL;
	int r = store_stmt(&s->day,
			   "INSERT INTO traffic VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
			   "?, " STORE_HEADROOM ") ON CONFLICT DO UPDATE SET "
			   "rx_frames = rx_frames + excluded.rx_frames, rx_bytes = rx_bytes + "
			   "excluded.rx_bytes, "
			   "tx_frames = tx_frames + excluded.tx_frames, tx_bytes = tx_bytes + "
			   "excluded.tx_bytes, "
			   "rx_peak = max(rx_peak, excluded.rx_peak), tx_peak = max(tx_peak, "
			   "excluded.tx_peak), "
			   "rx_lost = rx_lost + excluded.rx_lost, tx_lost = tx_lost + "
			   "excluded.tx_lost, " MOST("ring_peak", "excluded.ring_peak") ", " FEWEST(
				   "ring_free",
				   "excluded.ring_free") ", "
							 "ring_samples = ring_samples + "
							 "excluded.ring_samples, ring_sum = "
							 "ring_sum + excluded.ring_sum, " MOST(
								 "qdisc_peak",
								 "excluded.qdisc_peak"),
			   &put);

	if (r >= 0)
		r = store_stmt(
			&s->day,
			"UPDATE traffic SET t_ns = ?1, span_ns = span_ns + ?3, rx_frames = "
			"rx_frames + ?4, "
			"rx_bytes = rx_bytes + ?5, tx_frames = tx_frames + ?6, tx_bytes = tx_bytes "
			"+ ?7, rx_peak = max(rx_peak, ?8), "
			"tx_peak = max(tx_peak, ?9), rx_lost = rx_lost + ?10, tx_lost = tx_lost + "
			"?11, " MOST("ring_peak", "?12 - 1") ", " FEWEST(
				"ring_free",
				"?13 - 1") ", "
					   "ring_samples = ring_samples + ?14, ring_sum = ring_sum "
					   "+ ?15, " MOST(
						   "qdisc_peak",
						   "?16") " "
							  "WHERE t_ns = ?17 AND device_id = ?2",
			&join);
	for (unsigned int i = 0; i < t->n_traffic && r >= 0; i++) {
		const struct store_traffic *x = &t->traffic[i];
		bool joined = false;

		if (x->joins_ns && hour_of(x->joins_ns) == hour_of(t->t_ns)) {
			r = put_traffic(s, join, t->t_ns, x, x->joins_ns);
			joined = sqlite3_changes64(s->day.db) > 0;
		}
		if (r >= 0 && !joined)
			r = put_traffic(s, put, t->t_ns, x, 0);
	}
	return r;
}

static int write_counters(struct store *s, const struct store_tick *t)
{
	sqlite3_stmt *st;
	int r = store_stmt(
		&s->day,
		"INSERT OR REPLACE INTO device_baseline VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		&st);

	for (unsigned int i = 0; i < t->n_counters && r >= 0; i++) {
		const struct link_counters *c = &t->counters[i].counters;

		r = store_run_stmt(&s->day, st, "iuuuuuuuuuu", t->counters[i].device_id,
				   c->rx_frames, c->rx_bytes, c->tx_frames, c->tx_bytes,
				   c->rx_dropped, c->tx_dropped, c->rx_errors, c->tx_errors,
				   c->rx_frame_errors, c->qdisc_dropped);
	}
	return r;
}

/* One that was told before, and by an agent that died perhaps, began at the same moment but for the
 * difference of two clocks. No two of a series on one CPU begin within TL_BURST_GAP_NS. */
static int write_bursts(struct store *s, const struct store_tick *t)
{
	sqlite3_stmt *st;
	int r = store_stmt(&s->day,
			   "INSERT INTO burst SELECT ?1, ?2, ?3, ?4, ?5, ?6 WHERE NOT EXISTS "
			   "(SELECT 1 FROM burst "
			   "WHERE start_ns BETWEEN ?1 - 1000000 AND ?1 + 1000000 AND series_id = "
			   "?2 AND cpu = ?3)",
			   &st);

	for (unsigned int i = 0; i < t->n_bursts && r >= 0; i++) {
		const struct store_burst *b = &t->bursts[i];

		r = store_run_stmt(&s->day, st, "uiiuuo", b->start_ns, b->series_id,
				   (int64_t)b->cpu, b->span_ns, b->frames,
				   b->delivered == TL_DELIVERED_NONE ? 0
								     : (int64_t)b->delivered + 1);
	}
	return r;
}

static int write_pressure(struct store *s, const struct store_tick *t)
{
	sqlite3_stmt *st;
	int r = store_stmt(
		&s->day, "INSERT OR REPLACE INTO pressure VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		&st);

	for (unsigned int i = 0; i < t->n_pressure && r >= 0; i++) {
		const struct store_pressure *p = &t->pressure[i];

		r = store_run_stmt(&s->day, st, "uiuiiuuuuuu", p->t_ns, p->vm_id, p->span_ns,
				   (int64_t)p->vcpus, (int64_t)p->vhosts, p->vcpu_run_ns,
				   p->vcpu_wait_ns, p->vhost_run_ns, p->vhost_wait_ns,
				   p->emulator_run_ns, p->emulator_wait_ns);
	}
	return r;
}

static int write_self(struct store *s, const struct store_tick *t)
{
	int r = 0;

	for (unsigned int i = 0; i < t->n_self && r >= 0; i++)
		r = store_exec(&s->day,
			       "INSERT INTO self VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET total "
			       "= total + excluded.total, "
			       "baseline = excluded.baseline",
			       "tuu", t->self[i].name, t->self[i].add, t->self[i].baseline);
	return r;
}

/* Coverage. A row grows as long as one tick begins where the one before ended. */

static int put_coverage(struct store *s, uint64_t from_ns, uint64_t to_ns, const char *how)
{
	return store_exec(&s->day,
			  "INSERT INTO coverage VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET to_ns = "
			  "max(to_ns, excluded.to_ns), "
			  "how = excluded.how",
			  "uut", from_ns, to_ns, how);
}

/* @ret: key of the row that the next tick may lengthen. */
static int write_coverage(struct store *s, const struct store_tick *t, uint64_t *ret)
{
	uint64_t from = t->span_ns < t->t_ns ? t->t_ns - t->span_ns : 0;
	const char *how = t->how ? t->how : "tick";
	bool joins = s->last_ns && from <= s->last_ns && s->covered_ns < t->t_ns;

	*ret = 0;
	if (t->gap) {
		*ret = t->t_ns;
		return put_coverage(s, t->t_ns, t->t_ns, how);
	}
	if (t->caught_up)
		return put_coverage(s, from, t->t_ns, "catch-up");
	if (joins && s->cover_from_ns) {
		*ret = s->cover_from_ns;
		return store_exec(&s->day, "UPDATE coverage SET to_ns = ? WHERE from_ns = ?", "uu",
				  t->t_ns, s->cover_from_ns);
	}
	/* Empty ticks before it may not be written yet. */
	*ret = joins && s->covered_ns ? s->covered_ns : from;
	return put_coverage(s, *ret, t->t_ns, how);
}

static int roll_hours(struct store *s, uint64_t t_ns)
{
	int r = s->hours.stale ? hours_load(&s->hours, &s->day) : 0;

	if (r >= 0 && hour_of(t_ns) > s->hours.from_ns)
		r = hours_write(&s->hours, &s->day);
	return r;
}

static int write_all(struct store *s, const struct store_tick *t, uint64_t *ret_cover)
{
	int r = roll_hours(s, t->t_ns);

	if (r >= 0 && (t->n_loss || t->n_witnesses))
		r = store_exec(&s->day, "INSERT OR REPLACE INTO tick VALUES (?, ?)", "uu", t->t_ns,
			       t->span_ns);
	if (r >= 0)
		r = write_losses(s, t);
	if (r >= 0)
		r = write_baselines(s, t);
	if (r >= 0)
		r = write_witnesses(s, t);
	if (r >= 0)
		r = write_traffic(s, t);
	if (r >= 0)
		r = write_counters(s, t);
	if (r >= 0)
		r = write_bursts(s, t);
	if (r >= 0)
		r = write_pressure(s, t);
	if (r >= 0)
		r = write_self(s, t);
	return r < 0 ? r : write_coverage(s, t, ret_cover);
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
	r = store_ready(&s->day);
	return r == -ESTALE ? r : error;
}

int store_tick(struct store *s, const struct store_tick *t)
{
	uint64_t cover = 0;
	bool stale;
	int r;

	if (t->t_ns <= s->last_ns)
		return store_complain(&s->meta, -EINVAL, "time must grow");
	if (is_empty(t) && s->cover_from_ns && t->t_ns - s->covered_ns < IDLE_NS &&
	    t->t_ns - t->span_ns <= s->last_ns) {
		s->last_ns = t->t_ns;
		return 0;
	}
	r = t->gap || t->caught_up ? store_flush_coverage(s) : 0;
	if (r >= 0)
		r = store_sync_meta(s);
	if (r >= 0)
		r = store_day_for(s, t->t_ns);
	if (r >= 0)
		r = store_begin(&s->day);
	if (r < 0)
		return r;
	stale = s->hours.stale;
	r = store_end(&s->day, write_all(s, t, &cover));
	if (r < 0) {
		s->hours.stale = stale;		/* what was loaded was rolled up in vain */
		return s->day.db ? r : look_again(s, t->t_ns, r);
	}
	stored(s, t, cover);
	store_chores(s, t->t_ns);
	return 0;
}

int store_flush_coverage(struct store *s)
{
	uint64_t to = s->last_ns;
	int r;

	if (to <= s->covered_ns || !s->cover_from_ns)
		return 0;
	r = store_begin(&s->day);
	if (r < 0)
		return r;
	r = store_end(&s->day,
		      store_exec(&s->day, "UPDATE coverage SET to_ns = ? WHERE from_ns = ?", "uu",
				 to, s->cover_from_ns));
	if (r >= 0)
		s->covered_ns = to;
	return r;
}
