/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How the minutes of each device's days were: from history.db, and for a day that it does not know
 * yet from that day's rows. See reader.h. */
#include "collector/alloc.h"
#include "reader_priv.h"

#include <stdlib.h>
#include <string.h>

#include "schema/demand.h"

struct reading {
	struct reader_day_demand day;
	reader_demand_fn *fn;
	void *arg;
	struct demand *unpacked[2];		/* used again */
	struct device_day {
		struct demand *d[2];
		uint64_t peak[2];
	} *devices;				/* by id, of a day that is read row by row */
	size_t n_devices;
};

static const struct demand *unpack(struct reading *rd, int side, const struct sql *q, int column)
{
	struct demand *d = rd->unpacked[side];
	const void *blob;
	size_t len;

	if (sql_is_null(q, column))
		return NULL;
	memset(d, 0, sizeof(*d));
	blob = sql_blob(q, column, &len);
	return demand_unpack(d, blob, len) < 0 ? NULL : d;
}

static void on_past(const struct sql *q, void *arg)
{
	struct reading *rd = arg;

	rd->day.device = sql_int64(q, 0);
	rd->day.rx_peak = sql_uint64(q, 1);
	rd->day.tx_peak = sql_uint64(q, 2);
	rd->day.rx = unpack(rd, 0, q, 3);
	rd->day.tx = unpack(rd, 1, q, 4);
	rd->fn(&rd->day, rd->arg);
}

/* Columns: device_id, span_ns, then frames, peak, lost of rx and of tx. */
static void on_row(const struct sql *q, void *arg)
{
	struct reading *rd = arg;
	int64_t id = sql_int64(q, 0);

	if (id <= 0 || (size_t)id >= rd->n_devices)
		return;
	for (int side = 0; side < 2; side++) {
		struct device_day *dev = &rd->devices[id];
		uint64_t frames = sql_uint64(q, 2 + 3 * side), peak = sql_uint64(q, 3 + 3 * side);
		uint64_t lost = sql_uint64(q, 4 + 3 * side);

		if (!frames && !lost)
			continue;
		if (!dev->d[side])
			dev->d[side] = must(calloc(1, sizeof(struct demand)));
		dev->peak[side] = peak > dev->peak[side] ? peak : dev->peak[side];
		demand_add(dev->d[side], sql_uint64(q, 1), peak, frames, lost);
	}
}

static void give_devices(struct reading *rd)
{
	for (size_t i = 1; i < rd->n_devices; i++) {
		struct device_day *dev = &rd->devices[i];

		if (!dev->d[0] && !dev->d[1])
			continue;
		rd->day.device = (int64_t)i;
		rd->day.rx = dev->d[0];
		rd->day.tx = dev->d[1];
		rd->day.rx_peak = dev->peak[0];
		rd->day.tx_peak = dev->peak[1];
		rd->fn(&rd->day, rd->arg);
		free(dev->d[0]);
		free(dev->d[1]);
		*dev = (struct device_day){ 0 };
	}
}

static void set_day(struct reading *rd, uint64_t day)
{
	rd->day.day = day;
	rd->day.from_ns = day * NSEC_PER_DAY;
	rd->day.to_ns = rd->day.from_ns + NSEC_PER_DAY;
}

static int demands_of_day(struct day *d, void *arg)
{
	struct reading *rd = arg;
	int r;

	if (d->past) {
		set_day(rd, d->past->day);
		rd->day.newest = false;
		return day_rows_past(d,
				     "SELECT device_id, rx_peak, tx_peak, rx_demand, tx_demand "
				     "FROM traffic_day WHERE day = :day",
				     on_past, rd);
	}
	set_day(rd, d->from_ns / NSEC_PER_DAY);
	rd->day.newest = d->from_ns == d->v->days[d->v->n_days - 1].from_ns;
	rd->n_devices = d->v->n_devices;
	rd->devices = must(calloc(rd->n_devices + 1, sizeof(*rd->devices)));
	r = day_rows_all(d,
			 "SELECT device_id, span_ns, rx_frames, rx_peak, rx_lost, tx_frames, "
			 "tx_peak, tx_lost FROM traffic",
			 on_row, rd);
	give_devices(rd);
	free(rd->devices);
	rd->devices = NULL;
	return r;
}

int reader_demands(struct reader *v, uint64_t since, uint64_t until, reader_demand_fn *fn,
		   void *arg)
{
	struct reading rd = { .fn = fn, .arg = arg };
	uint64_t from = since - since % NSEC_PER_DAY, to = until + NSEC_PER_DAY - 1;
	int r;

	for (int side = 0; side < 2; side++)
		rd.unpacked[side] = must(malloc(sizeof(struct demand)));
	r = each_day_or_sum(v, from, to - to % NSEC_PER_DAY, demands_of_day, &rd);
	free(rd.unpacked[0]);
	free(rd.unpacked[1]);
	return r;
}
