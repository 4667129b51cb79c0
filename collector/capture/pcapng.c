/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pcapng.h"

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "collector/base.h"

enum { SHB = 0x0a0d0d0a, IDB = 1, ISB = 5, EPB = 6 };
enum {
	OPT_COMMENT = 1,
	SHB_OS = 3,
	SHB_APPLICATION = 4,
	IF_NAME = 2,
	IF_DESCRIPTION = 3,
	IF_SPEED = 8,
	IF_TSRESOL = 9,
	IF_FILTER = 11
};
enum { EPB_FLAGS = 2, EPB_HASH = 3, EPB_DROPCOUNT = 4, EPB_QUEUE = 6 };
enum {
	ISB_START = 2,
	ISB_END = 3,
	ISB_RECEIVED = 4,
	ISB_ACCEPTED = 6,
	ISB_OSDROP = 7,
	ISB_DELIVERED = 8
};
enum {
	FLAG_IN = 1,
	FLAG_OUT = 2,
	FLAG_CSUM_NOT_READY = 1 << 9,
	FLAG_CSUM_VALID = 1 << 10,
	FLAG_TSO = 1 << 11
};

#define EPB_HEAD 28
#define VLAN_AT 12

static uint8_t *put(uint8_t *at, const void *value, size_t bytes)
{
	memcpy(at, value, bytes);
	return at + bytes;
}

static uint8_t *put32(uint8_t *at, uint32_t value)
{
	return put(at, &value, sizeof(value));
}

static uint8_t *pad(uint8_t *at, size_t bytes)
{
	static const uint8_t zero[4];

	return put(at, zero, -bytes & 3);
}

static uint8_t *option(uint8_t *at, uint16_t code, const void *value, size_t bytes)
{
	uint16_t length = (uint16_t)bytes;

	at = put(put(at, &code, 2), &length, 2);
	return pad(put(at, value, bytes), bytes);
}

static uint8_t *text(uint8_t *at, uint16_t code, const char *value)
{
	size_t length = value ? strlen(value) : 0;

	return length ? option(at, code, value, length < 1024 ? length : 1024) : at;
}

/* Time in two halves, the high one first: as counters of 64 bits are not. */
static uint8_t *time_option(uint8_t *at, uint16_t code, uint64_t t_ns)
{
	uint32_t halves[] = { (uint32_t)(t_ns >> 32), (uint32_t)t_ns };

	return option(at, code, halves, sizeof(halves));
}

static uint8_t *counter(uint8_t *at, uint16_t code, uint64_t n)
{
	return option(at, code, &n, sizeof(n));
}

/* Ends the options and the block that began at @begin; its length goes to both ends. */
static size_t end_block(uint8_t *begin, uint8_t *at, size_t more)
{
	uint32_t length;

	at = put32(at, 0);	/* opt_endofopt */
	length = (uint32_t)((size_t)(at - begin) + 4 + more);
	put32(at, length);
	put32(begin + 4, length);
	return length;
}

size_t pcapng_section(uint8_t *begin, const char *application)
{
	struct utsname u;
	uint64_t unknown = UINT64_MAX;
	char os[160] = "";
	uint8_t *at = put32(put32(begin, SHB), 0);

	at = put32(at, 0x1a2b3c4d);
	at = put32(at, 1);	/* version 1.0 */
	at = put(at, &unknown, sizeof(unknown));
	if (uname(&u) == 0)
		snprintf(os, sizeof(os), "%s %s", u.sysname, u.release);
	at = text(text(at, SHB_OS, os), SHB_APPLICATION, application);
	return end_block(begin, at, 0);
}

size_t pcapng_interface(uint8_t *begin, const struct pcapng_interface *i)
{
	uint8_t *at = put32(put32(begin, IDB), 0), resolution = 9;
	char filter[1024];

	at = put32(at, i->linktype);
	at = put32(at, i->snaplen);
	at = text(text(at, IF_NAME, i->name), IF_DESCRIPTION, i->description);
	at = option(at, IF_TSRESOL, &resolution, 1);
	if (i->speed)
		at = counter(at, IF_SPEED, i->speed);
	if (i->filter && *i->filter) {	/* the first byte says: a filter in pcap's words */
		snprintf(filter, sizeof(filter), "%c%s", '\1', i->filter);
		filter[0] = 0;
		at = option(at, IF_FILTER, filter, 1 + strlen(filter + 1));
	}
	return end_block(begin, at, 0);
}

size_t pcapng_statistics(uint8_t *begin, uint32_t interface, const struct rx_ring_stats *st,
			 uint64_t from_ns, uint64_t now_ns, const char *comment)
{
	uint8_t *at = put32(put32(put32(begin, ISB), 0), interface);
	/* what is still in the ring is nobody's yet */
	uint64_t seen = st->captured + st->lost + st->ghosts;

	at = put32(put32(at, (uint32_t)(now_ns >> 32)), (uint32_t)now_ns);
	at = text(at, OPT_COMMENT, comment);
	at = time_option(time_option(at, ISB_START, from_ns), ISB_END, now_ns);
	at = counter(counter(at, ISB_RECEIVED, seen), ISB_ACCEPTED, seen);
	at = counter(counter(at, ISB_OSDROP, seen - st->captured), ISB_DELIVERED, st->captured);
	return end_block(begin, at, 0);
}

size_t pcapng_note(uint8_t *begin, uint32_t interface, uint64_t now_ns, const char *comment)
{
	uint8_t *at = put32(put32(put32(begin, ISB), 0), interface);

	at = put32(put32(at, (uint32_t)(now_ns >> 32)), (uint32_t)now_ns);
	return end_block(begin, text(at, OPT_COMMENT, comment), 0);
}

static inline uint32_t flags_of(const struct rx_ring_frame *f)
{
	static const uint8_t casts[] = { [PACKET_HOST] = 1,
					 [PACKET_BROADCAST] = 3,
					 [PACKET_MULTICAST] = 2,
					 [PACKET_OTHERHOST] = 4 };
	uint32_t flags = f->type == PACKET_OUTGOING ? FLAG_OUT : FLAG_IN;

	if (f->type < ARRAY_SIZE(casts))
		flags |= (uint32_t)casts[f->type] << 2;
	if (f->status & TP_STATUS_CSUMNOTREADY)
		flags |= FLAG_CSUM_NOT_READY;
	if (f->status & TP_STATUS_CSUM_VALID)
		flags |= FLAG_CSUM_VALID;
	if (f->status & 0x100)	/* TP_STATUS_GSO_TCP: one frame here, many on a wire */
		flags |= FLAG_TSO;
	return flags;
}

static uint8_t *gap_options(uint8_t *at, const struct gap *g)
{
	char words[160];

	at = counter(at, EPB_DROPCOUNT, g->lost);
	if (g->exact)
		return at;
	snprintf(words, sizeof(words),
		 "taploss: %llu frames lost somewhere between frame %llu and frame %llu of this "
		 "interface",
		 (unsigned long long)g->lost, (unsigned long long)g->lo - 1,
		 (unsigned long long)g->hi);
	return text(at, OPT_COMMENT, words);
}

static uint8_t *options(uint8_t *at, const struct rx_ring_frame *f, const struct pcapng_extra *x)
{
	uint32_t flags = flags_of(f), queue = (uint32_t)x->queue;
	uint8_t hash[5] = { 4 };	/* algorithm: not one of the named */

	at = option(at, EPB_FLAGS, &flags, sizeof(flags));
	if (x->hash)
		at = option(at, EPB_HASH, (memcpy(hash + 1, &f->hash, 4), hash), sizeof(hash));
	if (x->gap)
		at = gap_options(at, x->gap);
	if (x->queue >= 0)
		at = option(at, EPB_QUEUE, &queue, sizeof(queue));
	return text(at, OPT_COMMENT, x->comment);
}

void pcapng_frame(uint8_t *head, uint8_t *tail, uint32_t interface, uint32_t snaplen,
		  const struct rx_ring_frame *f, const struct pcapng_extra *x,
		  struct pcapng_parts *ret)
{
	bool vlan = (f->status & TP_STATUS_VLAN_VALID) && f->caplen >= VLAN_AT;
	uint32_t caplen = f->caplen + (vlan ? 4 : 0), front = vlan ? VLAN_AT : 0, rest;
	uint32_t fields[] = { EPB,
			      0,
			      interface,
			      (uint32_t)(f->t_ns >> 32),
			      (uint32_t)f->t_ns,
			      0,
			      f->len + (vlan ? 4 : 0) };
	uint8_t *at = head + EPB_HEAD, *end = tail;
	uint16_t tag[] = { htons(f->vlan_tpid), htons(f->vlan_tci) };

	if (caplen > snaplen)
		caplen = snaplen;
	if (vlan)
		at = put(put(at, f->data, VLAN_AT), tag, sizeof(tag));
	rest = caplen > front + (vlan ? 4 : 0) ? caplen - front - (vlan ? 4 : 0) : 0;
	ret->rest = f->data + front;
	ret->rest_bytes = 0;
	if (rest <= PCAPNG_SHORT)
		at = put(at, f->data + front, rest);
	else
		ret->rest_bytes = rest;
	ret->head_bytes = (size_t)(at - head);
	if (vlan && caplen < VLAN_AT + 4)
		ret->head_bytes = EPB_HEAD + caplen;
	end = options(pad(end, caplen), f, x);
	ret->tail_bytes = (size_t)(end - tail) + 8;
	fields[1] = (uint32_t)(ret->head_bytes + ret->rest_bytes + ret->tail_bytes);
	fields[5] = caplen;
	memcpy(head, fields, sizeof(fields));
	put32(put32(end, 0), fields[1]);
}

/* A frame's block as it stands in memory, without the bytes between head and tail. Packed: behind
 * frames in pieces it stands at any address. */
struct epb_head {
	uint32_t type, length, interface, t_high, t_low, caplen, len;
} __attribute__((__packed__));
struct epb_tail {
	uint16_t code, bytes;
	uint32_t flags, end_of_options, length;
} __attribute__((__packed__));
_Static_assert(sizeof(struct epb_head) == EPB_HEAD && sizeof(struct epb_tail) == 16,
	       "as in the file");

/* What is written is never read here again, and never through a copy: stores of other widths would
 * have to wait for each other. */
static uint8_t *short_frame(uint8_t *at, uint32_t interface, uint32_t caplen,
			    const struct rx_ring_frame *f)
{
	struct epb_head *head = (void *)at;
	uint32_t length =
		(uint32_t)(sizeof(*head) + ((caplen + 3) & ~3U) + sizeof(struct epb_tail));
	struct epb_tail *tail = (void *)(at + length - sizeof(*tail));

	head->type = EPB;
	head->length = length;
	head->interface = interface;
	head->t_high = (uint32_t)(f->t_ns >> 32);
	head->t_low = (uint32_t)f->t_ns;
	head->caplen = caplen;
	head->len = f->len;
	tail[-1].length = 0;	/* the padding: the bytes come after it */
	/* of memcpy() gcc makes "rep movs", slow to begin */
	memmove(head + 1, f->data, caplen);
	tail->code = EPB_FLAGS;
	tail->bytes = sizeof(tail->flags);
	tail->flags = flags_of(f);
	tail->end_of_options = 0;
	tail->length = length;
	return at + length;
}

uint32_t pcapng_frames(uint8_t *at, size_t room, uint32_t interface, uint32_t snaplen,
		       const struct rx_ring_frame *f, uint32_t n, size_t *ret_bytes)
{
	uint8_t *const begin = at, *const last = at + room - sizeof(struct epb_head) -
						 sizeof(struct epb_tail) - PCAPNG_SHORT;
	uint32_t i;

	for (i = 0; i < n && at <= last && !(f[i].status & TP_STATUS_VLAN_VALID); i++) {
		uint32_t caplen = f[i].caplen < snaplen ? f[i].caplen : snaplen;

		if (caplen > PCAPNG_SHORT)
			break;
		at = short_frame(at, interface, caplen, &f[i]);
	}
	*ret_bytes = (size_t)(at - begin);
	return i;
}
