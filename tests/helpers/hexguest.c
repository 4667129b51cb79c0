/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hexguest - a VMM and its guest in one process, or a neighbour: it reads all that comes, and sends
 * what it is told to.
 *
 *   hexguest tap NAME [deaf] [-- WORDS]       on a tap, which it makes
 *   hexguest tun NAME [-- WORDS]              on a tun: packets without an Ethernet header
 *   hexguest macvtap NAME [deaf] [-- WORDS]   on a macvtap that is there
 *   hexguest device NAME                      from any device, by a packet socket; reads nothing
 *
 * Says READY; then does each line of standard input and answers it with a line:
 *
 *   COUNT HEX   sends COUNT frames of these bytes: "sent N refused M"
 *   read        how many frames it has read: "read N"
 *
 * deaf: it reads nothing. WORDS are for whoever reads the command line. It ends at the end of its
 * input. */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MAX_FRAME = 9216, MAX_LINE = 2 * MAX_FRAME + 32 };

static void fail(const char *what)
{
	fprintf(stderr, "hexguest: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int open_node(const char *node, const char *name, int flags)
{
	struct ifreq ifr = { .ifr_flags = (short)(flags | IFF_NO_PI) };
	int fd = open(node, O_RDWR | O_NONBLOCK | O_CLOEXEC);

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	if (fd < 0 || ioctl(fd, TUNSETIFF, &ifr) < 0)
		fail(node);
	return fd;
}

static int open_device(const char *name)
{
	struct sockaddr_ll at = { .sll_family = AF_PACKET,
				  .sll_ifindex = (int)if_nametoindex(name) };
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0)
		fail(name);
	return fd;
}

static int open_kind(const char *kind, const char *name)
{
	char node[32];

	if (!strcmp(kind, "tap"))
		return open_node("/dev/net/tun", name, IFF_TAP);
	if (!strcmp(kind, "tun"))
		return open_node("/dev/net/tun", name, IFF_TUN);
	if (!strcmp(kind, "device"))
		return open_device(name);
	snprintf(node, sizeof(node), "/dev/tap%u", if_nametoindex(name));
	return open_node(node, name, IFF_TAP);
}

static size_t bytes_of(const char *hex, uint8_t frame[static MAX_FRAME])
{
	size_t n = 0;

	for (; n < MAX_FRAME && sscanf(hex, "%2hhx", &frame[n]) == 1; hex += 2)
		n++;
	return n;
}

static void say(int fd, const char *line)
{
	static uint8_t frame[MAX_FRAME];
	unsigned long count, sent = 0;
	char *hex;
	size_t len;

	count = strtoul(line, &hex, 10);
	len = bytes_of(hex + strspn(hex, " "), frame);
	for (unsigned long i = 0; i < count; i++)
		sent += write(fd, frame, len) == (ssize_t)len;
	printf("sent %lu refused %lu\n", sent, count - sent);
}

static unsigned long read_all(int fd)
{
	static uint8_t frame[65536];
	unsigned long n = 0;

	while (read(fd, frame, sizeof(frame)) > 0)
		n++;
	return n;
}

static bool has(char **words, const char *word)
{
	for (; *words && strcmp(*words, "--") != 0; words++)
		if (!strcmp(*words, word))
			return true;
	return false;
}

int main(int argc, char **argv)
{
	struct pollfd p[2] = { { .fd = STDIN_FILENO, .events = POLLIN }, { .events = POLLIN } };
	static char line[MAX_LINE];
	unsigned long n = 0;
	int fd;

	if (argc < 3)
		return 2;
	setvbuf(stdin, NULL, _IONBF, 0);
	setvbuf(stdout, NULL, _IOLBF, 0);
	fd = open_kind(argv[1], argv[2]);
	p[1].fd = !strcmp(argv[1], "device") || has(argv + 3, "deaf") ? -1 : fd;
	puts("READY");
	while (poll(p, 2, -1) >= 0 || errno == EINTR) {
		if (p[1].revents)
			n += read_all(fd);
		if (!p[0].revents)
			continue;
		if (!fgets(line, sizeof(line), stdin))
			return 0;
		if (!strncmp(line, "read", 4))
			printf("read %lu\n", n);
		else
			say(fd, line);
	}
	return 1;
}
