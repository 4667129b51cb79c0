/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What VMs' threads got of the processor, summed up. See reader.h. */
#include "reader_priv.h"

#include <stdio.h>

#include "schema/pressure_sql.h"

struct pressure {
	reader_pressure_fn *fn;
	void *arg;
};

static uint64_t number(const struct sql *q, int column)
{
	return sql_uint64(q, column);
}

static int peak(const struct sql *q, int column)
{
	return sql_is_null(q, column) ? -1 : (int)sql_int64(q, column);
}

static void on_sum(const struct sql *q, void *arg)
{
	const struct pressure *w = arg;
	struct reader_pressure p = {
		.vm = sql_int64(q, 0),
		.span_ns = number(q, 1),
		.vcpu_ns = number(q, 2),
		.vhost_ns = number(q, 3),
		.vcpu_run_ns = number(q, 4),
		.vcpu_wait_ns = number(q, 5),
		.vhost_run_ns = number(q, 6),
		.vhost_wait_ns = number(q, 7),
		.emulator_run_ns = number(q, 8),
		.emulator_wait_ns = number(q, 9),
		.vcpu_peak = peak(q, 10),
		.vhost_peak = peak(q, 11),
	};

	w->fn(&p, w->arg);
}

/* Of a day whose file is gone: the hours that touch the window, else the whole day. */
static int past_pressure(struct day *d, void *arg)
{
	struct sql q;
	int r = day_version(d);

	if (r < 2)
		return r < 0 ? r : 0;
	if (!d->past->hours || day_whole(d))
		return day_rows_past(d,
				     "SELECT vm_id, " WAITED_SUMS
				     " FROM pressure_day WHERE day = :day GROUP BY vm_id",
				     on_sum, arg);
	q = sql_prepare(d->db,
			"SELECT vm_id, " WAITED_SUMS " FROM pressure_hour WHERE day = :day AND "
			"(hour + 1) * 3600000000000 > :since AND "
			"hour * 3600000000000 < :until GROUP BY vm_id");
	sql_bind_uint64(&q, ":day", d->past->day);
	sql_bind_uint64(&q, ":since", d->since);
	sql_bind_uint64(&q, ":until", d->until);
	return day_rows(d, &q, on_sum, arg);
}

static int pressure_of_day(struct day *d, void *arg)
{
	int r;

	if (d->past)
		return past_pressure(d, arg);
	r = day_rows_between(d,
			     "SELECT vm_id, " WAITED_ROWS
			     " FROM pressure WHERE t_ns > :after AND t_ns <= :upto GROUP BY vm_id",
			     d->since, d->until, on_sum, arg);
	if (r >= 0)
		r = day_version(d);
	if (r < 2)
		return r < 0 ? r : 0;
	/* Of a day that was thinned: hours at the edges, too. */
	return day_rows_between(d,
				"SELECT vm_id, " WAITED_SUMS " FROM pressure_hour "
				"WHERE t_ns + 3600000000000 > :after AND t_ns < :upto "
				"GROUP BY vm_id",
				d->since, d->until, on_sum, arg);
}

int reader_pressure(struct reader *v, uint64_t since, uint64_t until, reader_pressure_fn *fn,
		    void *arg)
{
	struct pressure w = { fn, arg };

	return each_day_or_sum(v, since, until, pressure_of_day, &w);
}

struct reading {
	int64_t vm;
	reader_pressure_row_fn *fn;
	void *arg;
};

static void on_row(const struct sql *q, void *arg)
{
	const struct reading *rd = arg;
	struct reader_pressure_row p = {
		.from_ns = number(q, 0) - number(q, 1),
		.to_ns = number(q, 0),
		.vcpus = (unsigned int)number(q, 2),
		.vhosts = (unsigned int)number(q, 3),
	};

	for (int i = 0; i < 3; i++) {
		p.run_ns[i] = number(q, 4 + 2 * i);
		p.wait_ns[i] = number(q, 5 + 2 * i);
	}
	rd->fn(&p, rd->arg);
}

static int rows_of_day(struct day *d, void *arg)
{
	const struct reading *rd = arg;
	struct sql q;

	if (d->past)
		return 0;
	q = sql_prepare(d->db,
			"SELECT t_ns, span_ns, vcpus, vhosts, vcpu_run_ns, vcpu_wait_ns, "
			"vhost_run_ns, vhost_wait_ns, emulator_run_ns, emulator_wait_ns "
			"FROM pressure WHERE t_ns > :since AND t_ns <= :until + 10000000000 AND "
			"vm_id = :vm ORDER BY t_ns");
	sql_bind_uint64(&q, ":since", d->since);
	sql_bind_uint64(&q, ":until", d->until);
	sql_bind_int64(&q, ":vm", rd->vm);
	return day_rows(d, &q, on_row, arg);
}

int reader_pressure_rows(struct reader *v, int64_t vm, uint64_t since, uint64_t until,
			 reader_pressure_row_fn *fn, void *arg)
{
	struct reading rd = { vm, fn, arg };

	return each_day(v, since, until, rows_of_day, &rd);
}
