/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rows of a tick, in the newest day's file. */
#include "store_priv.h"
#include "traffic.h"

static int write_tick(struct store *s, const struct store_tick *t)
{
	struct sql q = db_sql(&s->day, "INSERT OR REPLACE INTO tick VALUES (:t_ns, :span_ns)");

	sql_bind_uint64(&q, ":t_ns", t->t_ns);
	sql_bind_uint64(&q, ":span_ns", t->span_ns);
	return sql_run(&q);
}

static int write_losses(struct store *s, const struct store_tick *t)
{
	struct sql q = db_sql(
		&s->day, "INSERT INTO loss VALUES (:t_ns, :series, :frames, :segments, :bytes) "
			 "ON CONFLICT DO UPDATE SET frames = frames + excluded.frames, "
			 "segments = segments + excluded.segments, bytes = bytes + excluded.bytes");
	int r = q.error;

	for (unsigned int i = 0; i < t->n_loss && r >= 0; i++) {
		const struct store_loss *l = &t->loss[i];

		if (!(l->frames | l->segments | l->bytes))
			continue;
		sql_bind_uint64(&q, ":t_ns", t->t_ns);
		sql_bind_int64(&q, ":series", l->series_id);
		sql_bind_uint64(&q, ":frames", l->frames);
		sql_bind_uint64(&q, ":segments", l->segments);
		sql_bind_uint64(&q, ":bytes", l->bytes);
		r = sql_run(&q);
	}
	return r;
}

static int write_baselines(struct store *s, const struct store_tick *t)
{
	struct sql q = db_sql(&s->day, "INSERT OR REPLACE INTO baseline "
				       "VALUES (:key, :born_ns, :frames, :segments, :bytes)");
	int r = q.error;

	for (unsigned int i = 0; i < t->n_baselines && r >= 0; i++) {
		const struct store_baseline *b = &t->baselines[i];

		sql_bind_blob(&q, ":key", &b->key, sizeof(b->key));
		sql_bind_uint64(&q, ":born_ns", b->total.born_ns);
		sql_bind_uint64(&q, ":frames", b->total.frames);
		sql_bind_uint64(&q, ":segments", b->total.segments);
		sql_bind_uint64(&q, ":bytes", b->total.bytes);
		r = sql_run(&q);
	}
	return r;
}

static int delete_baselines(struct store *s, const struct store_tick *t)
{
	struct sql q = db_sql(&s->day, "DELETE FROM baseline WHERE key = :key");
	int r = q.error;

	for (unsigned int i = 0; i < t->n_forget && r >= 0; i++) {
		sql_bind_blob(&q, ":key", &t->forget[i], sizeof(t->forget[i]));
		r = sql_run(&q);
	}
	return r;
}

static int write_witnesses(struct store *s, const struct store_tick *t)
{
	struct sql q = db_sql(&s->day,
			      "INSERT INTO witness VALUES (:t_ns, :device, :counter, :frames) "
			      "ON CONFLICT DO UPDATE SET frames = frames + excluded.frames");
	int r = q.error;

	for (unsigned int i = 0; i < t->n_witnesses && r >= 0; i++) {
		sql_bind_uint64(&q, ":t_ns", t->t_ns);
		sql_bind_int64(&q, ":device", t->witnesses[i].device_id);
		sql_bind_text(&q, ":counter", t->witnesses[i].counter);
		sql_bind_uint64(&q, ":frames", t->witnesses[i].frames);
		r = sql_run(&q);
	}
	return r;
}

/* The higher of two, the lower; what is not known does not count. */
#define MOST(column, more) \
	column " = max(coalesce(" column ", " more "), coalesce(" more ", " column "))"
#define FEWEST(column, more) \
	column " = min(coalesce(" column ", " more "), coalesce(" more ", " column "))"

static const char insert_traffic[] =
	"INSERT INTO traffic VALUES (" TRAFFIC_VALUES ") ON CONFLICT DO UPDATE SET "
	"rx_frames = rx_frames + excluded.rx_frames, rx_bytes = rx_bytes + excluded.rx_bytes, "
	"tx_frames = tx_frames + excluded.tx_frames, tx_bytes = tx_bytes + excluded.tx_bytes, "
	"rx_peak = max(rx_peak, excluded.rx_peak), tx_peak = max(tx_peak, excluded.tx_peak), "
	"rx_lost = rx_lost + excluded.rx_lost, tx_lost = tx_lost + excluded.tx_lost, "
	MOST("ring_peak", "excluded.ring_peak") ", "
	FEWEST("ring_free", "excluded.ring_free") ", "
	"ring_samples = ring_samples + excluded.ring_samples, "
	"ring_sum = ring_sum + excluded.ring_sum, "
	MOST("qdisc_peak", "excluded.qdisc_peak");

static const char lengthen_traffic[] =
	"UPDATE traffic SET t_ns = :t_ns, span_ns = span_ns + :span_ns, "
	"rx_frames = rx_frames + :rx_frames, rx_bytes = rx_bytes + :rx_bytes, "
	"tx_frames = tx_frames + :tx_frames, tx_bytes = tx_bytes + :tx_bytes, "
	"rx_peak = max(rx_peak, :rx_peak), tx_peak = max(tx_peak, :tx_peak), "
	"rx_lost = rx_lost + :rx_lost, tx_lost = tx_lost + :tx_lost, "
	MOST("ring_peak", ":ring_peak") ", "
	FEWEST("ring_free", ":ring_free") ", "
	"ring_samples = ring_samples + :ring_samples, ring_sum = ring_sum + :ring_sum, "
	MOST("qdisc_peak", ":qdisc_peak") " "
	"WHERE t_ns = :joins_ns AND device_id = :device";

/* Adds @x to the row that it joins. That one is in an earlier file after midnight, and its hour may
 * be summed up: then it stays as it is, and *ret is false. */
static int join_traffic(struct store *s, struct sql *join, uint64_t t_ns,
			const struct store_traffic *x, bool *ret)
{
	int r;

	*ret = false;
	if (!x->joins_ns || hour_of(x->joins_ns) != hour_of(t_ns))
		return 0;
	traffic_bind(join, t_ns, x);
	sql_bind_uint64(join, ":joins_ns", x->joins_ns);
	r = sql_run(join);
	*ret = r >= 0 && sql_changes(s->day.sql.db) > 0;
	return r;
}

static int write_traffic(struct store *s, const struct store_tick *t)
{
	struct sql put = db_sql(&s->day, insert_traffic);
	struct sql join = db_sql(&s->day, lengthen_traffic);
	int r = put.error;

	for (unsigned int i = 0; i < t->n_traffic && r >= 0; i++) {
		const struct store_traffic *x = &t->traffic[i];
		bool joined;

		r = join_traffic(s, &join, t->t_ns, x, &joined);
		if (r < 0 || joined)
			continue;
		traffic_bind(&put, t->t_ns, x);
		r = sql_run(&put);
	}
	return r;
}

static int write_counters(struct store *s, const struct store_tick *t)
{
	struct sql q = db_sql(
		&s->day, "INSERT OR REPLACE INTO device_baseline VALUES (:device, :rx_frames, "
			 ":rx_bytes, :tx_frames, :tx_bytes, :rx_dropped, :tx_dropped, :rx_errors, "
			 ":tx_errors, :rx_frame_errors, :qdisc_dropped)");
	int r = q.error;

	for (unsigned int i = 0; i < t->n_counters && r >= 0; i++) {
		const struct link_counters *c = &t->counters[i].counters;

		sql_bind_int64(&q, ":device", t->counters[i].device_id);
		sql_bind_uint64(&q, ":rx_frames", c->rx_frames);
		sql_bind_uint64(&q, ":rx_bytes", c->rx_bytes);
		sql_bind_uint64(&q, ":tx_frames", c->tx_frames);
		sql_bind_uint64(&q, ":tx_bytes", c->tx_bytes);
		sql_bind_uint64(&q, ":rx_dropped", c->rx_dropped);
		sql_bind_uint64(&q, ":tx_dropped", c->tx_dropped);
		sql_bind_uint64(&q, ":rx_errors", c->rx_errors);
		sql_bind_uint64(&q, ":tx_errors", c->tx_errors);
		sql_bind_uint64(&q, ":rx_frame_errors", c->rx_frame_errors);
		sql_bind_uint64(&q, ":qdisc_dropped", c->qdisc_dropped);
		r = sql_run(&q);
	}
	return r;
}

/* A burst may be reported twice, for example after a crash; the starts then differ only by clock
 * skew. No two of a series on one CPU begin within TL_BURST_GAP_NS. */
static int write_bursts(struct store *s, const struct store_tick *t)
{
	struct sql q = db_sql(
		&s->day, "INSERT INTO burst "
			 "SELECT :start_ns, :series, :cpu, :span_ns, :frames, :place "
			 "WHERE NOT EXISTS (SELECT 1 FROM burst WHERE start_ns "
			 "BETWEEN :start_ns - 1000000 AND :start_ns + 1000000 "
			 "AND series_id = :series AND cpu = :cpu)");
	int r = q.error;

	for (unsigned int i = 0; i < t->n_bursts && r >= 0; i++) {
		const struct store_burst *b = &t->bursts[i];

		sql_bind_uint64(&q, ":start_ns", b->start_ns);
		sql_bind_int64(&q, ":series", b->series_id);
		sql_bind_int64(&q, ":cpu", b->cpu);
		sql_bind_uint64(&q, ":span_ns", b->span_ns);
		sql_bind_uint64(&q, ":frames", b->frames);
		sql_bind_known(&q, ":place", b->delivered != TL_DELIVERED_NONE,
			       (int64_t)b->delivered + 1);
		r = sql_run(&q);
	}
	return r;
}

static int write_pressure(struct store *s, const struct store_tick *t)
{
	struct sql q = db_sql(
		&s->day, "INSERT OR REPLACE INTO pressure VALUES (:t_ns, :vm, :span_ns, :vcpus, "
			 ":vhosts, :vcpu_run_ns, :vcpu_wait_ns, :vhost_run_ns, :vhost_wait_ns, "
			 ":emulator_run_ns, :emulator_wait_ns)");
	int r = q.error;

	for (unsigned int i = 0; i < t->n_pressure && r >= 0; i++) {
		const struct store_pressure *p = &t->pressure[i];

		sql_bind_uint64(&q, ":t_ns", p->t_ns);
		sql_bind_int64(&q, ":vm", p->vm_id);
		sql_bind_uint64(&q, ":span_ns", p->span_ns);
		sql_bind_int64(&q, ":vcpus", p->vcpus);
		sql_bind_int64(&q, ":vhosts", p->vhosts);
		sql_bind_uint64(&q, ":vcpu_run_ns", p->vcpu_run_ns);
		sql_bind_uint64(&q, ":vcpu_wait_ns", p->vcpu_wait_ns);
		sql_bind_uint64(&q, ":vhost_run_ns", p->vhost_run_ns);
		sql_bind_uint64(&q, ":vhost_wait_ns", p->vhost_wait_ns);
		sql_bind_uint64(&q, ":emulator_run_ns", p->emulator_run_ns);
		sql_bind_uint64(&q, ":emulator_wait_ns", p->emulator_wait_ns);
		r = sql_run(&q);
	}
	return r;
}

static int write_self(struct store *s, const struct store_tick *t)
{
	struct sql q = db_sql(&s->day, "INSERT INTO self VALUES (:name, :add, :baseline) "
				       "ON CONFLICT DO UPDATE SET total = total + excluded.total, "
				       "baseline = excluded.baseline");
	int r = q.error;

	for (unsigned int i = 0; i < t->n_self && r >= 0; i++) {
		sql_bind_text(&q, ":name", t->self[i].name);
		sql_bind_uint64(&q, ":add", t->self[i].add);
		sql_bind_uint64(&q, ":baseline", t->self[i].baseline);
		r = sql_run(&q);
	}
	return r;
}

int store_rows_write(struct store *s, const struct store_tick *t)
{
	typedef int write_fn(struct store *s, const struct store_tick *t);
	static write_fn *const all[] = {
		write_losses,	 write_baselines, delete_baselines, write_witnesses, write_traffic,
		write_counters,	 write_bursts,	  write_pressure,   write_self,
	};
	int r = t->n_loss || t->n_witnesses ? write_tick(s, t) : 0;

	for (size_t i = 0; i < ARRAY_SIZE(all) && r >= 0; i++)
		r = all[i](s, t);
	return r;
}
