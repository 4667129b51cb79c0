/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A probe that does what no probe should, as the first process of a guest. What it does is written
 * behind the program's end, after the mark "hostile:". Until its moment comes it answers as a probe
 * does, without looking at any frame: it has seen one that is not of the run, and 5 that are. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/reboot.h>
#include <unistd.h>

#include "collector/probe/machine.h"
#include "collector/probe/wire.h"

#define MARK "hostile:"

static char mode[32];
static int port, captures;

static void say(const char *format, ...) __attribute__((__format__(__printf__, 1, 2)));

static void say(const char *format, ...)
{
	char text[256];
	va_list ap;
	size_t n;

	va_start(ap, format);
	n = (size_t)vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	for (size_t at = 0; at < n;) {
		ssize_t w = write(port, text + at, n - at);

		if (w > 0)
			at += (size_t)w;
		else
			poll(&(struct pollfd){ port, POLLOUT, 0 }, 1, 100);
	}
}

static bool is(const char *word)
{
	return !strcmp(mode, word);
}

static void read_mode(void)
{
	char tail[64] = "";
	int fd = open("/init", O_RDONLY | O_CLOEXEC);
	const char *at;
	ssize_t n;

	lseek(fd, -(off_t)sizeof(tail) + 1, SEEK_END);
	n = read(fd, tail, sizeof(tail) - 1);
	close(fd);
	at = n > 0 ? memmem(tail, (size_t)n, MARK, strlen(MARK)) : NULL;
	for (size_t i = 0;
	     at && i < sizeof(mode) - 1 && isalpha((unsigned char)at[strlen(MARK) + i]); i++)
		mode[i] = at[strlen(MARK) + i];
}

static void forever(const char *text)
{
	for (;;)
		say("%s", text);
}

static void hang(void)
{
	for (;;)
		pause();
}

static void hello(void)
{
	if (is("version"))
		say("probe 99 6.1\nok\n");
	else if (is("binary"))
		say("\x01\x02\xff probe\n");
	else if (is("endless"))
		forever("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
	else
		say("probe %d 6.1\nok\n", WIRE_VERSION);
}

static void capture(const char *line)
{
	char nic[16];
	int ifindex;

	captures++;
	machine_nic(strrchr(line, ' ') + 1, nic, &ifindex);	/* it takes frames */
	if (is("refuse"))
		say("error capture: out of memory\n");
	else
		say("ok\n");
}

/* The second capture is the one that counts. */
static void count(void)
{
	if (captures > 1 && is("die"))
		reboot(RB_POWER_OFF);
	if (captures > 1 && is("hang"))
		hang();
	say("count %d 1\nok\n", captures > 1 ? 5 : 0);
}

static void report(void)
{
	if (is("flood"))
		say("frames 5\nrepeated 0\nlate 0\nforeign 0\nring_frames 5\nring_drops "
		    "0\nnic_packets 5\nnic_dropped 0\ncpu_ns 1\nwall_ns 1\n");
	for (unsigned int i = 0; is("flood"); i += 2)
		say("gap %u 1\n", i);
	say("frames %s\nrepeated 0\nlate 0\nforeign 0\nring_frames 5\nring_drops 0\nnic_packets "
	    "5\nnic_dropped 0\ncpu_ns 1\nwall_ns 1\nomitted 0\nok\n",
	    is("boast") ? "4000000000" : "-1");
}

static void obey(const char *line)
{
	if (!strcmp(line, "hello"))
		hello();
	else if (!strncmp(line, "capture ", 8))
		capture(line);
	else if (!strcmp(line, "count"))
		count();
	else
		report();
}

int main(void)
{
	char line[WIRE_LINE] = "";
	size_t n = 0;

	machine_begin();
	read_mode();
	if (is("silent"))
		hang();
	while ((port = machine_port(WIRE_PORT)) < 0)
		usleep(5000);
	for (;;) {
		ssize_t r = read(port, line + n, sizeof(line) - 1 - n);
		char *end;

		if (r <= 0) {
			usleep(5000);
			continue;
		}
		n += (size_t)r;
		line[n] = '\0';
		while ((end = strchr(line, '\n'))) {
			*end = '\0';
			obey(line);
			n -= (size_t)(end + 1 - line);
			memmove(line, end + 1, n + 1);
		}
	}
}
