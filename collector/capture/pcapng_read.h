/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pcapng_read - what a pcapng file says of lost frames; any program's, in either byte order. Reads
 * forward only, so also from a pipe. */
#ifndef TAPLOSS_COLLECTOR_CAPTURE_PCAPNG_READ_H
#define TAPLOSS_COLLECTOR_CAPTURE_PCAPNG_READ_H

#include <stdint.h>
#include <stdio.h>

struct pcapng_gap {
	uint32_t interface;		/* over all sections */
	const char *name;		/* of the interface; "" when it has none */
	/* of the frame behind the gap in the file, from 1, as tshark counts; 0: behind the last
	 * frame */
	uint64_t number;
	uint64_t frame;			/* its number on the interface */
	uint64_t before_ns, after_ns;	/* time stamps of the two; 0: there is none */
	uint64_t lost;
	/* lost somewhere between these frames of the interface; hi 0: behind the last one */
	uint64_t lo, hi;
	int exact;
};

/* What a capture was told of a device's own losses, which are none of the capture's
 * (docs/CAPTURE.md). */
struct pcapng_vm_loss {
	uint32_t interface;
	const char *name;
	uint64_t lost;
	const char *words;		/* "key=value key=value ...", NUL-terminated */
};

struct pcapng_summary {
	uint64_t frames, lost, gaps;
	uint64_t vm_lost;
	uint32_t interfaces, statistics;	/* interfaces with statistics at the end */
	int cut;			/* the file ends within a block */
};

typedef void pcapng_gap_fn(const struct pcapng_gap *gap, void *arg);
typedef void pcapng_vm_loss_fn(const struct pcapng_vm_loss *loss, void *arg);

/* -EINVAL: not pcapng; -EBADMSG: damaged after ret->frames frames; else 0 or -errno. *ret is filled
 * in for -EBADMSG, too. */
int pcapng_read(FILE *f, pcapng_gap_fn *fn, pcapng_vm_loss_fn *vm_fn, void *arg,
		struct pcapng_summary *ret);

#endif
