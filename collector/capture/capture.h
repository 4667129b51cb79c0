/* SPDX-License-Identifier: GPL-2.0-or-later */
/* capture - many ports as one stream in time order, written as pcapng.
 *
 * One thread and no copies of blocks: a block is taken, its frames are written in their turn, it is
 * given back. When the output is slow the rings fill, which the kernel counts and the file shows;
 * there is no other place where frames could be lost. With several ports a frame waits until no
 * ring can bring an older one: a ring's retire time and 10 ms (RX_RING_SLACK_NS) at most after it
 * came in. A frame that is still later than that is written at once and counted. The rings are all
 * the memory there is. */
#ifndef TAPLOSS_COLLECTOR_CAPTURE_CAPTURE_H
#define TAPLOSS_COLLECTOR_CAPTURE_CAPTURE_H

#include <stdbool.h>
#include <stdint.h>

#include "rx_ring.h"
#include "sink.h"

struct capture_options {
	struct ring_shape shape;
	uint32_t snaplen;
	const char *filter;		/* pcap's words, or NULL */
	bool ignore_outgoing;
	bool device_time;		/* as rx_ring_options has these two */
	uint32_t copy_threshold;
	int fanout;			/* PACKET_FANOUT_*; -1: none */
	unsigned int members;		/* rings of each device, 1 without fanout */
	const char *fanout_program;	/* PACKET_FANOUT_EBPF: where it is pinned */
	uint64_t rotate_bytes, rotate_ns, max_frames;	/* 0: no limit */
};

struct capture_stats {
	struct rx_ring_stats sum;
	uint64_t late, late_ns;		/* frames older than one before them, and the worst */
	/* the longest that a frame was kept back for the sake of another ring, from its time stamp
	 * on */
	uint64_t held_ns;
	/* devices' rings open now, and those among them whose device is down */
	unsigned int ports, down;
	unsigned int unclosed;		/* rings that ended with captured + lost != offered */
	double fill;			/* of the fullest ring */
	uint64_t files;
};

struct capture;

/* The options' strings stay the caller's; @sink too. Begins the file. */
int capture_new(const struct capture_options *o, struct sink *sink, struct capture **ret);
struct capture *capture_free(struct capture *c);	/* NULL is fine; returns NULL */

struct capture_device {
	const char *name, *description;	/* description: whose it is; NULL: not known */
	/* netns: inode number of its network namespace; ifindex 0: there is no such device */
	uint32_t netns, ifindex;
	int netns_fd;			/* to enter it; -1: it is ours */
};

/* Opens rings on a device; at any time. -errno, and @why says what to do. -EALREADY: it is there.
 * @why may also hold a word with 0. Entering another namespace takes CAP_SYS_ADMIN, and is over
 * when this returns. */
int capture_add(struct capture *c, const struct capture_device *d, char why[static 256]);

/* Are, or were, there rings on that device? */
bool capture_has(const struct capture *c, uint32_t netns, uint32_t ifindex);

/* What was found out of a device of this capture, other than from its frames: it becomes a comment
 * of the next frame of the device, or stands with its statistics at the end. -ENOENT: no such
 * device was ever in it; -ENOSPC: too many wait for a frame. */
int capture_note(struct capture *c, uint32_t netns, uint32_t ifindex, const char *text);

/* Waits for frames for @ms at most, and writes what is due. 0; -ENOSPC and the like: the output
 * failed; -ECANCELED: max_frames is reached. */
int capture_step(struct capture *c, int ms);

/* From here on no frame comes in; those in the rings are still to be written. */
void capture_stop(struct capture *c);

/* Empties the rings and ends the file. The ledger of each ring is closed. */
int capture_finish(struct capture *c);

void capture_read_stats(const struct capture *c, struct capture_stats *ret);

#endif
