/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <linux/if_packet.h>

#include "collector/base.h"
#include "machine.h"
#include "wire.h"

#define COMPRESSED 4	/* MODULE_INIT_COMPRESSED_FILE */

static int read_line(const char *path, char *ret, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, ret, size - 1);

	close_fd(fd);
	ret[n > 0 ? n : 0] = '\0';
	ret[strcspn(ret, "\n")] = '\0';
	return n > 0 ? 0 : -ENOENT;
}

static void write_line(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd >= 0 && write(fd, text, strlen(text)) < 0)
		printf("taploss-probe: %s: %s\n", path, strerror(errno));
	close_fd(fd);
}

static void load_modules(void)
{
	char path[256];
	FILE *f = fopen("/modules", "re");

	while (f && fgets(path, sizeof(path), f)) {
		int fd;

		path[strcspn(path, "\n")] = '\0';
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (syscall(SYS_finit_module, fd, "", strstr(path, ".ko.") ? COMPRESSED : 0) < 0 &&
		    errno != EEXIST)
			printf("taploss-probe: %s: %s\n", path, strerror(errno));
		close_fd(fd);
	}
	if (f)
		fclose(f);
}

void machine_begin(void)
{
	setvbuf(stdout, NULL, _IONBF, 0);
	mkdir("/proc", 0755);
	mkdir("/sys", 0755);
	mkdir("/dev", 0755);
	mount("proc", "/proc", "proc", 0, NULL);
	mount("sysfs", "/sys", "sysfs", 0, NULL);
	mount("dev", "/dev", "devtmpfs", 0, NULL);
	load_modules();
	write_line("/proc/sys/net/ipv6/conf/all/disable_ipv6", "1");	/* no frames of its own */
	write_line("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
}

/* The number in /dev/vportNpM differs with what else the machine has; the name does not. */
int machine_port(const char *name)
{
	DIR *d = opendir("/sys/class/virtio-ports");
	struct dirent *e;
	char path[300], found[64];
	int fd = -1;

	while (d && fd < 0 && (e = readdir(d))) {
		snprintf(path, sizeof(path), "/sys/class/virtio-ports/%s/name", e->d_name);
		if (read_line(path, found, sizeof(found)) < 0 || strcmp(found, name) != 0)
			continue;
		snprintf(path, sizeof(path), "/dev/%s", e->d_name);
		fd = open(path, O_RDWR | O_CLOEXEC);
	}
	if (d)
		closedir(d);
	return fd;
}

static int set_up(const char *nic)
{
	struct ifreq ifr = { 0 };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), r;

	if (fd < 0)
		fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", nic);
	r = ioctl(fd, SIOCGIFFLAGS, &ifr);
	ifr.ifr_flags |= IFF_UP;
	if (r == 0)
		r = ioctl(fd, SIOCSIFFLAGS, &ifr);
	r = r < 0 ? -errno : 0;
	close_fd(fd);
	return r;
}

int machine_nic(const char *mac, char name[static 16], int *ret_ifindex)
{
	DIR *d = opendir("/sys/class/net");
	struct dirent *e;
	char path[300], found[64];
	int r = -ENODEV;

	while (d && r == -ENODEV && (e = readdir(d))) {
		snprintf(path, sizeof(path), "/sys/class/net/%s/address", e->d_name);
		if (strlen(e->d_name) > 15 || read_line(path, found, sizeof(found)) < 0 ||
		    strcmp(found, mac) != 0)
			continue;
		memcpy(name, e->d_name, strlen(e->d_name) + 1);
		r = set_up(name);
	}
	if (d)
		closedir(d);
	*ret_ifindex = r == 0 ? (int)if_nametoindex(name) : 0;
	return r;
}

void machine_announce(int ifindex, const char *mac)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_ifindex = ifindex };
	struct wire_head f = {
		.to = { 255, 255, 255, 255, 255, 255 },
		.ethertype = htons(WIRE_ETHERTYPE),
	};
	uint8_t frame[WIRE_MIN_LEN] = { 0 };
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	sscanf(mac, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx", &f.from[0], &f.from[1], &f.from[2],
	       &f.from[3], &f.from[4], &f.from[5]);
	memcpy(frame, &f, sizeof(f));
	if (sendto(fd, frame, sizeof(frame), 0, (struct sockaddr *)&to, sizeof(to)) < 0)
		printf("taploss-probe: announcing: %s\n", strerror(errno));
	close_fd(fd);
}

uint64_t machine_counter(const char *nic, const char *counter)
{
	char path[128], text[32];

	snprintf(path, sizeof(path), "/sys/class/net/%s/statistics/%s", nic, counter);
	return read_line(path, text, sizeof(text)) < 0 ? 0 : strtoull(text, NULL, 10);
}

/* proc(5): user nice system idle iowait irq softirq steal, in ticks. */
uint64_t machine_busy_ns(void)
{
	unsigned long long v[8] = { 0 };
	char line[256];

	if (read_line("/proc/stat", line, sizeof(line)) < 0 ||
	    sscanf(line, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &v[0], &v[1], &v[2], &v[3],
		   &v[4], &v[5], &v[6], &v[7]) < 7)
		return 0;
	return (v[0] + v[1] + v[2] + v[5] + v[6] + v[7]) *
	       (NSEC_PER_SEC / (uint64_t)sysconf(_SC_CLK_TCK));
}
