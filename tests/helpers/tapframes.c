/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a guest sends: numbered frames written into a tap, one system call each, by far the fastest
 * way to offer small frames to a capture. tapframes TAP FRAMES [PPS [SIZE [FIRST]]]; numbers as
 * collector/txgen's. Prints how many were sent and the nanoseconds it took. */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define NSEC_PER_SEC 1000000000ULL
#define MOST 65000
#define NUMBER_AT 14
#define AT_ONCE 32		/* frames with one look at the clock; at 500,000 a second 64 us */
#define SLEEP_NS 100000		/* what is due sooner is waited for awake */

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * NSEC_PER_SEC + (uint64_t)t.tv_nsec;
}

static int attach(const char *name)
{
	struct ifreq ifr = { .ifr_flags = IFF_TAP | IFF_NO_PI };
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	return fd < 0 || ioctl(fd, TUNSETIFF, &ifr) < 0 ? -errno : fd;
}

/* A tap that was just attached has no carrier yet. */
static int wait_up(int fd, const void *frame, size_t size)
{
	for (int i = 0; i < 1000; i++) {
		if (write(fd, frame, size) >= 0)
			return 0;
		usleep(1000);
	}
	return -errno;
}

static void pace(uint64_t due_ns)
{
	uint64_t now;

	while ((now = clock_ns(CLOCK_MONOTONIC)) < due_ns)
		if (due_ns - now > SLEEP_NS)
			usleep((useconds_t)((due_ns - now) / 1000));
}

/* How many it took. */
static uint64_t blast(int fd, uint8_t *frame, size_t size, uint64_t frames, uint64_t pps,
		      uint64_t number)
{
	uint64_t begin = clock_ns(CLOCK_MONOTONIC), values[2];

	for (uint64_t sent = 1; sent < frames; sent++) {
		if (sent % AT_ONCE == 0) {
			if (pps)
				pace(begin + (uint64_t)((double)sent * 1e9 / (double)pps));
			values[1] = htobe64(clock_ns(CLOCK_REALTIME));
			memcpy(frame + NUMBER_AT + 8, &values[1], 8);
		}
		values[0] = htobe64(number + sent);
		memcpy(frame + NUMBER_AT, values, 8);
		if (write(fd, frame, size) < 0)
			return sent;
	}
	return frames;
}

int main(int argc, char **argv)
{
	static uint8_t frame[MOST] = { 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x88, 0xb5 };
	uint64_t n = argc > 2 ? strtoull(argv[2], NULL, 10) : 0,
		 pps = argc > 3 ? strtoull(argv[3], NULL, 10) : 0, sent, begin, first;
	size_t size = argc > 4 ? strtoul(argv[4], NULL, 10) : 64;
	uint64_t number = argc > 5 ? strtoull(argv[5], NULL, 10) : 0;
	int fd;

	if (!n || size < 30 || size > sizeof(frame))
		return 2;
	fd = attach(argv[1]);
	first = htobe64(number);
	memcpy(frame + NUMBER_AT, &first, 8);
	if (fd < 0 || wait_up(fd, frame, size) < 0) {
		fprintf(stderr, "tapframes: %s: %s\n", argv[1], strerror(errno));
		return 1;
	}
	begin = clock_ns(CLOCK_MONOTONIC);
	sent = blast(fd, frame, size, n, pps, number);
	printf("%llu %llu\n", (unsigned long long)sent,
	       (unsigned long long)(clock_ns(CLOCK_MONOTONIC) - begin));
	return sent < n;
}
