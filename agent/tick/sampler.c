/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sampler.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "bursts.h"
#include "collector/alloc.h"
#include "collector/clock.h"
#include "collector/loss/delta.h"
#include "counter_source.h"
#include "ring_occupancy.h"
#include "extra_counters.h"
#include "self_stats.h"
#include "path.h"
#include "pressure.h"
#include "device_counters.h"

#define STORM_NS (10 * NSEC_PER_SEC)
#define MAX_FOREIGN 32		/* foreign namespaces visited in one tick */
/* counters of senders and of the path that stood still for so long give their room back */
#define IDLE_NS NSEC_PER_HOUR
#define SWEEP_NS (10 * NSEC_PER_MIN)

/* What one counter gained in the tick at hand. */
struct gain {
	struct loss_counter *line;
	struct loss_total more;
};

struct sampler {
	struct sampler_options o;
	struct delta *delta;
	struct loss_counters *lines;
	struct self_stats own;
	uint64_t last_ns;		/* UTC of the last stored tick; 0: none yet */
	uint64_t began_ns;		/* of this run */
	uint64_t covered_ns;		/* where the agent before us stopped */
	uint64_t swept_ns;		/* when idle counters were last looked for */
	uint64_t calm_ns;		/* in a loss storm: no rows before this moment */
	bool known;			/* the stored baselines belong to these counters */
	/* and they were fed without a pause since the agent before us */
	bool unbroken;

	struct gain *gains;
	unsigned int n_gains, size_gains;
	struct store_loss *losses;
	struct store_baseline *baselines;
	/* of dead devices: the kernel's are gone, the stored ones follow */
	struct tl_loss_key *forget;
	unsigned int n_losses, size_losses, n_forget, size_forget;
	struct device_counter_rows rows;
	struct burst_rows bursts;
};

static int seed(const struct tl_loss_key *key, const struct loss_total *total, void *arg)
{
	struct sampler *s = arg;

	return delta_seed(s->delta, key, total);
}

/* Counters that an earlier agent read for another store: their past is not this store's. */
static int pick_up(struct sampler *s)
{
	struct loss_epoch epoch;
	int r;

	source_epoch(s->o.attr.source, &epoch);
	r = store_baselines(s->o.store, &epoch, &s->known, seed, s);
	if (r < 0)
		return r;
	s->unbroken = s->known && source_was_attached(s->o.attr.source);
	if (!s->known && source_inherited(s->o.attr.source)) {
		r = source_read(s->o.attr.source, seed, s);
		if (r < 0)
			return r;
	}
	r = store_covered_until(s->o.store, &s->covered_ns);
	if (r < 0)
		return r;
	burst_rows_begin(s->o.attr.source, s->known, s->covered_ns);
	return self_stats_begin(&s->own, s->o.store, s->o.attr.source, s->known, s->unbroken);
}

int sampler_new(const struct sampler_options *opt, struct sampler **ret)
{
	struct sampler *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	s->o = *opt;
	s->began_ns = utc_ns();
	r = delta_new(&s->delta);
	if (r >= 0)
		r = loss_counters_new(opt->attr.source, &s->lines);
	if (r >= 0)
		r = pick_up(s);
	if (r < 0) {
		sampler_free(s);
		return r;
	}
	*ret = s;
	return 0;
}

struct sampler *sampler_free(struct sampler *s)
{
	if (!s)
		return NULL;
	delta_free(s->delta);
	loss_counters_free(s->lines);
	device_counters_free(&s->rows);
	burst_rows_free(&s->bursts);
	free(s->gains);
	free(s->losses);
	free(s->baselines);
	free(s->forget);
	free(s);
	return NULL;
}

void sampler_late(struct sampler *s, uint64_t ticks)
{
	s->own.late += ticks;
}

/* Step 1: read the counters. First those of the devices. */

struct reading {
	struct sampler *s;
	uint32_t netns;
};

static void on_counters(uint32_t ifindex, const struct link_counters *c, void *arg)
{
	struct reading *rd = arg;
	struct tap *t = tapmap_find(rd->s->o.attr.taps, rd->netns, ifindex);

	if (!t || t->gone_ns)
		return;
	tap_counters(t, c);
	t->counted.known = true;
}

/* Namespaces of VMs that keep their taps to themselves. Each is entered for the length of one
 * request. */
static void read_foreign(struct sampler *s)
{
	const struct owner_list *l = s->o.attr.lists->proc;
	uint32_t done[MAX_FOREIGN];
	unsigned int n = 0;

	for (unsigned int i = 0; l && i < l->n_vms && n < MAX_FOREIGN; i++) {
		const struct owner_vm *vm = &l->vms[i];
		uint32_t netns = vm->netns;
		bool seen = !netns || netns == s->o.attr.lists->own_netns;

		for (unsigned int j = 0; j < n && !seen; j++)
			seen = done[j] == netns;
		if (seen)
			continue;
		done[n++] = netns;
		links_stats_netns(s->o.attr.links, vm->pid, on_counters,
				  &(struct reading){ s, netns });
	}
}

static void tick_tap(struct tap *t, void *arg)
{
	(void)arg;
	device_counters_tick(t);
}

static int read_devices(struct sampler *s)
{
	struct reading own = { s, s->o.attr.lists->own_netns };
	int r = links_stats(s->o.attr.links, on_counters, &own);

	if (r < 0)
		return r;
	read_foreign(s);
	tapmap_each(s->o.attr.taps, tick_tap, NULL);
	return 0;
}

/* Then the loss counters, and the devices that only they know. */

static int grow(struct sampler *s)
{
	unsigned int n = s->size_gains ? s->size_gains * 2 : 256;

	if (s->n_gains < s->size_gains)
		return 0;
	if (alloc_resize(s->gains, n) < 0 || alloc_resize(s->baselines, n) < 0)
		return -ENOMEM;
	s->size_gains = n;
	return 0;
}

static int on_total(const struct tl_loss_key *key, const struct loss_total *total, void *arg)
{
	struct sampler *s = arg;
	struct loss_total more;
	struct loss_counter *line;
	int r = delta_next(s->delta, key, total, &more);

	if (r <= 0)
		return r;
	line = loss_counter_of(s->lines, key);
	if (!line || grow(s) < 0)
		return -ENOMEM;
	line->last = *total;
	s->gains[s->n_gains++] = (struct gain){ line, more };
	return 0;
}

/* A device that lost frames and that nothing else has shown: take the kernel's note of it. */
static struct tap *placeholder(struct sampler *s, const struct tl_loss_key *key, uint64_t now_ns)
{
	struct link_info info = { .netns = key->netns, .ifindex = key->ifindex, .kind = key->kind };
	uint64_t since = now_ns;
	struct tl_device dev;

	snprintf(info.name, sizeof(info.name), "if%u", key->ifindex);
	if (source_device(s->o.attr.source, key->netns, key->ifindex, &dev) == 0) {
		memcpy(info.name, dev.name, sizeof(info.name));
		info.name[sizeof(info.name) - 1] = '\0';
		memcpy(info.mac, dev.mac, sizeof(info.mac));
		info.ring_frames = dev.ring_frames;
		since = boot_to_utc_ns(dev.seen_ns);
	}
	return tapmap_placeholder(s->o.attr.taps, &info, since < now_ns ? since : now_ns);
}

static int meet_devices(struct sampler *s, uint64_t now_ns)
{
	for (unsigned int i = 0; i < s->n_gains; i++) {
		const struct tl_loss_key *key = &s->gains[i].line->key;
		const struct class_out *c = &s->gains[i].line->class;
		struct tap *t;

		if (!key->ifindex || key->kind == TL_KIND_PATH)
			continue;
		t = tapmap_find(s->o.attr.taps, key->netns, key->ifindex);
		if (!t)
			t = placeholder(s, key, now_ns);
		if (!t)
			return -ENOMEM;
		t->counted.lost |= c->class && !class_copy(c);
		if (class_loses(c))
			device_counters_lost(t, c->direction, c->kind, s->gains[i].more.frames);
		extra_counters_want(t, s->gains[i].line);
		ring_occupancy_lost(t, s->gains[i].line);
	}
	return 0;
}

static int read_losses(struct sampler *s, uint64_t now_ns)
{
	int r;

	s->n_gains = 0;
	r = grow(s);
	if (r >= 0)
		r = source_read(s->o.attr.source, on_total, s);
	return r < 0 ? r : meet_devices(s, now_ns);
}

static int read_counters(struct sampler *s, uint64_t now_ns)
{
	int r = read_devices(s);

	if (r >= 0)
		r = read_losses(s, now_ns);
	if (r < 0)
		return r;
	extra_counters_read(s->o.attr.extra, s->o.attr.taps, now_ns);
	ring_occupancy_read(s->o.rings, s->o.attr.taps, now_ns);
	return 0;
}

/* Step 2: attribute what was lost. */

static int add_loss(const struct store_loss *loss, void *arg)
{
	struct sampler *s = arg;

	if (alloc_room(s->losses, s->n_losses, s->size_losses) < 0)
		return -ENOMEM;
	s->losses[s->n_losses++] = *loss;
	return 0;
}

static int make_losses(struct sampler *s, uint64_t now_ns)
{
	s->n_losses = 0;
	for (unsigned int i = 0; i < s->n_gains; i++) {
		const struct gain *g = &s->gains[i];
		struct loss_counter *line = g->line;
		struct loss_owner owner;
		int r;

		s->baselines[i] = (struct store_baseline){ line->key, line->last };
		line->moved_ns = now_ns;
		if (!line->class.class)
			continue;
		attribution_of(&s->o.attr, line, &owner);
		r = loss_counter_series(line, s->o.store, &owner, now_ns);
		if (r >= 0)
			r = add_loss(&(struct store_loss){ line->series_id, g->more.frames,
							   g->more.segments, g->more.bytes },
				     s);
		if (r < 0)
			return r;
	}
	return 0;
}

static int attribute(struct sampler *s, uint64_t now_ns)
{
	int r = tapmap_reconcile(s->o.attr.taps, s->o.attr.lists, now_ns);

	if (r >= 0)
		r = make_losses(s, now_ns);
	return r < 0 ? r
		     : burst_rows_gather(&s->bursts, &s->o.attr, s->o.store, s->lines, now_ns);
}

/* Step 3: store. */

struct adding {
	struct sampler *s;
	uint64_t now_ns;
	bool all;
	int error;
};

/* Was the device there before anything was counted? Then what its counters say already is not ours.
 * In the own namespace only the first tick meets such devices; in others they are found when their
 * process is. */
static bool existed_before(const struct sampler *s, const struct tap *t)
{
	if (s->known)
		return false;
	if (!s->last_ns)
		return true;
	return t->key.netns != s->o.attr.lists->own_netns && t->holder_since_ns &&
	       t->holder_since_ns < s->began_ns;
}

static void add_tap(struct tap *t, void *arg)
{
	struct adding *a = arg;
	int r;

	if (a->error || !t->device_id || t->ended)
		return;
	r = device_counters_base(t, a->s->o.store, existed_before(a->s, t), a->now_ns);
	if (r >= 0)
		r = device_counters_add(&a->s->rows, t, a->now_ns, a->all || t->gone_ns);
	a->error = r;
}

/* What the tick covers: nothing (a gap), or the time since the last stored one, which may be the
 * agent's before us. */
static void set_coverage(const struct sampler *s, struct store_tick *tick)
{
	tick->caught_up = !s->last_ns && s->unbroken;
	tick->gap = !s->last_ns && !s->unbroken;
	if (s->last_ns)
		tick->span_ns = tick->t_ns - s->last_ns;
	else if (s->known && s->covered_ns < tick->t_ns)
		tick->span_ns = tick->t_ns - s->covered_ns;
}

static void set_rows(const struct sampler *s, struct store_tick *tick)
{
	tick->loss = s->losses;
	tick->n_loss = s->n_losses;
	tick->baselines = s->baselines;
	tick->n_baselines = s->n_gains;
	tick->witnesses = s->rows.witnesses;
	tick->n_witnesses = s->rows.n_witnesses;
	tick->traffic = s->rows.traffic;
	tick->n_traffic = s->rows.n_traffic;
	tick->counters = s->rows.counters;
	tick->n_counters = s->rows.n_counters;
	tick->bursts = s->bursts.rows;
	tick->n_bursts = s->bursts.n;
	tick->forget = s->forget;
	tick->n_forget = s->n_forget;
}

/* The rows of devices and, where their counters are the loss, those of losses. */
static int add_devices(struct sampler *s, uint64_t now_ns, bool all)
{
	struct adding adding = { .s = s, .now_ns = now_ns, .all = all };

	tapmap_each(s->o.attr.taps, add_tap, &adding);
	if (adding.error < 0 || !source_by_counters(s->o.attr.source))
		return adding.error;
	return counter_source_losses(s->o.store, s->lines, &s->rows, now_ns, add_loss, s);
}

static int store_all(struct sampler *s, uint64_t now_ns, bool all)
{
	struct store_self self[SELF_STATS_ROWS];
	struct store_tick tick = {
		.t_ns = now_ns,
		.how = source_how(s->o.attr.source),
		.self = self,
	};
	int r = self_stats_rows(&s->own, s->o.attr.source, !s->last_ns, self);

	if (r < 0)
		return r;
	tick.n_self = (unsigned int)r;
	r = add_devices(s, now_ns, all);
	if (r < 0)
		return r;
	set_coverage(s, &tick);
	set_rows(s, &tick);
	if (s->o.pressure)
		r = pressure_tick(s->o.pressure, s->o.attr.taps, now_ns, &tick.pressure,
				  &tick.n_pressure);
	if (r >= 0)
		r = store_tick(s->o.store, &tick);
	if (r < 0)
		return r;
	self_stats_stored(&s->own);
	s->n_forget = 0;
	return 0;
}

/* Step 4: forget. Devices that are long gone give their counters back; so do senders and paths that
 * were long quiet. */

static void forget(struct sampler *s, struct loss_counter *line, bool gone)
{
	if (alloc_room(s->forget, s->n_forget, s->size_forget) < 0)
		return;
	/* A counter that moved since it was read stays, and with it its baseline. */
	if (source_forget(s->o.attr.source, &line->key, &line->last, gone) < 0)
		return;
	s->forget[s->n_forget++] = line->key;
	delta_forget(s->delta, &line->key);
	loss_counters_drop(s->lines, line);
}

static void forget_line(struct loss_counter *line, void *arg)
{
	forget(arg, line, true);
}

static void forget_idle(struct loss_counter *line, void *arg)
{
	struct sampler *s = arg;

	if ((line->key.iif || line->key.kind == TL_KIND_PATH) &&
	    line->moved_ns + IDLE_NS < s->last_ns)
		forget(s, line, false);
}

static void sweep(struct sampler *s)
{
	if (s->last_ns < s->swept_ns + SWEEP_NS)
		return;
	s->swept_ns = s->last_ns;
	loss_counters_each(s->lines, forget_idle, s);
}

static void expire(struct tap *t, void *arg)
{
	struct sampler *s = arg;

	if (tapmap_find(s->o.attr.taps, t->key.netns, t->key.ifindex))
		return;	/* the pair is in use again: so are its counters */
	loss_counters_of_device(s->lines, t->key.netns, t->key.ifindex, forget_line, s);
}

static int forget_gone(struct sampler *s, uint64_t now_ns)
{
	int r = tapmap_end_gone(s->o.attr.taps, now_ns);

	tapmap_prune_placeholders(s->o.attr.taps, now_ns);
	tapmap_expire(s->o.attr.taps, now_ns, expire, s);
	sweep(s);
	return r;
}

/* Which addresses the kernel shall look for. Until every source has spoken, those that an earlier
 * agent gave it are the better ones. */
static int watch_paths(struct sampler *s)
{
	int r = 0;

	if (!s->o.path)
		r = source_watch(s->o.attr.source, NULL, 0);
	else if (s->o.attr.lists->complete)
		r = path_watch(s->o.attr.source, s->o.attr.taps);
	return r == -ENOSPC ? 0 : r;
}

/* Later than any tick before. When the clock was set back, time goes on in small steps until it has
 * caught up. */
static uint64_t tick_time(const struct sampler *s)
{
	uint64_t now_ns = utc_ns(),
		 newest = s->last_ns > s->covered_ns ? s->last_ns : s->covered_ns;

	return now_ns > newest ? now_ns : newest + 1;
}

/* What this tick read is the next one's baseline. */
static void stored(struct sampler *s, uint64_t now_ns)
{
	delta_commit(s->delta);
	device_counters_commit(&s->rows, now_ns);
	source_bursts_taken(s->o.attr.source);
	if (s->o.pressure)
		pressure_stored(s->o.pressure);
	s->last_ns = now_ns;
	if (s->n_losses > s->o.storm_rows)
		s->calm_ns = now_ns + STORM_NS;
}

int sampler_tick(struct sampler *s, bool all)
{
	uint64_t now_ns = tick_time(s);
	int r;

	if (now_ns < s->calm_ns && !all)
		return 0;
	s->calm_ns = 0;
	r = read_counters(s, now_ns);
	if (r >= 0)
		r = attribute(s, now_ns);
	if (r >= 0)
		r = store_all(s, now_ns, all);
	if (r < 0) {
		delta_rollback(s->delta);
		device_counters_clear(&s->rows);
		return r;
	}
	stored(s, now_ns);
	r = forget_gone(s, now_ns);
	return r < 0 ? r : watch_paths(s);
}
