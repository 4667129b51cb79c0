/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pcapng_read.h"

#include <byteswap.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "collector/alloc.h"
#include "collector/base.h"

enum { SHB = 0x0a0d0d0a, IDB = 1, PACKET = 2, SIMPLE = 3, ISB = 5, EPB = 6 };
#define MAX_BLOCK (64U << 20)

struct interface {
	char name[64];
	uint64_t frames, last_ns, placed, osdrop;
	uint64_t units;		/* of time in a second */
	bool counted, trailing;	/* @trailing: the rest of osdrop came behind the last frame */
};

struct reader {
	FILE *f;
	bool swap;
	uint8_t *block;
	size_t room;
	struct interface *interfaces;
	uint32_t n, section;	/* @section: number of its first interface */
	pcapng_gap_fn *fn;
	pcapng_vm_loss_fn *vm_fn;
	void *arg;
	struct pcapng_summary sum;
};

static uint32_t get32(const struct reader *rd, const uint8_t *at)
{
	uint32_t n;

	memcpy(&n, at, sizeof(n));
	return rd->swap ? bswap_32(n) : n;
}

static uint16_t get16(const struct reader *rd, const uint8_t *at)
{
	uint16_t n;

	memcpy(&n, at, sizeof(n));
	return rd->swap ? bswap_16(n) : n;
}

static uint64_t get64(const struct reader *rd, const uint8_t *at)
{
	uint64_t n;

	memcpy(&n, at, sizeof(n));
	return rd->swap ? bswap_64(n) : n;
}

/* The value of the @nth option @code, and its length; NULL: there is none. */
static const uint8_t *find_option(const struct reader *rd, const uint8_t *at, const uint8_t *end,
				  uint16_t code, int nth, uint16_t *ret_length)
{
	while (end - at >= 4) {
		uint16_t got = get16(rd, at), length = get16(rd, at + 2);

		at += 4;
		if (!got || length > end - at)
			return NULL;
		if (got == code && !nth--) {
			*ret_length = length;
			return at;
		}
		at += (length + 3U) & ~3U;
		if (at > end)
			return NULL;
	}
	return NULL;
}

static int on_interface(struct reader *rd, const uint8_t *body, const uint8_t *end)
{
	struct interface *in;
	const uint8_t *value;
	uint16_t length;

	if (alloc_resize(rd->interfaces, rd->n + 1) < 0)
		return -ENOMEM;
	in = &rd->interfaces[rd->n++];
	*in = (struct interface){ .units = 1000000 };
	if (end - body < 8)
		return -EBADMSG;
	value = find_option(rd, body + 8, end, 2, 0, &length);
	if (value)
		snprintf(in->name, sizeof(in->name), "%.*s", (int)length, (const char *)value);
	value = find_option(rd, body + 8, end, 9, 0, &length);
	if (value && length == 1) {
		in->units = 1;
		for (int i = 0; i < (*value & 0x7f) && in->units < 1000000000000000000ULL; i++)
			in->units *= *value & 0x80 ? 2 : 10;
	}
	rd->sum.interfaces = rd->n;
	return 0;
}

static uint64_t to_ns(const struct interface *in, uint64_t t)
{
	return in->units == NSEC_PER_SEC
		       ? t
		       : t / in->units * NSEC_PER_SEC +
				 (uint64_t)((double)(t % in->units) * 1e9 / (double)in->units);
}

/* Our own words for a place that is only bounded. */
static void read_bounds(const struct reader *rd, const uint8_t *options, const uint8_t *end,
			struct pcapng_gap *g)
{
	unsigned long long lost, lo, hi;
	const uint8_t *value;
	uint16_t length;
	char text[256];

	for (int i = 0; (value = find_option(rd, options, end, 1, i, &length)); i++) {
		snprintf(text, sizeof(text), "%.*s", (int)length, (const char *)value);
		if (sscanf(text,
			   "taploss: %llu frames lost somewhere between frame %llu and frame %llu",
			   &lost, &lo, &hi) == 3) {
			g->lo = lo;
			g->hi = hi;
			g->exact = 0;
		}
	}
}

/* Comments that say what the VM's tap lost. */
static void read_vm_losses(struct reader *rd, uint32_t id, const uint8_t *options,
			   const uint8_t *end)
{
	struct pcapng_vm_loss loss = { .interface = id, .name = rd->interfaces[id].name };
	unsigned long long lost;
	const uint8_t *value;
	char text[512];
	uint16_t length;
	int words = 0;

	for (int i = 0; (value = find_option(rd, options, end, 1, i, &length)); i++) {
		snprintf(text, sizeof(text), "%.*s", (int)length, (const char *)value);
		if (sscanf(text, "taploss: the VM lost %llu frames %n", &lost, &words) != 1 ||
		    !words)
			continue;
		loss.lost = lost;
		loss.words = text + words;
		rd->sum.vm_lost += lost;
		rd->vm_fn(&loss, rd->arg);
	}
}

static void report(struct reader *rd, struct pcapng_gap *g)
{
	rd->sum.lost += g->lost;
	rd->sum.gaps++;
	rd->interfaces[g->interface].placed += g->lost;
	rd->fn(g, rd->arg);
}

static int on_frame(struct reader *rd, const uint8_t *body, const uint8_t *end)
{
	uint32_t id, caplen;
	struct pcapng_gap g = { .exact = 1 };
	const uint8_t *value;
	struct interface *in;
	uint16_t length;

	if (end - body < 20)
		return -EBADMSG;
	id = rd->section + get32(rd, body);
	caplen = get32(rd, body + 12);
	if (id >= rd->n || caplen > (size_t)(end - body - 20))
		return -EBADMSG;
	in = &rd->interfaces[id];
	rd->sum.frames++;
	in->frames++;
	g.after_ns = to_ns(in, (uint64_t)get32(rd, body + 4) << 32 | get32(rd, body + 8));
	body += 20 + ((caplen + 3) & ~3U);
	if (body <= end)
		read_vm_losses(rd, id, body, end);
	value = body <= end ? find_option(rd, body, end, 4, 0, &length) : NULL;
	if (value && length == 8 && get64(rd, value)) {
		g.interface = id;
		g.name = in->name;
		g.number = rd->sum.frames;
		g.frame = g.hi = in->frames;
		g.lo = in->frames - 1;
		g.before_ns = in->last_ns;
		g.lost = get64(rd, value);
		read_bounds(rd, body, end, &g);
		report(rd, &g);
	}
	in->last_ns = g.after_ns;
	return 0;
}

static int on_statistics(struct reader *rd, const uint8_t *body, const uint8_t *end)
{
	const uint8_t *value;
	uint16_t length;
	uint32_t id;

	if (end - body < 12)
		return -EBADMSG;
	id = rd->section + get32(rd, body);
	if (id >= rd->n)
		return -EBADMSG;
	read_vm_losses(rd, id, body + 12, end);
	if (!find_option(rd, body + 12, end, 4, 0, &length) &&
	    !find_option(rd, body + 12, end, 7, 0, &length))
		return 0;	/* words only */
	rd->sum.statistics += !rd->interfaces[id].counted;
	rd->interfaces[id].counted = true;
	value = find_option(rd, body + 12, end, 7, 0, &length);
	if (value && length == 8)
		rd->interfaces[id].osdrop = get64(rd, value);
	value = find_option(rd, body + 12, end, 1, 0, &length);
	rd->interfaces[id].trailing = value && memmem(value, length, "frames lost after frame", 23);
	return 0;
}

/* What the statistics have more than the frames said was lost where no frame came any more, or
 * nobody wrote down where. */
static void report_rest(struct reader *rd)
{
	for (uint32_t i = 0; i < rd->n; i++) {
		const struct interface *in = &rd->interfaces[i];
		struct pcapng_gap g = {
			.interface = i,
			.name = in->name,
			.before_ns = in->last_ns,
			.lo = in->frames,
			.exact = in->trailing,
		};

		g.lost = in->osdrop > in->placed ? in->osdrop - in->placed : 0;
		if (!g.exact)
			g.lo = 0;
		if (g.lost)
			report(rd, &g);
	}
}

static int read_block(struct reader *rd, uint32_t *ret_type, uint32_t *ret_length)
{
	uint8_t head[12];
	size_t got = fread(head, 1, 12, rd->f);
	uint32_t type, length, magic;

	if (!got)
		return ferror(rd->f) ? -EIO : 0;
	if (got < 12) {
		rd->sum.cut = 1;
		return 0;
	}
	memcpy(&type, head, 4);
	if (type == SHB) {
		memcpy(&magic, head + 8, 4);
		if (magic != 0x1a2b3c4d && magic != 0x4d3c2b1a)
			return -EBADMSG;
		rd->swap = magic == 0x4d3c2b1a;
		rd->section = rd->n;
	}
	type = get32(rd, head);
	length = get32(rd, head + 4);
	if (length < 12 || length > MAX_BLOCK || length & 3)
		return -EBADMSG;
	if (length > rd->room) {
		if (alloc_resize(rd->block, length) < 0)
			return -ENOMEM;
		rd->room = length;
	}
	memcpy(rd->block, head, 12);
	if (length > 12 && fread(rd->block + 12, 1, length - 12, rd->f) != length - 12) {
		rd->sum.cut = 1;
		return 0;
	}
	if (get32(rd, rd->block + length - 4) != length)
		return -EBADMSG;
	*ret_type = type;
	*ret_length = length;
	return 1;
}

static int read_all(struct reader *rd)
{
	uint32_t type, length;
	bool begun = false;
	int r;

	while ((r = read_block(rd, &type, &length)) > 0) {
		const uint8_t *body = rd->block + 8, *end = rd->block + length - 4;

		if (!begun && type != SHB)
			return -EINVAL;
		begun = true;
		if (type == IDB)
			r = on_interface(rd, body, end);
		else if (type == EPB)
			r = on_frame(rd, body, end);
		else if (type == ISB)
			r = on_statistics(rd, body, end);
		else if (type == PACKET || type == SIMPLE)
			rd->sum.frames++;
		if (r < 0)
			return r;
	}
	return !begun && (r >= 0 || r == -EBADMSG) ? -EINVAL : r;
}

int pcapng_read(FILE *f, pcapng_gap_fn *fn, pcapng_vm_loss_fn *vm_fn, void *arg,
		struct pcapng_summary *ret)
{
	struct reader rd = { .f = f, .fn = fn, .vm_fn = vm_fn, .arg = arg };
	int r = read_all(&rd);

	if (r >= 0)
		report_rest(&rd);
	*ret = rd.sum;
	free(rd.block);
	free(rd.interfaces);
	return r;
}
