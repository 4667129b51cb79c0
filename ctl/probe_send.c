/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "probe_send.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <linux/if_packet.h>

#include "../collector/base.h"
#include "probe_stop.h"

static uint64_t boot_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
}

static void sleep_until(uint64_t t_ns)
{
	uint64_t now = boot_ns();
	struct timespec ts;

	while (now < t_ns && !probe_stop_asked()) {
		uint64_t ns = t_ns - now < PROBE_STOP_MS * NSEC_PER_MSEC ? t_ns - now : PROBE_STOP_MS * NSEC_PER_MSEC;

		ts = (struct timespec){ 0, (long)ns };
		nanosleep(&ts, NULL);
		now = boot_ns();
	}
}

static bool is_gone(int peer)
{
	struct pollfd p = { .fd = peer, .events = POLLRDHUP };

	return poll(&p, 1, 0) > 0 && p.revents;
}

/* One frame a call: of several in one call, the one that was refused cannot be told from one that was not tried. ENOBUFS is what the stack
 * answers when it has taken the frame and dropped it (net_xmit_errno()). */
static int send_all(int fd, const struct send_plan *p, struct send_result *ret)
{
	uint8_t frame[WIRE_MAX_LEN] = { 0 };
	struct wire_frame *f = (struct wire_frame *)(void *)frame;

	memcpy(f->to, p->to, 6);
	memcpy(f->from, "\2tlpb", 6);
	f->ethertype = htons(WIRE_ETHERTYPE);
	f->magic = htonl(WIRE_MAGIC);
	f->run = htonl(p->run);
	for (uint32_t i = 0; i < p->frames; i++, ret->sent++) {
		if (i % SEND_BATCH == 0) {
			if (probe_stop_asked() || is_gone(p->peer))
				return probe_stop_asked() ? -ECANCELED : -EPIPE;
			if (p->pps)
				sleep_until(ret->began_ns + (uint64_t)i * NSEC_PER_SEC / p->pps);
			ret->batch_ns[i / SEND_BATCH] = boot_ns();
		}
		f->seq = htonl(i);
		if (send(fd, frame, p->len, 0) >= 0)
			continue;
		if (errno != ENOBUFS)
			return -errno;
		ret->refused++;
	}
	return 0;
}

int send_frames(const struct send_plan *p, struct send_result *ret, char why[static 512])
{
	struct sockaddr_ll at = { .sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex(p->nic) };
	_cleanup_(close_fdp) int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	int r;

	*ret = (struct send_result){ .batch_ns = calloc(p->frames / SEND_BATCH + 2, sizeof(uint64_t)) };
	if (!ret->batch_ns)
		return -ENOMEM;
	ret->began_ns = boot_ns();
	r = fd < 0 || !at.sll_ifindex || bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 ? -errno : send_all(fd, p, ret);
	ret->ended_ns = boot_ns();
	ret->batch_ns[(ret->sent + SEND_BATCH - 1) / SEND_BATCH] = ret->ended_ns;
	if (r < 0)
		snprintf(why, 512, "sending into %.20s: %s", p->nic, r == -ECANCELED ? "interrupted" : strerror(-r));
	return r;
}
