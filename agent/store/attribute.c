/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdio.h>

#include "schema/rollup.h"
#include "store_priv.h"

/* A series of the device that was nobody's, and the owner's one that takes its rows. */
struct move {
	int64_t from, to;
};

struct moves {
	struct move *m;
	size_t n;
	uint64_t since_ns;
};

static int add_move(struct moves *ms, int64_t from, int64_t to)
{
	struct move *more = reallocarray(ms->m, ms->n + 1, sizeof(*ms->m));

	if (!more)
		return -ENOMEM;
	ms->m = more;
	ms->m[ms->n++] = (struct move){ from, to };
	return 0;
}

/* meta.db: who is what. */

/* The series belongs to the owner from now on. */
static int change_owner(struct store *s, int64_t id, const struct store_series *owned)
{
	struct sql q = db_sql(&s->meta, "UPDATE series SET vm_id = :vm, "
					"attachment_id = :attachment WHERE id = :id");

	sql_bind_known(&q, ":vm", owned->vm_id, owned->vm_id);
	sql_bind_int64(&q, ":attachment", owned->attachment_id);
	sql_bind_int64(&q, ":id", id);
	return sql_run(&q);
}

/* When all of it is the owner's, the series itself changes hands and no row is touched. Else its
 * rows have to move. */
static int hand_over(struct store *s, int64_t id, uint64_t first_ns,
		     const struct store_series *owned, struct moves *ms)
{
	int64_t to = 0;
	int r = store_series_find(s, owned, &to);

	if (r < 0)
		return r;
	if (!r && first_ns >= ms->since_ns)
		return change_owner(s, id, owned);
	r = store_series_row(s, owned, ms->since_ns, &to);
	return r < 0 ? r : add_move(ms, id, to);
}

static int hand_over_all(struct store *s, int64_t device_id, int64_t attachment_id, int64_t vm_id,
			 struct moves *ms)
{
	_cleanup_(sql_closep) struct sql q = db_sql(
		&s->meta, "SELECT id, first_ns, queue, direction, class, kind, reason, site, "
			  "counter, place, sender, sender_vm_id FROM series WHERE "
			  "device_id = :device AND attachment_id IS NULL AND vm_id IS NULL "
			  "ORDER BY id");
	int r;

	sql_bind_int64(&q, ":device", device_id);
	while ((r = sql_step(&q)) > 0) {
		struct store_series owned = {
			.vm_id = vm_id,
			.attachment_id = attachment_id,
			.device_id = device_id,
			.queue = sql_is_null(&q, 2) ? -1 : (int)sql_int64(&q, 2),
			.direction = sql_text_or_null(&q, 3),
			.class = sql_text_or_null(&q, 4),
			.kind = sql_text_or_null(&q, 5),
			.reason = sql_text_or_null(&q, 6),
			.site = sql_text_or_null(&q, 7),
			.counter = sql_text_or_null(&q, 8),
			.place = sql_text_or_null(&q, 9),
			.sender = sql_text_or_null(&q, 10),
			.sender_vm_id = sql_int64(&q, 11),
		};

		r = hand_over(s, sql_int64(&q, 0), sql_uint64(&q, 1), &owned, ms);
		if (r < 0)
			return r;
	}
	return r;
}

/* A day file: the rows. One transaction, so the sum of all rows never changes. */

static void bind_move(struct sql *q, const struct move *m, uint64_t since_ns)
{
	sql_bind_int64(q, ":to", m->to);
	sql_bind_uint64(q, ":since_ns", since_ns);
	sql_bind_int64(q, ":from", m->from);
}

static int add_loss(struct store_db *d, const struct move *m, uint64_t since_ns)
{
	struct sql q = db_sql(
		d, "INSERT INTO loss SELECT t_ns, :to, frames, segments, bytes FROM loss "
		   "WHERE t_ns >= :since_ns AND series_id = :from "
		   "ON CONFLICT DO UPDATE SET frames = frames + excluded.frames, "
		   "segments = segments + excluded.segments, bytes = bytes + excluded.bytes");

	bind_move(&q, m, since_ns);
	return sql_run(&q);
}

static int delete_loss(struct store_db *d, const struct move *m, uint64_t since_ns)
{
	struct sql q =
		db_sql(d, "DELETE FROM loss WHERE t_ns >= :since_ns AND series_id = :from");

	sql_bind_uint64(&q, ":since_ns", since_ns);
	sql_bind_int64(&q, ":from", m->from);
	return sql_run(&q);
}

static int move_bursts(struct store_db *d, const struct move *m, uint64_t since_ns)
{
	struct sql q = db_sql(d, "UPDATE OR REPLACE burst SET series_id = :to "
				 "WHERE start_ns >= :since_ns AND series_id = :from");

	bind_move(&q, m, since_ns);
	return sql_run(&q);
}

/* 1: there were rows. */
static int move_rows(struct store_db *d, const struct move *m, uint64_t since_ns)
{
	int r = add_loss(d, m, since_ns);

	if (r < 0 || !sql_changes(d->sql.db))
		return r;
	r = delete_loss(d, m, since_ns);
	if (r >= 0)
		r = move_bursts(d, m, since_ns);
	return r < 0 ? r : 1;
}

static int delete_hours(struct store_db *d, const struct move *m, uint64_t hour)
{
	struct sql q = db_sql(
		d, "DELETE FROM loss_hour WHERE t_ns >= :since_ns AND series_id IN (:from, :to)");

	bind_move(&q, m, hour);
	return sql_run(&q);
}

static int sum_hours(struct store_db *d, const struct move *m, uint64_t hour)
{
	struct sql q = db_sql(
		d, "INSERT INTO loss_hour SELECT r.t_ns, l.series_id, sum(l.frames), "
		   "sum(l.segments), sum(l.bytes) FROM rolled r "
		   "JOIN loss l ON l.t_ns > r.t_ns AND l.t_ns <= r.t_ns + 3600000000000 "
		   "WHERE r.t_ns >= :since_ns AND l.series_id IN (:from, :to) "
		   "GROUP BY r.t_ns, l.series_id");

	bind_move(&q, m, hour);
	return sql_run(&q);
}

static int sum_again(struct store_db *d, const struct move *m, uint64_t since_ns)
{
	uint64_t hour = since_ns ? hour_of(since_ns) : 0;
	int r = delete_hours(d, m, hour);

	return r < 0 ? r : sum_hours(d, m, hour);
}

static int move_all(struct store_db *d, const struct moves *ms)
{
	int r = db_begin(d);

	if (r < 0)
		return r;
	for (size_t i = 0; i < ms->n && r >= 0; i++) {
		r = move_rows(d, &ms->m[i], ms->since_ns);
		if (r > 0)
			r = sum_again(d, &ms->m[i], ms->since_ns);
	}
	return db_end(d, r);
}

static bool is_unusable(int r)
{
	return r == -EUCLEAN || r == -EMEDIUMTYPE || r == -EPROTO;
}

static int move_in_closed(struct store *s, const struct schema_day *day, const struct moves *ms)
{
	struct store_db d = { .sick = false };
	int r;

	db_init(&d, SCHEMA_DAY, SCHEMA_REWRITE, s->error);
	snprintf(d.path, sizeof(d.path), "%s/%s", s->dir, day->name);
	if (access(d.path, F_OK) < 0)
		return 0;
	r = rollup_invalidate(s->dir, day, d.error);
	if (r < 0 && !is_unusable(r))
		return r;
	r = db_ready(&d);
	if (r == -ENOENT || is_unusable(r))
		/* nothing there that could be corrected; it must not stop what can */
		return 0;
	if (r < 0)
		return r;
	r = move_all(&d, ms);
	db_close(&d);
	return r == -EUCLEAN ? 0 : r;
}

static int move_everywhere(struct store *s, const struct moves *ms)
{
	_cleanup_(freep) struct schema_day *days = NULL;
	size_t n = 0;
	int r = schema_days(s->dir, &days, &n);

	if (r < 0 || !n)
		return r;
	for (size_t i = 0; i + 1 < n && r >= 0; i++) {
		if (days[i].to_ns < ms->since_ns)
			continue;
		store_maintenance_hold(s);
		r = move_in_closed(s, &days[i], ms);
		store_maintenance_release(s);
	}
	if (r < 0)
		return r;
	s->hours.stale = true;
	return move_all(&s->day, ms);
}

int store_attribute(struct store *s, int64_t device_id, int64_t attachment_id, int64_t vm_id,
		    uint64_t since_ns)
{
	struct moves ms = { .since_ns = since_ns };
	int r = store_meta_begin(s);

	if (r < 0)
		return r;
	r = store_meta_end(s, hand_over_all(s, device_id, attachment_id, vm_id, &ms));
	store_series_forget(s);
	if (r >= 0 && ms.n)
		r = store_meta_sync(s);
	if (r >= 0 && ms.n)
		r = move_everywhere(s, &ms);
	free(ms.m);
	return r;
}

struct pending {
	int64_t device_id, attachment_id, vm_id;
	uint64_t since_ns;
};

/* Open attachments of devices that have loss which is nobody's. */
static int list_pending(struct store *s, struct pending **ret, size_t *n)
{
	_cleanup_(sql_closep) struct sql q = db_sql(
		&s->meta, "SELECT device_id, id, vm_id, since_ns FROM attachment a "
			  "WHERE until_ns IS NULL AND EXISTS (SELECT 1 FROM series s "
			  "WHERE s.device_id = a.device_id AND s.attachment_id IS NULL "
			  "AND s.vm_id IS NULL)");
	int r;

	while ((r = sql_step(&q)) > 0) {
		struct pending *more = reallocarray(*ret, *n + 1, sizeof(**ret));

		if (!more)
			return -ENOMEM;
		*ret = more;
		more[(*n)++] = (struct pending){
			.device_id = sql_int64(&q, 0),
			.attachment_id = sql_int64(&q, 1),
			.vm_id = sql_int64(&q, 2),
			.since_ns = sql_uint64(&q, 3),
		};
	}
	return r;
}

int store_recover_attributions(struct store *s)
{
	_cleanup_(freep) struct pending *list = NULL;
	size_t n = 0;
	int r = list_pending(s, &list, &n);

	for (size_t i = 0; i < n && r >= 0; i++)
		r = store_attribute(s, list[i].device_id, list[i].attachment_id, list[i].vm_id,
				    list[i].since_ns);
	return r;
}
