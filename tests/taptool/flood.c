/* SPDX-License-Identifier: GPL-2.0-or-later */
/* flood: exactly so many frames. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "taptool.h"

#define BATCH 64

struct flood {
	int fd;
	unsigned long sent, refused;	/* refused: the device said that it lost the frame */
	struct mmsghdr messages[BATCH];
	struct iovec frames[BATCH];
	uint8_t bytes[BATCH][2048];
};

static void parse_mac(const char *text, uint8_t ret[static 6])
{
	errno = 0;
	if (sscanf(text, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", ret, ret + 1, ret + 2, ret + 3, ret + 4, ret + 5) != 6)
		die("not an Ethernet address: %s", text);
}

static void fill(struct flood *f, unsigned int n, const uint8_t *dst, size_t len, unsigned int flows)
{
	unsigned long seq = f->sent + f->refused;

	for (unsigned int i = 0; i < n; i++, seq++) {
		if (flows)
			frame_udp(f->bytes[i], dst, len, (uint16_t)(seq % flows));
		else
			frame_test(f->bytes[i], dst, len, (uint32_t)seq);
		f->frames[i] = (struct iovec){ f->bytes[i], len };
		f->messages[i].msg_hdr = (struct msghdr){ .msg_iov = &f->frames[i], .msg_iovlen = 1 };
	}
}

static void send_batch(struct flood *f, unsigned int n)
{
	for (unsigned int done = 0; done < n;) {
		int r = sendmmsg(f->fd, f->messages + done, n - done, 0);

		if (r < 0 && errno != ENOBUFS)
			die("after %lu frames", f->sent + f->refused);
		f->sent += r > 0 ? (unsigned long)r : 0;
		f->refused += r < 0;
		done += r > 0 ? (unsigned int)r : 1;
	}
}

/* Until the @n-th frame at @rate a second is due. */
static void pace(const struct timespec *start, unsigned long n, unsigned long rate)
{
	uint64_t ns = (uint64_t)start->tv_nsec + n * NSEC_PER_SEC / rate;
	struct timespec due = { start->tv_sec + (time_t)(ns / NSEC_PER_SEC), (long)(ns % NSEC_PER_SEC) };

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL);
}

/* At a low rate a batch is what is due in 5 ms. */
static unsigned int batch_size(unsigned long rate)
{
	unsigned long n = rate / 200;

	return !rate || n > BATCH ? BATCH : n ? (unsigned int)n : 1;
}

int cmd_flood(const struct args *a)
{
	static struct flood f;
	unsigned long count = strtoul(args_name(a, 1, "0"), NULL, 10);
	size_t len = args_number(a, "len", 100);
	unsigned int flows = (unsigned int)args_number(a, "flows", 0);
	unsigned long rate = args_number(a, "rate", 0);
	uint8_t dst[6];
	struct timespec start;

	errno = 0;
	if (!count || len < 60 || len > sizeof(f.bytes[0]))
		die("usage: flood DEV COUNT, with a len from 60 to %zu", sizeof(f.bytes[0]));
	memcpy(dst, broadcast, sizeof(dst));
	if (args_value(a, "to"))
		parse_mac(args_value(a, "to"), dst);
	f.fd = packet_socket(args_name(a, 0, ""), args_flag(a, "bypass"));
	clock_gettime(CLOCK_MONOTONIC, &start);
	while (f.sent + f.refused < count) {
		unsigned long left = count - f.sent - f.refused;
		unsigned int n = batch_size(rate);

		n = left < n ? (unsigned int)left : n;
		if (rate)
			pace(&start, f.sent + f.refused, rate);
		fill(&f, n, dst, len, flows);
		send_batch(&f, n);
	}
	printf("{\"sent\":%lu,\"refused\":%lu}\n", f.sent, f.refused);
	return 0;
}
