/* SPDX-License-Identifier: GPL-2.0-or-later */
/* capture_priv - what capture.c (whose frame is next), capture_frames.c (frames as bytes) and
 * capture_device.c (devices, and what is said of them) share. */
#ifndef TAPLOSS_COLLECTOR_CAPTURE_CAPTURE_PRIV_H
#define TAPLOSS_COLLECTOR_CAPTURE_CAPTURE_PRIV_H

#include <net/if.h>

#include "capture.h"
#include "filter.h"
#include "pending_comments.h"

#define MAX_INPUTS 256
#define RUN 64			/* frames looked at together */
#define RUN_BYTES (32 << 10)	/* of file, for such a run */

/* A ring; one that ended keeps its number in the file. */
struct input {
	struct rx_ring *ring;		/* NULL: ended */
	char name[IF_NAMESIZE], description[256];
	uint32_t netns, ifindex, number;
	int queue;			/* member of a fanout by queue; else -1 */
	uint16_t linktype;
	uint64_t speed, from_ns;
	bool leaving, down;
	struct rx_ring_stats stats;	/* of one that ended */
	struct rx_ring_stats before;	/* what stands in earlier files of a row */
	struct pending_comments notes;		/* for the next frame */

	/* The frames in turn. */
	struct rx_ring_frame frames[RUN];
	uint32_t at, ready;		/* ready: how many, from @at on */
};

struct capture {
	struct capture_options o;
	struct sink *sink;
	int epoll;
	struct filter filter;
	bool filtered;
	int fanout_program;		/* -1: none */
	struct input inputs[MAX_INPUTS];
	uint32_t n;
	uint64_t last_ns, file_ns, written;
	bool held, stopping;
	struct capture_stats stats;
};

uint64_t capture_clock_ns(void);	/* UTC */
void capture_write_interface(struct capture *c, const struct input *in);
void capture_write_note(struct capture *c, const struct input *in, const char *text);

static inline const struct rx_ring_frame *in_turn(const struct input *in)
{
	return &in->frames[in->at];
}

/* Of the frames in turn @n at most, one at least, with what was lost in front of the first; how
 * many. */
uint32_t capture_write_frames(struct capture *c, struct input *in, uint32_t n);

#endif
