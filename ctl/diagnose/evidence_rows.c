/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "evidence_priv.h"

#include <stdio.h>
#include <stdlib.h>

#include "collector/base.h"
#include "ctl/query/reader_priv.h"

static uint64_t number(sqlite3_stmt *st, int i)
{
	return (uint64_t)sqlite3_column_int64(st, i);
}

static void on_pressure(sqlite3_stmt *st, void *arg)
{
	struct work *w = arg;
	struct pressure_row *p;

	w->pressure = more(w->pressure, w->n_pressure, sizeof(*w->pressure));
	p = &w->pressure[w->n_pressure++];
	*p = (struct pressure_row){
		.from_ns = number(st, 0) - number(st, 2),
		.to_ns = number(st, 0),
		.threads = { (unsigned int)number(st, 3), (unsigned int)number(st, 4), 1 },
	};
	for (int g = 0; g < GROUPS; g++) {
		p->run_ns[g] = number(st, 5 + 2 * g);
		p->wait_ns[g] = number(st, 6 + 2 * g);
	}
}

static int pressure_of_day(struct day *d, void *arg)
{
	const struct work *w = arg;
	char sql[320];

	if (d->past)
		return 0;
	snprintf(sql, sizeof(sql),
		 "SELECT t_ns, vm_id, span_ns, vcpus, vhosts, vcpu_run_ns, vcpu_wait_ns, "
		 "vhost_run_ns, vhost_wait_ns, emulator_run_ns, "
		 "emulator_wait_ns FROM pressure WHERE t_ns > ?1 AND t_ns <= ?2 + 10000000000 AND "
		 "vm_id = %lld ORDER BY t_ns",
		 (long long)w->vm_id);
	return each_row(d, sql, d->since, d->until, on_pressure, arg);
}

static void on_traffic(sqlite3_stmt *st, void *arg)
{
	struct work *w = arg;
	const struct reader_attachment *a =
		reader_attached(w->v, sqlite3_column_int64(st, 1), number(st, 0));

	if (!a || a->vm_id != w->vm_id)
		return;
	w->traffic = more(w->traffic, w->n_traffic, sizeof(*w->traffic));
	w->traffic[w->n_traffic] =
		(struct traffic_row){ .device = a->device_id,
				      .from_ns = number(st, 0) - number(st, 2),
				      .to_ns = number(st, 0),
				      .came = { number(st, 3) + number(st, 5),
						number(st, 4) + number(st, 6) },
				      .delivered = { number(st, 3), number(st, 4) } };
	if (!number(st, 5)) {
		w->traffic[w->n_traffic].peak = number(st, 7);
		w->traffic[w->n_traffic].looks = number(st, 8);
		w->traffic[w->n_traffic].sum = number(st, 9);
	}
	w->n_traffic++;
}

/* "(3, 9)": a day of a big host has millions of rows, and these are left out before they are looked
 * at. The caller frees it. */
static char *devices_of(const struct work *w)
{
	char *list = NULL;
	size_t size;
	FILE *f = open_memstream(&list, &size);

	if (!f)
		abort();
	fputs("(0", f);
	for (size_t i = 0; i < w->v->n_attachments; i++)
		if (w->v->attachments[i].vm_id == w->vm_id)
			fprintf(f, ", %lld", (long long)w->v->attachments[i].device_id);
	putc(')', f);
	if (fclose(f))
		abort();
	return list;
}

static int traffic_of_day(struct day *d, void *arg)
{
	_cleanup_(freep) char *devices = NULL, *sql = NULL;
	int version = d->past ? 0 : day_version(d);

	if (version <= 0)
		return version;
	devices = devices_of(arg);
	if (asprintf(&sql,
		     "SELECT t_ns, device_id, span_ns, rx_frames, tx_frames, rx_lost, tx_lost, %s "
		     "FROM traffic WHERE t_ns > ?1 "
		     "AND t_ns <= ?2 + 60000000000 AND device_id IN %s ORDER BY t_ns",
		     version < 2 ? "0, 0, 0" : "ring_peak, ring_samples, ring_sum", devices) < 0)
		abort();
	return each_row(d, sql, d->since, d->until, on_traffic, arg);
}

int evidence_rows(struct work *w, uint64_t since, uint64_t until)
{
	int r = each_day(w->v, since, until, pressure_of_day, w);

	return r < 0 ? r : each_day(w->v, since, until, traffic_of_day, w);
}

void evidence_weigh(struct work *w)
{
	uint64_t wait[GROUPS] = { 0 }, span = 0;

	for (size_t i = 0; i < w->n_pressure; i++) {
		struct pressure_row *p = &w->pressure[i];
		bool lost = false;

		for (size_t k = 0; k < w->bursts.n; k++) {
			const struct burst *b = &w->bursts.all[k];

			if (b->last_ns < p->from_ns || b->start_ns > p->to_ns)
				continue;
			lost = true;
			p->lost_ns += overlap(p->from_ns, p->to_ns, b->start_ns, b->last_ns);
		}
		if (lost)
			continue;
		span += p->to_ns - p->from_ns;
		for (int g = 0; g < GROUPS; g++)
			wait[g] += p->wait_ns[g];
	}
	for (int g = 0; g < GROUPS && span; g++)
		w->quiet[g] = (double)wait[g] / (double)span;
}
