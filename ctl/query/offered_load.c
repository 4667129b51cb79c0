/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "offered_load.h"

#include <stdlib.h>

#include "collector/base.h"

struct reading {
	bool tx;
	uint64_t frames, span_ns, peak;
};

static void on_minute(const struct reader_traffic_row *t, void *arg)
{
	struct reading *rd = arg;
	uint64_t lost = t->lost[rd->tx], peak = t->peak[rd->tx];

	if (!lost)
		return;
	rd->span_ns += t->to_ns - t->from_ns;
	rd->frames += t->delivered[rd->tx] + lost;
	rd->peak = peak > rd->peak ? peak : rd->peak;
}

int offered_load_read(struct reader *v, int64_t device, bool tx, uint64_t since, uint64_t until,
		      struct offered_load *ret)
{
	_cleanup_(freep) bool *wanted = calloc(v->n_devices + 1, sizeof(*wanted));
	struct reading rd = { .tx = tx };
	int r;

	if (!wanted)
		abort();
	if (reader_device(v, device))
		wanted[device] = true;
	r = reader_traffic_rows(v, wanted, since, until, on_minute, &rd);
	if (r < 0)
		return r;
	*ret = (struct offered_load){
		.mean_fps = rd.span_ns ? (uint64_t)((double)rd.frames * (double)NSEC_PER_SEC /
						    (double)rd.span_ns)
				       : 0,
		.peak_fps = rd.peak,
	};
	return 0;
}
