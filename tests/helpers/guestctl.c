/* SPDX-License-Identifier: GPL-2.0-or-later */
/* guestctl SOCKET SECONDS COMMAND... - has the small guest (tests/guest/init.c) do each COMMAND,
 * prints what it answers. Waits up to SECONDS for the whole of it, a guest that still boots
 * included. Exit status 1: a command failed, or no answer. */
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "collector/base.h"

static struct timespec deadline;

static int left_ms(void)
{
	struct timespec now;
	long ms;

	clock_gettime(CLOCK_MONOTONIC, &now);
	ms = (deadline.tv_sec - now.tv_sec) * 1000 + (deadline.tv_nsec - now.tv_nsec) / 1000000;
	return ms > 0 ? (int)ms : 0;
}

static int connect_to(const char *path)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(to.sun_path, sizeof(to.sun_path), "%s", path);
	while (connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0) {
		if (!left_ms())
			return close_fd(fd);
		usleep(10000);
	}
	return fd;
}

/* A line without its end, or NULL when there is no whole one in time. */
static char *next_line(int fd, char *line, size_t size)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	for (size_t n = 0; n + 1 < size; n++) {
		if (poll(&p, 1, left_ms()) <= 0 || read(fd, line + n, 1) != 1)
			return NULL;
		if (line[n] != '\n')
			continue;
		line[n] = '\0';
		return line;
	}
	return NULL;
}

static bool obeyed(int fd, const char *command)
{
	char line[512];

	if (dprintf(fd, "%s\n", command) < 0)
		return false;
	while (next_line(fd, line, sizeof(line))) {
		if (!strcmp(line, "OK"))
			return true;
		if (!strncmp(line, "ERR ", 4)) {
			fprintf(stderr, "guestctl: %s: %s\n", command, line + 4);
			return false;
		}
		puts(line);
	}
	fprintf(stderr, "guestctl: %s: no answer\n", command);
	return false;
}

int main(int argc, char **argv)
{
	int fd;

	if (argc < 4) {
		fputs("usage: guestctl SOCKET SECONDS COMMAND...\n", stderr);
		return 2;
	}
	clock_gettime(CLOCK_MONOTONIC, &deadline);
	deadline.tv_sec += atoi(argv[2]);
	fd = connect_to(argv[1]);
	if (fd < 0) {
		fprintf(stderr, "guestctl: %s: %s\n", argv[1], strerror(errno));
		return 1;
	}
	for (int i = 3; i < argc; i++)
		if (!obeyed(fd, argv[i]))
			return 1;
	return 0;
}
