/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Taps, macvtaps and their counters. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <linux/if_tun.h>

#include "taptool.h"

void run(const char *format, ...)
{
	char command[512];
	va_list ap;

	va_start(ap, format);
	vsnprintf(command, sizeof(command), format, ap);
	va_end(ap);
	errno = 0;
	if (system(command) != 0)
		die("%s", command);
}

static void set_flags(int fd, const char *name, int flags)
{
	struct ifreq ifr = { .ifr_flags = (short)(flags | IFF_NO_PI) };

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	if (ioctl(fd, TUNSETIFF, &ifr) < 0)
		die("%s", name);
}

int tap_open(const char *name, int flags)
{
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		die("/dev/net/tun");
	set_flags(fd, name, flags);
	return fd;
}

int macvtap_open(const char *name, int flags)
{
	char node[64];
	int fd = -1;

	/* The node is made by a udev or nsinit, some time after the device. */
	snprintf(node, sizeof(node), "/dev/tap%d", device_index(name));
	for (int i = 0; i < 2000 && fd < 0; i++) {
		fd = open(node, O_RDWR | O_CLOEXEC);
		if (fd < 0)
			usleep(1000);
	}
	if (fd < 0)
		die("%s", node);
	set_flags(fd, name, flags);
	return fd;
}

static void interface_ioctl(unsigned long request, const char *what, struct ifreq *ifr,
			    const char *name)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	snprintf(ifr->ifr_name, sizeof(ifr->ifr_name), "%s", name);
	if (fd < 0 || ioctl(fd, request, ifr) < 0)
		die("%s of %s", what, name);
	close(fd);
}

void device_up(const char *name)
{
	struct ifreq ifr = { .ifr_flags = IFF_UP };

	interface_ioctl(SIOCSIFFLAGS, "flags", &ifr, name);
}

void device_set_ring(const char *name, unsigned int frames)
{
	struct ifreq ifr = { .ifr_qlen = (int)frames };

	interface_ioctl(SIOCSIFTXQLEN, "queue length", &ifr, name);
}

void device_mac(const char *name, uint8_t ret[static 6])
{
	struct ifreq ifr = { 0 };

	interface_ioctl(SIOCGIFHWADDR, "address", &ifr, name);
	memcpy(ret, ifr.ifr_hwaddr.sa_data, 6);
}

int device_index(const char *name)
{
	int index = (int)if_nametoindex(name);

	if (!index)
		die("%s", name);
	return index;
}

static uint64_t counter(const char *device, const char *name)
{
	char path[128];
	uint64_t n = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/sys/class/net/%s/statistics/%s", device, name);
	f = fopen(path, "re");
	if (!f)
		return 0;
	if (fscanf(f, "%" SCNu64, &n) != 1)
		n = 0;
	fclose(f);
	return n;
}

void counters_read(const char *name, struct counters *ret)
{
	if (!if_nametoindex(name))
		return;
	ret->rx_packets = counter(name, "rx_packets");
	ret->tx_packets = counter(name, "tx_packets");
	ret->rx_dropped = counter(name, "rx_dropped");
	ret->tx_dropped = counter(name, "tx_dropped");
	ret->rx_errors = counter(name, "rx_errors");
	ret->tx_errors = counter(name, "tx_errors");
	ret->rx_frame_errors = counter(name, "rx_frame_errors");	/* tun.ko up to 5.10 */
}

void counters_print(const struct counters *from, const struct counters *to)
{
	printf("\"rx_packets\":%" PRIu64 ",\"tx_packets\":%" PRIu64 ",",
	       to->rx_packets - from->rx_packets, to->tx_packets - from->tx_packets);
	printf("\"rx_dropped\":%" PRIu64 ",\"tx_dropped\":%" PRIu64 ",",
	       to->rx_dropped - from->rx_dropped, to->tx_dropped - from->tx_dropped);
	printf("\"rx_errors\":%" PRIu64 ",\"tx_errors\":%" PRIu64, to->rx_errors - from->rx_errors,
	       to->tx_errors - from->tx_errors);
}

void xdp_attach(const char *name, const char *answer)
{
	run("xdp %s %s > xdp.%s 2>&1 & for i in $(seq 500); do grep -qs READY xdp.%s && exit; "
	    "sleep 0.02; done; exit 1",
	    name, answer, name, name);
}

unsigned int tap_read_all(int fd)
{
	static uint8_t b[MAX_FRAME];
	unsigned int n = 0;

	fcntl(fd, F_SETFL, O_NONBLOCK);
	while (read(fd, b, sizeof(b)) > 0)
		n++;
	return n;
}

unsigned int qdisc_backlog(const char *name)
{
	unsigned int n = 0;
	char command[128];
	FILE *f;

	snprintf(command, sizeof(command), "tc -s -j qdisc show dev %s root | jq '.[0].qlen'",
		 name);
	f = popen(command, "re");	/* NOLINT */
	if (!f || fscanf(f, "%u", &n) != 1)
		die("%s", command);
	pclose(f);
	return n;
}
