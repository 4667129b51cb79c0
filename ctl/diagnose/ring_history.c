/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ring_history.h"

#include <stdlib.h>
#include <string.h>

#include "collector/base.h"
#include "collector/alloc.h"
#include "ctl/print/out.h"

struct reading {
	struct reader *v;
	const struct filter *f;
	uint64_t since, step_ns;
	struct ring_history s;
};

/* Was the device that NIC's at any time of the window? */
static bool wanted(const struct reading *rd, int64_t device)
{
	const struct vmref *ref = &rd->f->refs[0];
	const char *nic = reader_nic(rd->v, device);
	bool his = vmref_has(ref, 0, device);

	for (size_t i = rd->v->first_attachment[device]; i && !his;
	     i = rd->v->older_attachment[i]) {
		const struct reader_attachment *a = &rd->v->attachments[i];

		his = vmref_has(ref, a->vm_id, device) &&
		      (!a->until_ns || a->until_ns > rd->since) &&
		      a->since_ns < rd->since + rd->s.n_steps * rd->step_ns;
	}
	return his && (!rd->f->nic || (nic && !strcmp(rd->f->nic, nic)));
}

static void on_rings(const struct reader_headroom *h, uint64_t from_ns, uint64_t to_ns, void *arg)
{
	struct reading *rd = arg;
	struct ring_fill *f = &rd->s.all[rd->s.n];
	size_t at = (to_ns - 1 - rd->since) / rd->step_ns;

	(void)from_ns;
	if (!h->known)
		return;
	reader_occupancy_add(&f->points[at < rd->s.n_steps ? at : rd->s.n_steps - 1], h);
	reader_occupancy_add(&f->total, h);
}

/* One that nothing is known of has no curve. */
static int read_one(struct reading *rd, int64_t device)
{
	struct ring_fill *f;
	int r;

	if (alloc_resize(rd->s.all, rd->s.n + 1) < 0)
		abort();
	f = &rd->s.all[rd->s.n];
	*f = (struct ring_fill){
		.device = device,
		.points = must(calloc(rd->s.n_steps, sizeof(struct reader_headroom))),
	};
	r = reader_occupancy_fine(rd->v, rd->since, rd->since + rd->s.n_steps * rd->step_ns, device,
				  on_rings, rd);
	if (r >= 0 && f->total.known)
		rd->s.n++;
	else
		free(f->points);
	return r;
}

int ring_history_read(struct reader *v, const struct filter *f, uint64_t since, uint64_t step_ns,
		      size_t n, struct ring_history *ret)
{
	struct reading rd = {
		.v = v,
		.f = f,
		.since = since,
		.step_ns = step_ns,
		.s = { .n_steps = n },
	};
	int r = 0;

	for (size_t i = 1; i < v->n_devices && n && r >= 0; i++)
		if (v->devices[i].id && wanted(&rd, (int64_t)i))
			r = read_one(&rd, (int64_t)i);
	if (r < 0)
		ring_history_free(&rd.s);
	else
		*ret = rd.s;
	return r;
}

void ring_history_free(struct ring_history *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->all[i].points);
	free(s->all);
	*s = (struct ring_history){ 0 };
}

static json_t *point(const struct reader_headroom *h, uint64_t t_ns)
{
	return json_pack("{so so so so so}", "t_ns", out_int(t_ns), "peak_frames", out_int(h->peak),
			 "free_frames", out_int(h->free), "mean_frames",
			 h->samples ? json_real((double)h->sum / (double)h->samples) : json_null(),
			 "looks", out_int(h->samples));
}

json_t *ring_history_json(const struct reader *v, const struct ring_history *s,
			  ring_history_end_fn *end_ns, const void *arg)
{
	json_t *nics = must(json_array());

	for (size_t i = 0; i < s->n; i++) {
		json_t *points = must(json_array());

		for (size_t k = 0; k < s->n_steps; k++)
			if (s->all[i].points[k].known)
				json_array_append_new(points,
						      point(&s->all[i].points[k], end_ns(arg, k)));
		json_array_append_new(nics, json_pack("{so so}", "nic",
						      out_text(reader_nic(v, s->all[i].device)),
						      "points", points));
	}
	return nics;
}
