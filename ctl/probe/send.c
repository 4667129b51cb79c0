/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "send.h"

#include <errno.h>
#include <net/if.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "collector/base.h"
#include "stop.h"

#define LOOK_NS (50 * NSEC_PER_MSEC)	/* how often it is seen whether to go on */

struct worker {
	pthread_t thread;
	struct sender sender;
	uint64_t *batch_ns;	/* of all */
	int *stop;		/* -errno of who wants all to end; 0: go on */
	int r;
};

static void sleep_ns(uint64_t ns)
{
	struct timespec ts = { 0, (long)(ns < LOOK_NS ? ns : LOOK_NS) };

	nanosleep(&ts, NULL);
}

static void *work(void *arg)
{
	struct worker *w = arg;
	struct sender *s = &w->sender;

	while (w->r == 0 && !sender_done(s) && __atomic_load_n(w->stop, __ATOMIC_RELAXED) == 0) {
		uint64_t due = sender_due(s), now = send_clock_ns();

		if (due > now) {
			sleep_ns(due - now);
			continue;
		}
		w->batch_ns[(s->o.first + s->sent) / SEND_BATCH] = now;
		w->r = sender_batch(s);
	}
	if (w->r < 0)
		__atomic_store_n(w->stop, w->r, __ATOMIC_RELAXED);
	return NULL;
}

static bool is_gone(int peer)
{
	struct pollfd p = { .fd = peer, .events = POLLRDHUP };

	return poll(&p, 1, 0) > 0 && p.revents;
}

static bool all_done(const struct worker *workers, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		if (__atomic_load_n(&workers[i].sender.sent, __ATOMIC_RELAXED) <
		    workers[i].sender.o.frames)
			return false;
	return true;
}

static void watch(const struct send_plan *p, const struct worker *workers, unsigned int n,
		  int *stop)
{
	while (!all_done(workers, n) && __atomic_load_n(stop, __ATOMIC_RELAXED) == 0) {
		if (probe_stop_asked())
			__atomic_store_n(stop, -ECANCELED, __ATOMIC_RELAXED);
		else if (is_gone(p->peer))
			__atomic_store_n(stop, -EPIPE, __ATOMIC_RELAXED);
		sleep_ns(5 * NSEC_PER_MSEC);
	}
}

/* Whole batches each, so that none has two senders. */
static int start(const struct send_plan *p, struct worker *w, struct send_result *ret,
		 unsigned int i, int *stop)
{
	struct send_order o = p->order;
	uint32_t first = i * ret->per_worker, left = o.frames > first ? o.frames - first : 0;
	int r;

	o.first = first;
	o.frames = left < ret->per_worker ? left : ret->per_worker;
	o.pps = (o.pps + p->workers - 1) / p->workers;
	w->batch_ns = ret->batch_ns;
	w->stop = stop;
	r = sender_open(&w->sender, &o);
	return r < 0 ? r : -pthread_create(&w->thread, NULL, work, w);
}

static int send_all(const struct send_plan *p, struct send_result *ret)
{
	_cleanup_(freep) struct worker *workers = calloc(p->workers, sizeof(*workers));
	unsigned int n = 0;
	int stop = 0, r = 0;

	if (!workers)
		return -ENOMEM;
	for (unsigned int i = 0; i < p->workers; i++)
		workers[i].sender.fd = -1;
	while (n < p->workers && r == 0) {
		r = start(p, &workers[n], ret, n, &stop);
		n += r == 0;
	}
	if (r < 0)
		__atomic_store_n(&stop, r, __ATOMIC_RELAXED);
	watch(p, workers, n, &stop);
	for (unsigned int i = 0; i < n; i++) {
		pthread_join(workers[i].thread, NULL);
		ret->sent += workers[i].sender.sent;
		ret->refused += workers[i].sender.refused;
		ret->ended_ns = workers[i].sender.ended_ns > ret->ended_ns
					? workers[i].sender.ended_ns
					: ret->ended_ns;
	}
	for (unsigned int i = 0; i < p->workers; i++)
		sender_close(&workers[i].sender);
	return stop;
}

int send_frames(const struct send_plan *p, struct send_result *ret, char why[static 512])
{
	struct send_plan plan = *p;
	uint32_t batches = (p->order.frames + SEND_BATCH - 1) / SEND_BATCH;
	int r;

	*ret = (struct send_result){
		.batch_ns = calloc(batches + 1, sizeof(uint64_t)),
		.began_ns = send_clock_ns(),
	};
	ret->ended_ns = ret->began_ns;
	if (!ret->batch_ns)
		return -ENOMEM;
	ret->per_worker = (batches + p->workers - 1) / p->workers * SEND_BATCH;
	plan.order.ifindex = (int)if_nametoindex(p->nic);
	r = plan.order.ifindex ? send_all(&plan, ret) : -errno;
	if (r < 0)
		snprintf(why, 512, "sending into %.20s: %s", p->nic,
			 r == -ECANCELED ? "interrupted" : strerror(-r));
	return r;
}

void send_window(const struct send_result *s, uint32_t first, uint32_t last, uint64_t *from_ns,
		 uint64_t *to_ns)
{
	*from_ns = s->ended_ns;
	*to_ns = s->began_ns;
	for (uint32_t seq = first / SEND_BATCH * SEND_BATCH; seq <= last; seq += SEND_BATCH) {
		uint32_t next = seq + SEND_BATCH;
		uint64_t began = s->batch_ns[seq / SEND_BATCH], ended = s->ended_ns;

		if (next % s->per_worker && next < s->sent)
			ended = s->batch_ns[next / SEND_BATCH];
		*from_ns = began < *from_ns ? began : *from_ns;
		*to_ns = ended > *to_ns ? ended : *to_ns;
	}
}
