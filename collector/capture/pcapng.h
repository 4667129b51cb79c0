/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pcapng - the blocks of a capture file (draft-ietf-opsawg-pcapng), as bytes in the machine's
 * order.
 *
 * Loss of the capture itself stands in epb_dropcount of the frame behind it, and in the interface's
 * statistics; where the place is only known to lie between two frames, a comment says which. */
#ifndef TAPLOSS_COLLECTOR_CAPTURE_PCAPNG_H
#define TAPLOSS_COLLECTOR_CAPTURE_PCAPNG_H

#include <stddef.h>
#include <stdint.h>

#include "rx_ring.h"

#define PCAPNG_TAIL 1024	/* room for what follows a frame */
#define PCAPNG_SHORT 1024	/* frames up to here are copied; of longer ones the head only */

struct pcapng_interface {
	const char *name, *description, *filter;	/* description, filter may be NULL */
	uint16_t linktype;
	uint32_t snaplen;
	uint64_t speed;		/* bit/s; 0: not known */
};

/* Each writes one block to @at and returns its length; 4 KiB of room is enough for those that are
 * not frames. */
size_t pcapng_section(uint8_t *at, const char *application);
size_t pcapng_interface(uint8_t *at, const struct pcapng_interface *i);
/* statistics without numbers: words only */
size_t pcapng_note(uint8_t *at, uint32_t interface, uint64_t now_ns, const char *comment);
size_t pcapng_statistics(uint8_t *at, uint32_t interface, const struct rx_ring_stats *st,
			 uint64_t from_ns, uint64_t now_ns, const char *comment);

/* What is said of a frame beside its bytes. */
struct pcapng_extra {
	const struct gap *gap;	/* lost in front of it; NULL: nothing */
	int queue;		/* -1: not known */
	bool hash;
	const char *comment;	/* NULL: none */
};

/* Three parts make the block: @head, the frame's bytes from *ret_rest on (ret_rest_bytes of them, 0
 * when all stand in the head already), @tail. The VLAN tag that the kernel took off is put back.
 * Head has room for PCAPNG_SHORT + 64, tail for PCAPNG_TAIL bytes. @snaplen bounds the result. */
struct pcapng_parts {
	size_t head_bytes, tail_bytes, rest_bytes;
	const uint8_t *rest;
};
void pcapng_frame(uint8_t *head, uint8_t *tail, uint32_t interface, uint32_t snaplen,
		  const struct rx_ring_frame *f, const struct pcapng_extra *x,
		  struct pcapng_parts *ret);

/* The same for many frames at once, as long as there is nothing to say of them but bytes, time and
 * flags, and they are short: how many of them, from the first on, stand at @at now, which has room
 * for @room bytes. *ret_bytes: their length. */
uint32_t pcapng_frames(uint8_t *at, size_t room, uint32_t interface, uint32_t snaplen,
		       const struct rx_ring_frame *f, uint32_t n, size_t *ret_bytes);

#endif
