/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store_priv.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "schema/maintain.h"

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

static const char *word(sqlite3_stmt *st, int column)
{
	return (const char *)sqlite3_column_text(st, column);
}

/* All of it is the owner's: the series itself changes hands, and no row is touched. Else its rows
 * have to move. */
static int hand_over(struct store *s, int64_t id, uint64_t first_ns,
		     const struct store_series *owned, struct moves *ms)
{
	int64_t to = 0;
	int r = store_series_find(s, owned, &to);

	if (r < 0)
		return r;
	if (!r && first_ns >= ms->since_ns)
		return store_exec(&s->meta,
				  "UPDATE series SET vm_id = ?, attachment_id = ? WHERE id = ?",
				  "oii", owned->vm_id, owned->attachment_id, id);
	r = store_series_row(s, owned, ms->since_ns, &to);
	return r < 0 ? r : add_move(ms, id, to);
}

static int hand_over_all(struct store *s, int64_t device_id, int64_t attachment_id, int64_t vm_id,
			 struct moves *ms)
{
	_cleanup_(store_resetp) sqlite3_stmt *st = NULL;
	int r = store_query(
		&s->meta, &st,
		"SELECT id, first_ns, queue, direction, class, kind, reason, site, counter, place, "
		"sender, "
		"sender_vm_id FROM series "
		"WHERE device_id = ? AND attachment_id IS NULL AND vm_id IS NULL ORDER BY id",
		"i", device_id);

	for (; r > 0; r = store_next(&s->meta, st)) {
		struct store_series owned = {
			.vm_id = vm_id,
			.attachment_id = attachment_id,
			.device_id = device_id,
			.queue = sqlite3_column_type(st, 2) == SQLITE_NULL
					 ? -1
					 : sqlite3_column_int(st, 2),
			.direction = word(st, 3),
			.class = word(st, 4),
			.kind = word(st, 5),
			.reason = word(st, 6),
			.site = word(st, 7),
			.counter = word(st, 8),
			.place = word(st, 9),
			.sender = word(st, 10),
			.sender_vm_id = sqlite3_column_int64(st, 11),
		};

		r = hand_over(s, sqlite3_column_int64(st, 0), store_u64(st, 1), &owned, ms);
		if (r < 0)
			return r;
	}
	return r;
}

/* A day file: the rows. One transaction, so the sum of all rows never changes. */

static int move_rows(struct store_db *d, const struct move *m, uint64_t since_ns)
{
	int r = store_exec(d,
			   "INSERT INTO loss SELECT t_ns, ?, frames, segments, bytes FROM loss "
			   "WHERE t_ns >= ? AND series_id = ? "
			   "ON CONFLICT DO UPDATE SET frames = frames + excluded.frames, segments "
			   "= segments + excluded.segments, "
			   "bytes = bytes + excluded.bytes",
			   "iui", m->to, since_ns, m->from);

	if (r < 0 || !sqlite3_changes64(d->db))
		return r;
	r = store_exec(d, "DELETE FROM loss WHERE t_ns >= ? AND series_id = ?", "ui", since_ns,
		       m->from);
	if (r >= 0)
		r = store_exec(d,
			       "UPDATE OR REPLACE burst SET series_id = ? WHERE start_ns >= ? AND "
			       "series_id = ?",
			       "iui", m->to, since_ns, m->from);
	return r < 0 ? r : 1;
}

static int roll_again(struct store_db *d, const struct move *m, uint64_t since_ns)
{
	uint64_t hour = since_ns ? hour_of(since_ns) : 0;
	int r = store_exec(d, "DELETE FROM loss_hour WHERE t_ns >= ? AND series_id IN (?, ?)",
			   "uii", hour, m->from, m->to);

	if (r < 0)
		return r;
	return store_exec(
		d,
		"INSERT INTO loss_hour SELECT r.t_ns, l.series_id, sum(l.frames), sum(l.segments), "
		"sum(l.bytes) FROM rolled r "
		"JOIN loss l ON l.t_ns > r.t_ns AND l.t_ns <= r.t_ns + 3600000000000 "
		"WHERE r.t_ns >= ? AND l.series_id IN (?, ?) GROUP BY r.t_ns, l.series_id",
		"uii", hour, m->from, m->to);
}

static int move_all(struct store_db *d, const struct moves *ms)
{
	int r = store_begin(d);

	if (r < 0)
		return r;
	for (size_t i = 0; i < ms->n && r >= 0; i++) {
		r = move_rows(d, &ms->m[i], ms->since_ns);
		if (r > 0)
			r = roll_again(d, &ms->m[i], ms->since_ns);
	}
	return store_end(d, r);
}

static int move_in_closed(struct store *s, const struct schema_day *day, const struct moves *ms)
{
	struct store_db d = { .kind = SCHEMA_DAY, .error = s->error };
	int r;

	snprintf(d.path, sizeof(d.path), "%s/%s", s->dir, day->name);
	if (access(d.path, F_OK) < 0)
		return 0;
	r = maintain_invalidate(s->dir, day, d.error);
	if (r < 0 && r != -EUCLEAN && r != -EMEDIUMTYPE && r != -EPROTO)
		return r;
	r = schema_open(d.path, SCHEMA_DAY, SCHEMA_REWRITE, &d.db, d.error);
	if (r == -ENOENT || r == -EUCLEAN || r == -EMEDIUMTYPE || r == -EPROTO)
		/* nothing there that could be set right; it must not stop what can */
		return 0;
	if (r < 0)
		return r;
	r = move_all(&d, ms);
	store_db_close(&d);
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
		store_chores_hold(s);
		r = move_in_closed(s, &days[i], ms);
		store_chores_release(s);
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
		r = store_sync_meta(s);
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
	_cleanup_(store_resetp) sqlite3_stmt *st = NULL;
	int r = store_query(&s->meta, &st,
			    "SELECT device_id, id, vm_id, since_ns FROM attachment a WHERE "
			    "until_ns IS NULL AND EXISTS "
			    "(SELECT 1 FROM series s WHERE s.device_id = a.device_id AND "
			    "s.attachment_id IS NULL AND s.vm_id IS NULL)",
			    "");

	for (; r > 0; r = store_next(&s->meta, st)) {
		struct pending *more = reallocarray(*ret, *n + 1, sizeof(**ret));

		if (!more)
			return -ENOMEM;
		*ret = more;
		more[(*n)++] =
			(struct pending){ sqlite3_column_int64(st, 0), sqlite3_column_int64(st, 1),
					  sqlite3_column_int64(st, 2), store_u64(st, 3) };
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
