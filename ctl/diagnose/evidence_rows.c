/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "evidence_priv.h"

#include <stdio.h>
#include <stdlib.h>

#include "collector/base.h"
#include "collector/alloc.h"

static void on_pressure(const struct reader_pressure_row *row, void *arg)
{
	struct work *w = arg;
	struct pressure_row *p;

	if (alloc_double(w->pressure, w->n_pressure) < 0)
		abort();
	p = &w->pressure[w->n_pressure++];
	*p = (struct pressure_row){
		.from_ns = row->from_ns,
		.to_ns = row->to_ns,
		.threads = { row->vcpus, row->vhosts, 1 },
	};
	for (int g = 0; g < GROUPS; g++) {
		p->run_ns[g] = row->run_ns[g];
		p->wait_ns[g] = row->wait_ns[g];
	}
}

static void on_traffic(const struct reader_traffic_row *row, void *arg)
{
	struct work *w = arg;
	const struct reader_attachment *a = reader_attached(w->v, row->device, row->to_ns);
	struct traffic_row *t;

	if (!a || a->vm_id != w->vm_id)
		return;
	if (alloc_double(w->traffic, w->n_traffic) < 0)
		abort();
	t = &w->traffic[w->n_traffic++];
	*t = (struct traffic_row){
		.device = a->device_id,
		.from_ns = row->from_ns,
		.to_ns = row->to_ns,
		.came = { row->delivered[0] + row->lost[0], row->delivered[1] + row->lost[1] },
		.delivered = { row->delivered[0], row->delivered[1] },
	};
	if (row->lost[0])
		return;
	t->peak = row->ring_peak;
	t->looks = row->ring_samples;
	t->sum = row->ring_sum;
}

int evidence_rows(struct work *w, uint64_t since, uint64_t until)
{
	_cleanup_(freep) bool *devices = must(calloc(w->v->n_devices + 1, sizeof(*devices)));
	int r = reader_pressure_rows(w->v, w->vm_id, since, until, on_pressure, w);

	for (size_t i = 0; i < w->v->n_attachments; i++) {
		const struct reader_attachment *a = &w->v->attachments[i];

		if (a->vm_id == w->vm_id && reader_device(w->v, a->device_id))
			devices[a->device_id] = true;
	}
	return r < 0 ? r : reader_traffic_rows(w->v, devices, since, until, on_traffic, w);
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
