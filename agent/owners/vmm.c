/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vmm.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "collector/clock.h"
#include "mailbox.h"

#define GATHER_NS (50 * NSEC_PER_MSEC)

struct vmm {
	struct mailbox box;
	char proc[64];
	uint64_t resync_ns;
	pthread_t thread;
	pthread_cond_t wake;	/* with box.lock */
	bool kicked, quit;
};

static struct timespec at(uint64_t ns)
{
	return (struct timespec){
		.tv_sec = (time_t)(ns / NSEC_PER_SEC),
		.tv_nsec = (long)(ns % NSEC_PER_SEC),
	};
}

/* Until @ns, or until asked to end; with @kicks also until somebody kicks. */
static bool wait_until(struct vmm *v, uint64_t ns, bool kicks)
{
	struct timespec ts = at(ns);
	bool quit;

	pthread_mutex_lock(&v->box.lock);
	while (!v->quit && !(kicks && v->kicked) &&
	       pthread_cond_timedwait(&v->wake, &v->box.lock, &ts) != ETIMEDOUT)
		;
	quit = v->quit;
	pthread_mutex_unlock(&v->box.lock);
	return !quit;
}

static void *run(void *arg)
{
	struct vmm *v = arg;
	uint64_t began, worked, rest;
	bool go_on = true;

	while (go_on) {
		struct owner_list *list;
		int r;

		pthread_mutex_lock(&v->box.lock);
		v->kicked = false;
		pthread_mutex_unlock(&v->box.lock);
		began = mono_ns();
		worked = clock_ns(CLOCK_THREAD_CPUTIME_ID);
		r = vmm_scan(v->proc, &list);
		if (r < 0)
			mailbox_report(&v->box, "failed", "%s: %s", v->proc, strerror(-r));
		else
			mailbox_put(&v->box, list);
		/* a tenth of a core; waiting for one costs nothing */
		rest = 9 * (clock_ns(CLOCK_THREAD_CPUTIME_ID) - worked);
		go_on = wait_until(v, mono_ns() + (rest > GATHER_NS ? rest : GATHER_NS), false) &&
			wait_until(v, began + v->resync_ns, true);
		if (go_on)
			go_on = wait_until(v, mono_ns() + GATHER_NS, false);
	}
	return NULL;
}

int vmm_start(const char *proc, unsigned int resync_ms, struct vmm **ret)
{
	struct vmm *v = calloc(1, sizeof(*v));
	pthread_condattr_t attr;
	int r;

	if (!v)
		return -ENOMEM;
	snprintf(v->proc, sizeof(v->proc), "%s", proc);
	v->resync_ns = resync_ms * NSEC_PER_MSEC;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	r = mailbox_init(&v->box);
	if (r >= 0)
		r = -pthread_cond_init(&v->wake, &attr);
	if (r >= 0)
		r = -pthread_create(&v->thread, NULL, run, v);
	if (r < 0) {
		mailbox_clear(&v->box);
		free(v);
		return r;
	}
	*ret = v;
	return 0;
}

struct vmm *vmm_stop(struct vmm *v)
{
	if (!v)
		return NULL;
	pthread_mutex_lock(&v->box.lock);
	v->quit = true;
	pthread_cond_signal(&v->wake);
	pthread_mutex_unlock(&v->box.lock);
	pthread_join(v->thread, NULL);
	pthread_cond_destroy(&v->wake);
	mailbox_clear(&v->box);
	free(v);
	return NULL;
}

void vmm_kick(struct vmm *v)
{
	pthread_mutex_lock(&v->box.lock);
	v->kicked = true;
	pthread_cond_signal(&v->wake);
	pthread_mutex_unlock(&v->box.lock);
}

int vmm_fd(const struct vmm *v)
{
	return v->box.fd;
}

struct owner_list *vmm_take(struct vmm *v)
{
	return mailbox_take(&v->box);
}

void vmm_state(struct vmm *v, struct source_state *ret)
{
	mailbox_state(&v->box, ret);
}
