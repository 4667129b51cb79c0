/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store_priv.h"

static int insert_run(struct store *s, const struct store_run *run)
{
	struct sql q = db_sql(
		&s->meta,
		"INSERT INTO run (pid, version, kernel, reasons, interval_ns, since_ns) "
		"VALUES (:pid, :version, :kernel, :reasons, :interval_ns, :since_ns)");

	sql_bind_int64(&q, ":pid", run->pid);
	sql_bind_text(&q, ":version", run->version);
	sql_bind_text(&q, ":kernel", run->kernel);
	sql_bind_int64(&q, ":reasons", run->reasons);
	sql_bind_uint64(&q, ":interval_ns", run->interval_ns);
	sql_bind_uint64(&q, ":since_ns", run->since_ns);
	return sql_run(&q);
}

int store_run_begin(struct store *s, const struct store_run *run)
{
	int64_t id = 0;
	int r = store_meta_begin(s);

	if (r < 0)
		return r;
	r = db_run(&s->meta, "DELETE FROM source");	/* those of the last run */
	if (r >= 0)
		r = insert_run(s, run);
	if (r >= 0)
		id = sql_last_id(s->meta.sql.db);
	r = store_meta_end(s, r);
	if (r >= 0)
		s->run_id = id;
	return r;
}

static int update_interval(struct store *s, uint64_t interval_ns)
{
	struct sql q = db_sql(&s->meta, "UPDATE run SET interval_ns = :interval_ns WHERE id = :id");

	sql_bind_uint64(&q, ":interval_ns", interval_ns);
	sql_bind_int64(&q, ":id", s->run_id);
	return sql_run(&q);
}

int store_run_interval(struct store *s, uint64_t interval_ns, uint64_t now_ns)
{
	int r = store_meta_begin(s);

	if (r < 0)
		return r;
	r = store_event_interval(s, interval_ns, now_ns);
	if (r >= 0)
		r = update_interval(s, interval_ns);
	return store_meta_end(s, r);
}

static int update_end(struct store *s)
{
	struct sql q = db_sql(&s->meta, "UPDATE run SET until_ns = max(since_ns, :until_ns), "
					"clean = 1 WHERE id = :id");

	sql_bind_uint64(&q, ":until_ns", s->last_ns);
	sql_bind_int64(&q, ":id", s->run_id);
	return sql_run(&q);
}

int store_run_end(struct store *s)
{
	int r = store_meta_begin(s);

	return r < 0 ? r : store_meta_end(s, update_end(s));
}

int store_run_died(struct store *s)
{
	_cleanup_(sql_closep) struct sql q =
		db_sql(&s->meta, "SELECT clean FROM run ORDER BY id DESC LIMIT 1");
	int r = sql_step(&q);

	return r > 0 ? !sql_int64(&q, 0) : r;
}
