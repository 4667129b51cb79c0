/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "collector/base.h"
#include "ctl/print/out.h"
#include "ctl/print/when.h"

#define KEPT_PROBES 20000

/* Runs @sql with its parameters: "i" int64_t, "s" text. */
static int put(sqlite3 *db, const char *sql, const char *types, ...)
{
	sqlite3_stmt *st = NULL;
	va_list ap;
	int rc = sqlite3_prepare_v2(db, sql, -1, &st, NULL);

	va_start(ap, types);
	for (int i = 0; rc == SQLITE_OK && types[i]; i++)
		rc = types[i] == 'i' ? sqlite3_bind_int64(st, i + 1, va_arg(ap, int64_t))
				     : sqlite3_bind_text(st, i + 1, va_arg(ap, const char *), -1,
							 SQLITE_TRANSIENT);
	va_end(ap);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(st);
	sqlite3_finalize(st);
	return schema_errno(rc);
}

/* Scheduled probes go on for years. */
static int forget_old(sqlite3 *db)
{
	static const char *const tables[] = { "DELETE FROM probe_gap WHERE probe_id",
					      "DELETE FROM probe_ledger WHERE probe_id",
					      "DELETE FROM probe_step WHERE probe_id",
					      "DELETE FROM probe WHERE id" };
	char sql[128];
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(tables) && r == 0; i++) {
		snprintf(sql, sizeof(sql), "%s <= (SELECT max(id) FROM probe) - %d", tables[i],
			 KEPT_PROBES);
		r = put(db, sql, "");
	}
	return r;
}

int probe_store_begin(sqlite3 *db, const struct probe_head *h, int64_t *ret_id)
{
	int r = put(db,
		    "INSERT INTO probe (since_ns, until_ns, state, why, target, tap, kernel, "
		    "accel, frame_bytes, kind, direction, lengths, flows,"
		    " queues, workers) VALUES (?1, ?1, 'incomplete', 'it runs, or was "
		    "interrupted', ?2, '', '', '', ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
		    "isisssiii", (int64_t)now_ns(), h->target, (int64_t)h->frame_bytes, h->kind,
		    h->direction, h->lengths, (int64_t)h->flows, (int64_t)h->queues,
		    (int64_t)h->workers);

	*ret_id = sqlite3_last_insert_rowid(db);
	return r < 0 ? r : forget_old(db);
}

int probe_store_guest(sqlite3 *db, int64_t id, const char *tap, const char *kernel,
		      const char *accel)
{
	return put(db, "UPDATE probe SET tap = ?, kernel = ?, accel = ?, ready_ns = ? WHERE id = ?",
		   "sssii", tap, kernel, accel, (int64_t)now_ns(), id);
}

int probe_store_end(sqlite3 *db, int64_t id, const char *why)
{
	return put(db, "UPDATE probe SET until_ns = ?, state = ?, why = ? WHERE id = ?", "issi",
		   (int64_t)now_ns(), why ? "incomplete" : "complete", why ? why : "", id);
}

static int put_gap(sqlite3 *db, int64_t id, int step, const struct ledger *l,
		   const struct ledger_gap *g)
{
	static const char *const how[] = { "position", "time", "total" };
	int r = 0;

	for (size_t i = 0; i < g->n_parts && r == 0; i++) {
		const struct ledger_part *p = &g->parts[i];
		const struct ledger_entry *e = p->entry < l->n ? &l->entries[p->entry] : NULL;

		r = put(db, "INSERT INTO probe_gap VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
			"iiiiiiissis", id, (int64_t)step, (int64_t)g->first,
			(int64_t)g->first + g->count - 1, (int64_t)i, (int64_t)g->from_ns,
			(int64_t)g->to_ns, e ? e->place : "unaccounted", e ? e->what : "",
			(int64_t)p->frames, how[p->how]);
	}
	return r;
}

int probe_store_step(sqlite3 *db, int64_t id, int step, const struct probe_step *s)
{
	const struct ledger *l = &s->ledger;
	int r = put(db, "BEGIN IMMEDIATE", "");

	if (r < 0)
		return r;
	r = put(db,
		"INSERT INTO probe_step (probe_id, step, ring, ring_bytes, pps, began_ns, span_ns, "
		"sent, captured, unaccounted, tap_delivered,"
		" tap_dropped, guest_cpu_ns, guest_wall_ns, gaps, done_ns) VALUES (?, ?, ?, ?, ?, "
		"?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		"iisiiiiiiiiiiiii", id, (int64_t)step, s->ring, (int64_t)s->ring_bytes,
		(int64_t)s->pps, (int64_t)s->began_ns, (int64_t)s->span_ns, (int64_t)l->sent,
		(int64_t)l->captured, l->unaccounted, (int64_t)s->tap_delivered,
		(int64_t)s->tap_dropped, (int64_t)s->guest_cpu_ns, (int64_t)s->guest_wall_ns,
		(int64_t)s->n_gaps, (int64_t)now_ns());
	for (size_t i = 0; i < l->n && r == 0; i++)
		if (l->entries[i].frames)
			r = put(db, "INSERT INTO probe_ledger VALUES (?, ?, ?, ?, ?)", "iissi", id,
				(int64_t)step, l->entries[i].place, l->entries[i].what,
				(int64_t)l->entries[i].frames);
	for (size_t i = 0; i < s->n_gaps && i < STORED_GAPS && r == 0; i++)
		r = put_gap(db, id, step, l, &s->gaps[i]);
	if (r == 0)
		r = put(db, "UPDATE probe SET until_ns = ? WHERE id = ?", "ii", (int64_t)now_ns(),
			id);
	if (r == 0)
		return put(db, "COMMIT", "");
	put(db, "ROLLBACK", "");
	return r;
}

/* Every row as an object, keys as the columns. */
static json_t *rows(sqlite3 *db, const char *sql, int64_t id, int64_t step)
{
	json_t *all = json_array();
	sqlite3_stmt *st = NULL;
	int rc = sqlite3_prepare_v2(db, sql, -1, &st, NULL);

	if (rc == SQLITE_OK && sqlite3_bind_parameter_count(st) > 0)
		rc = sqlite3_bind_int64(st, 1, id);
	if (rc == SQLITE_OK && sqlite3_bind_parameter_count(st) > 1)
		rc = sqlite3_bind_int64(st, 2, step);
	while (rc == SQLITE_OK && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		json_t *o = json_object();

		for (int i = 0; i < sqlite3_column_count(st); i++)
			json_object_set_new(o, sqlite3_column_name(st, i),
					    sqlite3_column_type(st, i) == SQLITE_TEXT
						    ? out_text((const char *)sqlite3_column_text(st,
												 i))
					    : sqlite3_column_type(st, i) == SQLITE_FLOAT
						    ? json_real(sqlite3_column_double(st, i))
						    : json_integer(sqlite3_column_int64(st, i)));
		json_array_append_new(all, o);
		rc = SQLITE_OK;
	}
	sqlite3_finalize(st);
	if (rc == SQLITE_DONE)
		return all;
	json_decref(all);
	return NULL;
}

json_t *probe_store_list(sqlite3 *db)
{
	return rows(db,
		    "SELECT id, since_ns, until_ns, state, kind, direction, target, accel, "
		    "coalesce(sum(sent), 0) AS sent_frames,"
		    " coalesce(sum(captured), 0) AS captured_frames, coalesce(sum(sent) - "
		    "sum(captured), 0) AS lost_frames,"
		    " coalesce(sum(abs(unaccounted)), 0) AS unaccounted_frames"
		    " FROM probe LEFT JOIN probe_step ON probe_id = id GROUP BY id ORDER BY id",
		    0, 0);
}

json_t *probe_store_show(sqlite3 *db, int64_t id)
{
	json_t *all = rows(db, "SELECT * FROM probe WHERE id = ?", id, 0), *steps, *step, *o;
	size_t i;

	if (!all || !json_array_size(all)) {
		json_decref(all);
		return all ? json_null() : NULL;
	}
	o = json_incref(json_array_get(all, 0));
	json_decref(all);
	steps = rows(db,
		     "SELECT step, ring, ring_bytes, pps, began_ns, span_ns, sent AS sent_frames, "
		     "captured AS captured_frames,"
		     " sent - captured AS lost_frames, captured * 1000000000 / max(span_ns, 1) AS "
		     "captured_pps,"
		     " 100.0 * (sent - captured) / max(sent, 1) AS loss_pct, sent * 1000000000 / "
		     "max(span_ns, 1) AS sent_pps,"
		     " unaccounted AS unaccounted_frames, tap_delivered, tap_dropped, 100.0 * "
		     "guest_cpu_ns / max(guest_wall_ns, 1) AS guest_cpu_pct,"
		     " guest_cpu_ns, guest_wall_ns, done_ns, gaps AS n_gaps FROM probe_step WHERE "
		     "probe_id = ? ORDER BY step",
		     id, 0);
	json_array_foreach(steps, i, step) {
		int64_t n = json_integer_value(json_object_get(step, "step"));

		json_object_set_new(step, "ledger",
				    rows(db,
					 "SELECT place, what, frames FROM probe_ledger WHERE "
					 "probe_id = ? AND step = ?"
					 " ORDER BY frames DESC",
					 id, n));
		json_object_set_new(step, "gaps",
				    rows(db,
					 "SELECT first, last, from_ns, to_ns, place, what, frames, "
					 "how FROM probe_gap"
					 " WHERE probe_id = ? AND step = ? ORDER BY first, part",
					 id, n));
	}
	json_object_set_new(o, "steps", steps);
	return o;
}
