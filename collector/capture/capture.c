/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "collector/base.h"
#include "capture_priv.h"
#include "pcapng.h"

#define DRAIN_NS (2 * NSEC_PER_SEC)
/* how soon to look again when frames wait for another ring */
#define HOLD_MS 2

static void capture_freep(struct capture **c)
{
	*c = capture_free(*c);
}

struct capture *capture_free(struct capture *c)
{
	if (!c)
		return NULL;
	for (uint32_t i = 0; i < c->n; i++) {
		rx_ring_free(c->inputs[i].ring);
		pending_comments_clear(&c->inputs[i].notes);
	}
	close_fd(c->epoll);
	close_fd(c->fanout_program);
	filter_clear(&c->filter);
	free(c);
	return NULL;
}

static void write_section(struct capture *c)
{
	sink_put(c->sink, pcapng_section(sink_room(c->sink, 4096), "taplossctl " TAPLOSS_VERSION));
	c->file_ns = capture_clock_ns();
	c->stats.files++;
}

static void write_statistics(struct capture *c, const struct input *in)
{
	struct rx_ring_stats st = in->ring ? *rx_ring_stats(in->ring) : in->stats;
	char words[160] = "";

	st.captured -= in->before.captured;
	st.lost -= in->before.lost;
	st.ghosts -= in->before.ghosts;
	if (st.trailing)
		snprintf(words, sizeof(words),
			 "taploss: %llu frames lost after frame %llu of this interface",
			 (unsigned long long)st.trailing, (unsigned long long)st.captured);
	sink_put(c->sink, pcapng_statistics(sink_room(c->sink, 4096), in->number, &st, in->from_ns,
					    capture_clock_ns(), words));
}

int capture_new(const struct capture_options *o, struct sink *sink, struct capture **ret)
{
	_cleanup_(capture_freep) struct capture *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	c->o = *o;
	c->sink = sink;
	c->fanout_program = -1;
	c->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (c->epoll < 0)
		return -errno;
	write_section(c);
	*ret = TAKE_PTR(c);
	return 0;
}

/* Frames. */

static void note_times(struct capture *c, const struct rx_ring_frame *f, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		if (f[i].t_ns >= c->last_ns) {
			c->last_ns = f[i].t_ns;
			continue;
		}
		c->stats.late++;
		if (c->last_ns - f[i].t_ns > c->stats.late_ns)
			c->stats.late_ns = c->last_ns - f[i].t_ns;
	}
}

/* Is a frame in turn? */
static bool look(struct input *in)
{
	if (in->ready)
		return true;
	if (!in->ring || !rx_ring_take(in->ring))
		return false;
	in->at = 0;
	in->ready = rx_ring_peek(in->ring, in->frames, RUN);
	return true;
}

/* How many of the frames in turn are due? */
static uint32_t due(const struct capture *c, const struct input *in, uint64_t upto)
{
	uint32_t n = 1, most = in->ready;

	if (c->o.max_frames && c->o.max_frames - c->written < most)
		most = (uint32_t)(c->o.max_frames - c->written);
	if (c->o.rotate_bytes && sink_bytes(c->sink) + RUN_BYTES >= c->o.rotate_bytes)
		most = 1;	/* the file ends with one of the next */
	if (c->o.rotate_ns && upto >= c->file_ns + c->o.rotate_ns)
		upto = c->file_ns + c->o.rotate_ns - 1;
	while (n < most && in_turn(in)[n].t_ns <= upto)
		n++;
	return n;
}

static int step_frames(struct capture *c, struct input *in, uint64_t upto)
{
	uint32_t n = capture_write_frames(c, in, due(c, in, upto));
	int r;

	note_times(c, in_turn(in), n);
	c->written += n;
	rx_ring_next(in->ring, n);
	in->at += n;
	in->ready -= n;
	if (rx_ring_take(in->ring)) {	/* the batch goes on */
		look(in);
		return 0;
	}
	r = sink_let_go(c->sink);
	rx_ring_release(in->ring);
	return r;
}

static int rotate(struct capture *c)
{
	int r;

	for (uint32_t i = 0; i < c->n; i++)
		write_statistics(c, &c->inputs[i]);
	r = sink_flush(c->sink);
	if (r >= 0)
		r = sink_next(c->sink);
	if (r < 0)
		return r;
	write_section(c);
	for (uint32_t i = 0; i < c->n; i++) {
		struct input *in = &c->inputs[i];

		in->before = in->ring ? *rx_ring_stats(in->ring) : in->stats;
		in->from_ns = c->file_ns;
		capture_write_interface(c, in);
	}
	return 0;
}

static bool rotation_due(const struct capture *c)
{
	return (c->o.rotate_bytes && sink_bytes(c->sink) >= c->o.rotate_bytes) ||
	       (c->o.rotate_ns && c->last_ns && c->last_ns >= c->file_ns + c->o.rotate_ns);
}

/* Whose frame is next, and up to which time stamp may it go on alone? NULL: nothing may be written
 * yet. */
static struct input *next_input(struct capture *c, uint64_t *ret_upto)
{
	struct input *first = NULL;
	uint64_t now = capture_clock_ns(), second = UINT64_MAX, frontier = UINT64_MAX;
	bool held;

	for (uint32_t i = 0; i < c->n; i++) {
		struct input *in = &c->inputs[i];

		if (!in->ring)
			continue;
		if (!look(in)) {
			uint64_t t = c->n > 1 ? rx_ring_frontier(in->ring, now) : UINT64_MAX;

			frontier = t < frontier ? t : frontier;
			continue;
		}
		if (!first || in_turn(in)->t_ns < in_turn(first)->t_ns) {
			second = first ? in_turn(first)->t_ns : second;
			first = in;
		} else if (in_turn(in)->t_ns < second) {
			second = in_turn(in)->t_ns;
		}
	}
	*ret_upto = second < frontier ? second : frontier;
	held = first && in_turn(first)->t_ns > frontier && !c->stopping;
	if (c->held && !held && first && now > in_turn(first)->t_ns &&
	    now - in_turn(first)->t_ns > c->stats.held_ns)
		c->stats.held_ns = now - in_turn(first)->t_ns;
	c->held = held;
	return held ? NULL : first;
}

static int pump(struct capture *c)
{
	struct input *in;
	uint64_t upto;
	int r = 0;

	if (c->o.max_frames && c->written >= c->o.max_frames)
		return -ECANCELED;
	while (r >= 0 && (in = next_input(c, &upto))) {
		if (c->stopping)
			upto = in_turn(in)->t_ns;
		do {
			r = step_frames(c, in, upto);
			if (r >= 0 && c->o.max_frames && c->written >= c->o.max_frames)
				r = -ECANCELED;
			if (r >= 0 && rotation_due(c))
				r = rotate(c);
		} while (r >= 0 && in->ready && in_turn(in)->t_ns <= upto);
	}
	if (r < 0 && r != -ECANCELED)
		return r;
	return sink_flush(c->sink) < 0 ? sink_flush(c->sink) : r;
}

/* @whole: everything that was in the ring has been read. */
static void end_input(struct capture *c, struct input *in, bool whole)
{
	if (!rx_ring_close_ledger(in->ring) && whole)
		c->stats.unclosed++;
	in->stats = *rx_ring_stats(in->ring);
	in->ring = rx_ring_free(in->ring);
	for (char *note; (note = pending_comments_take(&in->notes)); free(note))
		capture_write_note(c, in, note);
	write_statistics(c, in);
}

static void check_devices(struct capture *c)
{
	for (uint32_t i = 0; i < c->n; i++) {
		struct input *in = &c->inputs[i];
		int r;

		if (!in->ring)
			continue;
		r = rx_ring_error(in->ring);
		in->leaving = in->leaving || r == -ENODEV;
		if (r == -ENETDOWN)
			in->down = true;
		else if (!r && in->down)
			in->down = false;
		if (in->leaving && !in->ready && rx_ring_drained(in->ring))
			end_input(c, in, true);
	}
}

int capture_step(struct capture *c, int ms)
{
	struct epoll_event events[64];
	int n, r;

	if (c->held && ms > HOLD_MS)
		ms = HOLD_MS;
	n = epoll_wait(c->epoll, events, ARRAY_SIZE(events), ms);
	if (n < 0 && errno != EINTR)
		return -errno;
	r = pump(c);
	for (int i = 0; i < n; i++)
		if (events[i].events & EPOLLERR)
			((struct input *)events[i].data.ptr)->down = true;
	if (n <= 0 && !c->held)
		check_devices(c);
	else
		for (int i = 0; i < n; i++)
			if (events[i].events & (EPOLLERR | EPOLLHUP)) {
				check_devices(c);
				break;
			}
	return r;
}

void capture_stop(struct capture *c)
{
	for (uint32_t i = 0; i < c->n; i++)
		if (c->inputs[i].ring)
			rx_ring_stop(c->inputs[i].ring);
}

int capture_finish(struct capture *c)
{
	uint64_t begin = capture_clock_ns();
	bool left = true, whole;
	int r = 0;

	capture_stop(c);
	while (left && r >= 0 && capture_clock_ns() - begin < DRAIN_NS) {
		r = pump(c);
		left = false;
		for (uint32_t i = 0; i < c->n; i++)
			left = left || (c->inputs[i].ring && (c->inputs[i].ready ||
							      !rx_ring_drained(c->inputs[i].ring)));
		if (left && r >= 0)
			epoll_wait(c->epoll, &(struct epoll_event){ 0 }, 1, HOLD_MS);
	}
	c->stopping = true;
	if (r >= 0)
		r = pump(c);
	whole = r >= 0;
	if (r == -ENOSPC)
		sink_retry(c->sink);
	for (uint32_t i = 0; i < c->n; i++)
		if (c->inputs[i].ring)
			end_input(c, &c->inputs[i], whole);
	if (r == -ECANCELED)
		r = 0;
	return r < 0 ? (sink_flush(c->sink), r) : sink_flush(c->sink);
}

static void add(struct rx_ring_stats *sum, const struct rx_ring_stats *st)
{
	sum->offered += st->offered;
	sum->captured += st->captured;
	sum->lost += st->lost;
	sum->ghosts += st->ghosts;
	sum->freezes += st->freezes;
	sum->gaps += st->gaps;
	sum->exact += st->exact;
	sum->trailing += st->trailing;
}

void capture_read_stats(const struct capture *c, struct capture_stats *ret)
{
	*ret = c->stats;
	for (uint32_t i = 0; i < c->n; i++) {
		const struct input *in = &c->inputs[i];
		double fill;

		add(&ret->sum, in->ring ? rx_ring_stats(in->ring) : &in->stats);
		if (!in->ring)
			continue;
		fill = rx_ring_fill(in->ring);
		ret->fill = fill > ret->fill ? fill : ret->fill;
		ret->ports++;
		ret->down += in->down;
	}
}
