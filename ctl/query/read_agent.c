/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The agent: its runs, what its sources say of themselves, its own totals. See reader.h. */
#include "reader_priv.h"

struct wanted {
	union {
		reader_run_fn *run;
		reader_source_fn *source;
		reader_limitation_fn *limitation;
	};
	void *arg;
};

static void on_run(const struct sql *q, void *arg)
{
	const struct wanted *w = arg;
	const struct reader_run run = {
		.since_ns = sql_uint64(q, 0),
		.until_ns = sql_uint64(q, 1),
		.clean = sql_int64(q, 2) != 0,
		.interval_ns = sql_uint64(q, 3),
		.reasons = sql_uint64(q, 4),
		.version = sql_text(q, 5),
		.kernel = sql_text(q, 6),
	};

	w->run(&run, w->arg);
}

#define RUNS "SELECT since_ns, until_ns, clean, interval_ns, reasons, version, kernel FROM run "

int reader_runs(struct reader *v, reader_run_fn *fn, void *arg)
{
	struct wanted w = { .run = fn, .arg = arg };

	return meta_rows(v, RUNS "ORDER BY id", on_run, &w);
}

int reader_newest_run(struct reader *v, reader_run_fn *fn, void *arg)
{
	struct wanted w = { .run = fn, .arg = arg };

	return meta_rows(v, RUNS "ORDER BY id DESC LIMIT 1", on_run, &w);
}

static void on_source(const struct sql *q, void *arg)
{
	const struct wanted *w = arg;

	w->source(&(struct reader_source){ sql_text(q, 0), sql_text(q, 1), sql_text(q, 2),
					   sql_uint64(q, 3) },
		  w->arg);
}

int reader_sources(struct reader *v, reader_source_fn *fn, void *arg)
{
	struct wanted w = { .source = fn, .arg = arg };

	return meta_rows(v, "SELECT name, state, why, since_ns FROM source ORDER BY name",
			 on_source, &w);
}

static void on_limitation(const struct sql *q, void *arg)
{
	const struct wanted *w = arg;

	w->limitation(&(struct reader_limitation){ sql_text(q, 0), sql_text(q, 1), sql_text(q, 2) },
		      w->arg);
}

int reader_limitations(struct reader *v, reader_limitation_fn *fn, void *arg)
{
	struct wanted w = { .limitation = fn, .arg = arg };

	return meta_rows(v, "SELECT loss, why, witness FROM blind ORDER BY id", on_limitation, &w);
}

static void on_total(const struct sql *q, void *arg)
{
	*(uint64_t *)arg = sql_uint64(q, 0);
}

struct self {
	const char *name;
	uint64_t total;
};

static int self_of_day(struct day *d, void *arg)
{
	struct self *s = arg;
	struct sql q = sql_prepare(d->db, "SELECT total FROM self WHERE name = :name");

	/* Totals are carried from day to day, so the last file's word is the one that holds. */
	sql_bind_text(&q, ":name", s->name);
	return day_rows(d, &q, on_total, &s->total);
}

int reader_self(struct reader *v, const char *name, uint64_t *ret)
{
	struct self s = { .name = name };
	int r = v->n_days ? each_day(v, v->days[v->n_days - 1].from_ns, UINT64_MAX >> 1,
				     self_of_day, &s)
			  : 0;

	*ret = s.total;
	return r;
}
