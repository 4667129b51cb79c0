/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store.h"

#include <errno.h>

#include "collector/base.h"
#include "ctl/print/out.h"
#include "ctl/print/when.h"

int probe_store_begin(sqlite3 *db, const struct probe_head *h, int64_t *ret_id)
{
	return probe_rows_begin(db, h, now_ns(), ret_id);
}

int probe_store_guest(sqlite3 *db, int64_t id, const char *tap, const char *kernel,
		      const char *accel)
{
	return probe_rows_guest(db, id, tap, kernel, accel, now_ns());
}

int probe_store_end(sqlite3 *db, int64_t id, const char *why)
{
	return probe_rows_end(db, id, why, now_ns());
}

/* Of the ledger: those that lost something. */
static size_t entry_rows(const struct ledger *l, struct probe_entry_row ret[LEDGER_ENTRIES])
{
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++) {
		const struct ledger_entry *e = &l->entries[i];

		if (e->frames)
			ret[n++] = (struct probe_entry_row){ e->place, e->what, e->frames };
	}
	return n;
}

static struct probe_gap_row gap_row(const struct ledger *l, const struct ledger_gap *g, size_t part)
{
	static const char *const how[] = { "position", "time", "total" };
	const struct ledger_part *p = &g->parts[part];
	const struct ledger_entry *e = p->entry < l->n ? &l->entries[p->entry] : NULL;

	return (struct probe_gap_row){
		.first = g->first,
		.last = (int64_t)g->first + g->count - 1,
		.part = (int64_t)part,
		.from_ns = g->from_ns,
		.to_ns = g->to_ns,
		.frames = p->frames,
		.place = e ? e->place : "unaccounted",
		.what = e ? e->what : "",
		.how = how[p->how],
	};
}

/* Of the first STORED_GAPS gaps, a row for each part. *ret is malloc()ed. */
static int gap_rows(const struct probe_step *s, struct probe_gap_row **ret, size_t *n)
{
	size_t gaps = s->n_gaps < STORED_GAPS ? s->n_gaps : STORED_GAPS;
	struct probe_gap_row *rows = calloc(gaps * LEDGER_PARTS + 1, sizeof(*rows));

	if (!rows)
		return -ENOMEM;
	*n = 0;
	for (size_t i = 0; i < gaps; i++)
		for (size_t part = 0; part < s->gaps[i].n_parts; part++)
			rows[(*n)++] = gap_row(&s->ledger, &s->gaps[i], part);
	*ret = rows;
	return 0;
}

int probe_store_step(sqlite3 *db, int64_t id, int step, const struct probe_step *s)
{
	_cleanup_(freep) struct probe_gap_row *gaps = NULL;
	struct probe_entry_row entries[LEDGER_ENTRIES];
	struct probe_step_row row = {
		.ring = s->ring,
		.ring_bytes = s->ring_bytes,
		.pps = s->pps,
		.began_ns = s->began_ns,
		.span_ns = s->span_ns,
		.sent = s->ledger.sent,
		.captured = s->ledger.captured,
		.unaccounted = s->ledger.unaccounted,
		.tap_delivered = s->tap_delivered,
		.tap_dropped = s->tap_dropped,
		.guest_cpu_ns = s->guest_cpu_ns,
		.guest_wall_ns = s->guest_wall_ns,
		.gaps = s->n_gaps,
		.entries = entries,
		.n_entries = entry_rows(&s->ledger, entries),
	};
	int r = gap_rows(s, &gaps, &row.n_gap_rows);

	row.gap_rows = gaps;
	return r < 0 ? r : probe_rows_step(db, id, step, &row, now_ns());
}

/* Reading. */

static json_t *value(const struct sql *q, int column)
{
	switch (sql_type(q, column)) {
	case SQLITE_TEXT:
		return out_text(sql_text(q, column));
	case SQLITE_FLOAT:
		return json_real(sql_double(q, column));
	default:
		return json_integer(sql_int64(q, column));
	}
}

/* Every row as an object, keys as the columns; NULL: they cannot be read. Closes @q. */
static json_t *rows(struct sql q)
{
	json_t *all = json_array();
	int r;

	while ((r = sql_step(&q)) > 0) {
		json_t *o = json_object();

		for (int i = 0; i < sql_columns(&q); i++)
			json_object_set_new(o, sql_column_name(&q, i), value(&q, i));
		json_array_append_new(all, o);
	}
	sql_close(&q);
	if (r == 0)
		return all;
	json_decref(all);
	return NULL;
}

json_t *probe_store_list(sqlite3 *db)
{
	return rows(probe_rows_list(db));
}

json_t *probe_store_show(sqlite3 *db, int64_t id)
{
	json_t *all = rows(probe_rows_probe(db, id)), *steps, *step, *o;
	size_t i;

	if (!all || !json_array_size(all)) {
		json_decref(all);
		return all ? json_null() : NULL;
	}
	o = json_incref(json_array_get(all, 0));
	json_decref(all);
	steps = rows(probe_rows_steps(db, id));
	json_array_foreach(steps, i, step) {
		int64_t n = json_integer_value(json_object_get(step, "step"));

		json_object_set_new(step, "ledger", rows(probe_rows_ledger(db, id, n)));
		json_object_set_new(step, "gaps", rows(probe_rows_gaps(db, id, n)));
	}
	json_object_set_new(o, "steps", steps);
	return o;
}
