/* SPDX-License-Identifier: GPL-2.0-or-later */
/* init of the small guest: loads the modules listed in /modules, brings its interfaces up, and does
 * what it is told on the virtio-serial port "ctl". Every command is one line; the answer ends with
 * a line "OK" or "ERR WORDS":
 *
 *   ping                  nothing
 *   up DEV | down DEV     start, stop consuming frames (down: 256 descriptors and the ring still
 * fill) chan DEV N            use N queues send DEV N LEN        send N frames of the test's kind,
 * with sequence numbers count                 frames of that kind received so far:
 * {"frames","first","last","gaps"} stat DEV              {"rx_packets","rx_dropped","tx_packets"}
 *   spin MS               keep the CPU busy
 *   quit                  power off
 *
 * It also starts /service, if there is one. */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include <linux/ethtool.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>

#define TEST_ETHERTYPE 0x88b5
#define MIN_LEN 60
#define MAX_LEN 1514

static int port = -1;
static int counting = -1;	/* socket that sees every test frame */

static struct {
	unsigned long frames, gaps;
	uint32_t first, last;
} seen;

static void say(const char *format, ...)
{
	char line[512];
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(line, sizeof(line), format, ap);
	va_end(ap);
	if (write(port, line, (size_t)n) != n)
		puts("guest: the port does not take an answer");
}

static void load_modules(void)
{
	char path[256];
	FILE *f = fopen("/modules", "re");

	while (f && fgets(path, sizeof(path), f)) {
		int fd;

		path[strcspn(path, "\n")] = '\0';
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (syscall(SYS_finit_module, fd, "", 0) < 0 && errno != EEXIST)
			printf("guest: %s: %s\n", path, strerror(errno));
		close(fd);
	}
	if (f)
		fclose(f);
}

static int read_line(const char *path, char *ret, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, ret, size - 1);

	if (fd >= 0)
		close(fd);
	ret[n > 0 ? n : 0] = '\0';
	ret[strcspn(ret, "\n")] = '\0';
	return n > 0 ? 0 : -ENOENT;
}

/* The number in /dev/vportNpM differs with what else the machine has; the name does not. */
static int open_port(void)
{
	DIR *d = opendir("/sys/class/virtio-ports");
	struct dirent *e;
	char path[300], name[32];
	int fd = -1;

	while (d && fd < 0 && (e = readdir(d))) {
		snprintf(path, sizeof(path), "/sys/class/virtio-ports/%s/name", e->d_name);
		if (read_line(path, name, sizeof(name)) < 0 || strcmp(name, "ctl") != 0)
			continue;
		snprintf(path, sizeof(path), "/dev/%s", e->d_name);
		fd = open(path, O_RDWR | O_CLOEXEC);
	}
	if (d)
		closedir(d);
	return fd;
}

static int set_up(const char *dev, int up)
{
	struct ifreq ifr = { 0 };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), r;

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", dev);
	ifr.ifr_flags = up ? IFF_UP | IFF_PROMISC : 0;
	r = ioctl(fd, SIOCSIFFLAGS, &ifr) < 0 ? -errno : 0;
	close(fd);
	return r;
}

static int set_channels(const char *dev, unsigned int n)
{
	struct ethtool_channels c = { .cmd = ETHTOOL_SCHANNELS, .combined_count = n };
	struct ifreq ifr = { .ifr_data = (void *)&c };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), r;

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", dev);
	r = ioctl(fd, SIOCETHTOOL, &ifr) < 0 ? -errno : 0;
	close(fd);
	return r;
}

static int send_frames(const char *dev, unsigned long n, size_t len)
{
	static const uint8_t head[14] = { 255,
					  255,
					  255,
					  255,
					  255,
					  255,
					  2,
					  0,
					  0,
					  0,
					  0,
					  9,
					  TEST_ETHERTYPE >> 8,
					  TEST_ETHERTYPE & 0xff };
	struct sockaddr_ll to = {
		.sll_family = AF_PACKET,
		.sll_ifindex = (int)if_nametoindex(dev),
	};
	uint8_t b[MAX_LEN] = { 0 };
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0), r = 0;

	len = len < MIN_LEN ? MIN_LEN : len > MAX_LEN ? MAX_LEN : len;
	memcpy(b, head, sizeof(head));
	for (uint32_t i = 0; i < n && r >= 0; i++) {
		uint32_t seq = htonl(i);

		memcpy(b + sizeof(head), &seq, sizeof(seq));
		r = sendto(fd, b, len, 0, (struct sockaddr *)&to, sizeof(to)) < 0 ? -errno : 0;
	}
	close(fd);
	return r;
}

static int start_counting(void)
{
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, htons(TEST_ETHERTYPE));
	int room = 64 << 20;

	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	return fd;
}

static void count_frames(void)
{
	uint8_t b[18];
	uint32_t seq;

	while (recv(counting, b, sizeof(b), MSG_TRUNC) >= (ssize_t)sizeof(b)) {
		memcpy(&seq, b + 14, sizeof(seq));
		seq = ntohl(seq);
		if (!seen.frames++)
			seen.first = seq;
		else
			seen.gaps += seq != seen.last + 1;
		seen.last = seq;
	}
}

static unsigned long counter(const char *dev, const char *name)
{
	char path[128], text[32];

	snprintf(path, sizeof(path), "/sys/class/net/%s/statistics/%s", dev, name);
	return read_line(path, text, sizeof(text)) < 0 ? 0 : strtoul(text, NULL, 10);
}

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static void spin(unsigned long ms)
{
	uint64_t end = now_ms() + ms;

	while (now_ms() < end)
		;
}

static int obey(const char *line)
{
	char word[16] = "", dev[16] = "";
	unsigned long a = 0, b = 0;

	sscanf(line, "%15s %15s %lu %lu", word, dev, &a, &b);
	if (!strcmp(word, "ping"))
		return 0;
	if (!strcmp(word, "up") || !strcmp(word, "down"))
		return set_up(dev, word[0] == 'u');
	if (!strcmp(word, "chan"))
		return set_channels(dev, (unsigned int)a);
	if (!strcmp(word, "send"))
		return send_frames(dev, a, b);
	if (!strcmp(word, "spin"))
		return spin(strtoul(dev, NULL, 10)), 0;
	if (!strcmp(word, "quit"))
		return reboot(RB_POWER_OFF);
	if (!strcmp(word, "count"))
		return say("{\"frames\":%lu,\"first\":%u,\"last\":%u,\"gaps\":%lu}\n", seen.frames,
			   seen.first, seen.last, seen.gaps),
		       0;
	if (!strcmp(word, "stat"))
		return say("{\"rx_packets\":%lu,\"rx_dropped\":%lu,\"tx_packets\":%lu}\n",
			   counter(dev, "rx_packets"), counter(dev, "rx_dropped"),
			   counter(dev, "tx_packets")),
		       0;
	return -EINVAL;
}

static void answer(const char *line)
{
	int r;

	count_frames();
	r = obey(line);
	if (r < 0)
		say("ERR %s\n", strerror(-r));
	else
		say("OK\n");
}

/* Whole lines out of what the port gives. Nobody at the other end reads as an end of file, again
 * and again. */
static void serve(void)
{
	static char line[256];
	static size_t n;
	ssize_t r = read(port, line + n, sizeof(line) - 1 - n);
	char *end;

	if (r <= 0) {
		usleep(5000);
		return;
	}
	n += (size_t)r;
	line[n] = '\0';
	while ((end = strchr(line, '\n'))) {
		*end = '\0';
		answer(line);
		n -= (size_t)(end + 1 - line);
		memmove(line, end + 1, n + 1);
	}
	if (n == sizeof(line) - 1)
		n = 0;
}

static void mount_all(void)
{
	mkdir("/proc", 0755);
	mkdir("/sys", 0755);
	mkdir("/dev", 0755);
	mount("proc", "/proc", "proc", 0, NULL);
	mount("sysfs", "/sys", "sysfs", 0, NULL);
	mount("dev", "/dev", "devtmpfs", 0, NULL);
}

static void no_ipv6(void)
{
	int fd = open("/proc/sys/net/ipv6/conf/all/disable_ipv6", O_WRONLY | O_CLOEXEC);

	if (fd >= 0 && write(fd, "1", 1) != 1)
		puts("guest: IPv6 stays on");
	close(fd);
}

/* A program that somebody put beside us runs as a service does. */
static void start_service(void)
{
	if (access("/service", X_OK) == 0 && fork() == 0) {
		execl("/service", "/service", NULL);
		_exit(1);
	}
}

int main(void)
{
	struct pollfd p[2];
	char dev[16];

	mount_all();
	load_modules();
	no_ipv6();
	start_service();
	counting = start_counting();
	for (int i = 0; i < 8; i++) {
		snprintf(dev, sizeof(dev), "eth%d", i);
		if (if_nametoindex(dev))
			set_up(dev, 1);
	}
	while ((port = open_port()) < 0)
		usleep(5000);
	p[0] = (struct pollfd){ .fd = port, .events = POLLIN };
	p[1] = (struct pollfd){ .fd = counting, .events = POLLIN };
	for (;;) {
		poll(p, 2, -1);
		if (p[1].revents)
			count_frames();
		if (p[0].revents)
			serve();
	}
}
