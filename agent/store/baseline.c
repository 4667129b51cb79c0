/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <string.h>

#include "collector/clock.h"
#include "store_priv.h"

enum same { SAME_NOTHING, SAME_BOOT, SAME_COUNTERS };

static int compare(struct store *s, const struct loss_epoch *epoch, enum same *ret)
{
	_cleanup_(sql_closep) struct sql q =
		db_sql(&s->day, "SELECT boot_id = :boot_id, map_id = :map_id FROM epoch");
	int r;

	sql_bind_text(&q, ":boot_id", epoch->boot_id);
	sql_bind_int64(&q, ":map_id", (int64_t)epoch->map_id);
	r = sql_step(&q);
	if (r < 0)
		return r;
	*ret = SAME_NOTHING;
	if (r > 0 && sql_int64(&q, 0))
		*ret = sql_int64(&q, 1) ? SAME_COUNTERS : SAME_BOOT;
	return 0;
}

static int put_epoch(struct store *s, const struct loss_epoch *epoch)
{
	struct sql q =
		db_sql(&s->day, "INSERT OR REPLACE INTO epoch VALUES (1, :boot_id, :map_id)");

	sql_bind_text(&q, ":boot_id", epoch->boot_id);
	sql_bind_int64(&q, ":map_id", (int64_t)epoch->map_id);
	return sql_run(&q);
}

static int begin_epoch(struct store *s, const struct loss_epoch *epoch, bool new_boot)
{
	int r = db_begin(&s->day);

	if (r < 0)
		return r;
	r = db_run(&s->day, "DELETE FROM baseline");
	if (r >= 0 && new_boot)
		r = db_run(&s->day, "DELETE FROM device_baseline");
	if (r >= 0)
		r = db_run(&s->day, "UPDATE self SET baseline = 0");
	if (r >= 0)
		r = put_epoch(s, epoch);
	return db_end(&s->day, r);
}

static int each_baseline(struct store *s, store_baseline_fn *fn, void *arg)
{
	_cleanup_(sql_closep) struct sql q =
		db_sql(&s->day, "SELECT key, born_ns, frames, segments, bytes FROM baseline");
	int r;

	while ((r = sql_step(&q)) > 0) {
		struct loss_total total = {
			.born_ns = sql_uint64(&q, 1),
			.frames = sql_uint64(&q, 2),
			.segments = sql_uint64(&q, 3),
			.bytes = sql_uint64(&q, 4),
		};
		struct tl_loss_key key;
		size_t len;
		const void *blob = sql_blob(&q, 0, &len);

		if (len != sizeof(key))
			return db_fail(&s->day, -EUCLEAN, "a baseline has the wrong size");
		memcpy(&key, blob, sizeof(key));
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

static int read_device(struct store *s, int64_t device_id, struct link_counters *ret)
{
	_cleanup_(sql_closep) struct sql q = db_sql(
		&s->day, "SELECT rx_frames, rx_bytes, tx_frames, tx_bytes, rx_dropped, "
			 "tx_dropped, rx_errors, tx_errors, rx_frame_errors, qdisc_dropped "
			 "FROM device_baseline WHERE device_id = :device");
	int r;

	sql_bind_int64(&q, ":device", device_id);
	r = sql_step(&q);
	if (r > 0)
		*ret = (struct link_counters){
			.rx_frames = sql_uint64(&q, 0),
			.rx_bytes = sql_uint64(&q, 1),
			.tx_frames = sql_uint64(&q, 2),
			.tx_bytes = sql_uint64(&q, 3),
			.rx_dropped = sql_uint64(&q, 4),
			.tx_dropped = sql_uint64(&q, 5),
			.rx_errors = sql_uint64(&q, 6),
			.tx_errors = sql_uint64(&q, 7),
			.rx_frame_errors = sql_uint64(&q, 8),
			.qdisc_dropped = sql_uint64(&q, 9),
		};
	return r;
}

/* 1: found. */
static int read_self(struct store *s, const char *name, uint64_t *ret)
{
	_cleanup_(sql_closep) struct sql q =
		db_sql(&s->day, "SELECT baseline FROM self WHERE name = :name");
	int r;

	sql_bind_text(&q, ":name", name);
	r = sql_step(&q);
	if (r > 0)
		*ret = sql_uint64(&q, 0);
	return r;
}

int store_device_baseline(struct store *s, int64_t device_id, struct link_counters *ret)
{
	int r = s->today.name[0] ? read_device(s, device_id, ret) : 0;

	return r > 0 ? 0 : r < 0 ? r : -ENOENT;
}

int store_self_baseline(struct store *s, const char *name, uint64_t *ret)
{
	int r = s->today.name[0] ? read_self(s, name, ret) : 0;

	return r > 0 ? 0 : r < 0 ? r : -ENOENT;
}
