/* SPDX-License-Identifier: GPL-2.0-or-later */
/* many_taps TAPS QUEUES LOSING: makes TAPS taps with QUEUES queues that nobody reads, prints READY,
 * then, for each line on standard input, sends 64 flows to each of the first LOSING taps: every
 * queue of theirs loses frames. Ends with the input. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "collector/base.h"

#define FLOWS 64
#define FRAME 60

static void die(const char *what)
{
	fprintf(stderr, "many_taps: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void open_queue(const char *name)
{
	struct ifreq ifr = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | IFF_MULTI_QUEUE };
	/* stays open until the end: it holds the tap */
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		die("/dev/net/tun");
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	if (ioctl(fd, TUNSETIFF, &ifr) < 0)
		die("TUNSETIFF");
}

static void bring_up(int ctl, const char *name)
{
	struct ifreq ifr = { .ifr_qlen = 1 };

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	if (ioctl(ctl, SIOCSIFTXQLEN, &ifr) < 0)
		die("SIOCSIFTXQLEN");
	ifr.ifr_flags = IFF_UP;
	if (ioctl(ctl, SIOCSIFFLAGS, &ifr) < 0)
		die("SIOCSIFFLAGS");
}

/* UDP over IPv4; the port makes the flow. */
static void make_frame(unsigned char *f, int flow)
{
	static const unsigned char head[] = {
		0xff, 0xff, 0xff, 0xff,	      0xff, 0xff, 2, 0, 0,  0,	0, 9,	      8,  0,
		0x45, 0,    0,	  FRAME - 14, 0,    0,	  0, 0, 64, 17, 0, 0,	      10, 0,
		0,    1,    10,	  0,	      0,    2,	  4, 0, 0,  53, 0, FRAME - 34
	};

	memset(f, 0, FRAME);
	memcpy(f, head, sizeof(head));
	f[34] = (unsigned char)(4 + flow / 8);
	f[35] = (unsigned char)(flow * 37);
}

static void send_flows(int sk, unsigned int ifindex)
{
	struct sockaddr_ll to = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_IP),
		.sll_ifindex = (int)ifindex,
		.sll_halen = 6,
	};
	unsigned char f[FRAME];

	for (int flow = 0; flow < FLOWS; flow++) {
		make_frame(f, flow);
		if (sendto(sk, f, sizeof(f), 0, (struct sockaddr *)&to, sizeof(to)) < 0 &&
		    errno != ENOBUFS)
			die("sendto");
	}
}

int main(int argc, char **argv)
{
	struct rlimit files = { 65536, 65536 };
	int taps = argc == 4 ? atoi(argv[1]) : 0, queues = taps ? atoi(argv[2]) : 0,
	    losing = taps ? atoi(argv[3]) : 0, ctl, sk, one = 1;
	char line[16];

	if (taps < 1 || queues < 1 || losing > taps)
		return 2;
	setrlimit(RLIMIT_NOFILE, &files);
	ctl = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	sk = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (ctl < 0 || sk < 0 ||
	    setsockopt(sk, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof(one)) < 0)
		die("socket");
	for (int i = 0; i < taps; i++) {
		char name[IFNAMSIZ];

		snprintf(name, sizeof(name), "bt%d", i);
		for (int q = 0; q < queues; q++)
			open_queue(name);
		bring_up(ctl, name);
	}
	puts("READY");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		for (int i = 0; i < losing; i++) {
			char name[IFNAMSIZ];

			snprintf(name, sizeof(name), "bt%d", i);
			send_flows(sk, if_nametoindex(name));
		}
		puts("SENT");
		fflush(stdout);
	}
	return 0;
}
