/* SPDX-License-Identifier: GPL-2.0-or-later */
/* wire - what a probe's two ends agree on: the numbered frame, and the lines of the control
 * channel.
 *
 * The channel is the virtio-serial port WIRE_PORT. The host writes one line, the guest answers with
 * lines of which the last is "ok" or "error WORDS". No line is longer than WIRE_LINE. Numbers are
 * decimal. MAC: the address of the guest's interface.
 *
 * Commands, each with its answer:
 *   hello
 *       probe WIRE_VERSION KERNEL
 *   capture RUN VERSION BLOCK_BYTES BLOCKS EXPECT FLOWS MAC
 *       starts a capture and ends the one before; sequence numbers are below EXPECT
 *   count
 *       count FRAMES FOREIGN
 *   report
 *       the lines below; ends the capture
 *   send RUN FRAMES PPS LENGTHS TO MAC
 *       starts sending and ends what ran before; LENGTHS: bytes, in turn, as 60,1514
 *   sent
 *       sent BUSY FRAMES REFUSED NIC_PACKETS NIC_DROPPED CPU_NS WALL_NS SPAN_NS
 *   quit
 *       powers off when the probe is process 1 of its machine
 *
 * A report has these lines in this order, each once except gap and ring:
 *   frames N | repeated N | late N | foreign N
 *       frames of this run; seen twice; behind a later one; others that the ring took
 *   ring_frames N | ring_drops N
 *       as the ring counted them; ring_drops were lost in it
 *   nic_packets N | nic_dropped N
 *       what the interface counted since the capture began
 *   cpu_ns N | wall_ns N
 *       busy and elapsed time, all CPUs
 *   gap FIRST COUNT
 *       frames missing in between, in order; those missing at the end are for the host to find
 *   ring AFTER BEFORE N
 *       N frames lost in the ring between these two
 *   omitted N
 *       how many gaps found no room
 *
 * Of sent: BUSY 1 while frames go out; REFUSED of them the guest's own stack dropped and said so;
 * counters since the sending began; SPAN_NS: from then to the newest frame. */
#ifndef TAPLOSS_COLLECTOR_PROBE_WIRE_H
#define TAPLOSS_COLLECTOR_PROBE_WIRE_H

#include <stdint.h>

#define WIRE_PORT "org.taploss.probe.0"
#define WIRE_VERSION 2
#define WIRE_LINE 160
#define WIRE_GAPS 65536			/* in a report; as many of ring */
#define WIRE_MAX_FRAMES 16777216	/* in a run */
#define WIRE_MAX_FLOWS 4096
#define WIRE_LENGTHS 8
#define WIRE_ETHERTYPE 0x88b5		/* local experimental, IEEE 802 */
#define WIRE_IP_PROTOCOL 253		/* for experiments, RFC 3692 */
#define WIRE_MAGIC 0x544c5042		/* "TLPB" */
#define WIRE_MIN_LEN 60
#define WIRE_MAX_LEN 1514

/* A frame of one flow is these two, of WIRE_ETHERTYPE. What tells flows apart (which queue is
 * theirs) looks at IP addresses: frames of several flows have an IPv4 header in between, from as
 * many addresses of 198.18.0.0/16 (for benchmarks, RFC 2544), that no router passes on. */
struct wire_head {
	uint8_t to[6], from[6];
	uint16_t ethertype;
} __attribute__((__packed__));

struct wire_mark {
	uint32_t magic, run, seq;
} __attribute__((__packed__));

#define WIRE_IP_LEN 20

#endif
