/* SPDX-License-Identifier: GPL-2.0-or-later */
/* case, cases: run one of the ways to lose frames. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "taptool.h"

static const struct fault_case *const tables[] = {
	cases_rx,      cases_read,   cases_tx,	     cases_stack,    cases_path,
	cases_macvtap, cases_forced, cases_vhost_rx, cases_vhost_tx,
};

static const struct fault_case *find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(tables); i++)
		for (const struct fault_case *c = tables[i]; c->name; c++)
			if (!strcmp(c->name, name))
				return c;
	errno = 0;
	die("no case %s; taptool cases lists them", name);
}

static unsigned int netns_number(void)
{
	struct stat st = { 0 };

	if (stat("/proc/self/ns/net", &st) < 0)
		die("netns");
	return (unsigned int)st.st_ino;
}

static void print_head(const struct fault_case *c, const struct fault *f, int index)
{
	printf("{\"case\":\"%s\",\"dev\":\"%s\",\"kind\":\"%s\",\"ifindex\":%d,\"netns\":%u,",
	       c->name, f->dev, c->kind, index, netns_number());
}

/* Until SIGUSR1: somebody wants to look at the device first. */
static void wait_for_word(void)
{
	sigset_t word;
	int sig;

	sigemptyset(&word);
	sigaddset(&word, SIGUSR1);
	sigprocmask(SIG_BLOCK, &word, NULL);
	puts("READY");
	sigwait(&word, &sig);
}

int cmd_case(const struct args *a)
{
	const struct fault_case *c = find(args_name(a, 0, ""));
	struct fault f = { .fd = -1, .fd2 = -1, .lower = -1 };
	unsigned long rounds = args_number(a, "rounds", 1), pause_ms = args_number(a, "pause", 0),
		      offered = 0;
	struct counters before, after;
	int index;

	frame_mac(args_value(a, "mac"), f.mac);
	f.dev = args_value(a, "dev")	      ? args_value(a, "dev")
		: !strcmp(c->kind, "macvtap") ? "m0"
					      : "t0";
	f.count = (unsigned int)args_number(a, "count", 10);
	c->set_up(&f);
	index = device_index(f.dev);
	counters_read(f.dev, &before);
	after = before;
	if (args_flag(a, "wait"))
		wait_for_word();
	for (unsigned long i = 0; i < rounds; i++) {
		offered += c->lose(&f);
		usleep((useconds_t)pause_ms * 1000);
	}
	counters_read(f.dev, &after);
	print_head(c, &f, index);
	printf("\"sent\":%lu,\"delivered\":%u,\"left\":%u,\"refused\":%u,", offered, f.delivered,
	       f.left, f.refused);
	counters_print(&before, &after);
	puts("}");
	if (args_flag(a, "stay"))
		pause();
	return 0;
}

int cmd_cases(const struct args *a)
{
	(void)a;
	for (size_t i = 0; i < ARRAY_SIZE(tables); i++)
		for (const struct fault_case *c = tables[i]; c->name; c++)
			printf("%-18s %-8s %s\n", c->name, c->kind, c->what);
	return 0;
}
