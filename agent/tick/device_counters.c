/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "device_counters.h"

#include <errno.h>
#include <string.h>

#include "collector/alloc.h"
#include "collector/base.h"

#define TRAFFIC_NS NSEC_PER_MIN
#define GROWS_NS (5 * NSEC_PER_SEC)	/* a row that was as short as this when it began may grow */

/* Counters that tell of loss. tun and tap keep both sides apart; macvtap and ipvtap show each frame
 * that they drop towards the guest as rx_dropped and rx_errors at once (macvlan_count_rx()), so
 * only the first is a witness. */
static const struct counter {
	const char *name;
	size_t at;
	bool tun_only;
} counters[] = {
	{ "rx_dropped", offsetof(struct link_counters, rx_dropped), false },
	{ "tx_dropped", offsetof(struct link_counters, tx_dropped), false },
	{ "rx_errors", offsetof(struct link_counters, rx_errors), true },
	{ "tx_errors", offsetof(struct link_counters, tx_errors), true },
	{ "rx_frame_errors", offsetof(struct link_counters, rx_frame_errors), true },
	{ "qdisc_dropped", offsetof(struct link_counters, qdisc_dropped), false },
};

static uint64_t value(const struct link_counters *c, const struct counter *which)
{
	return *(const uint64_t *)(const void *)((const char *)c + which->at);
}

static uint64_t since(uint64_t now, uint64_t then)
{
	return now > then ? now - then : 0;
}

/* What @which gained since it was stored last. Nothing as long as it was not read, or is read for
 * the first time. */
static uint64_t gained(const struct tap *t, const struct counter *which)
{
	uint64_t now = value(&t->counted.now, which), then = value(&t->counted.stored, which);

	return now == LINK_UNREAD || then == LINK_UNREAD ? 0 : since(now, then);
}

static bool watched(const struct tap *t, const struct counter *which)
{
	return t->info.kind == TL_KIND_TUN || !which->tun_only;
}

/* Frames that a macvtap took for its guest: it counts a frame as received first, and then as
 * dropped. A reading between the two is one too many for each CPU at work; the next frame that is
 * taken makes up for it. */
static uint64_t taken(const struct link_counters *c)
{
	return since(c->rx_frames, c->rx_dropped);
}

int device_counters_base(struct tap *t, struct store *s, bool from_now, uint64_t now_ns)
{
	int r;

	if (t->counted.based || !t->counted.known)
		return 0;
	r = store_device_baseline(s, t->device_id, &t->counted.stored);
	if (r < 0 && r != -ENOENT)
		return r;
	if (r == -ENOENT) {
		memset(&t->counted.stored, 0, sizeof(t->counted.stored));
		if (from_now)
			t->counted.stored = t->counted.now;
		t->counted.lost = from_now;	/* the baseline itself has to be stored soon */
	}
	t->counted.taken = taken(&t->counted.stored);
	t->counted.tick = t->counted.now;
	t->counted.stored_ns = t->counted.tick_ns = now_ns;
	t->counted.based = true;
	return 0;
}

/* Frames between two readings in the guest's terms. */
static void guest_frames(const struct tap *t, const struct link_counters *from,
			 const struct link_counters *to, struct store_traffic *ret)
{
	if (t->info.kind == TL_KIND_TUN) {
		ret->rx_frames = since(to->tx_frames, from->tx_frames);
		ret->rx_bytes = since(to->tx_bytes, from->tx_bytes);
		ret->tx_frames = since(to->rx_frames, from->rx_frames);
		ret->tx_bytes = since(to->rx_bytes, from->rx_bytes);
		return;
	}
	ret->rx_frames = since(since(to->rx_frames, from->rx_frames),
			       since(to->rx_dropped, from->rx_dropped));
	ret->rx_bytes = since(to->rx_bytes, from->rx_bytes);
	ret->tx_frames = since(to->tx_frames, from->tx_frames);
	ret->tx_bytes = since(to->tx_bytes, from->tx_bytes);
}

void device_counters_tick(struct tap *t)
{
	struct store_traffic now = { 0 };

	for (int d = 0; d < 2; d++)
		t->counted.got[d] = t->counted.missed[d] = t->counted.full[d] = 0;
	if (!t->counted.based)
		return;
	guest_frames(t, &t->counted.tick, &t->counted.now, &now);
	t->counted.got[0] = now.rx_frames;
	t->counted.got[1] = now.tx_frames;
	t->counted.tick = t->counted.now;
}

void device_counters_lost(struct tap *t, const char *direction, const char *kind, uint64_t frames)
{
	int d = !strcmp(direction, "tx");

	t->counted.missed[d] += frames;
	if (!strcmp(kind, "capacity"))
		t->counted.full[d] += frames;
}

/* Offered in the second that ends now, or in the tick when that is longer; frames/s. A tick that
 * could not be stored is left out: what was lost in it comes again. */
static void keep_peaks(struct tap *t, uint64_t now_ns)
{
	uint64_t sum[2] = { 0 }, from = now_ns;
	unsigned int at = t->counted.next_tick++ % TAP_TICKS;

	t->counted.ticks[at].from_ns = t->counted.tick_ns;
	for (int d = 0; d < 2; d++)
		t->counted.ticks[at].offered[d] = t->counted.got[d] + t->counted.missed[d];
	t->counted.tick_ns = now_ns;
	for (unsigned int i = 0; i < TAP_TICKS; i++) {
		unsigned int k = (at + TAP_TICKS - i) % TAP_TICKS;

		if (!t->counted.ticks[k].from_ns ||
		    (i && now_ns - t->counted.ticks[k].from_ns > NSEC_PER_SEC))
			break;
		from = t->counted.ticks[k].from_ns;
		sum[0] += t->counted.ticks[k].offered[0];
		sum[1] += t->counted.ticks[k].offered[1];
	}
	from = now_ns - from < NSEC_PER_SEC ? now_ns - NSEC_PER_SEC : from;
	for (int d = 0; d < 2; d++) {
		uint64_t rate =
			(uint64_t)((double)sum[d] * (double)NSEC_PER_SEC / (double)(now_ns - from));

		t->counted.peak[d] = rate > t->counted.peak[d] ? rate : t->counted.peak[d];
	}
}

/* A row that was begun by loss grows for a minute. One that covers the quiet time before is left as
 * it is: a moment's loss beside a minute's traffic would look small. */
static uint64_t joins(const struct tap *t, uint64_t now_ns)
{
	bool grows = t->counted.row_ns && t->counted.row_ns == t->counted.stored_ns &&
		     now_ns - t->counted.row_from_ns <= TRAFFIC_NS;

	return grows ? t->counted.row_ns : 0;
}

static bool dropped(const struct tap *t)
{
	for (size_t i = 0; i < ARRAY_SIZE(counters); i++)
		if (watched(t, &counters[i]) && gained(t, &counters[i]))
			return true;
	return false;
}

/* Where the baselines go: that of a counter which was not read stays where it is. */
static struct link_counters to_store(const struct tap *t)
{
	struct link_counters c = t->counted.now;

	if (c.rx_frame_errors == LINK_UNREAD)
		c.rx_frame_errors = t->counted.stored.rx_frame_errors;
	if (c.qdisc_dropped == LINK_UNREAD)
		c.qdisc_dropped = t->counted.stored.qdisc_dropped;
	return c;
}

/* Room for one more tap. */
static int grow(struct device_counter_rows *w)
{
	unsigned int n = w->size ? w->size * 2 : 64;

	if (w->n_taps < w->size)
		return 0;
	if (alloc_resize(w->witnesses, n * ARRAY_SIZE(counters)) < 0 ||
	    alloc_resize(w->traffic, n) < 0 ||
	    alloc_resize(w->counters, n) < 0 ||
	    alloc_resize(w->taps, n) < 0)
		return -ENOMEM;
	w->size = n;
	return 0;
}

static void add_witnesses(struct device_counter_rows *w, const struct tap *t)
{
	for (size_t i = 0; i < ARRAY_SIZE(counters); i++) {
		uint64_t n = gained(t, &counters[i]);

		if (n && watched(t, &counters[i]))
			w->witnesses[w->n_witnesses++] = (struct store_witness){
				.device_id = t->device_id, .counter = counters[i].name, .frames = n
			};
	}
}

/* An extra counter of a device that was there before us counts from its first reading. */
static void begin_hidden(struct tap *t)
{
	if (t->counted.stored.rx_frame_errors == LINK_UNREAD)
		t->counted.stored.rx_frame_errors = t->counted.now.rx_frame_errors;
	if (t->counted.stored.qdisc_dropped == LINK_UNREAD)
		t->counted.stored.qdisc_dropped = t->counted.now.qdisc_dropped;
}

int device_counters_add(struct device_counter_rows *w, struct tap *t, uint64_t now_ns, bool all)
{
	struct store_traffic row = {
		.device_id = t->device_id,
		.span_ns = since(now_ns, t->counted.stored_ns),
		.rx_lost = t->counted.full[0],
		.tx_lost = t->counted.full[1],
	};
	bool busy, due;

	if (!t->counted.based)
		return 0;
	begin_hidden(t);
	keep_peaks(t, now_ns);
	row.rx_peak = t->counted.peak[0];
	row.tx_peak = t->counted.peak[1];
	row.joins_ns = joins(t, now_ns);
	row.headroom = t->occupancy.now;
	guest_frames(t, &t->counted.stored, &t->counted.now, &row);
	if (t->info.kind != TL_KIND_TUN)
		row.rx_frames = since(taken(&t->counted.now), t->counted.taken);
	busy = row.rx_frames || row.tx_frames || row.headroom.peak || row.headroom.qdisc_peak;
	due = t->counted.lost || dropped(t) || (busy && (all || row.span_ns >= TRAFFIC_NS));
	if (!due) {
		if (!busy && row.span_ns >= TRAFFIC_NS) {
			/* a quiet minute is over; the next row shall not span it */
			t->counted.stored_ns = now_ns;
			t->occupancy.now = (struct store_headroom){ 0 };
		}
		return 0;
	}
	if (grow(w) < 0)
		return -ENOMEM;
	add_witnesses(w, t);
	if (busy || row.rx_lost || row.tx_lost)
		w->traffic[w->n_traffic++] = row;
	w->counters[w->n_counters++] = (struct store_device_counters){ t->device_id, to_store(t) };
	w->taps[w->n_taps++] = t;
	return 0;
}

static void forget_rows(struct device_counter_rows *w)
{
	w->n_witnesses = w->n_traffic = w->n_counters = w->n_taps = 0;
}

void device_counters_clear(struct device_counter_rows *w)
{
	for (unsigned int i = 0; i < w->n_taps; i++) {
		struct tap *t = w->taps[i];

		memset(t->counted.ticks[(t->counted.next_tick - 1) % TAP_TICKS].offered, 0,
		       sizeof(t->counted.ticks[0].offered));
	}
	forget_rows(w);
}

/* The row that was just stored, and whether the next one may join it. */
static void grow_row(struct tap *t, uint64_t now_ns)
{
	if (joins(t, now_ns)) {
		t->counted.row_ns = now_ns;
		return;
	}
	t->counted.row_from_ns = t->counted.stored_ns;
	t->counted.row_ns = now_ns - t->counted.stored_ns <= GROWS_NS ? now_ns : 0;
}

void device_counters_commit(struct device_counter_rows *w, uint64_t now_ns)
{
	for (unsigned int i = 0; i < w->n_taps; i++) {
		struct tap *t = w->taps[i];

		t->counted.stored = to_store(t);
		grow_row(t, now_ns);
		if (taken(&t->counted.now) > t->counted.taken)
			t->counted.taken = taken(&t->counted.now);
		t->counted.stored_ns = now_ns;
		t->counted.peak[0] = t->counted.peak[1] = 0;
		t->occupancy.now = (struct store_headroom){ 0 };
		t->counted.lost = false;
	}
	forget_rows(w);
}

void device_counters_free(struct device_counter_rows *w)
{
	free(w->witnesses);
	free(w->traffic);
	free(w->counters);
	free(w->taps);
	*w = (struct device_counter_rows){ 0 };
}
