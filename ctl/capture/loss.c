/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "loss.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "collector/base.h"
#include "collector/capture/pending_comments.h"
#include "ctl/options/query.h"
#include "ctl/print/when.h"
#include "ctl/query/bursts.h"
#include "ctl/query/share.h"

#define LOOK_NS NSEC_PER_SEC
/* from the beginning of a piece of a burst to the moment when the kernel tells it */
#define PIECE_NS (NSEC_PER_SEC + 2 * BURST_GAP_NS)
#define PATIENCE_NS (5 * NSEC_PER_SEC)

void capture_loss_begin(struct capture_loss *l, const char *store)
{
	*l = (struct capture_loss){ .store = store, .begun_ns = now_ns(), .reported_ns = now_ns() };
}

/* Without a word when there is no store, or nobody writes to it. */
static struct reader *open_store(const struct capture_loss *l)
{
	char path[4096];
	struct reader *v;

	snprintf(path, sizeof(path), "%s/meta.db", l->store);
	if (access(path, R_OK) < 0)
		return NULL;
	v = query_begin(l->store);
	return v && !v->running ? query_end(v) : v;
}

static const char *as_time(char buf[static 40], uint64_t t_ns)
{
	time_t s = (time_t)(t_ns / NSEC_PER_SEC);
	struct tm tm;
	size_t n = strftime(buf, 40, "%Y-%m-%dT%H:%M:%S", gmtime_r(&s, &tm));

	snprintf(buf + n, 40 - n, ".%09uZ", (unsigned int)(t_ns % NSEC_PER_SEC));
	return buf;
}

static void report_burst(struct capture_loss *l, struct capture *c, const struct reader *v,
			 const struct burst *b)
{
	const struct reader_series *s = b->series;
	const struct reader_device *d = reader_device(v, s->device_id);
	char text[PENDING_COMMENT_BYTES], first[40], last[40], queue[24] = "";
	int r;

	if (!d)
		return;
	if (s->queue >= 0)
		snprintf(queue, sizeof(queue), " queue=%d", s->queue);
	snprintf(text, sizeof(text),
		 "taploss: the VM lost %llu frames reason=%.60s place=%.60s class=%s kind=%s "
		 "direction=%s%s first=%s last=%s",
		 (unsigned long long)b->frames, s->reason, s->site, s->class, s->kind, s->direction,
		 queue, as_time(first, b->start_ns), as_time(last, b->last_ns));
	r = capture_note(c, d->netns, d->ifindex, text);
	if (r >= 0) {
		l->bursts++;
		l->frames += b->frames;
	} else if (r != -ENOENT) {
		l->unheard++;
	}
}

/* Of the taps in this capture, and lost there. */
static bool *list_series(const struct reader *v, const struct capture *c)
{
	bool *wanted = calloc(v->n_series + 1, sizeof(*wanted));

	if (!wanted)
		abort();
	for (size_t i = 0; i < v->n_series; i++) {
		const struct reader_device *d = v->series[i].id && share_of(&v->series[i]) == LOST
							? reader_device(v, v->series[i].device_id)
							: NULL;

		wanted[i] = d && capture_has(c, d->netns, d->ifindex);
	}
	return wanted;
}

static void report_until(struct capture_loss *l, struct capture *c, struct reader *v,
			 const bool *wanted, uint64_t until_ns)
{
	struct bursts b = { 0 };

	if (until_ns <= l->reported_ns || bursts_read(v, l->reported_ns, until_ns, wanted, &b) < 0)
		return;
	for (size_t i = 0; i < b.n; i++)
		report_burst(l, c, v, &b.all[i]);
	bursts_free(&b);
	l->reported_ns = until_ns;
}

void capture_loss_report(struct capture_loss *l, struct capture *c)
{
	uint64_t now = now_ns();
	bool *wanted;
	struct reader *v;

	if (now - l->looked_ns < LOOK_NS)
		return;
	l->looked_ns = now;
	v = open_store(l);
	if (!v)
		return;
	wanted = list_series(v, c);
	report_until(l, c, v, wanted, now - PIECE_NS - 2 * v->interval_ns);
	free(wanted);
	query_end(v);
}

/* Is every frame that was counted from the beginning on in a burst that is stored? */
static bool is_whole(const struct capture_loss *l, struct reader *v, const bool *wanted)
{
	struct reader_sum *sums = NULL;
	struct bursts b = { 0 };
	uint64_t counted = 0, stored = 0;

	if (reader_losses(v, l->begun_ns, UINT64_MAX >> 1, &sums) < 0)
		return true;
	if (bursts_read(v, l->begun_ns, UINT64_MAX >> 1, wanted, &b) >= 0)
		for (size_t i = 0; i < b.n; i++)
			stored += b.all[i].frames;
	for (size_t i = 0; i < v->n_series; i++)
		counted += wanted[i] ? sums[i].frames : 0;
	bursts_free(&b);
	free(sums);
	return stored >= counted;
}

void capture_loss_finish(struct capture_loss *l, struct capture *c, uint64_t until_ns)
{
	bool *wanted, whole = false;
	struct reader *v;

	while (!whole) {
		uint64_t now = now_ns();

		v = open_store(l);
		if (!v)
			return;
		wanted = list_series(v, c);
		whole = now >= until_ns + PATIENCE_NS + 2 * v->interval_ns ||
			(now >= until_ns + 2 * v->interval_ns && is_whole(l, v, wanted));
		if (whole)
			report_until(l, c, v, wanted, until_ns);
		free(wanted);
		query_end(v);
		if (!whole)
			nanosleep(&(struct timespec){ .tv_nsec = 50 * (long)NSEC_PER_MSEC }, NULL);
	}
}
