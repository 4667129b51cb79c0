/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For which time losses were counted. A row grows as long as one tick begins where the one before
 * ended. */
#include "store_priv.h"

int store_coverage_end(struct store *s, uint64_t *ret)
{
	_cleanup_(sql_closep) struct sql q = db_sql(
		&s->day, "SELECT max(coalesce((SELECT to_ns FROM coverage "
			 "ORDER BY from_ns DESC LIMIT 1), 0), "
			 "coalesce((SELECT max(t_ns) FROM tick), 0))");
	int64_t end;
	int r = sql_value(&q, &end);

	if (r >= 0)
		*ret = (uint64_t)end;
	return r;
}

static int put(struct store *s, uint64_t from_ns, uint64_t to_ns, const char *how)
{
	struct sql q = db_sql(&s->day, "INSERT INTO coverage VALUES (:from_ns, :to_ns, :how) "
				       "ON CONFLICT DO UPDATE SET "
				       "to_ns = max(to_ns, excluded.to_ns), how = excluded.how");

	sql_bind_uint64(&q, ":from_ns", from_ns);
	sql_bind_uint64(&q, ":to_ns", to_ns);
	sql_bind_text(&q, ":how", how);
	return sql_run(&q);
}

/* The row that grows. */
static int lengthen(struct store *s, uint64_t to_ns)
{
	struct sql q =
		db_sql(&s->day, "UPDATE coverage SET to_ns = :to_ns WHERE from_ns = :from_ns");

	sql_bind_uint64(&q, ":to_ns", to_ns);
	sql_bind_uint64(&q, ":from_ns", s->cover_from_ns);
	return sql_run(&q);
}

int store_coverage_write(struct store *s, const struct store_tick *t, uint64_t *ret)
{
	uint64_t from = t->span_ns < t->t_ns ? t->t_ns - t->span_ns : 0;
	const char *how = t->how ? t->how : "tick";
	bool joins = s->last_ns && from <= s->last_ns && s->covered_ns < t->t_ns;

	*ret = 0;
	if (t->gap) {
		*ret = t->t_ns;
		return put(s, t->t_ns, t->t_ns, how);
	}
	if (t->caught_up)
		return put(s, from, t->t_ns, "catch-up");
	if (joins && s->cover_from_ns) {
		*ret = s->cover_from_ns;
		return lengthen(s, t->t_ns);
	}
	/* Empty ticks before it may not be written yet. */
	*ret = joins && s->covered_ns ? s->covered_ns : from;
	return put(s, *ret, t->t_ns, how);
}

int store_coverage_flush(struct store *s)
{
	uint64_t to = s->last_ns;
	int r;

	if (to <= s->covered_ns || !s->cover_from_ns)
		return 0;
	r = db_begin(&s->day);
	if (r < 0)
		return r;
	r = db_end(&s->day, lengthen(s, to));
	if (r >= 0)
		s->covered_ns = to;
	return r;
}

int store_covered_until(struct store *s, uint64_t *ret)
{
	*ret = s->covered_ns;
	return 0;
}
