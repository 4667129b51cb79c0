/* SPDX-License-Identifier: GPL-2.0-or-later */
/* flood: exactly so many frames. One system call each: sendmmsg() does not say whether it stopped
 * at a frame that the device lost, and offering that again would make one frame too many. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "taptool.h"

struct flood {
	int fd;
	unsigned long count, rate;	/* rate: frames a second, 0 as fast as it goes */
	unsigned int flows;		/* 0: numbered frames of the test's own type */
	size_t len;
	uint8_t dst[6], src[6];
	unsigned long sent, refused;	/* refused: the device said that it lost the frame */
	bool told;			/* say when that was */
	struct {
		uint64_t first_ns, last_ns;	/* UTC */
		unsigned long frames;
	} run;				/* of refused frames, less than 10 ms apart */
};

static void end_run(struct flood *f)
{
	if (f->told && f->run.frames)
		printf("refused %" PRIu64 " %" PRIu64 " %lu\n", f->run.first_ns, f->run.last_ns,
		       f->run.frames);
	f->run.frames = 0;
}

static void note_refused(struct flood *f)
{
	struct timespec t;
	uint64_t now;

	f->refused++;
	clock_gettime(CLOCK_REALTIME, &t);
	now = (uint64_t)t.tv_sec * NSEC_PER_SEC + (uint64_t)t.tv_nsec;
	if (now - f->run.last_ns >= NSEC_PER_SEC / 100)
		end_run(f);
	if (!f->run.frames++)
		f->run.first_ns = now;
	f->run.last_ns = now;
}

static void offer(struct flood *f, unsigned long seq)
{
	static uint8_t frame[2048];

	if (f->flows)
		frame_udp(frame, f->dst, f->len, (uint16_t)(seq % f->flows));
	else
		frame_test(frame, f->dst, f->len, (uint32_t)seq);
	memcpy(frame + 6, f->src, 6);
	if (send(f->fd, frame, f->len, 0) >= 0)
		f->sent++;
	else if (errno == ENOBUFS)
		note_refused(f);
	else
		die("after %lu frames", seq);
}

/* Until the @n-th frame is due. */
static void pace(const struct timespec *start, unsigned long n, unsigned long rate)
{
	uint64_t ns = (uint64_t)start->tv_nsec + n * NSEC_PER_SEC / rate;
	struct timespec due = { start->tv_sec + (time_t)(ns / NSEC_PER_SEC),
				(long)(ns % NSEC_PER_SEC) };

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL);
}

/* From the frame before on: who was late does not catch up. */
static void pause_for(uint64_t ns)
{
	const struct timespec length = { (time_t)(ns / NSEC_PER_SEC), (long)(ns % NSEC_PER_SEC) };

	clock_nanosleep(CLOCK_MONOTONIC, 0, &length, NULL);
}

int cmd_flood(const struct args *a)
{
	bool apart = args_flag(a, "apart");
	struct flood f = { .count = strtoul(args_name(a, 1, "0"), NULL, 10) };
	unsigned long burst;
	struct timespec start;

	f.len = args_number(a, "len", 100);
	f.flows = (unsigned int)args_number(a, "flows", 0);
	f.rate = args_number(a, "rate", 0);
	f.told = args_flag(a, "told");
	errno = 0;
	if (!f.count || f.len < 60 || f.len > 2048)
		die("usage: flood DEV COUNT, with a len from 60 to 2048");
	memcpy(f.dst, broadcast, sizeof(f.dst));
	if (args_value(a, "to"))
		frame_mac(args_value(a, "to"), f.dst);
	frame_mac(args_value(a, "from"), f.src);
	f.fd = packet_socket(args_name(a, 0, ""), args_flag(a, "bypass"));
	burst = args_flag(a, "even") ? 1 : f.rate / 200 + 1;	/* what is due in 5 ms */
	clock_gettime(CLOCK_MONOTONIC, &start);
	for (unsigned long seq = 0; seq < f.count; seq++) {
		if (f.rate && apart)
			pause_for(NSEC_PER_SEC / f.rate);
		else if (f.rate && seq % burst == 0)
			pace(&start, seq, f.rate);
		offer(&f, seq);
	}
	end_run(&f);
	printf("{\"sent\":%lu,\"refused\":%lu}\n", f.sent, f.refused);
	return 0;
}
