/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Runs statements for the read_*.c files, and keeps what went wrong. See reader_priv.h. */
#include "reader_priv.h"

#include <stdarg.h>
#include <stdio.h>

int reader_fail(struct reader *v, int r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(v->why, sizeof(v->why), fmt, ap);
	va_end(ap);
	return r;
}

const char *reader_error(const struct reader *v)
{
	return v->why;
}

static int run(struct reader *v, const char *file, struct sql *q, row_fn *fn, void *arg)
{
	int r;

	while ((r = sql_step(q)) > 0)
		fn(q, arg);
	if (r < 0)
		reader_fail(v, r, "%s/%s: %s", v->dir, file, sql_why(q->db));
	sql_close(q);
	return r;
}

int meta_rows(struct reader *v, const char *sql, row_fn *fn, void *arg)
{
	struct sql q = sql_prepare(v->meta, sql);

	return run(v, "meta.db", &q, fn, arg);
}

int day_rows(struct day *d, struct sql *q, row_fn *fn, void *arg)
{
	return run(d->v, d->name, q, fn, arg);
}

int day_rows_all(struct day *d, const char *sql, row_fn *fn, void *arg)
{
	struct sql q = sql_prepare(d->db, sql);

	return day_rows(d, &q, fn, arg);
}

int day_rows_between(struct day *d, const char *sql, uint64_t after, uint64_t upto, row_fn *fn,
		     void *arg)
{
	struct sql q = sql_prepare(d->db, sql);

	sql_bind_uint64(&q, ":after", after);
	sql_bind_uint64(&q, ":upto", upto);
	return day_rows(d, &q, fn, arg);
}

int day_rows_past(struct day *d, const char *sql, row_fn *fn, void *arg)
{
	struct sql q = sql_prepare(d->db, sql);

	sql_bind_uint64(&q, ":day", d->past->day);
	return day_rows(d, &q, fn, arg);
}
