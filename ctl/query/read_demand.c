/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How the minutes of each device's days were: from history.db, and for a day that it does not know
 * yet from that day's rows. See view.h. */
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

static void *must(void *p)
{
	if (!p)
		abort();
	return p;
}

static const struct demand *unpack(struct reading *rd, int side, sqlite3_stmt *st, int column)
{
	struct demand *d = rd->unpacked[side];

	if (sqlite3_column_type(st, column) == SQLITE_NULL)
		return NULL;
	memset(d, 0, sizeof(*d));
	if (demand_unpack(d, sqlite3_column_blob(st, column),
			  (size_t)sqlite3_column_bytes(st, column)) < 0)
		return NULL;
	return d;
}

static void on_past(sqlite3_stmt *st, void *arg)
{
	struct reading *rd = arg;

	rd->day.device = sqlite3_column_int64(st, 0);
	rd->day.rx_peak = (uint64_t)sqlite3_column_int64(st, 1);
	rd->day.tx_peak = (uint64_t)sqlite3_column_int64(st, 2);
	rd->day.rx = unpack(rd, 0, st, 3);
	rd->day.tx = unpack(rd, 1, st, 4);
	rd->fn(&rd->day, rd->arg);
}

/* Columns: device_id, span_ns, then frames, peak, lost of rx and of tx. */
static void on_row(sqlite3_stmt *st, void *arg)
{
	struct reading *rd = arg;
	int64_t id = sqlite3_column_int64(st, 0);

	if (id <= 0 || (size_t)id >= rd->n_devices)
		return;
	for (int side = 0; side < 2; side++) {
		struct device_day *dev = &rd->devices[id];
		uint64_t frames = (uint64_t)sqlite3_column_int64(st, 2 + 3 * side),
			 peak = (uint64_t)sqlite3_column_int64(st, 3 + 3 * side);
		uint64_t lost = (uint64_t)sqlite3_column_int64(st, 4 + 3 * side);

		if (!frames && !lost)
			continue;
		if (!dev->d[side])
			dev->d[side] = must(calloc(1, sizeof(struct demand)));
		dev->peak[side] = peak > dev->peak[side] ? peak : dev->peak[side];
		demand_add(dev->d[side], (uint64_t)sqlite3_column_int64(st, 1), peak, frames, lost);
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
		return each_row(d,
				"SELECT device_id, rx_peak, tx_peak, rx_demand, tx_demand FROM "
				"traffic_day WHERE day = ?1 AND ?2",
				d->past->day, 1, on_past, rd);
	}
	set_day(rd, d->from_ns / NSEC_PER_DAY);
	rd->day.newest = d->from_ns == d->v->days[d->v->n_days - 1].from_ns;
	rd->n_devices = d->v->n_devices;
	rd->devices = must(calloc(rd->n_devices + 1, sizeof(*rd->devices)));
	r = each_row(d,
		     "SELECT device_id, span_ns, rx_frames, rx_peak, rx_lost, tx_frames, tx_peak, "
		     "tx_lost FROM traffic WHERE ?1 AND ?2",
		     1, 1, on_row, rd);
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
