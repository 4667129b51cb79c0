/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store_priv.h"

#include <errno.h>
#include <string.h>

#include "collector/clock.h"

enum same { SAME_NOTHING, SAME_BOOT, SAME_COUNTERS };

static int compare(struct store *s, const struct loss_epoch *epoch, enum same *ret)
{
	_cleanup_(store_resetp) sqlite3_stmt *st = NULL;
	int r = store_query(&s->day, &st, "SELECT boot_id = ?, map_id = ? FROM epoch", "ti",
			    epoch->boot_id, (int64_t)epoch->map_id);

	if (r < 0)
		return r;
	*ret = SAME_NOTHING;
	if (r > 0 && sqlite3_column_int(st, 0))
		*ret = sqlite3_column_int(st, 1) ? SAME_COUNTERS : SAME_BOOT;
	return 0;
}

static int begin_epoch(struct store *s, const struct loss_epoch *epoch, bool new_boot)
{
	int r = store_begin(&s->day);

	if (r < 0)
		return r;
	r = store_exec(&s->day, "DELETE FROM baseline", "");
	if (r >= 0 && new_boot)
		r = store_exec(&s->day, "DELETE FROM device_baseline", "");
	if (r >= 0)
		r = store_exec(&s->day, "UPDATE self SET baseline = 0", "");
	if (r >= 0)
		r = store_exec(&s->day, "INSERT OR REPLACE INTO epoch VALUES (1, ?, ?)", "ti",
			       epoch->boot_id, (int64_t)epoch->map_id);
	return store_end(&s->day, r);
}

static int each_baseline(struct store *s, store_baseline_fn *fn, void *arg)
{
	_cleanup_(store_resetp) sqlite3_stmt *st = NULL;
	int r = store_query(&s->day, &st,
			    "SELECT key, born_ns, frames, segments, bytes FROM baseline", "");

	for (; r > 0; r = store_next(&s->day, st)) {
		struct loss_total total = {
			.born_ns = store_u64(st, 1),
			.frames = store_u64(st, 2),
			.segments = store_u64(st, 3),
			.bytes = store_u64(st, 4),
		};
		struct tl_loss_key key;

		if (sqlite3_column_bytes(st, 0) != (int)sizeof(key))
			return store_complain(&s->day, -EUCLEAN, "a baseline has the wrong size");
		memcpy(&key, sqlite3_column_blob(st, 0), sizeof(key));
		r = fn(&key, &total, arg);
		if (r)
			return r;
	}
	return r;
}

int store_baselines(struct store *s, const struct loss_epoch *epoch, bool *ret_known,
		    store_baseline_fn *fn, void *arg)
{
	enum same same;
	int r = s->today.name[0] ? 0 : store_day_for(s, utc_ns());

	if (r >= 0)
		r = compare(s, epoch, &same);
	if (r < 0)
		return r;
	if (same == SAME_COUNTERS)
		r = each_baseline(s, fn, arg);
	else
		r = begin_epoch(s, epoch, same == SAME_NOTHING);
	if (r >= 0)
		*ret_known = same == SAME_COUNTERS;
	return r;
}

int store_device_baseline(struct store *s, int64_t device_id, struct link_counters *ret)
{
	_cleanup_(store_resetp) sqlite3_stmt *st = NULL;
	int r = s->today.name[0]
			? store_query(&s->day, &st,
				      "SELECT rx_frames, rx_bytes, tx_frames, tx_bytes, "
				      "rx_dropped, tx_dropped, "
				      "rx_errors, tx_errors, rx_frame_errors, qdisc_dropped FROM "
				      "device_baseline WHERE device_id = ?",
				      "i", device_id)
			: 0;

	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	*ret = (struct link_counters){
		.rx_frames = store_u64(st, 0),
		.rx_bytes = store_u64(st, 1),
		.tx_frames = store_u64(st, 2),
		.tx_bytes = store_u64(st, 3),
		.rx_dropped = store_u64(st, 4),
		.tx_dropped = store_u64(st, 5),
		.rx_errors = store_u64(st, 6),
		.tx_errors = store_u64(st, 7),
		.rx_frame_errors = store_u64(st, 8),
		.qdisc_dropped = store_u64(st, 9),
	};
	return 0;
}

int store_self_baseline(struct store *s, const char *name, uint64_t *ret)
{
	_cleanup_(store_resetp) sqlite3_stmt *st = NULL;
	int r = s->today.name[0]
			? store_query(&s->day, &st, "SELECT baseline FROM self WHERE name = ?", "t",
				      name)
			: 0;

	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	*ret = store_u64(st, 0);
	return 0;
}

int store_covered_until(struct store *s, uint64_t *ret)
{
	*ret = s->covered_ns;
	return 0;
}
