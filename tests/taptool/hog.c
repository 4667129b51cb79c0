/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hog: take a CPU from everybody for a while, again and again, and tell afterwards when. */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <time.h>

#include "taptool.h"

#define MAX_STOPS 1000

static uint64_t now(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
}

static void take_cpu(int cpu)
{
	struct sched_param first = { .sched_priority = 50 };
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set) < 0 ||
	    sched_setscheduler(0, SCHED_FIFO, &first) < 0)
		die("CPU %d", cpu);
}

/* What the device @name has lost towards its guest; 0: no device. */
static uint64_t lost_by(const char *name)
{
	char path[128];
	unsigned long long n = 0;
	FILE *f;

	if (!name)
		return 0;
	snprintf(path, sizeof(path), "/sys/class/net/%s/statistics/tx_dropped", name);
	f = fopen(path, "r");
	if (!f || fscanf(f, "%llu", &n) != 1)
		die("%s", name);
	fclose(f);
	return n;
}

int cmd_hog(const struct args *a)
{
	const char *dev = args_value(a, "dev");
	static uint64_t from[MAX_STOPS], to[MAX_STOPS];
	uint64_t length = args_number(a, "for", 50) * NSEC_PER_MSEC,
		 every = args_number(a, "every", 1000) * NSEC_PER_MSEC, due;
	unsigned long n = args_number(a, "times", 1), most = args_number(a, "lost", 0);

	if (n > MAX_STOPS || length >= every)
		die("times: up to %d; for: less than every", MAX_STOPS);
	take_cpu((int)args_number(a, "cpu", 0));
	due = now(CLOCK_MONOTONIC);
	for (unsigned long i = 0; i < n; i++) {
		struct timespec at = { (time_t)((due += every) / NSEC_PER_SEC),
				       (long)(due % NSEC_PER_SEC) };

		uint64_t lost;

		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
		lost = lost_by(dev);
		for (from[i] = to[i] = now(CLOCK_REALTIME); to[i] - from[i] < length;
		     to[i] = now(CLOCK_REALTIME))
			if (dev && lost_by(dev) >= lost + most)
				break;
	}
	for (unsigned long i = 0; i < n; i++)
		printf("%llu %llu\n", (unsigned long long)from[i], (unsigned long long)to[i]);
	return 0;
}
