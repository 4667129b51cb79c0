/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "offered_load.h"

#include "reader_priv.h"

struct reading {
	int64_t device;
	bool tx;
	uint64_t frames, span_ns, peak;
};

static void on_minute(sqlite3_stmt *st, void *arg)
{
	struct reading *rd = arg;
	uint64_t lost = (uint64_t)sqlite3_column_int64(st, 3),
		 peak = (uint64_t)sqlite3_column_int64(st, 4);

	if (sqlite3_column_int64(st, 0) != rd->device || !lost)
		return;
	rd->span_ns += (uint64_t)sqlite3_column_int64(st, 1);
	rd->frames += (uint64_t)sqlite3_column_int64(st, 2) + lost;
	rd->peak = peak > rd->peak ? peak : rd->peak;
}

static int minutes_of_day(struct day *d, void *arg)
{
	const struct reading *rd = arg;

	if (d->past)
		return 0;
	return each_row(d,
			rd->tx ? "SELECT device_id, span_ns, tx_frames, tx_lost, tx_peak FROM "
				 "traffic WHERE t_ns > ?1 AND t_ns <= ?2 + 60000000000"
			       : "SELECT device_id, span_ns, rx_frames, rx_lost, rx_peak FROM "
				 "traffic WHERE t_ns > ?1 AND t_ns <= ?2 + 60000000000",
			d->since, d->until, on_minute, arg);
}

int offered_load_read(struct reader *v, int64_t device, bool tx, uint64_t since, uint64_t until,
		      struct offered_load *ret)
{
	struct reading rd = { .device = device, .tx = tx };
	int r = each_day(v, since, until, minutes_of_day, &rd);

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
