/* SPDX-License-Identifier: GPL-2.0-or-later */
/* wire - what a probe's two ends agree on: the numbered frame, and the lines of the control channel.
 *
 * The channel is the virtio-serial port WIRE_PORT. The host writes one line, the guest answers with lines of which the last is
 * "ok" or "error WORDS". No line is longer than WIRE_LINE. Numbers are decimal.
 *
 *   hello                                             probe WIRE_VERSION KERNEL
 *   capture RUN VERSION BLOCK_BYTES BLOCKS EXPECT MAC    (starts; EXPECT: sequence numbers are below it; ends what ran before)
 *   count                                             count FRAMES FOREIGN
 *   report                                            see below; ends the capture
 *   quit                                              powers off, when it is the first process of its machine
 *
 * A report is, in this order, each once but for gap and ring:
 *   frames N | repeated N | late N | foreign N        of this run; seen twice; behind a later one; others that the ring took
 *   ring_frames N | ring_drops N                      as the ring itself counted them: lost in it is ring_drops
 *   nic_packets N | nic_dropped N                     what the interface counted since the capture began
 *   cpu_ns N | wall_ns N                              busy and passed, all CPUs
 *   gap FIRST COUNT                                   missing in between, in order (what misses at the end is for the host to know)
 *   ring AFTER BEFORE N                               N frames lost in the ring between these two
 *   omitted N                                         gaps that found no room (their number) */
#ifndef TAPLOSS_COLLECTOR_PROBE_WIRE_H
#define TAPLOSS_COLLECTOR_PROBE_WIRE_H

#include <stdint.h>

#define WIRE_PORT "org.taploss.probe.0"
#define WIRE_VERSION 1
#define WIRE_LINE 160
#define WIRE_GAPS 65536			/* in a report; as many of ring */
#define WIRE_MAX_FRAMES 16777216	/* in a run */
#define WIRE_ETHERTYPE 0x88b5		/* local experimental, IEEE 802 */
#define WIRE_MAGIC 0x544c5042		/* "TLPB" */
#define WIRE_MIN_LEN 60
#define WIRE_MAX_LEN 1514

/* All in network order. */
struct wire_frame {
	uint8_t to[6], from[6];
	uint16_t ethertype;
	uint32_t magic, run, seq;
} __attribute__((__packed__));

#endif
