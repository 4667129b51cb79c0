/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "virt_events.h"

#include <errno.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <pthread.h>

static void *run_events(void *arg)
{
	(void)arg;
	while (virEventRunDefaultImpl() >= 0)
		;
	return NULL;
}

static void keep_quiet(void *arg, virErrorPtr error)
{
	(void)arg;
	(void)error;	/* asked for where it matters */
}

static void on_nothing(int timer, void *arg)
{
	(void)timer;
	(void)arg;
}

static int events_result;

static void start(void)
{
	pthread_t thread;

	virSetErrorFunc(NULL, keep_quiet);
	events_result = virInitialize() < 0 || virEventRegisterDefaultImpl() < 0 ? -EIO : 0;
	/* Without anything to wait for, virEventRunDefaultImpl() would sleep for ever on nothing it
	 * could be woken by. */
	if (events_result == 0 && virEventAddTimeout(1000, on_nothing, NULL, NULL) < 0)
		events_result = -EIO;
	if (events_result == 0)
		events_result = -pthread_create(&thread, NULL, run_events, NULL);
	if (events_result == 0)
		pthread_detach(thread);
}

int virtevents_start(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, start);
	return events_result;
}
