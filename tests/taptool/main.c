/* SPDX-License-Identifier: GPL-2.0-or-later */
/* taptool - see taptool.h.
 *
 *   main.c      the commands and their arguments
 *   device.c    taps, macvtaps, their counters     frame.c   frames and packet sockets
 *   hold.c      be a VMM                           flood.c   send counted frames
 *   hog.c       take a CPU from everybody
 *   case.c      lose frames on purpose: case_rx.c, case_tx.c, case_macvtap.c */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "taptool.h"

static const struct command {
	const char *name, *args, *help;
	int (*run)(const struct args *a);
} commands[] = {
	{ "hold",
	  "NAME [queues N] [ring N] [vnet] [tun] [backpressure] [down] [persist] [macvtap] [say N "
	  "len N "
	  "to MAC from MAC] [-- WORDS]",
	  "open NAME and never read it; says READY and waits to be killed; SIGUSR1: read all there "
	  "is and print how much; SIGUSR2: send N frames "
	  "as the guest would",
	  cmd_hold },
	{ "drain",
	  "NAME [queues N] [ring N] [vnet] [macvtap] [nap MS every MS] [each US] [-- WORDS]",
	  "open NAME and read all that comes, but for a nap now and then, or one after each frame; "
	  "prints how much at SIGTERM",
	  cmd_drain },
	{ "flood",
	  "DEV COUNT [len N] [flows N] [bypass] [rate PPS [even | apart]] [to MAC] [from MAC] "
	  "[told]",
	  "send exactly COUNT frames out of DEV, several UDP flows or sequence-numbered ones; "
	  "even: one at a time; apart: and never faster; told: "
	  "when frames were refused",
	  cmd_flood },
	{ "hog", "[cpu N] [for MS] [every MS] [times N] [dev NAME lost N]",
	  "take a CPU from all other programs for a while, again and again, or until NAME lost N "
	  "frames; prints when: "
	  "CLOCK_REALTIME ns, from and to",
	  cmd_hog },
	{ "case", "CASE [dev NAME] [count N] [rounds N] [pause MS] [wait] [stay] [-- WORDS]",
	  "lose frames in one certain way, print what was offered and how DEV's counters moved; "
	  "wait: say READY, and begin at SIGUSR1",
	  cmd_case },
	{ "cases", "", "list the ways", cmd_cases },
};

void die(const char *format, ...)
{
	int error = errno;
	va_list ap;

	fputs("taptool: ", stderr);
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fprintf(stderr, "%s%s\n", error ? ": " : "", error ? strerror(error) : "");
	exit(1);
}

const char *args_value(const struct args *a, const char *key)
{
	for (int i = 0; i + 1 < a->n; i++)
		if (!strcmp(a->words[i], key))
			return a->words[i + 1];
	return NULL;
}

bool args_flag(const struct args *a, const char *flag)
{
	for (int i = 1; i < a->n; i++)
		if (!strcmp(a->words[i], flag))
			return true;
	return false;
}

unsigned long args_number(const struct args *a, const char *key, unsigned long otherwise)
{
	const char *text = args_value(a, key);
	unsigned long n;
	char *end;

	if (!text)
		return otherwise;
	n = strtoul(text, &end, 10);
	errno = 0;
	if (*end || !*text)
		die("%s wants a number, not %s", key, text);
	return n;
}

const char *args_name(const struct args *a, int i, const char *otherwise)
{
	return i < a->n ? a->words[i] : otherwise;
}

static int usage(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		fprintf(stderr, "taptool %s %s\n\t%s\n", commands[i].name, commands[i].args,
			commands[i].help);
	return 2;
}

int main(int argc, char **argv)
{
	struct args a = { argv + 2, 0 };

	setvbuf(stdout, NULL, _IOLBF, 0);
	/* up to 5.10 BPF programs count against it */
	setrlimit(RLIMIT_MEMLOCK, &(struct rlimit){ RLIM_INFINITY, RLIM_INFINITY });
	while (a.n + 2 < argc && strcmp(a.words[a.n], "--") != 0)
		a.n++;
	for (size_t i = 0; argc > 1 && i < ARRAY_SIZE(commands); i++)
		if (!strcmp(argv[1], commands[i].name))
			return commands[i].run(&a);
	return usage();
}
