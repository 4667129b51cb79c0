/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "probe_rows.h"

#include "collector/base.h"

static int insert_probe(sqlite3 *db, const struct probe_head *h, uint64_t now_ns)
{
	_cleanup_(sql_closep) struct sql q = sql_prepare(
		db, "INSERT INTO probe (since_ns, until_ns, state, why, target, tap, kernel, "
		    "accel, frame_bytes, kind, direction, lengths, flows, queues, workers) "
		    "VALUES (:now, :now, 'incomplete', 'it runs, or was interrupted', :target, "
		    "'', '', '', :frame_bytes, :kind, :direction, :lengths, :flows, :queues, "
		    ":workers)");

	sql_bind_uint64(&q, ":now", now_ns);
	sql_bind_text(&q, ":target", h->target);
	sql_bind_int64(&q, ":frame_bytes", h->frame_bytes);
	sql_bind_text(&q, ":kind", h->kind);
	sql_bind_text(&q, ":direction", h->direction);
	sql_bind_text(&q, ":lengths", h->lengths);
	sql_bind_int64(&q, ":flows", h->flows);
	sql_bind_int64(&q, ":queues", h->queues);
	sql_bind_int64(&q, ":workers", h->workers);
	return sql_run(&q);
}

/* Scheduled probes go on for years. */
static int delete_old(sqlite3 *db)
{
	static const char *const all[] = {
		"DELETE FROM probe_gap WHERE probe_id <= (SELECT max(id) FROM probe) - :kept",
		"DELETE FROM probe_ledger WHERE probe_id <= (SELECT max(id) FROM probe) - :kept",
		"DELETE FROM probe_step WHERE probe_id <= (SELECT max(id) FROM probe) - :kept",
		"DELETE FROM probe WHERE id <= (SELECT max(id) FROM probe) - :kept",
	};
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(all) && r >= 0; i++) {
		_cleanup_(sql_closep) struct sql q = sql_prepare(db, all[i]);

		sql_bind_int64(&q, ":kept", PROBE_ROWS_KEPT);
		r = sql_run(&q);
	}
	return r;
}

static int end_with(sqlite3 *db, int r)
{
	if (r >= 0)
		r = sql_commit(db);
	if (r < 0)
		sql_rollback(db);
	return r;
}

int probe_rows_begin(sqlite3 *db, const struct probe_head *h, uint64_t now_ns, int64_t *ret_id)
{
	int64_t id;
	int r = sql_begin(db);

	if (r < 0)
		return r;
	r = insert_probe(db, h, now_ns);
	id = sql_last_id(db);
	r = end_with(db, r < 0 ? r : delete_old(db));
	if (r >= 0)
		*ret_id = id;
	return r;
}

int probe_rows_guest(sqlite3 *db, int64_t id, const char *tap, const char *kernel,
		     const char *accel, uint64_t now_ns)
{
	_cleanup_(sql_closep) struct sql q =
		sql_prepare(db, "UPDATE probe SET tap = :tap, kernel = :kernel, accel = :accel, "
				"ready_ns = :now WHERE id = :id");

	sql_bind_text(&q, ":tap", tap);
	sql_bind_text(&q, ":kernel", kernel);
	sql_bind_text(&q, ":accel", accel);
	sql_bind_uint64(&q, ":now", now_ns);
	sql_bind_int64(&q, ":id", id);
	return sql_run(&q);
}

int probe_rows_end(sqlite3 *db, int64_t id, const char *why, uint64_t now_ns)
{
	_cleanup_(sql_closep) struct sql q = sql_prepare(
		db,
		"UPDATE probe SET until_ns = :now, state = :state, why = :why WHERE id = :id");

	sql_bind_uint64(&q, ":now", now_ns);
	sql_bind_text(&q, ":state", why ? "incomplete" : "complete");
	sql_bind_text(&q, ":why", why ? why : "");
	sql_bind_int64(&q, ":id", id);
	return sql_run(&q);
}

/* A step. */

static int insert_step(sqlite3 *db, int64_t id, int step, const struct probe_step_row *row,
		       uint64_t now_ns)
{
	_cleanup_(sql_closep) struct sql q = sql_prepare(
		db, "INSERT INTO probe_step (probe_id, step, ring, ring_bytes, pps, began_ns, "
		    "span_ns, sent, captured, unaccounted, tap_delivered, tap_dropped, "
		    "guest_cpu_ns, guest_wall_ns, gaps, done_ns) "
		    "VALUES (:probe, :step, :ring, :ring_bytes, :pps, :began_ns, :span_ns, :sent, "
		    ":captured, :unaccounted, :tap_delivered, :tap_dropped, :guest_cpu_ns, "
		    ":guest_wall_ns, :gaps, :now)");

	sql_bind_int64(&q, ":probe", id);
	sql_bind_int64(&q, ":step", step);
	sql_bind_text(&q, ":ring", row->ring);
	sql_bind_uint64(&q, ":ring_bytes", row->ring_bytes);
	sql_bind_uint64(&q, ":pps", row->pps);
	sql_bind_uint64(&q, ":began_ns", row->began_ns);
	sql_bind_uint64(&q, ":span_ns", row->span_ns);
	sql_bind_uint64(&q, ":sent", row->sent);
	sql_bind_uint64(&q, ":captured", row->captured);
	sql_bind_int64(&q, ":unaccounted", row->unaccounted);
	sql_bind_uint64(&q, ":tap_delivered", row->tap_delivered);
	sql_bind_uint64(&q, ":tap_dropped", row->tap_dropped);
	sql_bind_uint64(&q, ":guest_cpu_ns", row->guest_cpu_ns);
	sql_bind_uint64(&q, ":guest_wall_ns", row->guest_wall_ns);
	sql_bind_uint64(&q, ":gaps", row->gaps);
	sql_bind_uint64(&q, ":now", now_ns);
	return sql_run(&q);
}

static int insert_entries(sqlite3 *db, int64_t id, int step, const struct probe_step_row *row)
{
	_cleanup_(sql_closep) struct sql q = sql_prepare(
		db, "INSERT INTO probe_ledger VALUES (:probe, :step, :place, :what, :frames)");
	int r = q.error;

	for (size_t i = 0; i < row->n_entries && r >= 0; i++) {
		const struct probe_entry_row *e = &row->entries[i];

		sql_bind_int64(&q, ":probe", id);
		sql_bind_int64(&q, ":step", step);
		sql_bind_text(&q, ":place", e->place);
		sql_bind_text(&q, ":what", e->what);
		sql_bind_uint64(&q, ":frames", e->frames);
		r = sql_run(&q);
	}
	return r;
}

static int insert_gaps(sqlite3 *db, int64_t id, int step, const struct probe_step_row *row)
{
	_cleanup_(sql_closep) struct sql q = sql_prepare(
		db, "INSERT INTO probe_gap VALUES (:probe, :step, :first, :last, :part, :from_ns, "
		    ":to_ns, :place, :what, :frames, :how)");
	int r = q.error;

	for (size_t i = 0; i < row->n_gap_rows && r >= 0; i++) {
		const struct probe_gap_row *g = &row->gap_rows[i];

		sql_bind_int64(&q, ":probe", id);
		sql_bind_int64(&q, ":step", step);
		sql_bind_int64(&q, ":first", g->first);
		sql_bind_int64(&q, ":last", g->last);
		sql_bind_int64(&q, ":part", g->part);
		sql_bind_uint64(&q, ":from_ns", g->from_ns);
		sql_bind_uint64(&q, ":to_ns", g->to_ns);
		sql_bind_text(&q, ":place", g->place);
		sql_bind_text(&q, ":what", g->what);
		sql_bind_uint64(&q, ":frames", g->frames);
		sql_bind_text(&q, ":how", g->how);
		r = sql_run(&q);
	}
	return r;
}

static int touch_probe(sqlite3 *db, int64_t id, uint64_t now_ns)
{
	_cleanup_(sql_closep) struct sql q =
		sql_prepare(db, "UPDATE probe SET until_ns = :now WHERE id = :id");

	sql_bind_uint64(&q, ":now", now_ns);
	sql_bind_int64(&q, ":id", id);
	return sql_run(&q);
}

int probe_rows_step(sqlite3 *db, int64_t id, int step, const struct probe_step_row *row,
		    uint64_t now_ns)
{
	int r = sql_begin(db);

	if (r < 0)
		return r;
	r = insert_step(db, id, step, row, now_ns);
	if (r >= 0)
		r = insert_entries(db, id, step, row);
	if (r >= 0)
		r = insert_gaps(db, id, step, row);
	if (r >= 0)
		r = touch_probe(db, id, now_ns);
	return end_with(db, r);
}

/* Reading. */

struct sql probe_rows_list(sqlite3 *db)
{
	return sql_prepare(
		db, "SELECT id, since_ns, until_ns, state, kind, direction, target, accel, "
		    "coalesce(sum(sent), 0) AS sent_frames, "
		    "coalesce(sum(captured), 0) AS captured_frames, "
		    "coalesce(sum(sent) - sum(captured), 0) AS lost_frames, "
		    "coalesce(sum(abs(unaccounted)), 0) AS unaccounted_frames "
		    "FROM probe LEFT JOIN probe_step ON probe_id = id GROUP BY id ORDER BY id");
}

struct sql probe_rows_probe(sqlite3 *db, int64_t id)
{
	struct sql q = sql_prepare(db, "SELECT * FROM probe WHERE id = :id");

	sql_bind_int64(&q, ":id", id);
	return q;
}

struct sql probe_rows_steps(sqlite3 *db, int64_t id)
{
	struct sql q = sql_prepare(
		db, "SELECT step, ring, ring_bytes, pps, began_ns, span_ns, sent AS sent_frames, "
		    "captured AS captured_frames, sent - captured AS lost_frames, "
		    "captured * 1000000000 / max(span_ns, 1) AS captured_pps, "
		    "100.0 * (sent - captured) / max(sent, 1) AS loss_pct, "
		    "sent * 1000000000 / max(span_ns, 1) AS sent_pps, "
		    "unaccounted AS unaccounted_frames, tap_delivered, tap_dropped, "
		    "100.0 * guest_cpu_ns / max(guest_wall_ns, 1) AS guest_cpu_pct, "
		    "guest_cpu_ns, guest_wall_ns, done_ns, gaps AS n_gaps "
		    "FROM probe_step WHERE probe_id = :id ORDER BY step");

	sql_bind_int64(&q, ":id", id);
	return q;
}

static struct sql of_step(sqlite3 *db, const char *sql, int64_t id, int64_t step)
{
	struct sql q = sql_prepare(db, sql);

	sql_bind_int64(&q, ":id", id);
	sql_bind_int64(&q, ":step", step);
	return q;
}

struct sql probe_rows_ledger(sqlite3 *db, int64_t id, int64_t step)
{
	return of_step(db,
		       "SELECT place, what, frames FROM probe_ledger "
		       "WHERE probe_id = :id AND step = :step ORDER BY frames DESC",
		       id, step);
}

struct sql probe_rows_gaps(sqlite3 *db, int64_t id, int64_t step)
{
	return of_step(db,
		       "SELECT first, last, from_ns, to_ns, place, what, frames, how "
		       "FROM probe_gap WHERE probe_id = :id AND step = :step ORDER BY first, part",
		       id, step);
}
