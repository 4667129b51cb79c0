/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What VMs' threads got of the processor, summed up. See view.h. */
#include "reader_priv.h"

#include <stdio.h>

#include "schema/pressure_sql.h"

struct pressure {
	reader_pressure_fn *fn;
	void *arg;
};

static uint64_t number(sqlite3_stmt *st, int column)
{
	return (uint64_t)sqlite3_column_int64(st, column);
}

static int peak(sqlite3_stmt *st, int column)
{
	return sqlite3_column_type(st, column) == SQLITE_NULL ? -1 : sqlite3_column_int(st, column);
}

static void on_sum(sqlite3_stmt *st, void *arg)
{
	const struct pressure *w = arg;
	struct reader_pressure p = {
		.vm = sqlite3_column_int64(st, 0),
		.span_ns = number(st, 1),
		.vcpu_ns = number(st, 2),
		.vhost_ns = number(st, 3),
		.vcpu_run_ns = number(st, 4),
		.vcpu_wait_ns = number(st, 5),
		.vhost_run_ns = number(st, 6),
		.vhost_wait_ns = number(st, 7),
		.emulator_run_ns = number(st, 8),
		.emulator_wait_ns = number(st, 9),
		.vcpu_peak = peak(st, 10),
		.vhost_peak = peak(st, 11),
	};

	w->fn(&p, w->arg);
}

/* Of a day whose file is gone: the hours that touch the window, else the whole day. */
static int past_pressure(struct day *d, void *arg)
{
	char sql[1024];
	int r = day_version(d);

	if (r < 2)
		return r < 0 ? r : 0;
	if (!d->past->hours || day_whole(d))
		return each_row(d,
				"SELECT vm_id, " WAITED_SUMS
				" FROM pressure_day WHERE day = ?1 AND ?2 GROUP BY vm_id",
				d->past->day, 1, on_sum, arg);
	snprintf(sql, sizeof(sql),
		 "SELECT vm_id, " WAITED_SUMS
		 " FROM pressure_hour WHERE day = %llu AND (hour + 1) * 3600000000000 > ?1 "
		 "AND hour * 3600000000000 < ?2 GROUP BY vm_id",
		 (unsigned long long)d->past->day);
	return each_row(d, sql, d->since, d->until, on_sum, arg);
}

static int pressure_of_day(struct day *d, void *arg)
{
	int r;

	if (d->past)
		return past_pressure(d, arg);
	r = each_row(d,
		     "SELECT vm_id, " WAITED_ROWS
		     " FROM pressure WHERE t_ns > ?1 AND t_ns <= ?2 GROUP BY vm_id",
		     d->since, d->until, on_sum, arg);
	if (r >= 0)
		r = day_version(d);
	if (r < 2)
		return r < 0 ? r : 0;
	/* Of a day that was thinned: hours at the edges, too. */
	return each_row(
		d,
		"SELECT vm_id, " WAITED_SUMS
		" FROM pressure_hour WHERE t_ns + 3600000000000 > ?1 AND t_ns < ?2 GROUP BY vm_id",
		d->since, d->until, on_sum, arg);
}

int reader_pressure(struct reader *v, uint64_t since, uint64_t until, reader_pressure_fn *fn,
		    void *arg)
{
	struct pressure w = { fn, arg };

	return each_day_or_sum(v, since, until, pressure_of_day, &w);
}
