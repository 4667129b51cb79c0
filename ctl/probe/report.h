/* SPDX-License-Identifier: GPL-2.0-or-later */
/* report - what a guest says it received (collector/probe/wire.h), taken line by line. A guest is
 * not to be believed: every line is checked, the whole is bounded, and what contradicts itself ends
 * the reading. No I/O. */
#ifndef TAPLOSS_CTL_PROBE_REPORT_H
#define TAPLOSS_CTL_PROBE_REPORT_H

#include "collector/probe/wire.h"
#include "ledger.h"

struct probe_report {
	uint64_t frames, repeated, late, foreign, ring_frames, ring_drops, nic_packets, nic_dropped,
		cpu_ns, wall_ns, omitted;
	struct ledger_gap *gaps;	/* numbers only; the last one is what misses at the end */
	struct ledger_spot *spots;	/* of the ring; their entry is not set */
	size_t n_gaps, n_spots;
	unsigned int fields;		/* how many of the lines that come once were seen */
};

/* Room for a report. -ENOMEM. */
int report_new(struct probe_report *r);
void report_clear(struct probe_report *r);

/* One line without its end. -EBADMSG: it has no place here, or is not of this form; -EOVERFLOW:
 * more than WIRE_GAPS of them. */
int report_line(struct probe_report *r, const char *line);

/* The same of a capture of one's own that has ended, but for what the interface counted. */
struct receiver;
void report_capture(struct probe_report *r, const struct receiver *c);

/* All lines came: is it whole, and does it agree with the @sent frames? Adds the gap at the end.
 * -EBADMSG and @why. */
int report_end(struct probe_report *r, uint32_t sent, char why[static 128]);

#endif
