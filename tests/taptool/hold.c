/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hold, drain: be a VMM that does not, or does, take what comes for its guest. */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>
#include <linux/if_tun.h>

#include "taptool.h"

#ifndef IFF_BACKPRESSURE
#define IFF_BACKPRESSURE 0x0080	/* 7.3: 485e38995cc3; older kernels ignore it */
#endif

#define MAX_QUEUES 64

struct held {
	int fds[MAX_QUEUES];
	unsigned int n;
	unsigned long read[MAX_QUEUES];
};

static void open_queues(const struct args *a, const char *name, struct held *h)
{
	bool macvtap = args_flag(a, "macvtap");
	int flags = (args_flag(a, "tun") ? IFF_TUN : IFF_TAP) |
		    (args_flag(a, "vnet") ? IFF_VNET_HDR : 0) |
		    (args_flag(a, "backpressure") ? IFF_BACKPRESSURE : 0);

	h->n = (unsigned int)args_number(a, "queues", 1);
	errno = 0;
	if (!h->n || h->n > MAX_QUEUES)
		die("queues: 1 to %d", MAX_QUEUES);
	if (h->n > 1)
		flags |= IFF_MULTI_QUEUE;
	/* a macvtap's rings are as long as it says when they are opened */
	if (macvtap && args_value(a, "ring"))
		device_set_ring(name, (unsigned int)args_number(a, "ring", 0));
	for (unsigned int i = 0; i < h->n; i++) {
		h->fds[i] = macvtap ? macvtap_open(name, flags) : tap_open(name, flags);
		fcntl(h->fds[i], F_SETFL, O_NONBLOCK);
	}
	if (!macvtap && args_value(a, "ring"))
		device_set_ring(name, (unsigned int)args_number(a, "ring", 0));
	if (args_flag(a, "persist") && ioctl(h->fds[0], TUNSETPERSIST, 1) < 0)
		die("persist");
	if (!args_flag(a, "down"))
		device_up(name);
}

/* @each: microseconds it sleeps after each frame. */
static void read_all(struct held *h, unsigned int queue, unsigned long each)
{
	static uint8_t frame[MAX_FRAME];

	while (read(h->fds[queue], frame, sizeof(frame)) > 0) {
		h->read[queue]++;
		if (each)
			usleep((useconds_t)each);
	}
}

static void print_read(struct held *h)
{
	unsigned long sum = 0;

	printf("{\"queues\":[");
	for (unsigned int i = 0; i < h->n; i++) {
		printf("%s%lu", i ? "," : "", h->read[i]);
		sum += h->read[i];
	}
	printf("],\"read\":%lu}\n", sum);
}

/* As the guest sends: "say N len N to MAC from MAC". */
static void say(const struct args *a, const struct held *h)
{
	uint8_t buf[VNET_HDR + 2048] = { 0 }, to[6], from[6];
	size_t head = args_flag(a, "vnet") ? VNET_HDR : 0, len = args_number(a, "len", 100);
	unsigned long n = args_number(a, "say", 0), done = 0;

	if (len < 60 || len > 2048)
		die("len: 60 to 2048");
	frame_mac(args_value(a, "to"), to);
	frame_mac(args_value(a, "from"), from);
	for (; done < n; done++) {
		frame_test(buf + head, to, len, (uint32_t)done);
		memcpy(buf + head + 6, from, 6);
		if (write(h->fds[0], buf, head + len) != (ssize_t)(head + len))
			die("frame %lu of the guest", done);
	}
	printf("{\"said\":%lu}\n", done);
}

/* Before READY is said: whoever waits for that may send them at once. */
static int signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGUSR2);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

static uint32_t next_signal(int fd)
{
	struct signalfd_siginfo info = { 0 };

	return read(fd, &info, sizeof(info)) == sizeof(info) ? info.ssi_signo : 0;
}

int cmd_hold(const struct args *a)
{
	const char *name = args_name(a, 0, "tap0");
	struct held h = { 0 };
	int fd = signals();

	open_queues(a, name, &h);
	puts("READY");
	for (uint32_t signo = next_signal(fd); signo == SIGUSR1 || signo == SIGUSR2;
	     signo = next_signal(fd)) {
		if (signo == SIGUSR2) {
			say(a, &h);
			continue;
		}
		memset(h.read, 0, sizeof(h.read));
		for (unsigned int i = 0; i < h.n; i++)
			read_all(&h, i, 0);
		print_read(&h);
	}
	return 0;
}

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / NSEC_PER_MSEC;
}

/* One that does not read for @nap ms in every @every ms, although it could. */
static void doze(uint64_t *since, unsigned long nap, unsigned long every)
{
	if (!nap || now_ms() < *since + every)
		return;
	usleep((useconds_t)nap * 1000);
	*since = now_ms();
}

int cmd_drain(const struct args *a)
{
	unsigned long nap = args_number(a, "nap", 0), every = args_number(a, "every", 1000),
		      each = args_number(a, "each", 0);
	uint64_t awake = now_ms();
	const char *name = args_name(a, 0, "tap0");
	struct pollfd p[MAX_QUEUES + 1];
	struct held h = { 0 };

	p[MAX_QUEUES] = (struct pollfd){ .fd = -1 };
	p[0] = (struct pollfd){ .fd = signals(), .events = POLLIN };
	open_queues(a, name, &h);
	for (unsigned int i = 0; i < h.n; i++)
		p[i + 1] = (struct pollfd){ .fd = h.fds[i], .events = POLLIN };
	puts("READY");
	while (!p[0].revents && (poll(p, h.n + 1, -1) > 0 || errno == EINTR)) {
		doze(&awake, nap, every);
		for (unsigned int i = 0; i < h.n; i++)
			read_all(&h, i, each);
	}
	print_read(&h);
	return 0;
}
